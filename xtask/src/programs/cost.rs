//! The program that shows what hotdev costs while nothing is edited.

use super::{MARKER, Program};

/// How many copies of the work there are: enough that their places even out.
const COPIES: usize = 32;

/// Two crates of calls and little else; `main` works when it is told to.
pub fn cost() -> Program {
    let edited = format!("//! What is edited.\n\npub fn marker() -> u64 {{\n    {MARKER}\n}}\n");
    let mut program = Program::new("work/src/edited.rs", &edited, "work");
    program.package("app", "", "work = { path = \"../work\" }\n");
    program.package("work", "", "");
    program.add("app/src/main.rs", include_str!("../../programs/cost_main.rs"));
    let names: Vec<String> = (0..COPIES).map(|number| format!("copy{number}")).collect();
    let lib = include_str!("../../programs/cost_work.rs");
    program.add("work/src/lib.rs", lib.replace("NAMES", &names.join(" ")));
    for name in &names {
        let text = include_str!("../../programs/cost_copy.rs");
        program.add(&format!("work/src/{name}.rs"), text);
    }
    program.members(&["app".into(), "work".into()]);
    program
}
