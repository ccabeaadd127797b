//! What a restart links: the hot image always, the executable only where it would be another one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hotdev_tests::{Session, Workspace};

const MAIN: &str = "src/main.rs";
const LIB: &str = "src/lib.rs";

fn start() -> Session {
    let mut hot = Session::start("relink");
    hot.expect_line(&["lib-0 score=", "quiet", "bin-0", "from 100", "from 5"]);
    hot
}

/// Files of this name in hotdev's folder of images.
fn images(hot: &Session, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&hot.workspace().path("target/hotdev"), name, &mut found);
    found
}

fn collect(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, name, found);
        } else if path.ends_with(name) && path.with_file_name("image.json").exists() {
            found.push(path);
        }
    }
}

/// Tells one linked file from the next.
fn inode(hot: &Session, name: &str) -> u64 {
    let found = images(hot, name);
    let [path] = &*found else { panic!("one {name} is kept, and not {found:?}") };
    path.metadata().expect("it is there").ino()
}

/// The program's, which must be a kept one as well.
fn executable(hot: &Session) -> u64 {
    let inode = |path: &Path| path.metadata().expect("it was linked").ino();
    let output = inode(&hot.workspace().path("target/debug/relink"));
    assert!(images(hot, "executable").iter().any(|kept| inode(kept) == output));
    output
}

/// Restarts after an edit that went live, and tells whether the executable was linked.
fn restart_links(hot: &mut Session) -> bool {
    let (before, image) = (inode(hot, "executable"), inode(hot, "libhot.so"));
    assert_eq!(hot.command(&["restart"]).code, Some(0));
    hot.expect_event("restarted");
    assert_ne!(inode(hot, "libhot.so"), image, "the hot image is new");
    executable(hot) != before
}

#[test]
fn a_refused_layout_links_the_hot_image_alone() {
    let mut hot = start();
    let (before, pid) = (executable(&hot), hot.pid());
    let image = inode(&hot, "libhot.so");
    hot.save_at_once(|workspace| {
        workspace.edit(LIB, "pub score: u32", "pub before: u64,\n    pub score: u64");
        workspace.edit(MAIN, "State { score: 0 }", "State { before: 1, score: 1 << 40 }");
    });
    hot.expect_verdict("restarted");
    hot.expect_line(&["lib-0 score=1099511627", "quiet", "bin-0", "from 100", "from 5"]);
    assert_ne!(hot.pid(), pid);
    assert_ne!(inode(&hot, "libhot.so"), image);
    assert_eq!(executable(&hot), before);

    // The new process is hot, and its thread-locals are where its code looks for them.
    let line = hot.newest_line();
    hot.edit(MAIN, "bin-0", "bin-1");
    hot.expect_verdict("live");
    hot.expect_line(&["lib-0 score=1099511627", "bin-1 turns="]);
    hot.edit(LIB, "lib-0", "lib-1");
    hot.expect_verdict("live");
    hot.expect_line(&["lib-1 score=1099511627", "bin-1 turns="]);
    for name in ["tick", "score", "turns", "late"] {
        hot.counts_on(name, line);
    }
    hot.end();
}

#[test]
fn code_beside_thread_locals_is_not_in_the_executable() {
    let mut hot = start();
    hot.edit(
        MAIN,
        "fn line(tick: u32) -> String {\n",
        "fn more() {\n    TURNS.set(TURNS.get() + 1000);\n}\n\nfn line(tick: u32) -> String {\n    more();\n",
    );
    hot.expect_verdict("live");
    assert!(!restart_links(&mut hot));
    hot.expect_line(&["lib-0 score=", "quiet", "bin-0", "from 5"]);
    let line = hot.newest_line();
    hot.next_ticks();
    hot.counts_on("late", line);
    hot.end();
}

#[test]
fn cargo_finds_all_fresh_after_it() {
    let mut hot = start();
    hot.edit(LIB, "lib-0", "lib-1");
    hot.expect_output("lib-1");
    assert!(!restart_links(&mut hot));
    let image = inode(&hot, "libhot.so");
    assert_eq!(hot.command(&["restart"]).code, Some(0));
    hot.expect_event("restarted");
    assert_eq!(inode(&hot, "libhot.so"), image, "nothing was compiled");
    hot.end();
}

#[test]
fn a_dependencys_feature_links_it() {
    let mut hot = start();
    let before = executable(&hot);
    hot.edit("Cargo.toml", "features = []", "features = [\"loud\"]");
    hot.expect_verdict("restarted");
    hot.expect_line(&["lib-0 score=", "loud", "bin-0", "from 100", "from 4"]);
    assert_ne!(executable(&hot), before);
    hot.end();
}

#[test]
fn the_next_save_makes_up_for_a_restart_that_cannot_be_built() {
    let mut hot = start();
    let pid = hot.pid();
    hot.edit("Cargo.toml", "features = []", "features = [");
    let warning = hot.expect_event("warning");
    let message = warning["message"].as_str().unwrap_or_default();
    assert!(message.ends_with("restarts with the next save that builds"), "{message}");
    hot.next_ticks();
    hot.edit("Cargo.toml", "features = [", "features = []");
    hot.expect_verdict("restarted");
    assert_ne!(hot.pid(), pid);
    hot.end();
}

#[test]
fn a_new_thread_local_links_it() {
    let mut hot = start();
    let before = executable(&hot);
    let text = hot.workspace().read(MAIN);
    let text = text
        .replace(
            "    static LATE",
            "    static MORE: Cell<u64> = const { Cell::new(7) };\n    static LATE",
        )
        .replace("bin-0", "bin-{}")
        .replace("turns - tick", "MORE.replace(8), turns - tick");
    hot.workspace().write(MAIN, &text);
    hot.expect_verdict("restarted");
    hot.expect_line(&["lib-0", "bin-8", "from 100", "from 5"]);
    assert_ne!(executable(&hot), before);
    hot.end();
}

#[test]
fn a_thread_locals_first_value_links_it() {
    let mut hot = start();
    hot.edit(MAIN, "Cell::new(100)", "Cell::new(500)");
    hot.edit(MAIN, "bin-0", "bin-1");
    hot.expect_output("bin-1");
    assert!(restart_links(&mut hot));
    hot.expect_line(&["lib-0", "bin-1", "from 500", "from 5"]);
    hot.end();
}

#[test]
fn a_new_name_that_c_can_see_links_it() {
    let mut hot = start();
    let visible =
        "#[unsafe(no_mangle)]\npub extern \"C\" fn seen() -> u32 {\n    3\n}\n\npub struct State";
    hot.edit(LIB, "pub struct State", visible);
    hot.edit(LIB, "lib-0 score={}", "lib-{} score={}");
    hot.edit(LIB, ", state.score, dep", ", seen(), state.score, dep");
    hot.expect_output("lib-3");
    assert!(restart_links(&mut hot));
    hot.expect_line(&["lib-3", "from 100", "from 5"]);
    hot.end();
}

#[test]
fn a_function_of_the_system_links_it() {
    let mut hot = start();
    let import = "unsafe extern \"C\" {\n    safe fn getppid() -> i32;\n}\n\npub struct State";
    hot.edit(LIB, "pub struct State", import);
    hot.edit(LIB, "lib-0 score={}", "lib-{} score={}");
    hot.edit(LIB, ", state.score, dep", ", getppid() > 0, state.score, dep");
    hot.expect_output("lib-true");
    assert!(restart_links(&mut hot));
    hot.expect_line(&["lib-true", "from 100", "from 5"]);
    hot.end();
}

#[test]
fn a_program_that_somebody_wrote_into_is_linked() {
    let mut hot = start();
    let output = hot.workspace().path("target/debug/relink");
    // A running program's file cannot be written, but its time can be set.
    let file = fs::File::open(output).expect("it was built");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("it is the test's");
    hot.edit(LIB, "lib-0", "lib-1");
    hot.expect_output("lib-1");
    assert!(restart_links(&mut hot));
    hot.expect_line(&["lib-1", "from 100", "from 5"]);
    hot.end();
}

#[test]
fn a_kept_file_or_note_that_is_gone_is_made_again() {
    let mut hot = start();
    for (name, text) in [("executable", "lib-1"), ("executable.note", "lib-2")] {
        for path in images(&hot, name) {
            fs::remove_file(path).expect("it is there");
        }
        let lib = hot.workspace().read(LIB);
        let old = &lib[lib.find("lib-").expect("it says so")..][..5];
        hot.edit(LIB, old, text);
        hot.expect_output(text);
        assert_eq!(hot.command(&["restart"]).code, Some(0));
        hot.expect_event("restarted");
        hot.expect_line(&[text, "from 100", "from 5"]);
        executable(&hot);
    }
    hot.end();
}

/// Has every call of the linker written to a file.
fn log_linker(workspace: &Workspace) {
    let (script, calls) = (workspace.path("logging-cc"), workspace.path("calls"));
    let text = format!("#!/bin/sh\necho call >> '{}'\nexec cc \"$@\"\n", calls.display());
    workspace.write("logging-cc", &text);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is the test's");
    let target = "x86_64-unknown-linux-gnu";
    let config = format!("[target.{target}]\nlinker = \"{}\"\n", script.display());
    workspace.write(".cargo/config.toml", &config);
}

fn calls(hot: &Session) -> usize {
    hot.workspace().read("calls").lines().count()
}

#[test]
fn whole_dependencies_that_do_not_link_are_not_tried_again() {
    let workspace = Workspace::copy("relink");
    log_linker(&workspace);
    let half = "unsafe extern \"C\" {\n    safe fn is_in_no_library();\n}\n\n\
        pub fn never_called() {\n    is_in_no_library();\n}\n";
    workspace.write("dep/src/half.rs", half);
    let lib = workspace.read("dep/src/lib.rs");
    workspace.write("dep/src/lib.rs", &format!("pub mod half;\n\n{lib}"));
    let mut hot = Session::start_in(workspace, &[]);
    hot.expect_line(&["lib-0", "from 100", "from 5"]);
    assert_eq!(calls(&hot), 2, "whole, then what is used");

    hot.edit(LIB, "lib-0", "lib-1");
    hot.expect_output("lib-1");
    assert!(!restart_links(&mut hot));
    assert_eq!(calls(&hot), 2);

    for path in images(&hot, "executable") {
        fs::remove_file(path).expect("it is there");
    }
    hot.edit(LIB, "lib-1", "lib-2");
    hot.expect_output("lib-2");
    assert_eq!(hot.command(&["restart"]).code, Some(0));
    hot.expect_event("restarted");
    hot.expect_line(&["lib-2", "from 100", "from 5"]);
    assert_eq!(calls(&hot), 3, "what is used alone");
    hot.end();
}

/// The rewritten objects, each with what tells it from one that is written anew.
fn rewritten(hot: &Session) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let folders = images(hot, "image.json").into_iter().map(|it| it.with_file_name("rewritten"));
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("it is kept"));
    let objects = files.flatten().map(|file| file.path());
    let objects = objects.filter(|path| path.extension().is_some_and(|is| is == "o"));
    let stamp = |path: &Path| {
        let file = path.metadata().expect("it is there");
        (file.ino(), file.modified().expect("Linux knows"))
    };
    objects.map(|path| (path.clone(), stamp(&path))).collect()
}

#[test]
fn objects_of_units_that_did_not_change_are_kept() {
    let mut hot = start();
    let mut before = rewritten(&hot);
    for (from, to) in [("u32", "u64"), ("u64", "u16")] {
        hot.edit(LIB, &format!("pub score: {from}"), &format!("pub score: {to}"));
        hot.expect_verdict("restarted");
        hot.expect_line(&["lib-0 score=", "quiet", "bin-0", "from 100", "from 5"]);
        let after = rewritten(&hot);
        let kept = after.iter().filter(|(path, stamp)| before.get(*path) == Some(*stamp)).count();
        assert!(0 < kept && kept < after.len(), "{kept} of {}", after.len());
        assert!(before.keys().any(|path| !path.exists()), "what is not needed goes");
        before = after;
    }
    hot.end();
}

#[test]
fn damaged_objects_are_made_again() {
    let mut hot = start();
    let objects = rewritten(&hot);
    assert!(!objects.is_empty());
    for path in objects.keys() {
        let length = path.metadata().expect("it is there").len();
        fs::write(path, vec![7; length as usize]).expect("it is the test's");
    }
    hot.edit(LIB, "pub score: u32", "pub score: u64");
    hot.expect_verdict("restarted");
    hot.expect_line(&["lib-0 score=", "quiet", "bin-0", "from 100", "from 5"]);
    // It was not linked in a way that cannot be patched.
    hot.edit(LIB, "lib-0", "lib-1");
    hot.expect_verdict("live");
    hot.end();
}
