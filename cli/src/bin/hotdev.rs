//! `hotdev`: maps what was asked to a command and its outcome to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(hotdev_cli::main(std::env::args_os().collect()))
}
