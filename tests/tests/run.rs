//! `hotdev run`: the program has the terminal, and hotdev says nothing until it is given back.

use std::time::Instant;

use hotdev_tests::{LIMIT, Screen, Workspace};

/// A program that ends with its input. It knows a type, and can be made to take long to compile.
const LISTENS: &str = r#"
#![allow(long_running_const_eval)]

struct Heard {
    lines: u32,
    words: u8,
}

static HEARD: std::sync::Mutex<Heard> = std::sync::Mutex::new(Heard { lines: 0, words: 0 });

const TURNS: u32 = {
    let mut turn = 0;
    while turn < 1 {
        turn += 1;
    }
    turn
};

fn main() {
    println!("it listens");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        hear(&line);
    }
}

fn hear(line: &str) {
    let mut heard = HEARD.lock().unwrap();
    heard.lines += TURNS;
    println!("line {}: {line}", heard.lines);
}

use std::io::BufRead;
"#;

/// Ends the input.
const END: &str = "\x04";

fn listening() -> Screen {
    let workspace = Workspace::copy("single");
    workspace.write("src/main.rs", LISTENS);
    let screen = Screen::run(workspace, &["run"], (24, 80), &[]);
    screen.expect_built(&["it listens"]);
    screen
}

/// Asks for a reload; the code and what is said.
fn reload(screen: &Screen) -> (Option<i32>, String) {
    let output = screen.workspace().command(&["reload"]);
    (output.code, output.stdout)
}

#[test]
fn what_the_program_has_not_is_told_when_it_has_ended() {
    let edits = [
        ("heard.lines += TURNS", "heard.lines += one", 1, "cannot find value `one`"),
        ("words: u8", "words: u32", 2, "a type has another layout now"),
    ];
    for (old, new, code, said) in edits {
        let mut screen = listening();
        screen.workspace().edit("src/main.rs", old, new);
        let (exit, text) = reload(&screen);
        assert!(exit == Some(code) && text.contains(said), "{exit:?} {text}");
        let pending = screen.status()["pending"]["event"].clone();
        assert_eq!(pending, ["compile-error", "refused"][code as usize - 1]);
        screen.press("more\r");
        screen.expect(&["line 1: more"]);
        assert!(!screen.text().contains(said), "{}", screen.text());
        screen.press(END);
        screen.expect(&["hotdev: not in the program when it ended:", said]);
        screen.ends_clean(0);
    }
}

#[test]
fn nothing_is_told_of_what_was_mended() {
    let mut screen = listening();
    screen.workspace().edit("src/main.rs", "+= TURNS", "+= one");
    assert_eq!(reload(&screen).0, Some(1));
    screen.workspace().edit("src/main.rs", "+= one", "+= 10 * TURNS");
    assert_eq!(reload(&screen).0, Some(0));
    screen.press("more\r");
    screen.expect(&["line 10: more"]);
    screen.press(END);
    screen.ends_clean(0);
    assert!(!screen.text().contains("not in the program"), "{}", screen.text());
}

#[test]
fn it_ends_with_the_program_though_a_save_is_being_compiled() {
    let mut screen = listening();
    screen.workspace().edit("src/main.rs", "turn < 1 ", "turn < 2_000_000_000 ");
    let end = Instant::now() + LIMIT;
    while screen.status()["state"] != "building" {
        assert!(Instant::now() < end, "{}", screen.status());
    }
    screen.press(END);
    screen.ends_clean(0);
}

#[test]
fn it_ends_with_the_program_though_a_restart_came_to_nothing() {
    let mut screen = listening();
    screen.workspace().edit("src/main.rs", "heard.lines += TURNS", "heard.lines += one");
    let output = screen.workspace().command(&["restart"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    screen.press("more\r");
    screen.expect(&["line 1: more"]);
    screen.press(END);
    screen.expect(&["hotdev: not in the program when it ended:", "cannot find value `one`"]);
    screen.ends_clean(0);
}
