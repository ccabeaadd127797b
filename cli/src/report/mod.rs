//! What hotdev says: to people in calm lines on stderr, to machines as one JSON object a line.
//!
//! [`Reporter`] is for the commands that go on ([`human`], [`json`]), [`reload`] for those that ask
//! a session, [`error`] for the end of a command that failed. They turn [`event::Event`]s into
//! text and know nothing else of hotdev.

pub mod check;
mod color;
pub mod error;
pub mod event;
pub mod human;
pub mod json;
mod refusal;
pub mod reload;
mod reporter;
mod running;
mod status;
mod text;

pub use color::ColorChoice;
pub use reporter::{Listener, Reporter, Said};
pub(crate) use text::relative;

/// Phrases for whoever shows events in another form.
pub(crate) mod phrases {
    pub(crate) use super::text::{
        awaiting, because, change, compile_error, ending, first_error, list, list_within, older,
        open, rendered, why,
    };
}

/// What is said of a refused edit, for the same.
pub(crate) mod refusals {
    pub(crate) use super::refusal::{reason, told};
}

/// How to report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line, on stdout.
    Json,
}

#[cfg(test)]
mod tests;
