//! Frames as text, compared with those in `frames/`. `HOTDEV_TEST_FRAMES=write` writes them anew,
//! to be read in the diff.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::{Look, frame};
use crate::report::Said;
use crate::report::event::{Event, Reason};
use crate::source::Edit;
use crate::tui::app::tests::{app, compile_error, hear, live, refused, refused_many};
use crate::tui::app::{App, Mode, Panel};
use crate::tui::pane::Pane;
use crate::tui::status::Program;

const PLAIN: Look = Look { colors: true, unicode: true };

fn draw(app: &App, look: Look, size: (u16, u16)) -> Buffer {
    draw_at(app, look, size, Instant::now())
}

fn draw_at(app: &App, look: Look, (width, height): (u16, u16), now: Instant) -> Buffer {
    let screen = ratatui::layout::Rect::new(0, 0, width, height);
    let (rows, columns) = super::areas(screen, app).size;
    let mut pane = Pane::new(rows, columns);
    let printed = if app.status.program == Program::None { 0 } else { 40 };
    (1..=printed).for_each(|tick| drop(pane.feed(format!("tick {tick}\r\n").as_bytes())));
    if printed > 0 {
        pane.feed(b"\x1b[1;31mred\x1b[0m \xe6\x97\xa5\xe6\x9c\xac wide");
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|target| frame(target, app, &pane, look, now)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        let mut line = String::new();
        for x in 0..buffer.area.width {
            if skip == 0 {
                let symbol = buffer[(x, y)].symbol();
                line += symbol;
                skip = super::line::width(symbol).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Compares with the file `frames/NAME.txt`.
fn is(name: &str, app: &App, look: Look, size: (u16, u16)) {
    is_at(name, app, look, size, Instant::now());
}

/// The same at a moment.
fn is_at(name: &str, app: &App, look: Look, size: (u16, u16), now: Instant) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tui/draw/frames");
    let file = folder.join(format!("{name}.txt"));
    let now = text(&draw_at(app, look, size, now));
    if std::env::var_os("HOTDEV_TEST_FRAMES").is_some_and(|value| value == "write") {
        return std::fs::write(file, now).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(now == expected, "{name} is\n{now}\nand must be\n{expected}");
}

fn with_generations() -> App {
    let mut app = app();
    hear(&mut app, Event::Started { pid: 6489, generation: 0 });
    let before = "fn update() {\n    let speed = 1;\n}\n".to_owned();
    let after = before.replace("= 1", "= 2");
    let edit = Edit { file: "/w/src/main.rs".into(), before, after };
    app.timeline.edits(1, &[edit], &app.base);
    hear(&mut app, live(1));
    app
}

#[test]
fn the_program_and_its_generations() {
    let app = with_generations();
    is("live-80x24", &app, PLAIN, (80, 24));
    is("live-200x50", &app, PLAIN, (200, 50));
    is("live-ascii-80x24", &app, Look { unicode: false, ..PLAIN }, (80, 24));
    is("live-30x8", &app, PLAIN, (30, 8));
}

#[test]
fn a_first_build() {
    let (mut app, start) = (app(), Instant::now());
    let crates = vec!["game".into()];
    let event = Event::Building { reason: Reason::Start, crates, files: Vec::new() };
    app.hear(&Said::Event(event), "12:00:00".into(), start);
    let now = start + Duration::from_millis(2300);
    is_at("building-begins-80x24", &app, PLAIN, (80, 24), now);
    for line in [
        "    Updating crates.io index",
        "   Compiling serde v1.0.0",
        "   Compiling heck v0.5.0",
        "    Building [=======>     ] 12/30: serde, heck, syn(build)",
    ] {
        app.status.cargo(line);
    }
    is_at("building-80x24", &app, PLAIN, (80, 24), now);
    is_at("building-40x12", &app, PLAIN, (40, 12), now);
}

#[test]
fn what_is_newer_and_what_was_an_earlier_run() {
    let mut app = with_generations();
    hear(&mut app, Event::Restarted { pid: 6490, reason: "asked for".into() });
    (1..6).for_each(|generation| hear(&mut app, live(generation)));
    app.timeline.step(-5);
    is("newer-80x24", &app, PLAIN, (80, 24));
    is("newer-200x50", &app, PLAIN, (200, 50));
    app.tall = true;
    is("tall-80x24", &app, PLAIN, (80, 24));
}

#[test]
fn what_is_wrong() {
    let mut app = with_generations();
    hear(&mut app, compile_error());
    is("compile-error-80x24", &app, PLAIN, (80, 24));
    is("compile-error-200x50", &app, PLAIN, (200, 50));
    let mut app = with_generations();
    hear(&mut app, refused());
    is("refused-80x24", &app, PLAIN, (80, 24));
    is("refused-40x12", &app, PLAIN, (40, 12));
}

#[test]
fn a_refusal_of_many_items_can_be_read_to_its_end() {
    let mut app = with_generations();
    hear(&mut app, refused_many());
    is("refused-many-80x24", &app, PLAIN, (80, 24));
    let screen = ratatui::layout::Rect::new(0, 0, 80, 24);
    let mut seen = String::new();
    for _ in 0..9 {
        app.view = super::view(screen, &app);
        seen += &text(&draw(&app, PLAIN, (80, 24)));
        app.key(KeyEvent::from(KeyCode::PageDown));
    }
    (0..30).for_each(|number| assert!(seen.contains(&format!("game::Type{number}.field"))));
    is("refused-many-end-80x24", &app, PLAIN, (80, 24));
}

#[test]
fn what_is_read() {
    let mut app = with_generations();
    app.panel = Panel::Details;
    is("details-80x24", &app, PLAIN, (80, 24));
    app.mode = Mode::Help(0);
    is("help-80x24", &app, PLAIN, (80, 24));
    is("help-40x16", &app, PLAIN, (40, 16));
    app.mode = Mode::Help(99);
    is("help-end-40x16", &app, PLAIN, (40, 16));
}

#[test]
fn who_gets_the_keys() {
    let mut app = with_generations();
    for (name, mode) in [
        ("typing", Mode::Typing),
        ("search", Mode::Search("tick".into())),
        ("quit", Mode::Quit(vec!["sleep".into()])),
    ] {
        app.mode = mode;
        is(&format!("{name}-80x24"), &app, PLAIN, (80, 24));
    }
}

#[test]
fn colours_are_those_of_the_terminal_and_can_be_left_out() {
    let mut app = with_generations();
    hear(&mut app, compile_error());
    app.query = "tick".into();
    // The program's own colours are its own affair; it is not drawn here in the last line.
    let colors = |look| {
        let buffer = draw(&app, look, (80, 24));
        let own = buffer.content.iter().skip(80 * 10);
        own.flat_map(|cell| [cell.fg, cell.bg]).collect::<Vec<_>>()
    };
    let allowed = |color: &Color| {
        !matches!(color, Color::Rgb(..) | Color::Indexed(_) | Color::Black | Color::White)
    };
    assert!(colors(PLAIN).iter().all(allowed));
    assert!(colors(PLAIN).contains(&Color::Red));
    let none = Look { colors: false, ..PLAIN };
    assert!(colors(none).iter().all(|color| *color == Color::Reset));
}

#[test]
fn what_was_searched_for_is_marked() {
    let mut app = with_generations();
    app.query = "tick 40".into();
    let buffer = draw(&app, PLAIN, (80, 24));
    let marked = |x, y| buffer[(x, y)].modifier.contains(Modifier::REVERSED);
    let row = (1..17).find(|y| marked(0, *y)).expect("it is in view");
    assert!((0..7).all(|x| marked(x, row)) && !marked(7, row) && !marked(0, row - 1));
}

#[test]
fn every_size_can_be_drawn() {
    let mut app = with_generations();
    hear(&mut app, refused());
    for mode in [Mode::Keys, Mode::Typing, Mode::Help(3), Mode::Search("x".into())] {
        app.mode = mode;
        for (width, height) in [(1, 1), (2, 3), (10, 2), (20, 9), (139, 12), (140, 9), (300, 80)] {
            draw(&app, PLAIN, (width, height));
        }
    }
}
