//! What is made from hotdev's own types: completions and man pages from the command line's, JSON
//! schemas from those of `hotdev.toml` and of the events.

use std::io::Write;
use std::path::Path;
use std::{fs, io};

use clap::CommandFactory;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};
use clap_complete_nushell::Nushell;
use clap_mangen::Man;

use crate::args::{Args, SchemaOf, Shell};
use crate::config::Config;
use crate::error::{Context, Kind, Result};
use crate::exit;
use crate::report::json::Line;

/// Prints the completions of `hotdev` for one shell.
///
/// # Errors
/// When stdout cannot be written.
pub fn completions(shell: Shell) -> Result<u8> {
    let (mut command, mut text) = (Args::command(), Vec::new());
    let name = command.get_name().to_owned();
    match shell {
        Shell::Bash => generate(Bash, &mut command, name, &mut text),
        Shell::Zsh => generate(Zsh, &mut command, name, &mut text),
        Shell::Fish => generate(Fish, &mut command, name, &mut text),
        Shell::Nushell => generate(Nushell, &mut command, name, &mut text),
    }
    print(&text)
}

/// Prints the man page of `hotdev`, or writes those of all its commands into `folder`.
///
/// # Errors
/// When they cannot be written.
pub fn man(folder: Option<&Path>) -> Result<u8> {
    let command = Args::command();
    let Some(folder) = folder else {
        let mut text = Vec::new();
        Man::new(command).render(&mut text).context(Kind::System, || "make a man page".into())?;
        return print(&text);
    };
    let doing = || format!("write man pages to {}", folder.display());
    fs::create_dir_all(folder).context(Kind::System, doing)?;
    clap_mangen::generate_to(command, folder).context(Kind::System, doing)?;
    Ok(exit::LIVE)
}

/// Prints a JSON schema.
///
/// # Errors
/// When stdout cannot be written.
pub fn schema(of: SchemaOf) -> Result<u8> {
    let schema = match of {
        SchemaOf::Config => schemars::schema_for!(Config),
        SchemaOf::Events => schemars::schema_for!(Line<'_>),
    };
    let text = serde_json::to_string_pretty(&schema)
        .context(Kind::System, || "write a schema as JSON".into())?;
    print(format!("{text}\n").as_bytes())
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: &[u8]) -> Result<u8> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context(Kind::System, || "write to stdout".into())
        }
        _ => Ok(exit::LIVE),
    }
}
