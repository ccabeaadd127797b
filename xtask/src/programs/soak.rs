//! The program of the soak: threads that check every answer of code that is patched over and over.

use super::{MARKER, Program};

const WORK: &str = include_str!("../../programs/soak_work.rs");

/// Functions that come and go as the versions change.
const SHAPES: u64 = 5;
/// How often the text of a generic function changes; the threads' crate is compiled again then.
const SELDOM: u64 = 10;

/// `app` has the threads, `work` what is patched.
pub fn soak() -> Program {
    let mut program = Program::new("work/src/lib.rs", &version(0), "work");
    program.package("app", "", "work = { path = \"../work\" }\n");
    program.package("work", "", "");
    program.add("app/src/main.rs", include_str!("../../programs/soak_main.rs"));
    program.members(&["app".into(), "work".into()]);
    program
}

/// The text of `work` in a version. Besides the numbers, which functions there are is another in
/// each.
pub fn version(number: u64) -> String {
    let shape = number % SHAPES;
    let call = match shape {
        0 => "bottom()".to_owned(),
        _ => format!("extra_{shape}(&[{number}, 0])"),
    };
    let mut text = WORK
        .replace("__CHANGING__", &call)
        .replace("__SELDOM__", &(number / SELDOM).to_string())
        .replace(MARKER, &number.to_string());
    if shape > 0 {
        text.push_str(&format!(
            "\nfn extra_{shape}(values: &[u64]) -> Answer {{\n    \
             let version: u64 = values.iter().map(|value| value * 1).sum();\n    \
             Answer {{ version, proof: {number} * 31 + 7 }}\n}}\n"
        ));
    }
    text
}
