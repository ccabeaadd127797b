//! What the terminal UI asks of the session: the same as other commands, without a socket.

use super::{Event, Mailbox};
use crate::control::server::Responder;
use crate::control::{Done, Request};
use crate::report::event;

/// Reaches a session of this process. Nothing here waits for it.
#[derive(Clone, Debug)]
pub struct Remote {
    sender: Mailbox,
}

impl Remote {
    pub(super) fn new(sender: &Mailbox) -> Self {
        Self { sender: sender.clone() }
    }

    /// Asks for something; `on_done` hears the last event of the answer and its end, on the
    /// session's thread.
    pub fn ask(
        &self,
        request: Request,
        on_done: impl FnOnce(Option<event::Event>, Done) + Send + 'static,
    ) {
        let _ = self.sender.send(Event::Request(request, Responder::here(on_done)));
    }

    /// Ends the program and the session, as Ctrl-C does.
    pub fn quit(&self) {
        let _ = self.sender.send(Event::Quit);
    }
}
