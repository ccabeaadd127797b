//! What travels over the control socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::report::event::Event;

/// What a command wants of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// Apply the files as they are now.
    Reload {
        /// Absolute paths of those that changed; empty means whatever did.
        #[serde(default)]
        files: Vec<PathBuf>,
        /// Where whoever asks is: files are named from there.
        #[serde(default)]
        base: PathBuf,
    },
    /// Say where the session stands.
    Status,
    /// Make an earlier generation current.
    Rollback {
        /// Its number; nothing means the one before.
        #[serde(default)]
        generation: Option<u64>,
    },
    /// Start the program anew.
    Restart,
}

/// The end of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Done {
    /// What the command is to exit with, one of [`crate::exit`].
    pub exit: u8,
    /// What there is to say beyond the events.
    pub message: Option<String>,
    /// What to try next.
    pub hint: Option<String>,
}

/// The last line of an answer. The lines before it are events.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Last {
    pub done: Done,
}

/// Any line of an answer, as a client reads it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Last(Last),
    Event(Box<Event>),
    /// Of a newer hotdev.
    Unknown(serde::de::IgnoredAny),
}
