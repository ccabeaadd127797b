//! `hotdev init --editor`, with the real editors: a buffer is saved, the program changes, and what
//! cannot go in lands in the editor's own list.
//!
//! An editor that is not installed is skipped, and said to be; with `HOTDEV_TEST_EDITORS=all`, as CI
//! has it, a missing one is a failure.

mod list;
mod lsp;
mod terminal;

use std::path::PathBuf;

/// Finds an editor in `PATH` by the first of its names that is there.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut files = names.iter().flat_map(|name| folders.iter().map(move |one| one.join(name)));
    let found = files.find(|file| file.is_file());
    if found.is_none() {
        let all = std::env::var_os("HOTDEV_TEST_EDITORS").is_some_and(|which| which == "all");
        assert!(!all, "{} is not installed, and every editor is to be tested", names[0]);
        eprintln!("skipped: no {}", names[0]);
    }
    found
}
