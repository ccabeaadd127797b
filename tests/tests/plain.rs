//! Are the fixtures themselves right? Each is built and run with plain cargo before and after every
//! edit: what `steps.toml` says of the output must hold for a fresh process too.
//!
//! Slow and independent of hotdev, so only on request:
//! `cargo test -p hotdev-tests --test plain -- --ignored`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use hotdev_tests::{
    Workspace, prints,
    steps::{self, Fixture, Step},
};
use serde_json::Value;

#[test]
#[ignore = "checks the fixtures, not hotdev"]
fn fixtures_do_what_they_say_with_plain_cargo() {
    let only = std::env::var("HOTDEV_TEST_FIXTURE").ok();
    let mut wrong = Vec::new();
    for name in steps::all().iter().filter(|name| only.as_ref().is_none_or(|only| only == *name)) {
        if let Err(error) = check(name) {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "checks the fixtures, not hotdev"]
fn fixtures_without_steps_build() {
    for name in ["copies", "depends", "forks", "stopper"] {
        build(&Workspace::copy(name), &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn check(name: &str) -> Result<(), String> {
    let fixture = Fixture::read(name);
    let workspace = Workspace::copy(name);
    let args = steps::strs(&fixture.args);
    runs(&build(&workspace, &args)?, &fixture.first, &[])?;
    for step in &fixture.step {
        for edit in &step.edit {
            edit.apply(&workspace);
        }
        let built = build(&workspace, &args);
        check_step(step, built).map_err(|error| format!("`{}`: {error}", step.why))?;
    }
    Ok(())
}

fn check_step(step: &Step, built: Result<PathBuf, String>) -> Result<(), String> {
    let fails =
        step.verdict == "compile-error" || step.code.as_deref() == Some("unresolved-symbol");
    match (built, fails) {
        (Err(error), true)
            if step.mentions.iter().all(|text| text.contains(':') || error.contains(text)) =>
        {
            Ok(())
        }
        (Err(error), _) => Err(format!("does not build, or not as foreseen: {error}")),
        (Ok(_), true) => Err("builds, and must not".to_owned()),
        // A refused edit shows in a fresh process only.
        (Ok(_), false) if step.verdict == "refused" => Ok(()),
        (Ok(program), false) => runs(&program, &step.output, &step.gone),
    }
}

fn build(workspace: &Workspace, args: &[&str]) -> Result<PathBuf, String> {
    let json = "--message-format=json-render-diagnostics";
    let output = workspace.cargo(&[&["build", json], args].concat());
    if output.code != Some(0) {
        return Err(output.stderr);
    }
    let mut programs = output.stdout.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    });
    programs.next_back().ok_or_else(|| "no program was built".to_owned())
}

/// The program must print a line with all of `output` and none of `gone`.
fn runs(program: &Path, output: &[String], gone: &[String]) -> Result<(), String> {
    // What the configuration of the fixture `excluded` gives it.
    let mut command = Command::new(program);
    command.arg("from-config").env("APP_MOOD", "calm");
    let line = prints(&mut command, &steps::strs(output))?;
    match gone.iter().find(|text| line.contains(*text)) {
        Some(text) => Err(format!("`{text}` must not be in: {line}")),
        None => Ok(()),
    }
}
