//! rust-analyzer in the same project neither blocks a session, nor is blocked by it, nor makes
//! either of them compile what the other has compiled.
//!
//! What it does on every save is `cargo check` of all targets in the same target directory. Those
//! runs are counted; the server itself is run where the toolchain has it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use hotdev_tests::{BUILD_LIMIT, LanguageServer, Session, Workspace, run_to_end};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

const MAIN: &str = "app/src/main.rs";

/// Checks as rust-analyzer does, and returns the targets that rustc was run for.
fn check(workspace: &Workspace) -> Vec<String> {
    let args = ["check", "--workspace", "--all-targets", "--keep-going", "--message-format=json"];
    let output = workspace.cargo(&args);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let messages = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let artifacts = messages.filter(|message| message["reason"] == "compiler-artifact");
    let compiled = artifacts.filter(|artifact| artifact["fresh"] == false);
    compiled.map(|artifact| artifact["target"]["name"].as_str().unwrap().to_owned()).collect()
}

/// How often a session's cargo has compiled something so far.
fn compiled(hot: &Session) -> Vec<String> {
    let seen = hot.log().seen();
    seen.lines.iter().filter(|line| line.contains("   Compiling ")).cloned().collect()
}

#[test]
fn neither_makes_the_other_compile_anew() {
    let mut hot = Session::start_in(Workspace::copy("depends"), &["-p", "app"]);
    hot.expect_output("3 old-text");
    assert!(!check(hot.workspace()).is_empty(), "the first check has everything to do");
    assert_eq!(check(hot.workspace()), [""; 0], "the second has nothing");
    for (old, new) in [("old-text", "new-text"), ("new-text", "newest-text")] {
        hot.edit(MAIN, old, new);
        hot.expect_verdict("live");
        hot.expect_output(new);
        let mut edited = check(hot.workspace());
        edited.dedup();
        assert_eq!(edited, ["app"], "what was edited, and nothing that hotdev compiled");
        assert_eq!(check(hot.workspace()), [""; 0]);
    }

    let before = compiled(&hot);
    assert!(before.iter().any(|line| line.contains("strsim")), "{before:#?}");
    assert_eq!(hot.command(&["restart"]).code, Some(0));
    hot.expect_output("newest-text");
    let after = compiled(&hot)[before.len()..].to_vec();
    assert!(after.iter().all(|line| line.contains(" app ")), "only what was edited: {after:#?}");
    assert_eq!(check(hot.workspace()), [""; 0], "nor does a restart disturb the check");

    let before = compiled(&hot).len();
    assert_eq!(hot.command(&["restart"]).code, Some(0));
    assert_eq!(compiled(&hot)[before..], [""; 0], "nothing was edited");
    hot.end();
}

#[test]
fn cargos_lock_is_free_while_nothing_is_built_and_not_needed_for_a_save() {
    let mut hot = Session::start_in(Workspace::copy("depends"), &["-p", "app"]);
    hot.expect_output("3 old-text");
    let lock = File::open(hot.workspace().path("target/debug/.cargo-lock")).expect("cargo's lock");
    flock(&lock, FlockOperation::NonBlockingLockExclusive).expect("nobody holds it");
    // As if rust-analyzer's check took forever.
    hot.edit(MAIN, "old-text", "new-text");
    hot.expect_verdict("live");
    hot.expect_output("new-text");
    let mut second = hot.workspace().program(Path::new("flock"), &["-n"]);
    second.arg(hot.workspace().path("target/debug/.cargo-lock")).arg("true");
    assert_ne!(run_to_end(&mut second).code, Some(0), "the lock was held all the time");
    drop(lock);
    hot.edit(MAIN, "new-text", "newest-text");
    hot.expect_verdict("live");
    assert_eq!(run_to_end(&mut second).code, Some(0), "it is free after a save");
    hot.end();
}

/// Whether rustup has the server for this toolchain.
fn is_installed(workspace: &Workspace) -> bool {
    let mut command = workspace.program(Path::new("rust-analyzer"), &["--version"]);
    let found = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

#[test]
fn the_real_server_checks_beside_a_session() {
    let mut hot = Session::start_in(Workspace::copy("depends"), &["-p", "app"]);
    if !is_installed(hot.workspace()) {
        eprintln!("skipped: no rust-analyzer");
        return hot.end();
    }
    hot.expect_output("3 old-text");
    let before = compiled(&hot);
    let root = format!("file://{}", hot.workspace().root().display());
    let file = format!("{root}/{MAIN}");
    let mut command = hot.workspace().program(Path::new("rust-analyzer"), &[]);
    let (mut server, _) = LanguageServer::start(
        command.stderr(Stdio::null()),
        json!({
            "processId": null, "rootUri": root,
            "capabilities": {"window": {"workDoneProgress": true}},
            "initializationOptions": {"cachePriming": {"enable": false}},
        }),
    );
    let text = hot.workspace().edited(MAIN, "old-text", "new-text");
    server.send(json!({"method": "textDocument/didOpen", "params": {"textDocument":
        {"uri": file, "languageId": "rust", "version": 1, "text": text}}}));
    hot.workspace().write(MAIN, &text);
    server
        .send(json!({"method": "textDocument/didSave", "params": {"textDocument": {"uri": file}}}));
    hot.expect_verdict("live");
    hot.expect_output("new-text");

    let checked = server.wait(BUILD_LIMIT, |message| {
        let progress = &message["params"];
        let token = progress["token"].as_str().unwrap_or_default();
        token.contains("flycheck") && progress["value"]["kind"] == "end"
    });
    if checked.is_none() {
        hot.fail("rust-analyzer has not ended a check");
    }
    assert_eq!(compiled(&hot), before, "the session's cargo had nothing to do");
    hot.edit(MAIN, "new-text", "newest-text");
    hot.expect_verdict("live");
    hot.expect_output("newest-text");
    server.end();
    hot.end();
}
