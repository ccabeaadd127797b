//! Completions, man pages and schemas, used as their readers use them.

use std::path::{Path, PathBuf};
use std::process::Command;

use hotdev_tests::{CommandOutput, Session, Workspace, fixtures, run_to_end};
use jsonschema::Validator;
use serde_json::{Value, json};

fn succeeds(output: &CommandOutput) -> &str {
    assert_eq!(output.code, Some(0), "{output:#?}");
    &output.stdout
}

#[test]
fn bash_completes_commands_and_editors() {
    let workspace = Workspace::copy("single");
    workspace.write("hotdev.bash", succeeds(&workspace.command(&["completions", "bash"])));
    let complete = |words: &str| {
        let line = format!(
            "source ./hotdev.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _hotdev hotdev \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = run_to_end(&mut workspace.program(Path::new("bash"), &["-c", &line]));
        succeeds(&output).trim().to_owned()
    };
    assert_eq!(complete("hotdev re"), "reload restart");
    assert_eq!(complete("hotdev init --editor n"), "neovim");
}

#[test]
fn every_shell_has_completions() {
    let workspace = Workspace::copy("single");
    for (shell, begins) in
        [("bash", "_hotdev()"), ("zsh", "#compdef hotdev"), ("fish", "# "), ("nushell", "module ")]
    {
        let output = workspace.command(&["completions", shell]);
        let text = succeeds(&output);
        assert!(text.starts_with(begins) && text.contains("rollback"), "{shell}: {text}");
    }
    assert_eq!(workspace.command(&["completions", "tcsh"]).code, Some(64));
}

#[test]
fn every_command_has_a_man_page() {
    let workspace = Workspace::copy("single");
    assert!(succeeds(&workspace.command(&["man"])).contains(".TH hotdev 1"));
    succeeds(&workspace.command(&["man", "man1"]));
    let mut pages = workspace.files();
    pages.retain(|file| file.starts_with("man1/"));
    for page in ["man1/hotdev.1", "man1/hotdev-reload.1", "man1/hotdev-doctor.1"] {
        assert!(pages.iter().any(|file| file == page), "{page} in {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.contains("help")), "{pages:?}");
    assert!(workspace.read("man1/hotdev-reload.1").contains("no session runs for this project"));
}

fn schema(of: &str) -> Validator {
    let output = Workspace::copy("single").command(&["schema", of]);
    let schema: Value = serde_json::from_str(succeeds(&output)).expect("a schema is JSON");
    jsonschema::validator_for(&schema).expect("it is a schema")
}

fn conforms(schema: &Validator, value: &Value) {
    let faults: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?} in {value:#}");
}

fn line_by_line(output: &CommandOutput) -> Vec<Value> {
    let lines = output.stdout.lines();
    lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn what_a_session_says_conforms_to_the_schema() {
    let mut hot = Session::start("layouts");
    let (game, main) = ("src/game.rs", "src/main.rs");
    let mut lines = Vec::new();
    let mut ask = |hot: &Session, args: &[&str]| {
        lines.extend(line_by_line(&hot.command(&[args, &["--json"]].concat())));
    };
    hot.edit(main, "fn main() {", "fn unused() {}\n\nfn main() {");
    ask(&hot, &["reload"]);
    hot.edit(game, "pub score: u32", "pub score: u64");
    for args in [&["reload"][..], &["status"], &["rollback", "99"], &["reload", "no-such-file"]] {
        ask(&hot, args);
    }
    hot.edit(game, "pub score: u64", "pub score: mistake");
    ask(&hot, &["reload"]);
    hot.edit(game, "pub score: mistake", "pub score: u32");
    ask(&hot, &["reload"]);
    hot.edit(game, "\"old", "\"new");
    for args in [&["reload"][..], &["rollback", "0"], &["restart"], &["wath"], &["init"]] {
        ask(&hot, args);
    }
    for args in [&["doctor"][..], &["init", "--editor", "vscode"], &["status"]] {
        ask(&hot, args);
    }
    hot.kill(hot.pid());
    hot.expect_event("exited");
    ask(&hot, &["status"]);
    ask(&hot, &["reload", main]);
    lines.extend(hot.log().seen().events.clone());
    hot.end();

    let schema = schema("events");
    lines.iter().for_each(|line| conforms(&schema, line));
    let expected = [
        "building",
        "started",
        "refused",
        "compile-error",
        "unchanged",
        "rolled-back",
        "restarted",
        "exited",
        "status",
        "done",
        "error",
        "init",
        "check",
    ];
    for name in expected {
        assert!(lines.iter().any(|line| line["event"] == name), "there is no `{name}`: {lines:#?}");
    }
}

#[test]
fn the_schema_of_events_says_no_to_what_is_none() {
    let schema = schema("events");
    conforms(&schema, &json!({"event": "started", "pid": 1, "generation": 0}));
    conforms(&schema, &json!({"event": "started", "pid": 1, "generation": 0, "new": "field"}));
    for wrong in [
        json!({"event": "no-such-event"}),
        json!({"event": "started", "pid": "one", "generation": 0}),
        json!({"event": "started", "pid": 1}),
        json!({"event": "refused", "code": "no-such-code", "items": [], "message": ""}),
        json!([]),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }
}

/// Every `hotdev.toml` below a folder.
fn configurations(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()) {
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            configurations(&path, found);
        } else if path.ends_with("hotdev.toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_hotdev_toml_conforms_to_the_schema() {
    let repository = fixtures().join("../..");
    let mut files = Vec::new();
    configurations(&repository, &mut files);
    assert!(files.len() > 3, "{files:?}");
    let mut texts: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file).expect("it is there")).collect();
    let workspace = Workspace::copy("single");
    succeeds(&workspace.command(&["init"]));
    texts.push(workspace.read("hotdev.toml"));
    let readme = std::fs::read_to_string(repository.join("README.md")).expect("it is there");
    let blocks: Vec<&str> = readme.split("```toml\n").skip(1).collect();
    assert!(!blocks.is_empty(), "README shows a hotdev.toml");
    texts.extend(blocks.iter().filter_map(|text| Some(text.split_once("```")?.0.to_owned())));

    let schema = schema("config");
    for text in texts {
        let value: toml::Value = text.parse::<toml::Table>().expect("it is TOML").into();
        conforms(&schema, &serde_json::to_value(value).expect("it is JSON too"));
    }
    for wrong in [
        json!({"app": {"binn": "x"}}),
        json!({"wach": {}}),
        json!({"reload": {"on-incompatible": "maybe"}}),
        json!({"hot": {"exclude": "a"}}),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn cargo_runs_it_as_a_subcommand() {
    let workspace = Workspace::copy("single");
    let Some(own) = cargo_hotdev(&workspace) else { return };
    let mut command = Command::new(env!("CARGO"));
    command.args(["hotdev", "reload", "--help"]).current_dir(workspace.root());
    let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let path = [vec![own], folders].concat();
    command.env("PATH", std::env::join_paths(path).expect("no colons"));
    let output = run_to_end(&mut command);
    assert!(succeeds(&output).contains("Usage: cargo hotdev reload"), "{output:#?}");
}

/// The folder with `cargo-hotdev`; an installed hotdev may be tested without it.
fn cargo_hotdev(workspace: &Workspace) -> Option<PathBuf> {
    let hotdev = workspace.hotdev(&[]).get_program().to_owned();
    let folder = Path::new(&hotdev).parent()?.to_owned();
    folder.join("cargo-hotdev").is_file().then_some(folder)
}
