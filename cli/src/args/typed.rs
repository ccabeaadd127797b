//! What was typed, as clap reads it. The doc comments here are the text of `--help`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueHint};

use super::settings::{SchemaOf, Shell};
use crate::editors::Editor;
use crate::report::{ColorChoice, Format};
use crate::templates::Template;

pub(super) const EXAMPLES: &str = "\
Examples:
  hotdev watch                         run this project, patch it on every save
  hotdev watch -p game -- --level 3    one package, with arguments for the program
  hotdev watch --plain                 lines instead of the terminal UI
  hotdev run                           for programs that are terminal UIs themselves
  hotdev reload                        from an editor: apply now, wait for the verdict
  hotdev rollback                      back to the generation before this one
  hotdev init --editor neovim          have an editor reload on save
  hotdev doctor                        what keeps hotdev from patching, and how to mend it
  hotdev demo                          see it work on a small program

Settings that outlast a command line stand in hotdev.toml; `hotdev init` writes one.";

const RELOAD_CODES: &str = "\
Exit codes:
   0  live, or nothing of the program changed
   1  compile error
   2  refused, or rolled back
   3  no session runs for this project
   4  the program is gone
  64  the command line is wrong

The answer is about the files as they are now: it stays 1 or 2 until they are mended.
Each diagnostic begins with file:line:column, as a quickfix list reads it.";

const DOCTOR_CODES: &str = "\
Exit codes:
   0  nothing keeps hotdev from patching this program
   1  something does
  64  the command line is wrong";

/// Patches a running Rust program on every save: its state, connections and windows stay.
#[derive(Debug, Parser)]
#[command(name = "hotdev", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Typed,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Log more to the log file (-vv for everything)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours: auto, always, never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub color: ColorChoice,
    /// Path to Cargo.toml
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub manifest_path: Option<PathBuf>,
    /// Directory for all that is built, as given to `hotdev watch`
    #[arg(long, global = true, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub target_dir: Option<PathBuf>,
    /// Short for --message-format json
    #[arg(long, global = true)]
    pub json: bool,
    /// How to report: human, or json with one object a line on stdout
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub message_format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Typed {
    /// Build and run the program, and patch it on every save
    Watch {
        #[command(flatten)]
        start: Start,
        /// Print plain lines on a terminal too, and leave the terminal to the program
        #[arg(long)]
        plain: bool,
    },
    /// Build, run and patch as `watch` does, with the terminal left to the program
    Run(Start),
    /// Apply the files as they are now and wait for the verdict: what an editor calls on save
    #[command(after_help = RELOAD_CODES)]
    Reload {
        /// Files that changed [default: whatever did]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Say what runs, in which generation
    Status,
    /// Make an earlier generation current
    Rollback {
        /// Its number; 0 is the program as it started [default: the one before]
        #[arg(value_name = "GEN")]
        generation: Option<u64>,
    },
    /// Build the files as they are now and start the program anew
    Restart,
    /// Say what to expect of a project and write a commented hotdev.toml, make a small program, or
    /// have an editor reload on save
    Init {
        /// A directory of the project, or the one to make with --template
        #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Make a small program to begin with
        #[arg(long, value_enum, value_name = "TEMPLATE", conflicts_with = "editor")]
        template: Option<Template>,
        /// Bind saving to `hotdev reload` in this editor instead
        #[arg(long, value_enum, value_name = "EDITOR")]
        editor: Option<Editor>,
        /// Print what would be written, and write nothing
        #[arg(long, requires = "editor")]
        print: bool,
    },
    /// Check toolchain, project and system, and say how to mend what keeps hotdev from patching
    #[command(after_help = DOCTOR_CODES)]
    Doctor(Cargo),
    /// Be a language server: reload on save, diagnostics for the editor
    Lsp,
    /// Print the completions of a shell
    Completions {
        /// Which one
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the man page, or write those of all commands into a directory
    Man {
        /// Where to write them
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
    /// Print the JSON schema of hotdev.toml or of the events
    Schema {
        /// Of what
        #[arg(value_enum, value_name = "WHAT")]
        of: SchemaOf,
    },
    /// Watch hotdev patch a small program of its own
    Demo {
        /// Make one edit, then end
        #[arg(long)]
        once: bool,
        /// Keep the program's folder afterwards
        #[arg(long)]
        keep: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    #[command(flatten)]
    pub cargo: Cargo,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS", help_heading = "Arguments")]
    pub args: Vec<OsString>,
}

/// The part of cargo's own options that chooses what is built, spelled as cargo spells it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Cargo selection")]
pub(super) struct Cargo {
    /// Package with the program
    #[arg(short, long, value_name = "SPEC")]
    pub package: Option<String>,
    /// Run this binary
    #[arg(long, value_name = "NAME", conflicts_with = "example")]
    pub bin: Option<String>,
    /// Run this example
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// Features to activate, separated by commas or spaces
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long)]
    pub no_default_features: bool,
    /// Build with this profile
    #[arg(long, value_name = "NAME", conflicts_with = "release")]
    pub profile: Option<String>,
    /// Build with the release profile
    #[arg(short, long)]
    pub release: bool,
    /// Fail where Cargo.lock would change
    #[arg(long)]
    pub locked: bool,
    /// Do not use the network
    #[arg(long)]
    pub offline: bool,
    /// Both --locked and --offline
    #[arg(long)]
    pub frozen: bool,
}
