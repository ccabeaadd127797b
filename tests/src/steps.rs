//! `steps.toml`: a fixture's edits, and what must be seen after each.
//!
//! ```toml
//! args = ["--bin", "game"]       # more arguments of `hotdev watch`
//! first = ["old text"]           # one line must hold all of these before any edit
//! counts = ["saved"]             # `saved=12` grows by one from line to line, as `tick 12` always does
//!
//! [[step]]
//! why = "a private function of the binary"
//! edit = [                       # all in one save
//!     { file = "src/main.rs", replace = "old", with = "new" },   # `replace` stands there once
//!     { file = "src/more.rs", write = "pub fn more() {}" },
//!     { file = "src/less.rs", delete = true },
//!     { file = "src/a.rs", rename = "src/b.rs" },
//! ]
//! verdict = "live"               # the next answer of hotdev's; default "live"
//! functions = ["greeting"]       # each is part of a name in the event's `functions`
//! crates = ["game"]              # each is in the event's `crates`
//! code = "needs-restart"         # the event's `code`
//! mentions = ["no_such"]         # each is somewhere in the event
//! silent = ["waits"]             # none is in the event
//! output = ["new text"]          # one line after the verdict must hold all of these
//! gone = ["old text"]            # no line after that one may hold any of these
//! ```
//!
//! With the verdict `restarted` the process must be another one; with any other it must be the same
//! and count on.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

use crate::{Session, Workspace, is_alive};

/// One `steps.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// More arguments of `hotdev watch`.
    #[serde(default)]
    pub args: Vec<String>,
    /// Texts of a line before any edit.
    pub first: Vec<String>,
    /// Numbers in the lines that grow by one.
    #[serde(default)]
    pub counts: Vec<String>,
    /// The edits, in order.
    pub step: Vec<Step>,
}

/// One save and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the step shows; named when it fails.
    pub why: String,
    /// The edits of this save.
    pub edit: Vec<Edit>,
    /// Name of the event that answers it.
    #[serde(default = "live")]
    pub verdict: String,
    /// Parts of names in the event's `functions`.
    #[serde(default)]
    pub functions: Vec<String>,
    /// Members of the event's `crates`.
    #[serde(default)]
    pub crates: Vec<String>,
    /// The event's `code`.
    pub code: Option<String>,
    /// Texts somewhere in the event.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// Texts nowhere in the event.
    #[serde(default)]
    pub silent: Vec<String>,
    /// Texts of a line after the verdict.
    pub output: Vec<String>,
    /// Texts of no line after that.
    #[serde(default)]
    pub gone: Vec<String>,
}

/// One change of one file, told apart by its keys.
#[expect(missing_docs, reason = "the format above says what each key means")]
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Edit {
    /// Replaces the one place where a text stands.
    Replace { file: String, replace: String, with: String },
    /// Writes a whole file.
    Write { file: String, write: String },
    /// Deletes a file.
    Delete { file: String, delete: bool },
    /// Renames a file.
    Rename { file: String, rename: String },
}

fn live() -> String {
    "live".to_owned()
}

impl Fixture {
    /// Reads a fixture's `steps.toml`.
    ///
    /// # Panics
    /// When there is none, or it is not of the format above.
    pub fn read(name: &str) -> Self {
        let path = crate::fixtures().join(name).join("steps.toml");
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Edit {
    /// Does it.
    pub fn apply(&self, workspace: &Workspace) {
        match self {
            Self::Replace { file, replace, with } => workspace.edit(file, replace, with),
            Self::Write { file, write } => workspace.write(file, write),
            Self::Delete { file, .. } => workspace.delete(file),
            Self::Rename { file, rename } => workspace.rename(file, rename),
        }
    }
}

/// The names of all fixtures that have a `steps.toml`, sorted.
pub fn all() -> Vec<String> {
    let entries = fs::read_dir(crate::fixtures()).expect("the fixtures are there");
    let mut names: Vec<_> = entries
        .flatten()
        .filter(|entry| Path::new(&entry.path()).join("steps.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Runs a fixture from its first line to a clean end.
///
/// # Panics
/// When anything is not as `steps.toml` says.
pub fn run(name: &str) {
    let fixture = Fixture::read(name);
    let mut session = Session::start_in(Workspace::copy(name), &strs(&fixture.args));
    session.expect_line(&strs(&fixture.first));
    for step in &fixture.step {
        println!("{name}: {}", step.why);
        run_step(&mut session, &fixture, step);
    }
    session.end();
}

fn run_step(session: &mut Session, fixture: &Fixture, step: &Step) {
    let (pid, line) = (session.pid(), session.newest_line());
    session.save_at_once(|workspace| step.edit.iter().for_each(|edit| edit.apply(workspace)));
    let event = session.expect_verdict(&step.verdict);
    if let Some(missing) = missing_in(&event, step) {
        session.fail(&format!("`{}`: the event does not name {missing}: {event}", step.why));
    }
    if let Some(text) = step.silent.iter().find(|text| event.to_string().contains(*text)) {
        session.fail(&format!("`{}`: the event holds {text}: {event}", step.why));
    }
    session.expect_line(&strs(&step.output));
    for text in &step.gone {
        session.never_output(text);
    }
    if step.verdict == "restarted" {
        assert_ne!(session.pid(), pid, "`{}`: a restart makes another process", step.why);
        assert!(!is_alive(pid), "`{}`: the process before a restart is gone", step.why);
    } else {
        assert_eq!(session.pid(), pid, "`{}`: the process is the same", step.why);
        assert!(is_alive(pid), "`{}`: the process is alive", step.why);
        session.counts_on("tick", line);
        for name in &fixture.counts {
            session.counts_on(name, line);
        }
    }
}

/// What the step wants of the event and the event does not have.
fn missing_in(event: &Value, step: &Step) -> Option<String> {
    let names = |key: &str| -> Vec<&str> {
        event[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (functions, crates, text) = (names("functions"), names("crates"), event.to_string());
    let function =
        step.functions.iter().find(|part| !functions.iter().any(|name| name.contains(*part)));
    let of_crate = step.crates.iter().find(|name| !crates.contains(&name.as_str()));
    let code = step.code.iter().find(|code| event["code"] != **code);
    let mention = step.mentions.iter().find(|part| !text.contains(*part));
    function.or(of_crate).or(code).or(mention).cloned()
}

/// Borrowed, as the session takes them.
pub fn strs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}
