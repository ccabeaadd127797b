//! The command line, in two steps: [`Args`] is what was typed, [`Settings`] is what is meant.
//!
//! [`parse`] does both, and prints usage errors and help itself: whoever calls it gets settings
//! that hold together, or the code to exit with.

mod selection;
mod settings;
mod typed;

pub use selection::Selection;
pub use settings::{Command, Settings};
pub use typed::Args;

use std::ffi::OsString;

use clap::Parser;

use crate::exit;

/// Reads a command line, the program's name first.
///
/// # Errors
/// The code to exit with, after the message or the help that was asked for has been printed.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Settings, u8> {
    settings(line).map_err(|error| {
        // Whoever closed our stdout or stderr does not want the text.
        let _ = error.print();
        exit_code(&error)
    })
}

fn settings(line: impl IntoIterator<Item = OsString>) -> Result<Settings, clap::Error> {
    Args::try_parse_from(line).and_then(Settings::try_from)
}

/// Help and the version, which were asked for, are no failure to clap: they go to stdout.
fn exit_code(error: &clap::Error) -> u8 {
    if error.use_stderr() { exit::USAGE } else { exit::LIVE }
}

#[cfg(test)]
mod tests;
