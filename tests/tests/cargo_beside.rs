//! The developer's own cargo works beside a session, and neither makes the other build anew.

use std::process::Command;

use hotdev_tests::{CommandOutput, Session, Workspace, prints};

fn build(workspace: &Workspace) -> CommandOutput {
    let output = workspace.cargo(&["build", "--verbose", "--workspace"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    output
}

/// Whether cargo said that nothing was to be done for a package.
fn is_fresh(output: &CommandOutput, package: &str) -> bool {
    output.stderr.lines().any(|line| line.trim_start().starts_with(&format!("Fresh {package} ")))
}

#[test]
fn cargo_build_stays_fresh_under_a_session() {
    let workspace = Workspace::copy("depends");
    build(&workspace);
    let mut hot = Session::start_in(workspace, &["-p", "app"]);
    hot.expect_output("3 old-text");
    let output = build(hot.workspace());
    for package in ["strsim", "inner", "app"] {
        assert!(is_fresh(&output, package), "{package} is built again: {}", output.stderr);
    }

    hot.edit("app/src/main.rs", "old-text", "new-text");
    hot.expect_verdict("live");
    hot.expect_output("new-text");
    let output = build(hot.workspace());
    for package in ["strsim", "inner"] {
        assert!(is_fresh(&output, package), "{package} is built again: {}", output.stderr);
    }
    // What cargo has built is the program of the new files, and needs no hotdev.
    let program = hot.workspace().path("target/debug/app");
    if let Err(error) = prints(&mut Command::new(program), &["3 new-text"]) {
        hot.fail(&error);
    }

    // And the session does not mind.
    hot.edit("inner/src/lib.rs", "sitting", "sitting!");
    hot.expect_verdict("live");
    hot.expect_output("4 new-text");
    hot.end();
}

#[test]
fn dependencies_that_a_session_built_are_fresh_for_cargo() {
    let mut hot = Session::start_in(Workspace::copy("depends"), &["-p", "app"]);
    hot.expect_output("3 old-text");
    build(hot.workspace());
    let output = build(hot.workspace());
    for package in ["strsim", "inner", "app"] {
        assert!(is_fresh(&output, package), "{package} is built again: {}", output.stderr);
    }
    let manifest = hot.workspace().read("app/Cargo.toml");
    assert!(!manifest.contains("hotdev"), "the manifest is as it was");
    hot.end();
}

#[test]
fn a_save_during_cargo_build_goes_live() {
    let mut hot = Session::start_in(Workspace::copy("depends"), &["-p", "app"]);
    hot.expect_output("3 old-text");
    for (old, new) in [("old-text", "new-text"), ("new-text", "newest-text")] {
        hot.edit("app/src/main.rs", old, new);
        build(hot.workspace());
        hot.expect_verdict("live");
        hot.expect_output(new);
        hot.never_output(old);
    }
    hot.end();
}

#[test]
fn no_file_of_the_developers_is_changed() {
    let workspace = Workspace::copy("workspace");
    let before = sources(&workspace);
    let mut hot = Session::start_in(workspace, &["-p", "game", "--bin", "game"]);
    hot.expect_output("colour-old");
    assert_eq!(sources(hot.workspace()), before);
    hot.end();
}

/// Every file outside the target directory, with its contents; a lock file is cargo's own doing.
fn sources(workspace: &Workspace) -> Vec<(String, String)> {
    let mut files = workspace.files();
    files.retain(|file| file != "Cargo.lock");
    files.into_iter().map(|file| (file.clone(), workspace.read(&file))).collect()
}
