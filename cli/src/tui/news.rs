//! What the session tells the UI.

use super::pty::Tty;
use crate::control::Done;
use crate::report::Said;
use crate::report::event::Event;
use crate::source::Edit;

/// One thing that the UI hears of.
pub(super) enum News {
    /// An event or an error, as in plain lines.
    Said(Said),
    /// A line of cargo's.
    Cargo(String),
    /// What was edited for a generation, which goes live in a moment.
    Edits { generation: u64, edits: Vec<Edit> },
    /// The program was started on this terminal.
    Program(Tty),
    /// How something that the UI asked for has ended, and the last event of the answer.
    Answer(Option<Event>, Done),
    /// The session is over: give the terminal back.
    Finish,
}
