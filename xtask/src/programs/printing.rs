//! The program that prints as fast as its terminal takes it.

use super::{MARKER, Program};

/// Stands in every line.
pub const PRINTED: &str = "printed as fast";

/// One crate that prints lines with colours, and goes on until its terminal is gone.
pub fn printing() -> Program {
    let edited = format!("pub fn marker() -> u64 {{\n    {MARKER}\n}}\n");
    let mut program = Program::new("src/edited.rs", &edited, "app");
    let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    program.add("Cargo.toml", format!("{package}\n[workspace]\n"));
    program.add(
        "src/main.rs",
        format!(
            "mod edited;\n\nfn main() {{\n    for number in 0_u64.. {{\n        \
             println!(\"\\x1b[3{{}}mline {{number}}\\x1b[0m of {{}} {PRINTED} as it can be\", \
             number % 8, edited::marker());\n    }}\n}}\n"
        ),
    );
    program
}
