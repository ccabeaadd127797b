//! The commands beside `watch`, and the exit codes that editors and scripts rely on.

use std::process::Command;

use hotdev_tests::{CommandOutput, Session, Workspace, is_alive, prints};
use serde_json::Value;

const GAME: &str = "src/game.rs";
const MAIN: &str = "src/main.rs";

fn exits(output: &CommandOutput, code: i32, when: &str) {
    assert_eq!(output.code, Some(code), "{when}: {output:#?}");
}

/// The one event that a command printed; a reader skips events that it does not know.
fn json(output: &CommandOutput) -> Value {
    let known = ["live", "unchanged", "compile-error", "refused", "rolled-back", "status"];
    let events = output.stdout.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
    });
    let mut events = events.filter(|event| known.iter().any(|name| event["event"] == *name));
    events.next_back().unwrap_or_else(|| panic!("there is no event: {output:#?}"))
}

#[test]
fn reload_answers_for_the_files_as_they_are() {
    let mut hot = Session::start("single");
    exits(&hot.command(&["reload"]), 0, "nothing has changed");

    hot.edit(MAIN, "old greeting", "new greeting");
    exits(&hot.command(&["reload"]), 0, "live");
    hot.expect_output("new greeting");
    exits(&hot.command(&["reload", MAIN]), 0, "a file is named, nothing has changed");

    hot.edit(MAIN, "number * 2", "number * \"two\"");
    for when in ["an error", "the error is still there"] {
        let output = hot.command(&["reload"]);
        exits(&output, 1, when);
        let at = format!("{MAIN}:15:");
        let places = output.stdout.lines().chain(output.stderr.lines());
        assert!(places.into_iter().any(|line| begins_with_place(line, &at)), "{output:#?}");
    }
    hot.edit(MAIN, "number * \"two\"", "unsafe { no_such_function(number) }");
    hot.edit(
        MAIN,
        "fn main() {",
        "unsafe extern \"C\" {\n    fn no_such_function(_: u32) -> u32;\n}\n\nfn main() {",
    );
    for when in ["an unresolved symbol", "it is still unresolved"] {
        exits(&hot.command(&["reload"]), 2, when);
    }
    hot.edit(MAIN, "unsafe { no_such_function(number) }", "number * 0 + 4321");
    exits(&hot.command(&["reload"]), 0, "good again");
    hot.expect_output("new greeting 4321");
    hot.end();
}

/// `FILE:LINE:COLUMN:`, where the file may be given with its folders or without.
fn begins_with_place(line: &str, at: &str) -> bool {
    let Some((before, after)) = line.split_once(at) else { return false };
    let (column, rest) = after.split_once(':').unwrap_or_default();
    let is_path = before.is_empty() || (before.ends_with('/') && !before.contains(' '));
    is_path && column.parse::<u32>().is_ok() && !rest.is_empty()
}

#[test]
fn reload_in_json_gives_the_verdict() {
    let hot = Session::start("single");
    hot.edit(MAIN, "old greeting", "new greeting");
    let output = hot.command(&["reload", "--json"]);
    exits(&output, 0, "live");
    assert!(matches!(json(&output)["event"].as_str(), Some("live" | "unchanged")), "{output:#?}");
    hot.edit(MAIN, "\"new greeting\"", "1");
    let output = hot.command(&["reload", "--message-format", "json"]);
    exits(&output, 1, "an error");
    let event = json(&output);
    assert_eq!(event["event"], "compile-error");
    let error = &event["diagnostics"][0];
    assert_eq!(error["level"], "error");
    assert_eq!(error["line"], 11);
    assert!(error["file"].as_str().is_some_and(|file| file.ends_with(MAIN)), "{event}");
    assert!(error["rendered"].as_str().is_some_and(|text| text.contains("E0308")), "{event}");
    hot.end();
}

#[test]
fn reload_without_a_session_is_3() {
    let workspace = Workspace::copy("single");
    for command in ["reload", "rollback", "restart"] {
        exits(&workspace.command(&[command]), 3, command);
    }
}

#[test]
fn reload_without_a_program_is_4() {
    let mut hot = Session::start("stopper");
    hot.workspace().write("target/stop", "");
    let exited = hot.expect_event("exited");
    assert_eq!(exited["pid"], hot.pid());
    assert_eq!(exited["status"], 3);
    exits(&hot.command(&["reload"]), 4, "the program has ended");
    hot.end();
}

#[test]
fn a_program_that_is_gone_is_told_by_status_and_started_by_a_save() {
    let mut hot = Session::start("stopper");
    hot.workspace().write("target/stop", "");
    hot.expect_event("exited");
    let output = hot.command(&["status", "--json"]);
    exits(&output, 4, "the program has ended");
    let status = json(&output);
    assert_eq!((&status["state"], &status["ahead"]), (&"exited".into(), &false.into()), "{status}");
    let ended = &status["ended"];
    assert_eq!((&ended["pid"], &ended["status"]), (&hot.pid().into(), &3.into()), "{status}");
    assert!(ended["at"].as_u64() >= status["since"].as_u64(), "{status}");
    let plain = hot.command(&["status"]);
    exits(&plain, 4, "for people");
    assert!(plain.stdout.contains("status 3") && plain.stdout.contains(" ago"), "{plain:#?}");

    hot.workspace().delete("target/stop");
    hot.edit(MAIN, "old-text", "new-text");
    hot.expect_event("building");
    let output = hot.command(&["reload"]);
    exits(&output, 0, "the save starts it");
    assert!(!output.stdout.is_empty(), "a verdict is shown");
    hot.expect_output("new-text");
    exits(&hot.command(&["status"]), 0, "it runs again");
    hot.end();
}

#[test]
fn reload_of_a_missing_file_names_the_nearest() {
    let hot = Session::start("refused-restart");
    for (file, nearest) in [("src/gmae.rs", GAME), ("main.rs", MAIN)] {
        let output = hot.command(&["reload", file]);
        exits(&output, 64, file);
        assert!(output.stderr.contains(file) && output.stderr.contains(nearest), "{output:#?}");
    }
    let inside = hot
        .workspace()
        .hotdev(&["reload", "gmae.rs"])
        .current_dir(hot.workspace().path("src"))
        .output();
    let said = String::from_utf8(inside.expect("it starts").stderr).expect("text");
    assert!(
        said.contains(" gmae.rs") && said.contains(" game.rs"),
        "named from where one is: {said}"
    );
    // One that was part of the program is an edit.
    let text = hot.workspace().read(GAME);
    hot.workspace().delete(GAME);
    exits(&hot.command(&["reload", GAME]), 1, "a deleted file");
    hot.workspace().write(GAME, &text);
    exits(&hot.command(&["reload", GAME]), 0, "it is back");
    hot.end();
}

#[test]
fn reload_of_a_file_that_is_no_part_of_the_program() {
    let hot = Session::start("single");
    hot.workspace().write("notes.md", "later");
    let output = hot.command(&["reload", "notes.md"]);
    exits(&output, 0, "notes");
    assert!(output.stdout.contains("notes.md is not part of the running program"), "{output:#?}");
    hot.edit(MAIN, "old greeting", "new greeting");
    let output = hot.command(&["reload", "notes.md"]);
    exits(&output, 0, "another file has changed as well");
    hot.edit(MAIN, "number * 2", "number * \"two\"");
    exits(&hot.command(&["reload"]), 1, "an error");
    exits(&hot.command(&["reload", "notes.md"]), 1, "the error stands");
    hot.end();
}

#[test]
fn a_refusal_says_what_why_and_what_to_do() {
    let workspace = Workspace::copy("refused-restart");
    workspace.delete("hotdev.toml");
    let mut hot = Session::start_in(workspace, &[]);
    hot.edit(GAME, "score: u32", "score: u64");
    let refused = hot.expect_verdict("refused");
    let output = hot.command(&["reload"]);
    exits(&output, 2, "refused");
    let place = format!("{GAME}:{}:1: error: ", refused["items"][0]["line"]);
    for text in [
        place.as_str(),
        "refused: a type has another layout",
        "why:",
        "so:   the program runs on",
        "next: `hotdev restart`",
        "on-incompatible = \"restart\"",
    ] {
        assert!(output.stdout.contains(text), "{text}: {output:#?}");
    }
    let status = json(&hot.command(&["status", "--json"]));
    assert_eq!(status["verdict"]["code"], "layout-changed", "{status}");
    assert_eq!(status["ahead"], true, "{status}");
    hot.end();
}

#[test]
fn a_file_is_named_from_where_the_reader_is() {
    let hot = Session::start("single");
    hot.edit(MAIN, "number * 2", "number * \"two\"");
    let inside =
        hot.workspace().hotdev(&["reload"]).current_dir(hot.workspace().path("src")).output();
    let said = String::from_utf8(inside.expect("it starts").stdout).expect("text");
    assert!(said.starts_with("main.rs:15:") && said.contains("--> main.rs:15:"), "{said}");
    hot.end();
}

#[test]
fn every_answer_in_json_is_json() {
    let is_json = |output: CommandOutput, when: &str| {
        let mut lines = output.stdout.lines().peekable();
        assert!(lines.peek().is_some(), "{when}: {output:#?}");
        for line in lines {
            let event: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{when}: {error}: {line}"));
            assert!(event["event"].is_string(), "{when}: {line}");
        }
        output.code
    };
    let workspace = Workspace::copy("single");
    for (args, code) in [
        (&["status", "--json"][..], 3),
        (&["reload", "--json"], 3),
        (&["reload", "--no-such", "--json"], 64),
        (&["demo", "--json"], 64),
        (&["watch", "--json", "-p", "nobody"], 1),
        (&["status", "--json", "--manifest-path", "nowhere/Cargo.toml"], 1),
        (&["init", "--json"], 0),
    ] {
        assert_eq!(is_json(workspace.command(args), &args.join(" ")), Some(code), "{args:?}");
    }
    let hot = Session::start_in(workspace, &[]);
    for (args, code) in [
        (&["reload", "nosuch.rs", "--json"][..], 64),
        (&["reload", "Cargo.lock", "--json"], 0),
        (&["rollback", "--json"], 64),
        (&["rollback", "7", "--json"], 64),
        (&["status", "--json"], 0),
        (&["watch", "--json"], 3),
        (&["restart", "--json"], 0),
    ] {
        assert_eq!(is_json(hot.command(args), &args.join(" ")), Some(code), "{args:?}");
    }
    hot.end();
}

#[test]
fn a_wrong_command_line_is_64() {
    let workspace = Workspace::copy("single");
    for args in [
        &["reload", "--nonsense"][..],
        &["nonsense"],
        &["rollback", "first"],
        &["watch", "--no-such-option"],
    ] {
        exits(&workspace.command(args), 64, &args.join(" "));
    }
    for args in [&["--help"][..], &["--version"], &["watch", "--help"], &["reload", "--help"]] {
        exits(&workspace.command(args), 0, &args.join(" "));
    }
}

#[test]
fn status_names_what_runs() {
    let mut hot = Session::start("single");
    hot.edit(MAIN, "old greeting", "new greeting");
    hot.expect_verdict("live");
    let output = hot.command(&["status", "--json"]);
    exits(&output, 0, "a session runs");
    let status = json(&output);
    assert_eq!(status["event"], "status");
    assert_eq!(status["state"], "running");
    assert_eq!(status["program"], "single");
    assert_eq!(status["generation"], 1);
    assert_eq!(status["pids"], serde_json::json!([hot.pid()]));
    assert_eq!(status["workspace"].as_str(), hot.workspace().root().to_str());
    assert_eq!((&status["verdict"]["event"], &status["ahead"]), (&"live".into(), &false.into()));
    assert!(status["since"].as_u64().is_some(), "{status}");
    let plain = hot.command(&["status"]);
    exits(&plain, 0, "for people");
    assert!(plain.stdout.contains(&hot.pid().to_string()), "{plain:#?}");
    hot.end();
}

#[test]
fn rollback_brings_the_old_code_back() {
    let mut hot = Session::start("single");
    let (pid, line) = (hot.pid(), hot.newest_line());
    for (old, new) in [("old greeting", "first-greeting"), ("first-greeting", "second-greeting")] {
        hot.edit(MAIN, old, new);
        hot.expect_verdict("live");
        hot.expect_output(new);
    }
    exits(&hot.command(&["rollback"]), 0, "one generation back");
    let event = hot.expect_event("rolled-back");
    assert_eq!((&event["generation"], &event["to"]), (&Value::from(2), &Value::from(1)));
    hot.expect_output("first-greeting");
    hot.never_output("second-greeting");

    exits(&hot.command(&["rollback", "0"]), 0, "to the beginning");
    hot.expect_event("rolled-back");
    hot.expect_output("old greeting");
    hot.never_output("first-greeting");
    assert_ne!(hot.command(&["rollback", "99"]).code, Some(0), "there is no generation 99");

    hot.edit(MAIN, "second-greeting", "third-greeting");
    hot.expect_event("live");
    hot.expect_output("third-greeting");
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn restart_gives_a_new_process_of_the_files_as_they_are() {
    let mut hot = Session::start("single");
    let pid = hot.pid();
    hot.edit(MAIN, "old greeting", "new greeting");
    hot.expect_verdict("live");
    exits(&hot.command(&["restart"]), 0, "restart");
    let event = hot.expect_event("restarted");
    assert_ne!(event["pid"], pid);
    assert!(!is_alive(pid), "the process before is gone");
    hot.expect_output("new greeting");
    hot.edit(MAIN, "new greeting", "newest greeting");
    hot.expect_verdict("live");
    hot.expect_output("newest greeting");
    hot.end();
}

/// Two replacements in one save.
fn both(hot: &Session, a: [&str; 2], b: [&str; 2]) {
    let text = hot.workspace().edited(GAME, a[0], a[1]);
    assert!(text.contains(b[0]), "{text}");
    hot.workspace().write(GAME, &text.replace(b[0], b[1]));
}

#[test]
fn restart_after_a_refusal_takes_the_refused_edit_in() {
    let workspace = Workspace::copy("refused-restart");
    workspace.write("hotdev.toml", "[reload]\non-incompatible = \"keep\"\n");
    let mut hot = Session::start_in(workspace, &[]);
    let pid = hot.pid();
    hot.expect_output("line-0 true");
    for _ in 0..2 {
        both(&hot, ["score: u32", "score: u64"], ["line-0", "line-1"]);
        let refused = hot.expect_verdict("refused");
        assert_eq!(refused["code"], "layout-changed", "{refused}");
        hot.expect_output("line-0 true");
        hot.never_output("line-1");
        exits(&hot.command(&["reload"]), 2, "it is still refused");
        hot.expect_verdict("refused");
        // Taken back, and refused once more.
        hot.edit(GAME, "score: u64", "score: u32");
        hot.expect_verdict("live");
        hot.expect_output("line-1 true");
        hot.edit(GAME, "line-1", "line-0");
        hot.expect_verdict("live");
    }
    both(&hot, ["score: u32", "score: u64"], ["line-0", "line-2"]);
    assert_eq!(hot.expect_verdict("refused")["code"], "layout-changed");
    assert_eq!(hot.pid(), pid);

    exits(&hot.command(&["restart"]), 0, "restart");
    hot.expect_event("restarted");
    assert!(hot.pid() != pid && !is_alive(pid), "it is another process");
    hot.expect_line(&["line-2", "rounds-few"]);
    exits(&hot.command(&["reload"]), 0, "nothing is refused any more");

    let (pid, line) = (hot.pid(), hot.newest_line());
    for (old, new) in [("line-2", "line-3"), ("line-3", "line-4")] {
        hot.edit(GAME, old, new);
        hot.expect_verdict("live");
        hot.expect_output(new);
    }
    both(&hot, ["score: u64", "score: u32"], ["line-4", "line-5"]);
    let refused = hot.expect_verdict("refused");
    assert_eq!(
        refused["code"], "layout-changed",
        "the layout before is another one now: {refused}"
    );
    hot.expect_output("line-4 true");
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn init_writes_one_file_and_never_twice() {
    let workspace = Workspace::copy("single");
    let (manifest, main) = (workspace.read("Cargo.toml"), workspace.read(MAIN));
    exits(&workspace.command(&["init"]), 0, "the first time");
    let written = workspace.read("hotdev.toml");
    for key in ["[app]", "[hot]", "[reload]", "[watch]", "on-incompatible"] {
        assert!(written.contains(key), "{key} is explained in\n{written}");
    }
    exits(&workspace.command(&["init"]), 0, "the second time");
    assert_eq!(workspace.read("hotdev.toml"), written);
    workspace.write("hotdev.toml", "[watch]\nignore = [\"notes\"]\n");
    exits(&workspace.command(&["init"]), 0, "with a file of the user's");
    assert_eq!(workspace.read("hotdev.toml"), "[watch]\nignore = [\"notes\"]\n");
    assert_eq!((workspace.read("Cargo.toml"), workspace.read(MAIN)), (manifest, main));
}

#[test]
fn what_init_writes_is_a_configuration_that_works() {
    let workspace = Workspace::copy("single");
    exits(&workspace.command(&["init"]), 0, "init");
    let mut hot = Session::start_in(workspace, &[]);
    hot.edit(MAIN, "old greeting", "new greeting");
    hot.expect_verdict("live");
    hot.expect_output("new greeting");
    hot.end();
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let workspace = Workspace::copy("single");
    workspace.write("hotdev.toml", "[reload]\non-incompatable = \"keep\"\n");
    let output = workspace.command(&["watch", "--json"]);
    assert!(!matches!(output.code, Some(0) | None), "{output:#?}");
    let said = output.stdout + &output.stderr;
    assert!(said.contains("on-incompatable") && said.contains("on-incompatible"), "{said}");
}

#[test]
fn a_wrong_value_names_its_key_and_the_values_there_are() {
    let workspace = Workspace::copy("single");
    workspace.write("hotdev.toml", "[reload]\n\non-incompatible = \"maybe\"\n");
    let output = workspace.command(&["watch"]);
    exits(&output, 1, "maybe");
    for text in ["hotdev.toml:3: `on-incompatible`", "`maybe`", "\"ask\", \"restart\" or \"keep\""]
    {
        assert!(output.stderr.contains(text), "{text}: {output:#?}");
    }
}

#[test]
fn run_leaves_the_output_to_the_program() {
    let workspace = Workspace::copy("single");
    let mut hot = Session::run(workspace, &[]);
    hot.expect_output("old greeting");
    hot.edit(MAIN, "old greeting", "new greeting");
    exits(&hot.command(&["reload"]), 0, "live");
    hot.expect_output("new greeting");
    let lines = hot.log().seen().lines.clone();
    let other = lines.iter().find(|line| !line.starts_with("tick "));
    assert_eq!(other, None, "hotdev is silent on stdout");
    hot.end();
}

#[test]
fn arguments_after_two_dashes_reach_the_program() {
    let mut hot =
        Session::start_in(Workspace::copy("excluded"), &["-p", "app", "--", "from-shell"]);
    hot.expect_output("from-shell calm");
    hot.end();
}

#[test]
fn the_program_alone_does_not_need_hotdev() {
    let mut hot = Session::start("single");
    hot.edit(MAIN, "old greeting", "new greeting");
    hot.expect_verdict("live");
    let program = std::fs::read_link(format!("/proc/{}/exe", hot.pid())).expect("the program runs");
    if let Err(error) = prints(&mut Command::new(program), &["tick 3 "]) {
        hot.fail(&format!("without a session: {error}"));
    }
    hot.end();
}
