//! Whether new code has run yet: told once, by whichever process calls it first, and never of a
//! function that may have run unseen.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotdev_tests::{Session, Workspace};
use serde_json::Value;

const NUMBER: &str = "src/number.rs";
const MAIN: &str = "src/main.rs";

/// What the number changes and the loop and the threads of `calls` call, at opt-level 0.
const CALLED: &[&str] = &[
    "<calls::kinds::Square as calls::kinds::Shape>::number",
    "calls::kinds::applied::{{closure}}",
    "calls::kinds::caught::{{closure}}",
    "calls::kinds::generic",
    "calls::kinds::unwinds",
    "calls::many::foreign",
    "calls::many::mix",
    "calls::many::windows",
    "calls::update",
];

fn set(of: &Value) -> BTreeSet<String> {
    let names = of.as_array().into_iter().flatten();
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

/// Waits until these and no others were said to be called in a generation; what waits then.
fn are_called(hot: &mut Session, generation: u64, expected: &BTreeSet<String>) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    loop {
        let event = hot.expect_event("called");
        assert_eq!(event["generation"], generation, "{event}");
        for name in set(&event["functions"]) {
            assert!(called.insert(name), "said twice: {event}");
        }
        assert!(called.is_disjoint(&set(&event["waiting"])), "{event}");
        if called.len() >= expected.len() {
            assert_eq!(called, *expected);
            return set(&event["waiting"]);
        }
    }
}

fn waiting(hot: &Session) -> BTreeSet<String> {
    let status = hot.command(&["status", "--json"]).stdout;
    let lines = status.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let status = lines.into_iter().find(|line| line["event"] == "status");
    set(&status.expect("the session answers")["waiting"])
}

fn renumber(hot: &Session, from: u32, to: u32) {
    hot.edit(NUMBER, &format!("= {from}"), &format!("= {to}"));
}

fn prints(hot: &mut Session, number: u32) {
    let [update, shape] = [("update", 0), ("shape", 7)].map(|(n, d)| format!("{n}={}", number + d));
    let [generic, closure] =
        [("generic", 0), ("closure", 3)].map(|(n, d)| format!("{n}={}", number + d));
    hot.expect_line(&[
        "title=1000",
        &update,
        &shape,
        &generic,
        &closure,
        &format!("panics={number}"),
    ]);
}

fn nothing_is_wrong(hot: &Session) {
    let seen = hot.log().seen();
    assert!(!seen.lines.iter().any(|line| line.contains("wrong")), "{:?}", seen.lines.last());
}

#[test]
fn what_runs_is_told_and_what_does_not_waits() {
    let mut hot = Session::start("calls");
    renumber(&hot, 1000, 2000);
    let live = hot.expect_verdict("live");
    let title = names(&["calls::title"]);
    let expected = names(CALLED);
    assert_eq!(set(&live["waiting"]), &expected | &title);
    assert_eq!(are_called(&mut hot, 1, &expected), title);
    prints(&mut hot, 2000);
    assert_eq!(waiting(&hot), title);

    // Another generation of one function: only that is told, and the title waits on.
    hot.edit(MAIN, "fn update() -> u32 {\n    NUMBER", "fn update() -> u32 {\n    NUMBER + 1");
    hot.expect_verdict("live");
    let update = names(&["calls::update"]);
    assert!(are_called(&mut hot, 2, &update).is_empty());
    assert_eq!(waiting(&hot), title);

    // Going back calls what has been called already; there is nothing to tell.
    assert_eq!(hot.command(&["rollback", "0"]).code, Some(0));
    hot.expect_event("rolled-back");
    prints(&mut hot, 1000);
    assert!(waiting(&hot).is_empty());

    // Nor is there of what was told: this comes after all that the rollback could have brought.
    renumber(&hot, 2000, 3000);
    let live = hot.expect_verdict("live");
    assert_eq!(set(&live["waiting"]), &expected | &title);
    assert_eq!(
        are_called(&mut hot, live["generation"].as_u64().expect("a number"), &expected),
        title
    );
    nothing_is_wrong(&hot);
    hot.counts_on("tick", 0);
    hot.end();
}

#[test]
fn a_rollback_makes_what_waited_wait_again() {
    let mut hot = Session::start("calls");
    renumber(&hot, 1000, 2000);
    hot.expect_verdict("live");
    are_called(&mut hot, 1, &names(CALLED));
    renumber(&hot, 2000, 3000);
    hot.expect_verdict("live");
    are_called(&mut hot, 2, &names(CALLED));
    assert_eq!(waiting(&hot), names(&["calls::title"]));
    assert_eq!(hot.command(&["rollback", "1"]).code, Some(0));
    hot.expect_event("rolled-back");
    prints(&mut hot, 2000);
    assert_eq!(waiting(&hot), names(&["calls::title"]));
    nothing_is_wrong(&hot);
    hot.end();
}

#[test]
fn threads_that_call_all_the_time_notice_nothing() {
    let mut hot = Session::start("calls");
    let first = hot.newest_line();
    for number in 1..12 {
        renumber(&hot, number * 1000, (number + 1) * 1000);
        hot.expect_verdict("live");
        are_called(&mut hot, u64::from(number), &names(CALLED));
        prints(&mut hot, (number + 1) * 1000);
    }
    nothing_is_wrong(&hot);
    hot.counts_on("tick", first);
    hot.end();
}

#[test]
fn optimized_code_is_never_said_to_wait() {
    let mut hot = Session::start("optimized");
    // Not called through a slot: nobody can say.
    hot.edit("src/text.rs", "-old", "-new");
    let live = hot.expect_verdict("live");
    assert_eq!(live["waiting"], Value::Null, "{live}");
    hot.expect_output("-new");
    // Called by another crate, which is told.
    hot.edit("src/text.rs", "\"small\"", "\"tiny\"");
    let live = hot.expect_verdict("live");
    assert_eq!(live["waiting"], Value::Null, "{live}");
    let event = hot.expect_event("called");
    assert_eq!(event["generation"], 2, "{event}");
    assert!(set(&event["functions"]).contains("optimized::text::line"), "{event}");
    assert_eq!(event["waiting"], Value::Null, "{event}");
    hot.expect_output("tiny");
    assert!(waiting(&hot).is_empty());
    hot.end();
}

#[test]
fn one_process_of_several_is_enough() {
    let mut hot = Session::start("forks");
    hot.edit(MAIN, "old-text", "new-text");
    let live = hot.expect_verdict("live");
    assert_eq!(live["pids"].as_array().map(Vec::len), Some(3));
    let event = hot.expect_event("called");
    assert!(live["pids"].as_array().expect("pids").contains(&event["pid"]), "{event}");
    assert_eq!(set(&event["functions"]), names(&["forks::text"]));
    // The next one comes after all that the other processes had to tell.
    hot.expect_line(&["worker", "new-text"]);
    hot.edit(MAIN, "new-text", "newest-text");
    hot.expect_verdict("live");
    let events = hot.log().seen().events.clone();
    let first = |event: &&Value| event["event"] == "called" && event["generation"] == 1;
    assert_eq!(events.iter().filter(first).count(), 1);
    hot.end();
}

#[test]
fn what_an_earlier_session_left_counts_for_nothing() {
    let workspace = Arc::new(Workspace::copy("single"));
    // Only the process that the file names calls the function.
    let is_named =
        "std::fs::read_to_string(\"who\").is_ok_and(|who| who == std::process::id().to_string())";
    let greeted = format!("if {is_named} {{ greeting() }} else {{ \"nobody\" }}");
    workspace.edit(MAIN, "greeting(), doubled", &format!("{greeted}, doubled"));
    workspace.write("who", "");
    let mut killed = Session::start_in(Arc::clone(&workspace), &[]);
    killed.expect_output("tick ");
    let left = killed.pid();
    killed.kill_hotdev();
    let mut hot = Session::launch(Arc::clone(&workspace), &[]);
    // What was left is connected, and the new one runs.
    hot.expect_event("warning");
    hot.expect_output("tick ");
    hot.edit(MAIN, "old greeting", "new greeting");
    let live = hot.expect_verdict("live");
    assert!(live["pids"].as_array().is_some_and(|pids| pids.contains(&left.into())), "{live}");
    workspace.write("who", &left.to_string());
    killed.expect_output("new greeting");
    assert_eq!(waiting(&hot), names(&["single::greeting"]));
    workspace.write("who", &hot.pid().to_string());
    let event = hot.expect_event("called");
    assert_eq!(event["pid"], hot.pid(), "{event}");
    hot.expect_output("new greeting");
    hot.end();
}

#[test]
fn people_are_told_in_one_line() {
    let mut hot = Session::for_people(Workspace::copy("single"), &["--plain"], &[]);
    hot.expect_output("tick ");
    hot.edit(MAIN, "old greeting", "new greeting");
    hot.expect_line(&["hotdev: live 1 ", "single::greeting, waiting for its first call"]);
    hot.expect_output("hotdev: running 1: single::greeting");
    hot.edit(MAIN, "new greeting", "newest greeting");
    hot.expect_output("hotdev: live 2 ");
    hot.expect_output("hotdev: running 2: single::greeting");
    let seen = hot.log().seen();
    assert_eq!(seen.lines.iter().filter(|line| line.contains("hotdev: running 1")).count(), 1);
    drop(seen);
    hot.end();
}
