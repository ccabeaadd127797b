use std::path::{Path, PathBuf};

use super::event::*;
use super::human::Human;
use super::{error, json, reload, status};
use crate::control::Done;
use crate::error::{Error, Kind};

fn human(event: &Event) -> String {
    Human { colors: false, base: "/w".into() }.event(event, true, false)
}

fn for_editor(event: &Event) -> String {
    reload::render(event, Path::new("/w"), false)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn live(functions: &[&str], notes: &[&str]) -> Event {
    let ms = Timings { detect: 1.2, rustc: 180.4, check: 4.1, link: 19.6, load: 0.7, total: 214.2 };
    Event::Live {
        generation: 3,
        pids: vec![123],
        crates: names(&["game"]),
        functions: names(functions),
        ms,
        bytes: 9000,
        slots: 12,
        notes: names(notes),
        waiting: Vec::new(),
        noted: Vec::new(),
        older: Older::default(),
    }
}

fn compile_error() -> Event {
    let error = Diagnostic {
        file: "/w/game/src/lib.rs".into(),
        line: 12,
        column: 5,
        level: "error".into(),
        message: "mismatched types".into(),
        rendered: "error[E0308]: mismatched types\n --> game/src/lib.rs:12:5\n  |\n\n".into(),
    };
    let warning = Diagnostic {
        file: PathBuf::new(),
        line: 0,
        column: 0,
        level: "warning".into(),
        message: "unused".into(),
        rendered: "warning: unused".into(),
    };
    Event::CompileError { diagnostics: vec![error.clone(), warning, error] }
}

fn refused() -> Event {
    let field = Item {
        name: "game::State.score".into(),
        was: "u32 at 8".into(),
        now: "u64 at 8".into(),
        file: Some("/w/game/src/lib.rs".into()),
        line: Some(7),
    };
    let removed = Item { name: "game::State.lives".into(), was: "u8".into(), ..Item::default() };
    Event::Refused {
        code: RefusalCode::LayoutChanged,
        items: vec![field, removed],
        message: "the layout of game::State changed".into(),
    }
}

fn status_of(pending: Option<Event>) -> Event {
    let generation = |generation, functions: &[&str], ms| GenerationInfo {
        generation,
        functions: names(functions),
        ms,
    };
    Event::Status(Box::new(Status {
        state: "running".into(),
        session: 99,
        workspace: "/w".into(),
        program: "game".into(),
        pids: vec![123, 124],
        generation: 1,
        generations: vec![generation(1, &["game::update"], 214.2)],
        pending: pending.map(Box::new),
        since: None,
        ended: None,
        verdict: None,
        ahead: None,
        waiting: Vec::new(),
    }))
}

#[test]
fn people_read_of_a_live_patch() {
    let functions = ["game::update", "game::State::step", "a", "b", "c", "d"];
    assert_eq!(
        human(&live(&functions, &[])),
        "hotdev: live 3 in 214 ms  game::update, game::State::step (+4)  \
         [rustc 180, check 4, link 20, load 1]\n"
    );
    assert_eq!(
        human(&live(&[], &["the value of game::START is kept"])),
        "hotdev: live 3 in 214 ms  [rustc 180, check 4, link 20, load 1]\n\
         hotdev: note: the value of game::START is kept\n"
    );
}

#[test]
fn people_read_of_a_compile_error() {
    assert_eq!(
        human(&compile_error()),
        "error[E0308]: mismatched types\n --> game/src/lib.rs:12:5\n  |\n\n\
         warning: unused\n\n\
         error[E0308]: mismatched types\n --> game/src/lib.rs:12:5\n  |\n\n\
         hotdev: compile error: 2 errors, 1 warning; the program runs on as it was\n"
    );
    let event = Event::CompileError { diagnostics: Vec::new() };
    let stopped = Human { colors: false, base: "/w".into() }.event(&event, false, false);
    assert_eq!(stopped, "hotdev: compile error\n");
}

#[test]
fn people_read_of_a_refusal() {
    assert_eq!(
        human(&refused()),
        "hotdev: game/src/lib.rs:7: game::State.score: u32 at 8 -> u64 at 8\n\
         hotdev: and 1 more, which `hotdev reload --json` names\n\
         hotdev: refused: the layout of game::State changed\n\
         hotdev:   why:  new code would read and write values that exist at the wrong places\n\
         hotdev:   so:   the program runs on as it was\n\
         hotdev:   next: `hotdev restart` runs it with fresh state; \
         taking the edit back keeps the state\n\
         hotdev:   or:   on-incompatible = \"restart\" in hotdev.toml restarts on every such save\n"
    );
    let restarts = Human { colors: false, base: "/w".into() }.event(&refused(), true, true);
    assert!(
        restarts.contains("hotdev: refused: the layout of game::State changed\n"),
        "{restarts}"
    );
    assert!(restarts.ends_with("so:   it restarts now, as on-incompatible in hotdev.toml says\n"));
}

#[test]
fn people_read_of_what_is_left_at_the_end() {
    let human = Human { colors: false, base: "/w".into() };
    assert_eq!(
        human.left(&refused()),
        "hotdev: not in the program when it ended:\n\
         hotdev: game/src/lib.rs:7: game::State.score: u32 at 8 -> u64 at 8\n\
         hotdev: and 1 more, which `hotdev reload --json` names\n\
         hotdev: refused: the layout of game::State changed\n\
         hotdev:   why:  new code would read and write values that exist at the wrong places\n\
         hotdev:   so:   it is in the program from its next start on\n"
    );
    let text = human.left(&compile_error());
    assert!(text.ends_with("\nhotdev: compile error: 2 errors, 1 warning\n"), "{text}");
}

#[test]
fn every_refusal_fits_a_terminal() {
    use RefusalCode::*;
    for code in [
        LayoutChanged,
        VtableChanged,
        StaticChanged,
        UnresolvedSymbol,
        SlotMismatch,
        LoadFailed,
        PatchFailed,
        NeedsRestart,
    ] {
        let event = Event::Refused { code, items: Vec::new(), message: "no".into() };
        for line in human(&event).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        assert_eq!(serde_json::to_value(&event).unwrap()["event"], event.name());
    }
}

#[test]
fn a_long_change_stands_on_lines_of_its_own() {
    let (was, now) = ("a".repeat(40), "b".repeat(40));
    let item = Item { name: "game::State".into(), was, now, ..Item::default() };
    let items = vec![item; 10];
    let event = Event::Refused { code: RefusalCode::LayoutChanged, items, message: "no".into() };
    let (text, other) = (human(&event), for_editor(&event));
    assert!(text.starts_with("hotdev: game::State\nhotdev:     was aaaa"), "{text}");
    assert!(text.contains("\nhotdev:     now bbbb") && text.contains("hotdev: and 2 more, "));
    assert!(other.starts_with("error: game::State\n    was aaaa"), "{other}");
}

#[test]
fn a_verdict_given_before_is_one_line() {
    let human = Human { colors: false, base: "/w".into() };
    assert_eq!(
        human.again(&compile_error(), true),
        "hotdev: compile error: 2 errors, 1 warning, as before; the program runs on as it was\n"
    );
    assert_eq!(human.again(&refused(), false), "hotdev: refused (layout-changed), as before\n");
}

#[test]
fn files_are_named_from_where_the_reader_is() {
    let text = reload::render(&compile_error(), Path::new("/w/tools"), false);
    assert!(text.starts_with("../game/src/lib.rs:12:5: error: mismatched types\n"), "{text}");
    assert!(text.contains("\n   --> ../game/src/lib.rs:12:5\n"), "{text}");
    let inside = Human { colors: false, base: "/w/game".into() };
    assert!(inside.event(&compile_error(), true, false).contains("\n --> src/lib.rs:12:5\n"));
    let elsewhere = reload::render(&refused(), Path::new("/home"), false);
    assert!(elsewhere.starts_with("/w/game/src/lib.rs:7:1: error: "), "{elsewhere}");
}

#[test]
fn people_read_of_the_rest() {
    let building = |reason, crates: &[&str]| Event::Building {
        reason,
        crates: names(crates),
        files: vec!["/w/a.rs".into()],
    };
    let exited = |status, signal| Event::Exited { pid: 1, status, signal };
    let warning = |hint: Option<&str>| Event::Warning {
        message: "two\nlines".into(),
        hint: hint.map(Into::into),
    };
    let reason = || String::from("it crashed");
    for (event, expected) in [
        (building(Reason::Start, &["game", "logic", "net"]), "building game, logic (+1)"),
        (building(Reason::Start, &[]), "building"),
        (building(Reason::Restart, &[]), "building for a restart"),
        (Event::Started { pid: 1, generation: 0 }, "running (process 1)"),
        (Event::Started { pid: 1, generation: 2 }, "running (process 1, generation 2)"),
        (
            Event::Unchanged { files: vec!["/w/a.rs".into(), "/x/b.rs".into()] },
            "unchanged: a.rs, /x/b.rs: no code of the program differs",
        ),
        (Event::Unchanged { files: vec![] }, "unchanged: no code of the program differs"),
        (
            Event::RolledBack { generation: 2, to: 1, reason: reason() },
            "rolled back from 2 to 1: it crashed",
        ),
        (Event::Restarted { pid: 5, reason: reason() }, "restarted (process 5): it crashed"),
        (exited(Some(1), None), "the program ended (process 1): status 1"),
        (exited(None, Some(11)), "the program ended (process 1): signal 11 (SIGSEGV)"),
        (warning(None), "warning: two\nhotdev: lines"),
        (warning(Some("do it")), "warning: two\nhotdev: lines\nhotdev: hint: do it"),
    ] {
        assert_eq!(human(&event), format!("hotdev: {expected}\n"));
    }
}

#[test]
fn people_read_of_a_save_when_there_is_a_verdict() {
    let event =
        Event::Building { reason: Reason::Save, crates: vec!["game".into()], files: Vec::new() };
    assert_eq!(human(&event), "");
}

#[test]
fn people_read_of_an_error() {
    let error = Error::new(Kind::Watch, "watch src", "no space").hint("raise the limit");
    let lines = Human { colors: false, base: "/w".into() }.error(&error);
    assert_eq!(
        lines,
        "hotdev: error: failed to watch src: no space\nhotdev: hint: raise the limit\n"
    );
    assert_eq!(
        error::render(&error, false),
        "error: failed to watch src: no space\n  = hint: raise the limit\n"
    );
}

#[test]
fn colours_mark_the_name_and_the_verdict() {
    let human = Human { colors: true, base: "/w".into() };
    let text = human.event(&Event::CompileError { diagnostics: Vec::new() }, false, false);
    assert_eq!(text, "\x1b[1;36mhotdev:\x1b[0m \x1b[1;31mcompile error\x1b[0m\n");
    let text = human.event(&live(&[], &[]), true, false);
    assert!(text.starts_with("\x1b[1;36mhotdev:\x1b[0m \x1b[1;32mlive 3\x1b[0m in 214 ms"));
}

#[test]
fn colours_mark_what_rustc_says() {
    let human = Human { colors: true, base: "/w".into() };
    let text = human.event(&compile_error(), true, false);
    assert!(text.starts_with("\x1b[1;31merror[E0308]\x1b[0m: mismatched types\n --> "), "{text}");
    assert!(text.contains("\n\x1b[1;33mwarning\x1b[0m: unused\n"), "{text}");
}

#[test]
fn editors_read_places_first() {
    let place = "game/src/lib.rs:12:5: error: mismatched types\n  error[E0308]: mismatched types\n   \
                 --> game/src/lib.rs:12:5\n    |\n";
    assert_eq!(
        for_editor(&compile_error()),
        format!(
            "{place}warning: unused\n  warning: unused\n{place}compile error: 2 errors, 1 warning\n"
        )
    );
    assert_eq!(
        for_editor(&refused()),
        "game/src/lib.rs:7:1: error: game::State.score: u32 at 8 -> u64 at 8\n\
         and 1 more, which `hotdev reload --json` names\n\
         refused: the layout of game::State changed\n  \
         why:  new code would read and write values that exist at the wrong places\n  \
         so:   the program runs on as it was\n  \
         next: `hotdev restart` runs it with fresh state; taking the edit back keeps the state\n  \
         or:   on-incompatible = \"restart\" in hotdev.toml restarts on every such save\n"
    );
}

#[test]
fn editors_read_one_line_of_success() {
    assert_eq!(for_editor(&live(&["game::update"], &[])), "live 3 (214 ms): game::update\n");
    assert_eq!(for_editor(&live(&[], &["x"])), "live 3 (214 ms)\n  note: x\n");
    let unchanged = Event::Unchanged { files: vec!["/w/a.rs".into()] };
    assert_eq!(for_editor(&unchanged), "unchanged: no code of the program differs\n");
    assert_eq!(for_editor(&Event::Started { pid: 1, generation: 0 }), "running (process 1)\n");
}

#[test]
fn the_status_lists_generations_and_what_is_not_live() {
    let lines = "game: running, generation 1, processes 123, 124\n\
                 session: process 99, workspace /w\n     \
                 0            as it started\n\
                 *    1    214 ms  game::update\n";
    assert_eq!(for_editor(&status_of(None)), lines);
    assert_eq!(
        for_editor(&status_of(Some(Event::CompileError { diagnostics: Vec::new() }))),
        format!("{lines}not live:\n  compile error\n")
    );
    assert!(human(&status_of(None)).starts_with("hotdev: game: running"));
}

#[test]
fn the_status_takes_a_rollback_for_what_was_asked() {
    let back = Event::RolledBack { generation: 2, to: 1, reason: "asked for".into() };
    let text = for_editor(&status_of(Some(back)));
    assert!(!text.contains("not live"), "{text}");
    assert!(text.contains("\n     0            as it started\n*    1 "), "{text}");
    assert!(text.ends_with("next: `hotdev reload` applies the files as they are now\n"));
    let Event::Status(status) = status_of(None) else { unreachable!() };
    let back = Event::RolledBack { generation: 1, to: 0, reason: "asked for".into() };
    let (generations, pending) = (Vec::new(), Some(Box::new(back)));
    let status = Status { generation: 0, generations, pending, ..*status };
    let text = for_editor(&Event::Status(Box::new(status)));
    assert!(text.contains("\n*    0            as it started\n"), "{text}");
}

#[test]
fn the_status_says_since_when_and_how_it_ended() {
    let Event::Status(status) = status_of(None) else { unreachable!() };
    let verdict =
        Verdict { event: "refused".into(), code: Some(RefusalCode::LayoutChanged), at: 1100 };
    let mut status = Status {
        since: Some(1000),
        verdict: Some(verdict),
        ahead: Some(true),
        generations: Vec::new(),
        ..*status
    };
    let lines = |status: &Status| status::lines_at(1200, status, Path::new("/w"), false).join("\n");
    assert_eq!(
        lines(&status),
        "game: running for 3 min, generation 1, processes 123, 124\n\
         files:   ahead of the program; `hotdev reload` tries them\n\
         verdict: refused (layout-changed), 1 min ago\n\
         session: process 99, workspace /w"
    );
    status.pending = Some(Box::new(refused()));
    assert!(lines(&status).contains("the program runs on"));
    status.state = "exited".into();
    assert!(!lines(&status).contains("the program runs on"), "nothing runs");
    status.pending = None;
    status.pids.clear();
    status.ahead = Some(false);
    status.ended = Some(Ended { pid: 123, status: None, signal: Some(11), at: 1195 });
    assert_eq!(
        lines(&status),
        "game: ended 5 s ago, signal 11 (SIGSEGV) (process 123)\n\
         files:   as the program had them\n\
         verdict: refused (layout-changed), 1 min ago\n\
         session: process 99, workspace /w\n\
         next: `hotdev restart` starts it, and so does the next save"
    );
}

#[test]
fn machines_read_one_object_a_line() {
    assert_eq!(
        json::event(&Event::Started { pid: 1, generation: 0 }),
        "{\"event\":\"started\",\"pid\":1,\"generation\":0}\n"
    );
    let error = Error::new(Kind::Link, "link", "a\nb");
    assert_eq!(
        json::error(&error),
        "{\"event\":\"error\",\"kind\":\"link\",\"doing\":\"link\",\"cause\":\"a\\nb\",\"hint\":null}\n"
    );
    let done = Done { exit: 2, message: Some("no".into()), hint: None };
    assert_eq!(
        json::done(&done),
        "{\"event\":\"done\",\"exit\":2,\"message\":\"no\",\"hint\":null}\n"
    );
    assert_eq!(reload::render_done(&done, Some("error: ")), "error: no\n");
}

#[test]
fn what_waits_for_a_call_is_said_once() {
    let with = |waiting_names: &[&str], noted_names: &[&str]| {
        let notes: Vec<_> = noted_names.iter().map(|name| format!("{name} waits")).collect();
        let notes: Vec<_> = notes.iter().map(String::as_str).collect();
        let mut event = live(&["game::a", "game::b"], &notes);
        if let Event::Live { waiting, noted, .. } = &mut event {
            (*waiting, *noted) = (names(waiting_names), names(noted_names));
        }
        human(&event)
    };
    let stages = "[rustc 180, check 4, link 20, load 1]";
    let line =
        |calls: &str| format!("hotdev: live 3 in 214 ms  game::a, game::b{calls}  {stages}\n");
    assert_eq!(with(&[], &[]), line(""));
    assert_eq!(with(&["game::a", "game::b"], &[]), line(", waiting for their first calls"));
    assert_eq!(with(&["game::a"], &[]), line(", 1 waits for its first call"));
    let noted = line("") + "hotdev: note: game::a waits\n";
    assert_eq!(with(&["game::a"], &["game::a"]), noted);
    let called = |functions: &[&str], waiting: &[&str]| {
        let (functions, waiting) = (names(functions), names(waiting));
        human(&Event::Called { generation: 3, pid: 123, functions, waiting })
    };
    assert_eq!(called(&["game::a"], &[]), "hotdev: running 3: game::a\n");
    assert_eq!(
        called(&["game::a", "game::b", "game::c"], &["game::d", "game::e"]),
        "hotdev: running 3: game::a, game::b (+1); 2 wait for their first calls\n"
    );
}
