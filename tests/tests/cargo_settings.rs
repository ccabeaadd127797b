//! cargo's own settings, by environment and by `.cargo/config.toml`, mean under hotdev what they
//! mean to cargo.

use hotdev_tests::{Session, Workspace, run_to_end};

const MAIN: &str = "src/main.rs";
const CONFIG: &str = ".cargo/config.toml";

/// Starts `hotdev watch` for people and returns all that was said until the program's second line.
fn start(workspace: Workspace, args: &[&str], env: &[(&str, &str)]) -> (Session, Vec<String>) {
    let mut hot = Session::for_people(workspace, args, env);
    hot.expect_output("hotdev:");
    hot.expect_output("running (process");
    hot.expect_output("tick ");
    let lines = hot.log().seen().lines.clone();
    (hot, lines)
}

/// Whether a line with this text is there, and whether one is coloured.
fn is_coloured(lines: &[String], text: &str) -> bool {
    let line = lines.iter().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no `{text}` in {lines:#?}")).contains("\x1b[")
}

#[test]
fn colours_are_cargos_choice_where_the_flag_says_nothing() {
    let always = [("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")];
    for (args, env, expected) in [
        (&[][..], &[][..], false),
        (&["--color", "always"], &[], true),
        (&[], &always, true),
        (&["--color", "never"], &always, false),
    ] {
        let (hot, lines) = start(Workspace::copy("single"), args, env);
        for text in ["Compiling", "hotdev:"] {
            assert_eq!(is_coloured(&lines, text), expected, "{args:?} {env:?}: {lines:#?}");
        }
        hot.end();
    }
    let workspace = Workspace::copy("single");
    workspace.write(CONFIG, "[term]\ncolor = \"always\"\n");
    let (hot, lines) = start(workspace, &[], &[]);
    assert!(is_coloured(&lines, "Compiling") && is_coloured(&lines, "hotdev:"), "{lines:#?}");
    hot.end();
}

#[test]
fn quiet_verbose_and_progress_are_cargos() {
    let has = |env: &[(&str, &str)], text: &str| {
        let (hot, lines) = start(Workspace::copy("single"), &[], env);
        hot.end();
        lines.iter().any(|line| line.contains(text))
    };
    assert!(!has(&[("CARGO_TERM_QUIET", "true")], "Compiling"));
    assert!(has(&[("CARGO_TERM_VERBOSE", "true")], "Running `"));
    let bar = [("CARGO_TERM_PROGRESS_WHEN", "always"), ("CARGO_TERM_PROGRESS_WIDTH", "80")];
    assert!(has(&bar, "Building ["));
    assert!(!has(&[("CARGO_TERM_PROGRESS_WHEN", "never")], "Building ["));
}

const PROGRAM: &str = r#"fn main() {
    for tick in 1.. {
        let of = |name: &str| std::env::var(name).unwrap_or_default();
        let all = ["RUST_BACKTRACE", "FROM_CONFIG", "SET_BEFORE", "FORCED"].map(of);
        println!("tick {tick} {} {}", all.join("|"), text());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn text() -> &'static str {
    if cfg!(from_config) { "old with-cfg" } else { "old" }
}
"#;

#[test]
fn the_program_gets_the_environment_that_cargo_run_gives() {
    let workspace = Workspace::copy("single");
    workspace.write(MAIN, PROGRAM);
    let config = "[build]\ntarget = \"x86_64-unknown-linux-gnu\"\n\
                  rustflags = [\"--cfg\", \"from_config\"]\n\
                  [env]\nFROM_CONFIG = \"configured\"\nSET_BEFORE = \"configured\"\n\
                  FORCED = { value = \"configured\", force = true }\n";
    workspace.write(CONFIG, config);
    let env = [("RUST_BACKTRACE", "1"), ("SET_BEFORE", "shell"), ("FORCED", "shell")];
    let mut cargo = workspace.program(env!("CARGO").as_ref(), &["run"]);
    let expected = "1|configured|shell|configured old with-cfg";
    hotdev_tests::prints(cargo.envs(env), &[expected]).expect("cargo itself does so");

    let (mut hot, _) = start(workspace, &[], &env);
    hot.expect_output(expected);
    hot.edit(MAIN, "old with-cfg", "new with-cfg");
    hot.expect_output("live 1 ");
    hot.expect_output("new with-cfg");
    assert!(hot.workspace().path("target/x86_64-unknown-linux-gnu/debug").is_dir());
    hot.end();
}

#[test]
fn a_target_directory_of_the_environment_is_found_by_all() {
    let workspace = Workspace::copy("single");
    let elsewhere = workspace.path("elsewhere");
    let elsewhere = elsewhere.to_str().expect("its name is plain");
    let env = [("CARGO_TARGET_DIR", elsewhere)];
    let (mut hot, _) = start(workspace, &[], &env);
    hot.edit(MAIN, "old greeting", "new greeting");
    let with = run_to_end(hot.workspace().hotdev(&["reload"]).envs(env));
    assert_eq!(with.code, Some(0), "{with:#?}");
    hot.expect_output("new greeting");
    let without = hot.command(&["reload"]);
    assert_eq!(without.code, Some(3), "cargo would build elsewhere: {without:#?}");
    assert!(!hot.workspace().path("target").exists(), "nothing is built there");
    hot.end();
}

#[test]
fn hotdevs_own_failures_have_no_backtrace() {
    let workspace = Workspace::copy("single");
    let mut command = workspace.hotdev(&["reload"]);
    let output = run_to_end(command.env("RUST_BACKTRACE", "full"));
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert_eq!(output.stderr.lines().count(), 2, "the error and its hint: {output:#?}");
}
