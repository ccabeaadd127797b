use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Action, App, Mode, Panel};
use crate::control::{Done, Request};
use crate::report::Said;
use crate::report::event::{Diagnostic, Event, Item, Older, Reason, RefusalCode, Timings};
use crate::tui::draw::View;
use crate::tui::{Setup, keys};

pub(in crate::tui) fn app() -> App {
    let setup =
        Setup { program: "game".into(), asks: true, restarts: false, colors: true, notify: false };
    App::new(setup, "/w".into())
}

pub(in crate::tui) fn hear(app: &mut App, event: Event) {
    app.hear(&Said::Event(event), "12:00:00".into(), Instant::now());
}

pub(in crate::tui) fn live(generation: u64) -> Event {
    let ms = Timings { detect: 1.0, rustc: 180.0, check: 8.0, link: 20.0, load: 5.0, total: 214.0 };
    Event::Live {
        generation,
        pids: vec![7],
        crates: vec!["game".into()],
        functions: vec!["game::update".into(), "game::ui::title".into()],
        ms,
        bytes: 20_480,
        slots: 4,
        notes: Vec::new(),
        waiting: Vec::new(),
        noted: Vec::new(),
        older: Older::default(),
    }
}

pub(in crate::tui) fn compile_error() -> Event {
    let one = |line| Diagnostic {
        file: "/w/src/main.rs".into(),
        line,
        column: 5,
        level: "error".into(),
        message: "cannot find value `two` in this scope".into(),
        rendered: format!(
            "error[E0425]: cannot find value `two` in this scope\n  --> src/main.rs:{line}:5\n   \
             |\n{line} |     two\n   |     ^^^ not found in this scope\n"
        ),
    };
    Event::CompileError { diagnostics: vec![one(12), one(30)] }
}

pub(in crate::tui) fn refused() -> Event {
    let item = Item {
        name: "game::State.score".into(),
        was: "u32 at 8".into(),
        now: "u64 at 8".into(),
        file: Some("/w/src/main.rs".into()),
        line: Some(3),
    };
    let message = "a type has another layout now, and values that exist have the old one".into();
    Event::Refused { code: RefusalCode::LayoutChanged, items: vec![item], message }
}

pub(in crate::tui) fn refused_many() -> Event {
    let item = |number| Item {
        name: format!("game::Type{number}.field"),
        was: format!("u32 at {number}"),
        now: format!("u64 at {number}"),
        file: Some("/w/src/main.rs".into()),
        line: Some(number),
    };
    let message = "types have another layout now, and values that exist have the old one".into();
    let items = (0..30).map(item).collect();
    Event::Refused { code: RefusalCode::LayoutChanged, items, message }
}

fn press(app: &mut App, code: KeyCode) -> Option<Action> {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn char(app: &mut App, c: char) -> Option<Action> {
    press(app, KeyCode::Char(c))
}

fn control(app: &mut App, c: char) -> Option<Action> {
    app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

fn running() -> App {
    let mut app = app();
    hear(&mut app, Event::Started { pid: 7, generation: 0 });
    app
}

#[test]
fn what_is_typed_goes_to_the_program_until_ctrl_bracket() {
    let mut app = running();
    assert_eq!(char(&mut app, 'i'), None);
    for c in ['q', 'R', 'u', '?'] {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(char(&mut app, c), Some(Action::Type(key)));
    }
    assert!(matches!(press(&mut app, KeyCode::Esc), Some(Action::Type(_))));
    assert!(matches!(control(&mut app, 'c'), Some(Action::Type(_))));
    // As terminals send it that have one byte for both.
    assert_eq!(control(&mut app, '5'), None);
    assert_eq!(app.mode, Mode::Keys);
    assert_eq!(char(&mut app, 'q'), Some(Action::WantQuit));
}

#[test]
fn there_is_nothing_to_type_into_before_the_program_runs() {
    let mut app = app();
    char(&mut app, 'i');
    assert_eq!(app.mode, Mode::Keys);
    assert!(app.notice.is_some());
}

#[test]
fn one_key_each() {
    let mut app = running();
    hear(&mut app, live(1));
    let ask = |request| Some(Action::Ask(request));
    assert_eq!(char(&mut app, 'u'), ask(Request::Rollback { generation: None }));
    assert_eq!(char(&mut app, 'R'), ask(Request::Restart));
    let reload = Request::Reload { files: Vec::new(), base: "/w".into() };
    assert_eq!(char(&mut app, 'r'), ask(reload));
    assert_eq!(press(&mut app, KeyCode::Enter), None, "it is current");
    char(&mut app, 'k');
    assert_eq!(press(&mut app, KeyCode::Enter), ask(Request::Rollback { generation: Some(0) }));
    assert_eq!(control(&mut app, 'c'), Some(Action::WantQuit));
}

#[test]
fn a_generation_that_was_left_is_not_asked_for() {
    let mut app = running();
    hear(&mut app, live(1));
    hear(&mut app, Event::RolledBack { generation: 1, to: 0, reason: "asked for".into() });
    char(&mut app, 'k');
    assert_eq!(press(&mut app, KeyCode::Enter), None);
    assert!(app.notice.as_deref().is_some_and(|notice| notice.contains("was left")));
}

#[test]
fn a_compile_error_opens_and_the_next_save_closes_it() {
    let mut app = running();
    hear(&mut app, compile_error());
    assert_eq!(app.panel, Panel::Problem);
    char(&mut app, 'j');
    let edit = char(&mut app, 'e');
    assert!(matches!(edit, Some(Action::Edit(place)) if place.line == 30));
    hear(&mut app, compile_error());
    assert_eq!(app.problem.as_ref().map(|problem| problem.selected), Some(1), "one stays there");
    hear(&mut app, live(1));
    assert_eq!((app.panel, app.problem.is_none()), (Panel::Timeline, true));
}

#[test]
fn a_refusal_is_a_question_until_it_is_answered() {
    let mut app = running();
    hear(&mut app, refused());
    assert!(app.asks());
    assert_eq!(press(&mut app, KeyCode::Esc), None);
    assert!(!app.asks() && app.panel == Panel::Timeline);
    char(&mut app, 'p');
    assert_eq!(app.panel, Panel::Problem, "it can be read again");
}

#[test]
fn going_back_leaves_a_problem_where_it_can_be_read() {
    let mut app = running();
    hear(&mut app, live(1));
    char(&mut app, 'p');
    assert!(app.notice.is_some() && app.panel == Panel::Timeline, "there is none yet");
    hear(&mut app, compile_error());
    press(&mut app, KeyCode::Esc);
    hear(&mut app, Event::RolledBack { generation: 1, to: 0, reason: "asked for".into() });
    assert!(keys::hints(&app).contains(&("p", "problem")));
    char(&mut app, 'p');
    assert_eq!(app.panel, Panel::Problem);
    let edit = char(&mut app, 'e');
    assert!(matches!(edit, Some(Action::Edit(place)) if place.line == 12));
}

#[test]
fn what_is_open_is_scrolled_by_pages_and_no_further_than_it_goes() {
    let mut app = running();
    assert_eq!(press(&mut app, KeyCode::PageDown), Some(Action::Scroll(-10)));
    hear(&mut app, refused());
    app.view = View { from: 4, most: 20, height: 10 };
    assert_eq!(press(&mut app, KeyCode::PageDown), None);
    assert_eq!(app.scroll, Some(13), "from where it was");
    press(&mut app, KeyCode::PageDown);
    assert_eq!(app.scroll, Some(20));
    char(&mut app, '[');
    assert_eq!(app.scroll, Some(17));
    char(&mut app, 'j');
    assert_eq!(app.scroll, None, "it follows what is selected");
    assert_eq!(control(&mut app, 'd'), Some(Action::Scroll(-5)));
}

#[test]
fn the_timeline_is_enlarged_and_made_small_again() {
    let mut app = running();
    for close in [KeyCode::Char('t'), KeyCode::Esc] {
        char(&mut app, 't');
        assert!(app.tall);
        press(&mut app, close);
        assert!(!app.tall);
    }
    char(&mut app, 'd');
    char(&mut app, 't');
    assert!(app.tall && app.panel == Panel::Timeline, "what lay over it is gone");
    hear(&mut app, compile_error());
    press(&mut app, KeyCode::Esc);
    assert!(app.tall && app.panel == Panel::Timeline, "one key, one thing");
}

#[test]
fn keys_that_do_nothing_are_not_offered() {
    let mut app = app();
    let offered =
        |app: &App| -> Vec<&str> { keys::hints(app).into_iter().map(|(key, _)| key).collect() };
    let crates = vec!["game".into()];
    let start = Event::Building { reason: Reason::Start, crates, files: Vec::new() };
    hear(&mut app, start);
    assert_eq!(offered(&app), [""; 0]);
    hear(&mut app, Event::Started { pid: 7, generation: 0 });
    assert_eq!(offered(&app), ["i", "d", "r", "R", "/"]);
    hear(&mut app, live(1));
    assert_eq!(offered(&app), ["i", "u", "j/k", "d", "r", "R", "/", "t"]);
    hear(&mut app, Event::Exited { pid: 7, status: Some(0), signal: None });
    assert_eq!(offered(&app), ["j/k", "d", "R", "/", "t"]);
}

#[test]
fn a_search_is_typed_and_left() {
    let mut app = running();
    char(&mut app, '/');
    "tick".chars().for_each(|c| assert_eq!(char(&mut app, c), None));
    press(&mut app, KeyCode::Backspace);
    assert_eq!(press(&mut app, KeyCode::Enter), Some(Action::Search("tic".into())));
    assert_eq!(app.mode, Mode::Keys);
    assert_eq!(char(&mut app, 'n'), Some(Action::Match(1)));
    app.query = "tic".into();
    assert_eq!(press(&mut app, KeyCode::Esc), Some(Action::Search(String::new())));
}

#[test]
fn the_list_of_keys_scrolls_where_it_has_to_and_else_closes() {
    let mut app = running();
    char(&mut app, '?');
    char(&mut app, 'j');
    assert_eq!(app.mode, Mode::Keys, "any key closes it");
    app.hidden_keys = 2;
    char(&mut app, '?');
    "jjjjk".chars().for_each(|c| drop(char(&mut app, c)));
    assert_eq!(app.mode, Mode::Help(1));
    char(&mut app, 'x');
    assert_eq!(app.mode, Mode::Keys);
}

#[test]
fn quitting_can_be_taken_back() {
    let mut app = running();
    app.mode = Mode::Quit(vec!["sleep".into()]);
    assert_eq!(press(&mut app, KeyCode::Esc), None);
    app.mode = Mode::Quit(vec!["sleep".into()]);
    assert_eq!(char(&mut app, 'y'), Some(Action::Quit));
}

#[test]
fn answers_are_shown_until_the_next_key() {
    let mut app = running();
    let done = |message: Option<&str>| Done {
        exit: 0,
        message: message.map(Into::into),
        hint: Some("try that".into()),
    };
    app.answered(None, done(Some("no")));
    assert_eq!(app.notice.as_deref(), Some("no; try that"));
    char(&mut app, 'x');
    assert_eq!(app.notice, None);
    let nothing = Done { exit: 0, message: None, hint: None };
    app.answered(Some(Event::Unchanged { files: Vec::new() }), nothing);
    assert!(app.notice.is_some());
}
