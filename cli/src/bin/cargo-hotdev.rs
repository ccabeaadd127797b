//! `cargo hotdev …`: the same as `hotdev …`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut line: Vec<_> = std::env::args_os().collect();
    // cargo passes the subcommand's name on.
    if line.get(1).is_some_and(|arg| arg == "hotdev") {
        line.remove(1);
    }
    ExitCode::from(hotdev_cli::main(line))
}
