//! However a session ends, nothing that it started is left.

use std::sync::Arc;

use hotdev_tests::{Session, Signal, Workspace, is_alive};

#[test]
fn ctrl_c_ends_the_program_first() {
    let mut hot = Session::start("single");
    hot.expect_output("old greeting");
    let pid = hot.pid();
    hot.press_ctrl_c();
    hot.ends_clean();
    assert!(!is_alive(pid));
}

#[test]
fn an_interrupt_for_hotdev_alone() {
    let mut hot = Session::start("single");
    let pid = hot.pid();
    hot.signal(Signal::INT);
    hot.ends_clean();
    assert!(!is_alive(pid));
}

#[test]
fn a_request_to_terminate() {
    let mut hot = Session::start("single");
    hot.signal(Signal::TERM);
    hot.ends_clean();
}

#[test]
fn ctrl_c_during_the_first_build() {
    let mut hot = Session::launch(Workspace::copy("first-use"), &[]);
    hot.expect_event("building");
    hot.press_ctrl_c();
    hot.ends_clean();
}

#[test]
fn ctrl_c_while_a_save_is_built() {
    let mut hot = Session::start("single");
    hot.edit("src/main.rs", "old greeting", "new greeting");
    hot.expect_event("building");
    hot.press_ctrl_c();
    hot.ends_clean();
}

#[test]
fn a_session_follows_another_in_the_same_workspace() {
    let workspace = Workspace::copy("single");
    let mut hot = Session::start_in(workspace, &[]);
    hot.edit("src/main.rs", "old greeting", "new greeting");
    hot.expect_verdict("live");
    let mut hot = hot.again();
    hot.expect_output("new greeting");
    hot.edit("src/main.rs", "new greeting", "newest greeting");
    hot.expect_verdict("live");
    hot.expect_output("newest greeting");
    hot.end();
}

#[test]
fn the_program_ends_by_itself() {
    let mut hot = Session::start("stopper");
    let pid = hot.pid();
    hot.workspace().write("target/stop", "");
    let exited = hot.expect_event("exited");
    assert_eq!((&exited["pid"], &exited["status"]), (&pid.into(), &3.into()));
    hot.end();
}

#[test]
fn the_program_is_killed() {
    let mut hot = Session::start("single");
    hot.kill(hot.pid());
    let exited = hot.expect_event("exited");
    assert_eq!(exited["signal"], 9);
    hot.end();
}

#[test]
fn a_first_build_that_fails_is_told_and_mended() {
    let workspace = Workspace::copy("single");
    workspace.edit("src/main.rs", "number * 2", "number * \"two\"");
    let mut hot = Session::launch(workspace, &[]);
    hot.expect_verdict("compile-error");
    let started = hot.log().seen().events.iter().any(|event| event["event"] == "started");
    assert!(!started, "there is nothing to start");
    hot.edit("src/main.rs", "number * \"two\"", "number * 2");
    hot.expect_event("started");
    hot.expect_output("old greeting");
    hot.end();
}

#[test]
fn a_program_that_a_killed_session_left_is_told_and_patched_along() {
    let workspace = Arc::new(Workspace::copy("single"));
    let mut killed = Session::start_in(Arc::clone(&workspace), &[]);
    killed.expect_output("old greeting");
    let left = killed.pid();
    killed.kill_hotdev();

    let mut hot = Session::launch(Arc::clone(&workspace), &[]);
    let warning = hot.expect_event("warning");
    let said = warning["message"].as_str().unwrap_or_default();
    assert!(said.contains(&format!("process {left} of an earlier session")), "{warning}");
    assert!(
        said.contains("patched") || warning["hint"].to_string().contains("patched"),
        "{warning}"
    );
    assert!(warning["hint"].to_string().contains(&format!("`kill {left}`")), "{warning}");
    hot.expect_output("old greeting");
    hot.edit("src/main.rs", "old greeting", "new greeting");
    let live = hot.expect_verdict("live");
    assert!(live["pids"].as_array().is_some_and(|pids| pids.contains(&left.into())), "{live}");
    hot.expect_output("new greeting");
    killed.expect_output("new greeting");

    // The program alone is what the session is asked about.
    hot.kill(hot.pid());
    hot.expect_event("exited");
    assert_eq!(hot.command(&["status"]).code, Some(4));
    hot.end();
    assert!(!is_alive(left), "it ends with the session");
}

#[test]
fn workers_that_outlive_the_first_process_are_still_patched() {
    let workspace = Workspace::copy("forks");
    let tied = "unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };";
    workspace.edit("src/main.rs", tied, "");
    let mut hot = Session::start_in(workspace, &[]);
    for _ in 0..2 {
        hot.expect_line(&["tick 2 ", "worker"]);
    }
    let first = hot.pid();
    hot.kill(first);
    hot.expect_event("exited");
    assert_eq!(hot.command(&["status"]).code, Some(0), "the program is not gone");
    hot.edit("src/main.rs", "old-text", "new-text");
    let live = hot.expect_verdict("live");
    let pids = live["pids"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(pids.len() == 2 && !pids.contains(&first.into()), "{live}");
    hot.expect_line(&["worker", "new-text"]);
    hot.end();
}
