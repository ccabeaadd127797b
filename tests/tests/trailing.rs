//! What rustc does after a save's code is live is heard of as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hotdev_tests::Session;

/// For the end of a rustc whose units are there already.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_rustc_that_fails_after_its_units_are_there_makes_the_next_save_wait_for_its_end() {
    let mut hot = Session::start("bundled-c");
    hot.expect_output("rust-old");
    // rustc puts it into the library when the code is compiled.
    let archives = find(&hot.workspace().path("target"), "libcount.a");
    assert!(!archives.is_empty(), "the build script has made the archive");
    archives.iter().for_each(|archive| fs::remove_file(archive).expect("it can be removed"));

    hot.edit("src/lib.rs", "rust-old", "rust-new");
    hot.expect_verdict("live");
    hot.expect_output("rust-new");
    let log = hot.workspace().path("target/hotdev/hotdev.log");
    let end = Instant::now() + LIMIT;
    while !fs::read_to_string(&log).is_ok_and(|log| log.contains("rustc failed after")) {
        assert!(Instant::now() < end, "the log never tells that rustc failed");
        std::thread::sleep(Duration::from_millis(20));
    }

    hot.edit("src/lib.rs", "rust-new", "rust-newer");
    let verdict = hot.expect_verdict("compile-error").to_string();
    assert!(verdict.contains("count"), "{verdict}");
    hot.end();
}

/// Every file of a name below a folder.
fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => find(&entry.path(), name),
        _ if entry.file_name() == name => vec![entry.path()],
        _ => Vec::new(),
    });
    found.collect()
}
