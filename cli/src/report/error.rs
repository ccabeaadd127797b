//! The end of a command that failed.

use std::io::Write;

use super::color::{Style, paint};
use super::{ColorChoice, Format, json};
use crate::error::Error;

/// Prints `error`: for people to stderr, for machines to stdout.
pub fn print(error: &Error, format: Format, color: ColorChoice) {
    // Nobody is left to be told that this did not work.
    let _ = match format {
        Format::Human => std::io::stderr().write_all(render(error, color.for_stderr()).as_bytes()),
        Format::Json => std::io::stdout().write_all(json::error(error).as_bytes()),
    };
}

pub(super) fn render(error: &Error, colors: bool) -> String {
    let mut text = format!("{} {error}\n", paint("error:", Style::Bad, colors));
    if let Some(hint) = &error.hint {
        let hint = hint.replace('\n', "\n    ");
        text += &format!("  = {} {hint}\n", paint("hint:", Style::Name, colors));
    }
    text
}
