use std::path::{Path, PathBuf};

use super::event::*;
use super::human::Human;
use super::{error, json, reload};
use crate::control::Done;
use crate::error::{Error, Kind};

fn human(event: &Event) -> String {
    Human { colors: false, base: "/w".into() }.event(event, true)
}

fn for_editor(event: &Event) -> String {
    reload::render(event, Path::new("/w"))
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

fn status(pending: Option<Event>) -> Event {
    let generation = |generation, functions: &[&str], ms| GenerationInfo {
        generation,
        functions: names(functions),
        ms,
    };
    Event::Status(Status {
        state: "running".into(),
        session: 99,
        workspace: "/w".into(),
        program: "game".into(),
        pids: vec![123, 124],
        generation: 1,
        generations: vec![generation(0, &[], 0.0), generation(1, &["game::update"], 214.2)],
        pending: pending.map(Box::new),
    })
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
    let stopped = Human { colors: false, base: "/w".into() }.event(&event, false);
    assert_eq!(stopped, "hotdev: compile error\n");
}

#[test]
fn people_read_of_a_refusal() {
    assert_eq!(
        human(&refused()),
        "hotdev: game/src/lib.rs:7: game::State.score: u32 at 8 -> u64 at 8\n\
         hotdev: game::State.lives: was u8\n\
         hotdev: refused: the layout of game::State changed; the program runs on as it was\n\
         hotdev: hint: `hotdev restart` runs it with fresh state; \
         taking the edit back keeps the state\n"
    );
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
    let text = human.event(&Event::CompileError { diagnostics: Vec::new() }, false);
    assert_eq!(text, "\x1b[1;36mhotdev:\x1b[0m \x1b[1;31mcompile error\x1b[0m\n");
    let text = human.event(&live(&[], &[]), true);
    assert!(text.starts_with("\x1b[1;36mhotdev:\x1b[0m \x1b[1;32mlive 3\x1b[0m in 214 ms"));
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
         error: game::State.lives: was u8\n\
         refused: the layout of game::State changed\n  \
         hint: `hotdev restart` runs it with fresh state; taking the edit back keeps the state\n"
    );
}

#[test]
fn editors_read_one_line_of_success() {
    assert_eq!(for_editor(&live(&["game::update"], &[])), "live 3 (214 ms): game::update\n");
    assert_eq!(for_editor(&live(&[], &["x"])), "live 3 (214 ms)\n  note: x\n");
    let unchanged = Event::Unchanged { files: vec!["/w/a.rs".into()] };
    assert_eq!(for_editor(&unchanged), "unchanged: no code of the program differs\n");
    assert_eq!(for_editor(&Event::Started { pid: 1, generation: 0 }), "");
}

#[test]
fn the_status_lists_generations_and_what_is_not_live() {
    let lines = "game: running, generation 1, processes 123, 124\n\
                 session: process 99, workspace /w\n     \
                 0      0 ms\n\
                 *    1    214 ms  game::update\n";
    assert_eq!(for_editor(&status(None)), lines);
    assert_eq!(
        for_editor(&status(Some(Event::CompileError { diagnostics: Vec::new() }))),
        format!("{lines}not live:\n  compile error\n")
    );
    assert!(human(&status(None)).starts_with("hotdev: game: running"));
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
