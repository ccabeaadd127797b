//! The way to the session's events, which knows whether somebody waits for an answer.
//!
//! What the session does of its own accord, as unloading old code, gives way to those. A channel does
//! not say what stands in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};

use super::Event;

/// Sends events, and counts those that somebody waits for.
#[derive(Clone, Debug)]
pub struct Mailbox {
    sender: Sender<Event>,
    urgent: Arc<AtomicUsize>,
}

impl Mailbox {
    /// One, and where its events come out. [`Mailbox::took`] is to be told of each that is taken.
    pub fn new() -> (Self, Receiver<Event>) {
        let (sender, events) = unbounded();
        (Self { sender, urgent: Arc::default() }, events)
    }

    /// Sends an event.
    ///
    /// # Errors
    /// When the session is gone.
    pub fn send(&self, event: Event) -> Result<(), SendError<Event>> {
        self.urgent.fetch_add(usize::from(is_urgent(&event)), Ordering::SeqCst);
        self.sender.send(event)
    }

    /// Takes note that the session has taken an event.
    pub fn took(&self, event: &Event) {
        self.urgent.fetch_sub(usize::from(is_urgent(event)), Ordering::SeqCst);
    }

    /// Whether somebody waits for an answer, or for the session's end.
    pub fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::SeqCst) > 0
    }
}

fn is_urgent(event: &Event) -> bool {
    matches!(event, Event::Request(..) | Event::Quit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_waits_for_is_known_until_it_is_taken() {
        let (mailbox, events) = Mailbox::new();
        for (event, expected) in
            [(Event::Files(Vec::new(), std::time::Instant::now()), false), (Event::Quit, true)]
        {
            mailbox.clone().send(event).unwrap();
            assert_eq!(mailbox.is_urgent(), expected);
            mailbox.took(&events.recv().unwrap());
            assert!(!mailbox.is_urgent());
        }
    }
}
