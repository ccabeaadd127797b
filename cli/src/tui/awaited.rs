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

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::time::Duration;

    use super::super::status::Status;
    use super::*;
    use crate::report::Said;
    use crate::report::event::Timings;

    const SOON: Duration = Duration::from_millis(10);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn live(waiting: &[&str], notes: &[&str]) -> Event {
        Event::Live {
            generation: 3,
            pids: vec![7],
            crates: names(&["game"]),
            functions: names(&["game::a", "game::b"]),
            ms: Timings { total: 9.0, ..Timings::default() },
            bytes: 0,
            slots: 0,
            notes: names(notes),
            waiting: names(waiting),
        }
    }

    fn called(generation: u64, waiting: &[&str]) -> Event {
        let functions = names(&["game::a"]);
        Event::Called { generation, pid: 7, functions, waiting: names(waiting) }
    }

    /// What the line ends with after these events, soon after the first, and later.
    fn ends(events: &[Event]) -> [String; 2] {
        let (mut status, start) = (Status::default(), Instant::now());
        events.iter().for_each(|event| {
            status.hear(&Said::Event(event.clone()), false, start);
        });
        [SOON, CALM].map(|after| {
            let text = status.headline(start + after).text;
            text.split_once("game::a, game::b")
                .map_or(text.clone(), |(_, end)| end.trim().to_owned())
        })
    }

    #[test]
    fn the_line_says_whether_new_code_runs_once_it_is_likely_not_to() {
        let both = live(&["game::a", "game::b"], &[]);
        assert_eq!(ends(from_ref(&both)), ["", "waiting for their first calls"]);
        let one = called(3, &["game::b"]);
        assert_eq!(ends(&[both.clone(), one.clone()]), ["", "1 waits for its first call"]);
        assert_eq!(ends(&[both.clone(), one, called(3, &[])]), ["running", "running"]);
        // Of an older generation.
        assert_eq!(ends(&[both.clone(), called(2, &[])]), ["", "waiting for their first calls"]);
        let unchanged = Event::Unchanged { files: Vec::new() };
        let gone = ends(&[both, unchanged]);
        assert!(gone.iter().all(|text| !text.contains("waiting")), "{gone:?}");
    }

    #[test]
    fn what_a_note_says_is_not_said_twice() {
        let noted = live(&["game::b"], &["game::b waits: what calls it is running already"]);
        assert_eq!(ends(from_ref(&noted)), ["1 note", "1 note"]);
        assert_eq!(ends(&[noted, called(3, &["game::b"])])[0], "1 note  running");
    }

    #[test]
    fn nothing_is_said_of_code_that_may_run_unseen() {
        let hidden = live(&[], &[]);
        assert_eq!(ends(from_ref(&hidden)), ["", ""]);
        assert_eq!(ends(&[hidden, called(3, &[])]), ["running", "running"]);
    }
}
