//! What a command line means.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Selection;
use super::typed::{Args, Cargo, Global, Typed};
use crate::editors::Editor;
use crate::report::{ColorChoice, Format};
use crate::templates::Template;

/// One command with everything that goes for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often `-v` was given.
    pub verbose: u8,
    /// `--color`
    pub color: ColorChoice,
    /// `--json` or `--message-format`
    pub format: Format,
    /// What to build. For commands that build nothing, only the manifest's path and the target
    /// directory can be set: where to look for the session.
    pub selection: Selection,
    /// What to do.
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the program with these arguments and patch it on every save.
    Watch {
        /// Typed after `--`; empty means those of `hotdev.toml`.
        args: Vec<OsString>,
        /// Lines, also where a terminal UI could be.
        plain: bool,
    },
    /// The same, silently.
    Run {
        /// Typed after `--`; empty means those of `hotdev.toml`.
        args: Vec<OsString>,
    },
    /// Have the session apply the files as they are now.
    Reload {
        /// As typed: relative to the working directory. Empty means whatever changed.
        files: Vec<PathBuf>,
    },
    /// Ask the session where it stands.
    Status,
    /// Have the session make an earlier generation current.
    Rollback {
        /// Nothing means the one before.
        generation: Option<u64>,
    },
    /// Have the session start the program anew.
    Restart,
    /// Write `hotdev.toml`.
    Init {
        /// A directory of the project.
        dir: PathBuf,
    },
    /// Make a small program.
    InitTemplate {
        /// Where, and what it is called.
        dir: PathBuf,
        /// Which one.
        template: Template,
    },
    /// Bind saving to `hotdev reload` in an editor.
    InitEditor {
        /// A directory of the project.
        dir: PathBuf,
        /// Which one.
        editor: Editor,
        /// Print the binding and write nothing.
        print: bool,
    },
    /// Look for what keeps hotdev from patching.
    Doctor,
    /// Speak the language server protocol on stdin and stdout.
    Lsp,
    /// Print completions.
    Completions {
        /// Of which shell.
        shell: Shell,
    },
    /// Print the man page.
    Man {
        /// Write those of all commands there instead.
        dir: Option<PathBuf>,
    },
    /// Print a JSON schema.
    Schema {
        /// Of what.
        of: SchemaOf,
    },
    /// Show hotdev on a program of its own.
    Demo {
        /// End after one edit.
        once: bool,
        /// Leave the program's folder there.
        keep: bool,
    },
}

/// Shells that there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "they are named for themselves")]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Nushell,
}

/// What there are JSON schemas of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// `hotdev.toml`
    Config,
    /// A line that a command prints with `--json`
    Events,
}

impl TryFrom<Args> for Settings {
    type Error = clap::Error;

    fn try_from(typed: Args) -> Result<Self, clap::Error> {
        let format = format(&typed.global)?;
        let (command, cargo) = command(typed.command);
        if matches!(command, Command::Demo { .. }) && format == Format::Json {
            let message = "`hotdev demo` is for people and has no JSON: use `hotdev watch --json`";
            return Err(Args::command().error(ErrorKind::ArgumentConflict, message));
        }
        let Global { verbose, color, manifest_path, target_dir, .. } = typed.global;
        let selection = Selection { manifest_path, target_dir, color, ..Selection::from(cargo) };
        Ok(Self { verbose, color, format, selection, command })
    }
}

fn format(typed: &Global) -> Result<Format, clap::Error> {
    match (typed.json, typed.message_format) {
        (true, Some(Format::Human)) => Err(Args::command()
            .error(ErrorKind::ArgumentConflict, "--json contradicts --message-format human")),
        (true, _) => Ok(Format::Json),
        (false, typed) => Ok(typed.unwrap_or_default()),
    }
}

fn command(typed: Typed) -> (Command, Cargo) {
    let command = match typed {
        Typed::Watch { start, plain } => {
            return (Command::Watch { args: start.args, plain }, start.cargo);
        }
        Typed::Run(start) => return (Command::Run { args: start.args }, start.cargo),
        Typed::Reload { files } => Command::Reload { files },
        Typed::Status => Command::Status,
        Typed::Rollback { generation } => Command::Rollback { generation },
        Typed::Restart => Command::Restart,
        Typed::Init { dir, template: Some(template), .. } => {
            Command::InitTemplate { dir, template }
        }
        Typed::Init { dir, editor: None, .. } => Command::Init { dir },
        Typed::Init { dir, editor: Some(editor), print, .. } => {
            Command::InitEditor { dir, editor, print }
        }
        Typed::Doctor(cargo) => return (Command::Doctor, cargo),
        Typed::Lsp => Command::Lsp,
        Typed::Completions { shell } => Command::Completions { shell },
        Typed::Man { dir } => Command::Man { dir },
        Typed::Schema { of } => Command::Schema { of },
        Typed::Demo { once, keep } => Command::Demo { once, keep },
    };
    (command, Cargo::default())
}
