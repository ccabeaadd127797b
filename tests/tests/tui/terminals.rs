//! Terminals of every kind, and what is left of one when hotdev ends, however it does.

use std::sync::Arc;

use hotdev_tests::{Screen, Signal, Workspace};

/// Starts a hotdev that panics when it comes to a place.
fn with_a_mishap(place: &str) -> Screen {
    let env = [("HOTDEV_MISHAP", place)];
    let screen = Screen::run(Workspace::copy("single"), &["watch"], (24, 80), &env);
    screen.expect_built(&["generation 0", "old greeting"]);
    screen
}

#[test]
fn the_terminal_is_left_as_it_was_after_signals() {
    let workspace = Arc::new(Workspace::copy("single"));
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let screen = Screen::start(Arc::clone(&workspace));
        screen.signal(signal);
        screen.ends_clean(0);
    }
    // During a build, too.
    workspace.write("src/main.rs", &format!("// anew\n{}", workspace.read("src/main.rs")));
    let screen = Screen::run(workspace, &["watch"], (24, 80), &[]);
    screen.expect_bytes(b"building");
    screen.signal(Signal::TERM);
    screen.ends_clean(0);
}

#[test]
fn the_terminal_is_left_as_it_was_after_a_panic_of_the_session() {
    let mut screen = with_a_mishap("session");
    screen.press("R");
    screen.expect(&["hotdev: internal error", "a mishap on purpose in session"]);
    screen.ends_clean(101);
}

#[test]
fn after_a_panic_of_the_ui_there_are_lines() {
    let mut screen = with_a_mishap("terminal-ui");
    screen.resize(30, 100);
    screen.expect(&["old greeting"]);
    screen.expect_gone("q quit");
    screen.workspace().edit("src/main.rs", "old greeting", "new greeting");
    screen.expect(&["hotdev: live 1 in", "new greeting"]);
    screen.press("\x03");
    screen.ends_clean(0);
}

#[test]
fn a_panic_of_a_job_is_told_and_the_program_runs_on() {
    let mut screen = with_a_mishap("job");
    screen.workspace().edit("src/main.rs", "old greeting", "new greeting");
    screen.expect(&["refused", "hotdev itself made a mistake", "old greeting"]);
    assert!(!screen.text().contains("a mishap"), "it is written over nothing");
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn in_a_terminal_that_is_too_small_nothing_breaks() {
    let workspace = Arc::new(Workspace::copy("single"));
    for size in [(1, 1), (2, 7), (5, 20)] {
        let mut screen = Screen::run(Arc::clone(&workspace), &["watch"], size, &[]);
        screen.wait_until_running();
        screen.press("dpt\tz?");
        screen.resize(24, 80);
        screen.expect(&["keys", "any key closes this"]);
        screen.press("x");
        screen.resize(1, 3);
        screen.press("q");
        screen.resize(24, 80);
        screen.ends_clean(0);
    }
}

#[test]
fn lines_where_they_are_asked_for_and_where_nothing_can_be_drawn() {
    for (args, size, env) in [
        (&["watch", "--plain"][..], (24, 80), [("X", "")]),
        (&["watch"][..], (24, 80), [("TERM", "dumb")]),
        // A terminal that was never told its size.
        (&["watch"][..], (0, 0), [("X", "")]),
    ] {
        let mut screen = Screen::run(Workspace::copy("single"), args, size, &env);
        screen.expect_built(&["old greeting"]);
        assert!(!screen.text().contains("q quit"));
        screen.press("\x03");
        screen.ends_clean(0);
    }
}

#[test]
fn without_colours_and_without_utf_8() {
    let env = [("NO_COLOR", "1"), ("LANG", "C")];
    let mut screen = Screen::run(Workspace::copy("single"), &["watch"], (24, 80), &env);
    screen.expect_built(&["generation 0", "old greeting"]);
    screen.workspace().edit("src/main.rs", "number * 2", "number * two");
    screen.expect(&["compile error", "cannot find value `two`"]);
    assert!(screen.text().is_ascii() && !screen.has_colors(), "{}", screen.text());
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn the_kernels_console_gets_ascii_on_a_cleared_screen() {
    let env = [("TERM", "linux"), ("LANG", "C.UTF-8")];
    let screen = Screen::run(Workspace::copy("single"), &["watch"], (24, 80), &env);
    // It has one screen only: what was there would show between the words.
    screen.expect_bytes(b"\x1b[2J");
    screen.expect_built(&["generation 0", "old greeting"]);
    assert!(screen.text().is_ascii(), "{}", screen.text());
}
