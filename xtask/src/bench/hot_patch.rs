//! Other tools that patch a running program.
//!
//! Not measured yet; what is installed is said, so that nobody takes silence for a result.

use crate::tool;

/// What is to be said of each.
pub fn notes() -> Vec<String> {
    ["dx", "cargo-hot"]
        .iter()
        .map(|name| match tool::is_installed(name) {
            true => format!("{name} is installed, but this benchmark has no set-up for it"),
            false => format!("{name} is left out: it is not installed"),
        })
        .collect()
}
