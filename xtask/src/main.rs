//! hotdev's own tasks, run as `cargo xtask TASK`.
//!
//! `ci` is all of CI: what passes here passes there. A task runs cargo in the repository's root,
//! prints each step with its duration, and stops at the first failure with that step's exit code.

use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

const USAGE: &str = "usage: cargo xtask ci";

/// Exit code for a wrong command line, from sysexits.h.
const EX_USAGE: u8 = 64;

/// What CI checks, cheapest first; each is the arguments of one cargo command.
const CI: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["test", "--workspace"],
    &["run", "--release", "--", "demo", "--once"],
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => run_all(CI),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(EX_USAGE)
        }
    }
}

fn run_all(steps: &[&[&str]]) -> ExitCode {
    let start = Instant::now();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("[{}/{}] cargo {}", number + 1, steps.len(), step.join(" "));
        let step_start = Instant::now();
        let code = run(step);
        let seconds = step_start.elapsed().as_secs_f64();
        if code != 0 {
            eprintln!("[{}/{}] failed with {code} after {seconds:.1} s", number + 1, steps.len());
            return ExitCode::from(code);
        }
        eprintln!("[{}/{}] passed in {seconds:.1} s", number + 1, steps.len());
    }
    eprintln!("all {} steps passed in {:.1} s", steps.len(), start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Runs one cargo command in the repository's root and gives its exit code; 1 where it has none.
fn run(args: &[&str]) -> u8 {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(args).current_dir(root).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(error) => {
            eprintln!("failed to start cargo: {error}");
            1
        }
    }
}
