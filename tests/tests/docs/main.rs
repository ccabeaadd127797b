//! What the README and `docs/` say: every code block is run, compiled or checked, and what they list
//! is complete.
//!
//! A block says by its language what it is: `sh` is run, of `console` the commands are run and what
//! they print is compared, `toml` is taken as hotdev.toml or Cargo.toml, each line of `json` has to
//! fit the schema, `rust` is compiled, and `text` is shown. `session` after the language starts a
//! session first. What cannot be run says why: `sh,not-run="reason"`.

mod blocks;
mod commands;
mod lists;

use std::path::Path;

use blocks::{Block, blocks};
use commands::Project;
use hotdev_tests::Workspace;
use jsonschema::Validator;
use serde_json::Value;

/// Blocks that may be marked as not run, in all files.
const NOT_RUN: usize = 3;

/// The blocks of a language that are not marked as not run.
fn of(languages: &[&str]) -> Vec<Block> {
    let mut all = blocks();
    all.retain(|block| languages.contains(&block.language.as_str()) && block.not_run().is_none());
    assert!(!all.is_empty() || languages == ["rust"], "no file has a block of {languages:?}");
    all
}

/// The schema that hotdev prints.
fn schema(of: &str) -> (Value, Validator) {
    let output = Workspace::empty().command(&["schema", of]);
    let schema: Value = serde_json::from_str(&output.stdout).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    (schema, validator)
}

fn conforms(schema: &Validator, value: &Value, block: &Block) {
    let faults: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{block}: {faults:#?} in {value:#}");
}

#[test]
fn every_block_says_what_it_is() {
    let known = ["sh", "console", "toml", "json", "rust", "text"];
    let all = blocks();
    for block in &all {
        let language = block.language.as_str();
        assert!(
            known.contains(&language),
            "{block}: the language `{language}` is none of {known:?}"
        );
        for attribute in &block.attributes {
            let is_known = attribute == "session" || block.not_run().is_some();
            assert!(is_known, "{block}: `{attribute}` means nothing");
        }
        assert!(block.not_run() != Some(""), "{block}: why is it not run?");
    }
    let not_run = all.iter().filter(|block| block.not_run().is_some()).count();
    assert!(not_run <= NOT_RUN, "{not_run} blocks are not run, which is more than {NOT_RUN}");
}

#[test]
fn commands_do_what_is_said() {
    for block in of(&["sh", "console"]) {
        Project::of(&block).run(&block);
    }
}

#[test]
fn settings_are_understood() {
    let (_, schema) = schema("config");
    for block in of(&["toml"]) {
        let table: toml::Table =
            block.text.parse().unwrap_or_else(|error| panic!("{block}: {error}"));
        let is_manifest = ["package", "workspace", "profile", "dependencies"];
        if is_manifest.iter().any(|key| table.contains_key(*key)) {
            Project::of(&block).understands_manifest(&block);
        } else {
            let value = serde_json::to_value(&table).expect("TOML without dates is JSON");
            conforms(&schema, &value, &block);
        }
    }
}

#[test]
fn lines_fit_the_schema() {
    let (_, schema) = schema("events");
    for block in of(&["json"]) {
        for line in block.text.lines() {
            let value = serde_json::from_str(line);
            let value = value.unwrap_or_else(|error| panic!("{block}: {error} in {line}"));
            conforms(&schema, &value, &block);
        }
    }
}

#[test]
fn samples_compile() {
    for block in of(&["rust"]) {
        let workspace = Workspace::empty();
        workspace.write("sample.rs", &block.text);
        let kind = if block.text.contains("fn main(") { "bin" } else { "lib" };
        let args = ["--edition", "2024", "--emit", "metadata", "--crate-type", kind, "sample.rs"];
        let mut rustc = workspace.program(Path::new("rustc"), &args);
        let output = hotdev_tests::run_to_end(&mut rustc);
        assert_eq!(output.code, Some(0), "{block}: {output:#?}");
    }
}
