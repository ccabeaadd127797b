//! Lines for machines. `report/event.rs` has the rules for changing them.

use serde::Serialize;

use super::event::Event;
use crate::control::Done;
use crate::error::{Error, Kind};

/// One event.
pub fn event(event: &Event) -> String {
    line(event)
}

/// One error: `{"event":"error","kind":…,"doing":…,"cause":…,"hint":…}`.
pub fn error(error: &Error) -> String {
    let Error { kind, doing, cause, hint } = error;
    line(&Failure { event: "error", kind: *kind, doing, cause, hint: hint.as_deref() })
}

/// The end of a session's answer: `{"event":"done","exit":…,"message":…,"hint":…}`.
pub fn done(done: &Done) -> String {
    line(&End { event: "done", done })
}

#[derive(Serialize)]
struct Failure<'a> {
    event: &'static str,
    kind: Kind,
    doing: &'a str,
    cause: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct End<'a> {
    event: &'static str,
    #[serde(flatten)]
    done: &'a Done,
}

/// Fails only for what JSON cannot hold: paths that are not UTF-8. Then that is said instead.
fn line(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text + "\n",
        Err(cause) => error(&Error::new(Kind::System, "write an event as JSON", cause)),
    }
}
