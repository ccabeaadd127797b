//! Crates of many modules, made from two templates.

use std::fmt::Write as _;

const SERVICE: &str = include_str!("../../programs/service.rs");
const LOGIC: &str = include_str!("../../programs/logic.rs");

/// What the service template needs.
pub const SERVICE_DEPENDENCIES: &str = r#"regex = "1"
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["rt-multi-thread", "macros", "sync", "time"] }
"#;

/// Files of a crate: as many modules as asked for, numbered from `first`, of which one in
/// `service_every` is the serde-heavy template, and a `lib.rs` with `head` in front that can run
/// all of them. Nothing is compiled that is never used.
pub fn crate_files(
    first: usize,
    count: usize,
    service_every: usize,
    head: &str,
) -> Vec<(String, String)> {
    let mut lib = format!("//! Modules {first} to {}.\n\n{head}", first + count - 1);
    let mut calls = String::new();
    let mut files = Vec::new();
    for number in first..first + count {
        let (template, call) =
            if number % service_every == 0 { (SERVICE, "().await") } else { (LOGIC, "()") };
        let _ = writeln!(lib, "pub mod module_{number};");
        let _ = writeln!(calls, "    sum += module_{number}::exercise{call};");
        let text = template.replace("__N__", &number.to_string());
        files.push((format!("src/module_{number}.rs"), text));
    }
    let _ = write!(
        lib,
        "\n/// Runs every module once.\npub async fn exercise() -> u64 {{\n    let mut sum = 0;\n{calls}    sum\n}}\n"
    );
    files.push(("src/lib.rs".to_owned(), lib));
    files
}
