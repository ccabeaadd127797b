//! What the status line says of calls: that new code waits for its first, or runs.

use std::time::Instant;

use super::status::CALM;
use crate::report::event::Event;
use crate::report::phrases;

/// The functions of the generation that went live last.
#[derive(Debug)]
pub(super) struct Awaited {
    since: Instant,
    generation: u64,
    functions: usize,
    notes: Vec<String>,
    /// Those that nothing has called, without those that a note tells of.
    left: usize,
    is_called: bool,
}

impl Awaited {
    /// What is to be said after this event; nothing where it is no patch.
    pub(super) fn of(event: &Event, now: Instant) -> Option<Self> {
        let Event::Live { generation, functions, waiting, notes, .. } = event else { return None };
        Some(Self {
            since: now,
            generation: *generation,
            functions: functions.len(),
            notes: notes.clone(),
            left: phrases::open(waiting, notes),
            is_called: false,
        })
    }

    /// Takes in calls.
    pub(super) fn hear(&mut self, event: &Event) {
        if let Event::Called { generation, waiting, .. } = event
            && *generation == self.generation
        {
            (self.left, self.is_called) = (phrases::open(waiting, &self.notes), true);
        }
    }

    /// The words for it now. Most functions are called at once: before that is likely not to be so,
    /// nothing is said.
    pub(super) fn text(&self, now: Instant) -> Option<String> {
        match self.left {
            0 => self.is_called.then(|| "running".to_owned()),
            left if now >= self.since + CALM => Some(phrases::awaiting(self.functions, left)),
            _ => None,
        }
    }

    /// When the words will be others by themselves.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let at = self.since + CALM;
        (self.left > 0 && now < at).then_some(at)
    }
}
