//! `hotdev reload` as editors call it: at once, from anywhere in the project, several at a time.

use std::thread;

use hotdev_tests::{CommandOutput, Session, Workspace, run_to_end};

const MAIN: &str = "src/main.rs";

/// Runs `hotdev reload` in a folder of the workspace where no cargo can be found.
fn reload_without_cargo(hot: &Session, folder: &str) -> CommandOutput {
    let mut command = hot.workspace().hotdev(&["reload"]);
    command.current_dir(hot.workspace().path(folder));
    run_to_end(command.env("PATH", "/nowhere").env_remove("CARGO"))
}

fn answers(output: &CommandOutput, line: &str) {
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(output.stdout.lines().count(), 1, "one line: {output:#?}");
    assert!(output.stdout.starts_with(line), "{output:#?}");
    assert_eq!(output.stderr, "", "{output:#?}");
}

#[test]
fn cargo_is_not_asked_for_the_session() {
    let mut hot = Session::start("single");
    answers(&reload_without_cargo(&hot, "."), "unchanged");
    hot.edit(MAIN, "old greeting", "new greeting");
    answers(&reload_without_cargo(&hot, "src"), "live 1 (");
    hot.expect_output("new greeting");
    hot.end();
}

#[test]
fn a_member_finds_the_session_of_its_workspace_and_others_do_not() {
    let workspace = Workspace::copy("depends");
    workspace.write("aside/Cargo.toml", "[package]\nname = \"aside\"\n[workspace]\n");
    workspace.write("aside/src/main.rs", "fn main() {}");
    let hot = Session::start_in(workspace, &["-p", "app"]);
    answers(&reload_without_cargo(&hot, "inner/src"), "unchanged");
    let aside = reload_without_cargo(&hot, "aside/src");
    assert_eq!(aside.code, Some(3), "a project of its own: {aside:#?}");
    hot.end();
}

#[test]
fn a_target_directory_of_cargos_configuration_is_found() {
    let workspace = Workspace::copy("single");
    workspace.write(".cargo/config.toml", "[build]\ntarget-dir = \"built/here\"\n");
    let mut hot = Session::start_in(workspace, &[]);
    assert!(hot.workspace().path("built/here/hotdev/session.json").is_file());
    hot.edit(MAIN, "old greeting", "new greeting");
    answers(&reload_without_cargo(&hot, "src"), "live 1 (");
    hot.expect_output("new greeting");
    assert!(!hot.workspace().path("target").exists(), "nothing is built elsewhere");
    hot.end();
}

#[test]
fn reloads_at_one_time_are_one_patch() {
    let mut hot = Session::start("single");
    hot.edit(MAIN, "old greeting", "new greeting");
    let outputs: Vec<CommandOutput> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..8).map(|_| scope.spawn(|| hot.command(&["reload", MAIN]))).collect();
        calls.into_iter().map(|call| call.join().expect("hotdev ends")).collect()
    });
    hot.expect_output("new greeting");
    for output in &outputs {
        assert_eq!(output.code, Some(0), "{outputs:#?}");
    }
    let is_live = |output: &&CommandOutput| output.stdout.starts_with("live 1 (");
    assert!(outputs.iter().any(|output| is_live(&output)), "{outputs:#?}");
    // Another patch would have come before this answer.
    answers(&hot.command(&["reload"]), "unchanged");
    let events = hot.log().seen().events.clone();
    let live = events.iter().filter(|event| event["event"] == "live");
    assert_eq!(live.count(), 1, "{events:#?}");
    hot.end();
}
