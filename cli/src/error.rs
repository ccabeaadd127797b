//! The one error type: a kind, what was being done, the cause, and the next command to try.
//!
//! Every stage makes its own with [`Error::new`]; [`crate::report`] prints them all.

use std::fmt;

/// What kind of thing went wrong. The names are part of the JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// `hotdev.toml` cannot be read or holds something it must not.
    Config,
    /// The Cargo project cannot be understood: no manifest, no such binary, ….
    Project,
    /// cargo or rustc failed for another reason than a compile error.
    Build,
    /// An object or image is not what hotdev needs it to be.
    Image,
    /// The linker failed.
    Link,
    /// The file watcher failed.
    Watch,
    /// No session, or the session did not answer.
    Session,
    /// The program is gone or did not answer.
    Program,
    /// The operating system refused something.
    System,
}

/// An error for a reader. Its `Display` is one line, "failed to …: cause"; the hint stands apart.
#[derive(Debug)]
pub struct Error {
    /// What kind of thing went wrong.
    pub kind: Kind,
    /// Completes "failed to …".
    pub doing: String,
    /// Why, from whatever reported it.
    pub cause: String,
    /// The next thing to try, as a sentence that names a command or a key of a file.
    pub hint: Option<String>,
}

/// What every stage returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `doing` completes "failed to …".
    pub fn new(kind: Kind, doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self { kind, doing: doing.into(), cause: cause.to_string(), hint: None }
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.doing, self.cause)
    }
}

impl std::error::Error for Error {}

/// Names what was being done where a system call or a library failed.
pub trait Context<T> {
    /// Turns the error into one of ours.
    ///
    /// # Errors
    /// The error that was there, with `kind` and `doing` added.
    fn context(self, kind: Kind, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, kind: Kind, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::new(kind, doing(), cause))
    }
}
