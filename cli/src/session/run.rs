//! The loop: every event, and who takes it.

use crossbeam_channel::RecvTimeoutError;

use super::{Event, Session};
use crate::exit;
use crate::processes::Contact;

impl Session {
    /// Takes events until one ends the session; returns what hotdev is to exit with.
    pub(super) fn run(&mut self) -> u8 {
        loop {
            let event = match self.settle_at {
                Some(at) => self.events.recv_deadline(at),
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let event = match event {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    self.settle(false);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return exit::LIVE,
            };
            self.sender.took(&event);
            match event {
                Event::Files(paths, at) => self.files_changed(paths, at),
                Event::Looked(workshop, outcome) => self.looked(workshop, outcome),
                Event::Opened(opened) => self.opened(opened),
                Event::Contact(Contact::Connected(process)) => self.connected(process),
                Event::Contact(Contact::Gone(id)) => self.disconnected(id),
                Event::Contact(Contact::Called(pid, called)) => self.called(pid, &called),
                Event::Ended { pid, status } => {
                    self.ended(pid, status);
                    if self.ends_here() {
                        return status
                            .and_then(|status| status.code())
                            .map_or(exit::FAILURE, |code| code as u8);
                    }
                }
                Event::Request(request, responder) => self.asked(request, responder),
                Event::Quit => return exit::LIVE,
            }
        }
    }

    /// Whether the program that has just ended was all that the session is for. What a save was being
    /// compiled for is gone then, unless it is to be started anew.
    fn ends_here(&self) -> bool {
        // A restart that came to nothing waits for a save, and no job is under way meanwhile.
        let is_expected = self.job.is_some() && (self.restart.is_some() || !self.looking);
        self.options.ends_with_program && self.is_gone() && !is_expected
    }
}
