//! What `hotdev init --template` makes: each is built, run and patched, and its README is right.

mod axum;
mod tui;

use std::fs;
use std::path::Path;
use std::time::Duration;

use hotdev_tests::{Session, Workspace, cargo, run_within};

/// Makes a program in a fresh folder and starts it.
fn start(template: &str) -> Session {
    Session::start_in(make(template), &[])
}

/// How long the dependencies of a template may take, on a machine that has other things to do.
const FIRST_BUILD_LIMIT: Duration = Duration::from_secs(600);

/// Makes a program in a fresh folder and runs its tests. Its dependencies are compiled once for all
/// runs of the test; what is compiled of the program itself is forgotten.
fn make(template: &str) -> Workspace {
    let workspace = Workspace::empty();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("template-{template}"));
    let config = format!("[build]\ntarget-dir = {target:?}\n");
    workspace.write(".cargo/config.toml", &config);
    let output = workspace.command(&["init", "my-app", "--template", template]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains("next: cd my-app && hotdev "), "{output:#?}");
    let workspace = workspace.below("my-app");
    assert_eq!(workspace.read(".gitignore"), "/target\n");
    let _ = fs::remove_dir_all(target.join("hotdev"));
    if target.is_dir() {
        workspace.cargo(&["clean", "-p", "my-app"]);
    }
    let tests = run_within(FIRST_BUILD_LIMIT, &mut cargo(workspace.root(), &["test"]));
    assert_eq!(tests.code, Some(0), "{tests:#?}");
    assert!(!tests.stderr.contains("warning"), "{tests:#?}");
    assert!(tests.stdout.contains("1 passed"), "{tests:#?}");
    workspace
}

/// What `hotdev init` says of a project that is there.
fn look(workspace: &Workspace) -> String {
    let before = workspace.read("hotdev.toml");
    let output = workspace.command(&["init"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(workspace.read("hotdev.toml"), before);
    output.stdout
}

/// The first number after a text.
fn number_after(line: &str, text: &str) -> u32 {
    let digits = line.split_once(text).map(|(_, rest)| rest).unwrap_or_default();
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number after `{text}` in {line}"))
}

#[test]
fn counter_keeps_its_count() {
    let mut hot = start("counter");
    let before = number_after(&hot.expect_output("total "), "step ");
    hot.edit("src/counter.rs", "total {}\"", "sum {}\"");
    hot.expect_verdict("live");
    assert!(number_after(&hot.expect_output("sum "), "step ") >= before);
    hot.edit("src/counter.rs", "self.total += 1;", "self.total += 100;");
    hot.expect_verdict("live");
    let line = hot.expect_output("sum ");
    let next = hot.expect_output("sum ");
    assert_eq!(number_after(&next, "sum "), number_after(&line, "sum ") + 100);
    hot.edit("src/counter.rs", "total: u32", "total: u64");
    hot.expect_verdict("refused");
    hot.edit("src/counter.rs", "total: u64", "total: u32");
    hot.expect_output("sum ");
    hot.end();
}

#[test]
fn game_goes_on_where_it_was() {
    let mut hot = start("game");
    let before = number_after(&hot.expect_output("frame "), "frame ");
    hot.edit("src/world.rs", "{ 'o' }", "{ 'O' }");
    hot.expect_verdict("live");
    hot.expect_output("O");
    assert!(number_after(&hot.expect_output("frame "), "frame ") > before);
    hot.end();
}

#[test]
fn workers_are_patched_all() {
    let mut hot = start("workers");
    hot.expect_output("worker 2 has done ");
    hot.edit("src/work.rs", "{} has done {}", "{} finished {}");
    let live = hot.expect_verdict("live");
    assert_eq!(live["pids"].as_array().map(Vec::len), Some(3), "{live}");
    for number in 0..3 {
        hot.expect_output(&format!("worker {number} finished "));
    }
    hot.end();
}

#[test]
fn nothing_that_is_there_is_written_over() {
    let workspace = Workspace::copy("single");
    let output = workspace.command(&["init", ".", "--template", "counter"]);
    assert_eq!(output.code, Some(64), "{output:#?}");
    assert!(output.stderr.contains("something is there already"), "{output:#?}");
}

#[test]
fn a_folder_that_is_not_there_is_told_of_templates() {
    let workspace = Workspace::empty();
    for args in [&["init", "shop"][..], &["init"]] {
        let output = workspace.command(args);
        assert_eq!(output.code, Some(1), "{output:#?}");
        for text in ["cargo new ", " --template TEMPLATE\n", "counter  Counts", "axum     An HTTP"]
        {
            assert!(output.stderr.contains(text), "{output:#?}");
        }
        assert!(output.stderr.lines().skip(1).all(|line| line.len() <= 80), "{output:#?}");
    }
    assert_eq!(workspace.files(), Vec::<String>::new());
}
