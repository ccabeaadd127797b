//! The command line, in two steps: [`Args`] is what was typed, [`Settings`] is what is meant.
//!
//! [`parse`] does both, and prints usage errors and help itself: whoever calls it gets settings
//! that hold together, or the code to exit with.

mod selection;
mod settings;
mod typed;

pub use selection::Selection;
pub use settings::{Command, SchemaOf, Settings, Shell};
pub use typed::Args;

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches};

use crate::cargo_config;
use crate::error::{Error, Kind};
use crate::exit;
use crate::report::{self, ColorChoice, Format};

/// Reads a command line, the program's name first.
///
/// # Errors
/// The code to exit with, after the message or the help that was asked for has been printed.
pub fn parse(line: Vec<OsString>) -> Result<Settings, u8> {
    let wants_json = wants_json(&line);
    settings(line).map(with_cargos_color).map_err(|error| {
        if wants_json && error.use_stderr() {
            report::error::print(&usage(&error), Format::Json, ColorChoice::Never);
        } else {
            // Whoever closed our stdout or stderr does not want the text.
            let _ = error.print();
        }
        exit_code(&error)
    })
}

fn with_cargos_color(settings: Settings) -> Settings {
    let folder = std::env::current_dir().unwrap_or_default();
    let told = cargo_config::color(&folder, |name| std::env::var_os(name));
    Settings { color: settings.color.or_cargos(told.as_deref()), ..settings }
}

/// Whether a command line that need not be right asks for JSON.
fn wants_json(line: &[OsString]) -> bool {
    let own: Vec<_> = line.iter().take_while(|arg| *arg != "--").collect();
    let named = |pair: &[&OsString]| *pair[0] == "--message-format" && *pair[1] == "json";
    own.iter().any(|arg| *arg == "--json" || *arg == "--message-format=json")
        || own.windows(2).any(named)
}

/// clap's message, in the parts that every error has.
fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let mut parts = text.trim_start_matches("error: ").split("\n\n");
    let joined = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let cause = joined(parts.next().unwrap_or_default());
    let tip = parts.find_map(|part| part.trim().strip_prefix("tip: ").map(joined));
    Error::new(Kind::Usage, "understand the command line", cause)
        .hint(tip.unwrap_or_else(|| "see `hotdev --help`".into()))
}

fn settings(line: Vec<OsString>) -> Result<Settings, clap::Error> {
    let mut command = command(line.first());
    let matches = command.try_get_matches_from_mut(line)?;
    let typed = Args::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Settings::try_from(typed)
}

/// The command line as whoever typed it knows it: `cargo hotdev` is spelled so in every help text.
fn command(program: Option<&OsString>) -> clap::Command {
    let is_cargos = program
        .and_then(|program| Path::new(program).file_name())
        .is_some_and(|name| name == "cargo-hotdev");
    if !is_cargos {
        return Args::command();
    }
    let examples = typed::EXAMPLES.replace("\n  hotdev ", "\n  cargo hotdev ");
    Args::command().bin_name("cargo hotdev").after_help(examples)
}

/// Help and the version, which were asked for, are no failure to clap: they go to stdout.
fn exit_code(error: &clap::Error) -> u8 {
    if error.use_stderr() { exit::USAGE } else { exit::LIVE }
}

#[cfg(test)]
mod tests;
