//! `cargo xtask ci`: runs cargo in the repository's root, prints each step with its duration, and
//! stops at the first failure with that step's exit code.

use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::tool;

/// What CI checks, cheapest first; each is the arguments of one cargo command.
const STEPS: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["test", "--workspace"],
    &["run", "--release", "--", "demo", "--once"],
    // That it can be drawn; what is in it differs from time to time.
    &["xtask", "picture", "--output", "target/watch.svg"],
    &["xtask", "soak", "--reloads", "60"],
];

/// Runs all steps.
pub fn run() -> ExitCode {
    let start = Instant::now();
    for (number, step) in STEPS.iter().enumerate() {
        eprintln!("[{}/{}] cargo {}", number + 1, STEPS.len(), step.join(" "));
        let step_start = Instant::now();
        let code = cargo(step);
        let seconds = step_start.elapsed().as_secs_f64();
        if code != 0 {
            eprintln!("[{}/{}] failed with {code} after {seconds:.1} s", number + 1, STEPS.len());
            return ExitCode::from(code);
        }
        eprintln!("[{}/{}] passed in {seconds:.1} s", number + 1, STEPS.len());
    }
    eprintln!("all {} steps passed in {:.1} s", STEPS.len(), start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Runs one cargo command in the repository's root and gives its exit code; 1 where it has none.
fn cargo(args: &[&str]) -> u8 {
    match Command::new(tool::cargo()).args(args).current_dir(tool::repository()).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(error) => {
            eprintln!("failed to start cargo: {error}");
            1
        }
    }
}
