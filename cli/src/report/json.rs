//! Lines for machines. `report/event.rs` has the rules for changing them.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::event::Event;
use crate::control::Done;
use crate::error::{Error, Kind};
use crate::init::look::Look;

/// A line that a command prints with `--json`: `hotdev schema events` describes it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "A line of hotdev's JSON output")]
pub enum Line<'a> {
    /// Something happened in a session.
    Event(&'a Event),
    /// Something else.
    Own(Own<'a>),
}

/// Lines that are no events of a session.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[expect(missing_docs, reason = "the fields are named for what they hold")]
pub enum Own<'a> {
    /// A failure that is no verdict on an edit.
    Error { kind: Kind, doing: &'a str, cause: &'a str, hint: Option<&'a str> },
    /// The end of a session's answer.
    Done(&'a Done),
    /// What `hotdev init` did.
    Init {
        file: &'a Path,
        written: bool,
        /// Of an editor's binding: `written`, `same`, `kept` or `printed`.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'a str>,
        /// What was written, or is to be added by hand.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        /// What else has to be done by hand.
        #[serde(skip_serializing_if = "Option::is_none")]
        by_hand: Option<&'a str>,
        /// What was found out about the project.
        #[serde(skip_serializing_if = "Option::is_none")]
        project: Option<&'a Look>,
    },
    /// One thing that `hotdev doctor` looked at.
    Check {
        name: &'a str,
        status: CheckStatus,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        mend: Option<&'a str>,
    },
}

/// What `hotdev doctor` thinks of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Not as it should be, and hotdev patches all the same.
    Warning,
    /// It keeps hotdev from patching.
    Problem,
}

/// One event.
pub fn event(event: &Event) -> String {
    line(&Line::Event(event))
}

/// One error: `{"event":"error","kind":…,"doing":…,"cause":…,"hint":…}`.
pub fn error(error: &Error) -> String {
    let Error { kind, doing, cause, hint } = error;
    own(Own::Error { kind: *kind, doing, cause, hint: hint.as_deref() })
}

/// The end of a session's answer: `{"event":"done","exit":…,"message":…,"hint":…}`.
pub fn done(done: &Done) -> String {
    own(Own::Done(done))
}

/// One line that is no event of a session.
pub fn own(own: Own<'_>) -> String {
    line(&Line::Own(own))
}

/// Fails only for what JSON cannot hold: paths that are not UTF-8. Then that is said instead.
fn line(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text + "\n",
        Err(cause) => error(&Error::new(Kind::System, "write an event as JSON", cause)),
    }
}
