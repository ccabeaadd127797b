//! The terminal UI, in a real terminal, on a program that is really running.

mod terminals;

use hotdev_tests::{Screen, Workspace};

const LEAVE: &str = "\x1d";

fn type_into_the_program(screen: &mut Screen) {
    screen.press("i");
    screen.expect(&["typing into"]);
}

fn leave_the_program(screen: &mut Screen) {
    screen.press(LEAVE);
    screen.expect(&["q quit"]);
}

/// A program that ticks, and answers lines.
const ANSWERS: &str = r#"
use std::{io::BufRead, process::Command, thread, time::Duration};

struct State {
    ticks: u32,
}

static STATE: std::sync::Mutex<State> = std::sync::Mutex::new(State { ticks: 0 });

fn main() {
    thread::spawn(|| {
        loop {
            tick();
            thread::sleep(Duration::from_millis(200));
        }
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        answer(&line);
    }
}

fn tick() {
    let mut state = STATE.lock().unwrap();
    state.ticks += 1;
    if state.ticks % 10 == 0 {
        println!("tick {}", state.ticks);
    }
}

fn answer(line: &str) {
    match line {
        "size" => drop(Command::new("stty").arg("size").status()),
        "child" => drop(Command::new("sleep").arg("600").spawn()),
        "flood" => loop {
            println!("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
        },
        "many" => (1..=200).for_each(|number| println!("number {number} of many")),
        _ => println!("heard {line:?}"),
    }
}
"#;

fn answering() -> Workspace {
    let workspace = Workspace::copy("single");
    workspace.write("src/main.rs", ANSWERS);
    workspace
}

#[test]
fn a_save_goes_live_an_error_is_listed_and_u_goes_back() {
    let mut screen = Screen::start(Workspace::copy("single"));
    screen.expect(&["running", "old greeting", "d details", "? help"]);
    screen.workspace().edit("src/main.rs", "old greeting", "new greeting");
    screen.expect(&[
        "live 1",
        "1 function: single::greeting",
        "new greeting",
        "u back",
        "generation 1",
    ]);
    screen.expect(&["1 function: single::greeting  running"]);

    screen.workspace().edit("src/main.rs", "number * 2", "number * two");
    screen.expect(&["compile error", "cannot find value `two`", "src/main.rs:15:14", "e edit"]);
    screen.expect(&["new greeting"]);
    screen.workspace().edit("src/main.rs", "number * two", "number * 3");
    screen.expect(&["live 2"]);
    screen.expect_gone("src/main.rs:15:14");

    screen.press("d");
    screen.expect(&["generation 2, live in", "-    number * 2", "+    number * 3"]);
    screen.press("\x1b");
    screen.expect_gone("number * 3");

    screen.press("u");
    screen.expect(&["rolled back", "from 2 to 1", "generation 1"]);
    // The arrows and Enter: back to what was built first.
    screen.press("kkkk\r");
    screen.expect(&["from 1 to 0", "old greeting"]);
    screen.press("r");
    screen.expect(&["live 3", "new greeting"]);
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn going_back_hides_no_error() {
    let mut screen = Screen::start(Workspace::copy("single"));
    screen.workspace().edit("src/main.rs", "old greeting", "new greeting");
    screen.expect(&["live 1", "new greeting"]);
    screen.workspace().edit("src/main.rs", "number * 2", "number * two");
    screen.expect(&["compile error", "cannot find value `two`"]);
    screen.press("\x1b");
    screen.expect_gone("src/main.rs:15:14");
    screen.press("u");
    screen.expect(&["rolled back", "a compile error waits, p shows it", "p problem"]);
    screen.expect(&["old greeting"]);
    assert_eq!(screen.status()["pending"]["event"], "compile-error");
    screen.press("p");
    screen.expect(&["cannot find value `two`", "src/main.rs:15:14"]);
    screen.workspace().edit("src/main.rs", "number * two", "number * 2");
    screen.expect(&["live 2", "new greeting"]);
    screen.expect_gone("src/main.rs:15:14");
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn a_refusal_is_asked_about() {
    let mut screen = Screen::start(answering());
    screen.workspace().edit("src/main.rs", "ticks: u32,", "ticks: u64,");
    screen.expect(&["refused", "R restarts", "Esc keep", "single::STATE", "src/main.rs:8", "why:"]);
    let pid = screen.status()["pids"][0].clone();
    screen.press("\x1b");
    screen.expect(&["kept: the program runs on as it was"]);
    assert_eq!(screen.status()["pids"][0], pid);
    screen.press("R");
    screen.expect_built(&["restarted", "as asked"]);
    assert_ne!(screen.status()["pids"][0], pid);
}

#[test]
fn every_item_of_a_refusal_is_reached_by_keys() {
    let workspace = Workspace::copy("single");
    let program = |kind| {
        let types = (0..30).map(|n| {
            format!("#[derive(Debug, Default)]\nstruct Type{n:02} {{\n    field: {kind},\n}}\n")
        });
        let values: String = (0..30).map(|n| format!("Box::new(Type{n:02}::default()),")).collect();
        let main = "fn main() {\n    let all: Vec<Box<dyn std::fmt::Debug>> = vec![VALUES];\n    loop {\n        \
                    println!(\"{} values\", all.len());\n        \
                    std::thread::sleep(std::time::Duration::from_secs(1));\n    }\n}\n";
        types.collect::<String>() + &main.replace("VALUES", &values)
    };
    workspace.write("src/main.rs", &program("u8"));
    let mut screen = Screen::start(workspace);
    screen.workspace().write("src/main.rs", &program("u16"));
    screen.expect(&["refused", "R restarts", "more, PgDn", "Type00.field: "]);
    assert!(!screen.text().contains("Type20.field: "), "{}", screen.text());
    // Down by pages, and up again item by item.
    (0..9).for_each(|_| screen.press("\x1b[6~"));
    screen.expect(&["Type29.field: "]);
    screen.press(&"j".repeat(20));
    screen.expect(&["Type20.field: ", "(21 of "]);
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn what_stays_on_old_code_is_said_in_one_line() {
    let workspace = Workspace::copy("futures");
    let mut screen = Screen::run(workspace, &["watch", "-p", "app"], (24, 80), &[]);
    screen.expect_built(&["generation 0"]);
    let (old, new) = ("let held = base + 1;", "let held = base as f32 + 0.5;");
    screen.workspace().edit("app/src/work.rs", old, new);
    screen.expect(&["live 1 ", " existing futures stay on old code "]);
    screen.workspace().edit("app/src/work.rs", "method{held}", "Method{held}");
    screen.expect(&["live 2 "]);
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn typing_reaches_the_program_and_so_does_ctrl_c() {
    let mut screen = Screen::start(answering());
    screen.press("hello\r");
    screen.press("i");
    screen.expect(&["typing into single", "Ctrl-]"]);
    screen.press("qR?\r");
    screen.expect(&["heard \"qR?\""]);
    assert!(!screen.text().contains("hello"), "it was typed before");
    leave_the_program(&mut screen);
    screen.press("i");
    screen.expect(&["typing into single"]);
    screen.press("\x03");
    screen.expect(&["ended", "signal 2 (SIGINT)", "single has ended", "then R starts it"]);
    leave_the_program(&mut screen);
    screen.press("R");
    screen.expect_built(&["restarted", "generation 0"]);
    screen.press("\x03");
    screen.ends_clean(0);
}

#[test]
fn the_program_has_the_size_of_its_pane() {
    let mut screen = Screen::start(answering());
    type_into_the_program(&mut screen);
    screen.press("size\r");
    screen.expect(&["16 80"]);
    screen.resize(40, 100);
    screen.ask_until("size\r", "28 100");
    screen.resize(50, 200);
    screen.ask_until("size\r", "48 99");
    screen.resize(24, 80);
    // A taller timeline lies over the pane, too.
    leave_the_program(&mut screen);
    screen.press("t");
    screen.expect(&["t shorter"]);
    type_into_the_program(&mut screen);
    // What is said before the pane is smaller may be in the part that goes.
    screen.ask_until("clear\r", "heard \"clear\"");
    screen.ask_until("size\r", "16 80");
    // What is to be read lies over the pane and leaves its size alone.
    screen.workspace().edit("src/main.rs", "state.ticks += 1;", "state.ticks += one;");
    screen.expect(&["compile error", "cannot find value `one`"]);
    (0..9).for_each(|_| screen.press("x\r"));
    screen.expect_gone("16 80");
    screen.press("size\r");
    screen.expect(&["16 80", "cannot find value `one`"]);
}

#[test]
fn output_that_has_scrolled_away_is_found() {
    let mut screen = Screen::start(answering());
    type_into_the_program(&mut screen);
    screen.press("many\r");
    screen.expect(&["number 200 of many"]);
    leave_the_program(&mut screen);
    screen.press("/number 17 \r");
    screen.expect(&["number 17 of many", "1 of 1"]);
    screen.press("G");
    screen.expect(&["number 200 of many"]);
}

#[test]
fn a_flood_of_output_does_not_hold_up_keys() {
    let mut screen = Screen::start(answering());
    type_into_the_program(&mut screen);
    screen.press("flood\r");
    screen.expect(&["yyyyyyyyyy"]);
    screen.press(LEAVE);
    for _ in 0..5 {
        screen.press("?");
        screen.expect(&["any key closes this"]);
        screen.press(" ");
        screen.expect_gone("any key closes this");
    }
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn the_timeline_follows_again_and_names_what_is_refused() {
    let mut screen = Screen::start(Workspace::copy("layouts"));
    let edit = |screen: &Screen, old: &str, new: &str| {
        screen.workspace().edit("src/game.rs", old, new);
    };
    edit(&screen, "\"old", "\"new");
    screen.expect(&["live 1"]);
    screen.press("k");
    screen.expect(&["1 newer: G or End follows"]);
    edit(&screen, "\"new", "\"newer");
    screen.expect(&["live 2", "2 newer: G or End follows"]);
    screen.press("d");
    screen.expect(&["running", "2 newer: G or End follows"]);
    screen.press("\x1b[F");
    screen.expect_gone("End follows");
    screen.expect(&["generation 2, live"]);
    screen.press("d");
    edit(&screen, "pub score: u32", "pub score: u64");
    screen.expect(&["refused ", "State.score  u32", "R restarts", "Esc keep"]);
    screen.press("R");
    screen.expect_built(&["restarted ", "as asked", "generation 0"]);
    screen.expect(&["   0* "]);
    // The refused edit is in.
    edit(&screen, "pub lives: u32", "pub lives: u3");
    screen.expect(&["compile error", "cannot find type `u3`"]);
    edit(&screen, "pub lives: u3,", "pub lives: u32,");
    screen.expect(&["taken back: the program runs the files as they are"]);
    // The earlier run's generations have no number that is another one's now.
    assert!(!screen.text().contains("   0  "), "{}", screen.text());
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn quitting_asks_where_the_program_has_started_something() {
    let mut screen = Screen::start(answering());
    type_into_the_program(&mut screen);
    screen.press("child\r");
    screen.expect(&["child"]);
    leave_the_program(&mut screen);
    screen.press("q");
    screen.expect(&["single runs sleep: quit all the same?"]);
    screen.press("n");
    screen.expect_gone("quit all the same?");
    screen.press("qy");
    screen.ends_clean(0);
}

#[test]
fn the_editor_gets_the_terminal_and_the_place() {
    let workspace = Workspace::copy("single");
    let script = "trap 'echo interrupted' INT\necho \"editing $*\"\nread -r _; read -r _\n";
    workspace.write("edit.sh", script);
    let editor = format!("sh {}", workspace.path("edit.sh").display());
    let mut screen = Screen::run(workspace, &["watch"], (24, 80), &[("EDITOR", &editor)]);
    screen.expect_built(&["generation 0"]);
    screen.workspace().edit("src/main.rs", "number * 2", "number * two");
    screen.expect(&["cannot find value `two`"]);
    screen.press("e");
    screen.expect(&["editing +15", "src/main.rs"]);
    assert!(!screen.text().contains("compile error"), "the terminal is the editor's");
    // A Ctrl-C there is the editor's.
    screen.press("\x03");
    screen.expect(&["interrupted"]);
    screen.workspace().edit("src/main.rs", "number * two", "number * 4");
    screen.press("\r\r\r");
    screen.expect(&["live 1"]);
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn a_key_that_comes_with_a_resize_is_not_lost() {
    let mut screen = Screen::start(Workspace::copy("single"));
    for round in 0..40 {
        screen.resize(23 + round % 2, 80);
        screen.press("?");
        screen.expect(&["any key closes this"]);
        screen.press(" ");
        screen.expect_gone("any key closes this");
    }
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn a_refusal_is_told_on_the_desktop_while_hotdev_is_not_in_view() {
    let workspace = answering();
    workspace.write("hotdev.toml", "[ui]\nnotify = true\n");
    let mut screen = Screen::start(workspace);
    screen.expect_bytes(b"\x1b[?1004h");
    // What terminals send when their window loses the focus.
    screen.press("\x1b[O");
    screen.press("?");
    screen.expect(&["any key closes this"]);
    screen.workspace().edit("src/main.rs", "ticks: u32,", "ticks: u64,");
    screen.expect_bytes(b"\x1b]777;notify;hotdev;single: refused: ");
    screen.press("x");
    screen.press("q");
    screen.expect_bytes(b"\x1b[?1004l");
    screen.ends_clean(0);
}

#[test]
fn a_program_that_ends_at_once_is_not_being_built() {
    let workspace = Workspace::copy("single");
    workspace.write("src/main.rs", "fn main() {\n    println!(\"brief\");\n}\n");
    let mut screen = Screen::run(workspace, &["watch"], (24, 80), &[]);
    screen.expect_built(&["brief", "ended  status 0; R or the next save starts it"]);
    screen.workspace().edit("src/main.rs", "brief", "as brief");
    screen.expect_built(&["as brief", "ended  status 0; R or the next save starts it"]);
    screen.press("q");
    screen.ends_clean(0);
}

#[test]
fn a_build_that_fails_first_is_mended_on_the_screen() {
    let workspace = Workspace::copy("single");
    workspace.edit("src/main.rs", "number * 2", "number * two");
    let mut screen = Screen::run(workspace, &["watch"], (24, 80), &[]);
    screen.expect_built(&["compile error", "cannot find value `two`"]);
    screen.workspace().edit("src/main.rs", "number * two", "number * 2");
    screen.expect_built(&["generation 0", "old greeting"]);
    screen.press("q");
    screen.ends_clean(0);
}
