//! The terminal UI of `hotdev watch`: the program in a pane of its own, one line that says where
//! things stand, and the generations.
//!
//! Three parts that know little of each other: the model ([`app`] and what it is made of) is plain
//! state, changed by news and keys; [`draw`] makes a frame of it; [`ui`] owns the terminal and has
//! the one loop. The session stays the owner of everything. It sends [`news::News`] and never
//! waits; the UI asks through a [`Remote`], as other commands do, and never waits either.
//!
//! What is surprising: panels that come and go lie over the program's pane and do not resize it, so
//! that a compile error is no SIGWINCH to the program.

mod app;
mod awaited;
mod details;
mod draw;
mod editor;
mod encode;
mod input;
mod keys;
mod news;
mod notify;
mod pane;
mod problem;
mod pty;
mod screen;
mod search;
mod status;
mod terminal;
mod text;
mod timeline;
mod ui;

pub use screen::{Screen, Setup};

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

use crate::report::Format;

/// Whether a terminal UI is what `watch` should show, as far as it was not told.
pub fn fits(format: Format) -> bool {
    let is_able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    format == Format::Human && is_able && std::io::stdin().is_terminal() && has_room()
}

/// Whether stdout is a terminal with rows and columns: one that was never told its size has none, and
/// nothing could be drawn on it.
fn has_room() -> bool {
    tcgetwinsize(std::io::stdout()).is_ok_and(|size| size.ws_row > 0 && size.ws_col > 0)
}

/// Whether a Ctrl-C at the terminal is meant for an editor that was started there.
pub fn is_editing() -> bool {
    terminal::is_lent()
}

/// Called when a thread panics: gives the terminal back where the panic is the end of the session or
/// of the UI. False where the UI goes on, and nothing may be printed over it.
pub fn makes_way() -> bool {
    if !terminal::is_taken() {
        return true;
    }
    let is_end = matches!(std::thread::current().name(), Some("main" | screen::THREAD));
    if is_end {
        terminal::give_back();
    }
    is_end
}
