//! The program that shows what hotdev costs while nothing is edited.

use super::{MARKER, Program};

/// Two crates of calls and little else; `main` works when it is told to.
pub fn cost() -> Program {
    let edited = format!("//! What is edited.\n\npub fn marker() -> u64 {{\n    {MARKER}\n}}\n");
    let mut program = Program::new("work/src/edited.rs", &edited, "work");
    program.package("app", "", "work = { path = \"../work\" }\n");
    program.package("work", "", "");
    program.add("app/src/main.rs", include_str!("../../programs/cost_main.rs"));
    program.add("work/src/lib.rs", include_str!("../../programs/cost_work.rs"));
    program.members(&["app".into(), "work".into()]);
    program
}
