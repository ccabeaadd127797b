//! hotdev's own tasks, run as `cargo xtask TASK`.
//!
//! - `ci` is all of CI: what passes here passes there.
//! - `bench` is all of the numbers: how fast a save is live, and beside what.
//! - `picture` is what the README shows: a real session, drawn.
//! - `soak` patches one program under load over and over, and checks every answer it gives.

mod bench;
mod beats;
mod children;
mod ci;
mod folder;
mod machine;
mod picture;
mod process_info;
mod programs;
mod record;
mod session;
mod soak;
mod stats;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// hotdev's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Formatting, clippy, all tests, the demo and a short soak, as CI runs them.
    Ci,
    /// Measures hotdev beside the bare compiler, cargo and other tools.
    Bench(bench::Options),
    /// Draws what `hotdev watch` shows, from a real session.
    Picture(picture::Options),
    /// Patches one program under load many times and checks every answer.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    // As rustc's wrapper, this program has a command line that is not its own.
    if let Some(folder) = record::folder() {
        return record::run(&folder);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match cli.task {
        Task::Ci => return ci::run(),
        Task::Bench(options) => children::guarded(|| bench::run(&options)),
        Task::Picture(options) => children::guarded(|| picture::run(&options)),
        Task::Soak(options) => children::guarded(|| soak::run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Exit code for a wrong command line, from sysexits.h.
const EX_USAGE: u8 = 64;
