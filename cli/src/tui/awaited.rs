//! What the status line says of calls: that new code waits for its first, or runs.

use std::collections::BTreeSet;
use std::time::Instant;

use super::status::CALM;
use crate::report::event::Event;
use crate::report::phrases;

/// The functions of the generation that went live last.
#[derive(Debug)]
pub(super) struct Awaited {
    since: Instant,
    generation: u64,
    functions: Vec<String>,
    /// Those that a note tells of.
    noted: Vec<String>,
    called: BTreeSet<String>,
    /// How many nothing has called, without those that a note tells of.
    left: usize,
}

impl Awaited {
    /// What is to be said after this event; nothing where it is no patch.
    pub(super) fn of(event: &Event, now: Instant) -> Option<Self> {
        let Event::Live { generation, functions, waiting, noted, .. } = event else { return None };
        Some(Self {
            since: now,
            generation: *generation,
            functions: functions.clone(),
            noted: noted.clone(),
            called: BTreeSet::new(),
            left: phrases::open(waiting, noted),
        })
    }

    /// Takes in calls.
    pub(super) fn hear(&mut self, event: &Event) {
        if let Event::Called { generation, functions, waiting, .. } = event
            && *generation == self.generation
        {
            self.called.extend(functions.iter().cloned());
            self.left = phrases::open(waiting, &self.noted);
        }
    }

    /// The words for it now. Most functions are called at once: before that is likely not to be so,
    /// nothing is said. Nor is it of those that may run unseen.
    pub(super) fn text(&self, now: Instant) -> Option<String> {
        if self.left > 0 {
            let is_late = now >= self.since + CALM;
            return is_late.then(|| phrases::awaiting(self.functions.len(), self.left));
        }
        let is_called = |name: &String| self.called.contains(name);
        let all = !self.functions.is_empty() && self.functions.iter().all(is_called);
        all.then(|| "running".to_owned())
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
    use crate::report::event::{Older, Timings};

    const SOON: Duration = Duration::from_millis(10);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn live(waiting: &[&str], noted: &[&str]) -> Event {
        Event::Live {
            generation: 3,
            pids: vec![7],
            crates: names(&["game"]),
            functions: names(&["game::a", "game::b"]),
            ms: Timings { total: 9.0, ..Timings::default() },
            bytes: 0,
            slots: 0,
            notes: noted.iter().map(|name| format!("{name} waits")).collect(),
            waiting: names(waiting),
            noted: names(noted),
            older: Older::default(),
        }
    }

    fn called(generation: u64, functions: &[&str], waiting: &[&str]) -> Event {
        let (functions, waiting) = (names(functions), names(waiting));
        Event::Called { generation, pid: 7, functions, waiting }
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
        let (a, b) = (called(3, &["game::a"], &["game::b"]), called(3, &["game::b"], &[]));
        assert_eq!(ends(&[both.clone(), a.clone()]), ["", "1 waits for its first call"]);
        assert_eq!(ends(&[both.clone(), a, b]), ["running", "running"]);
        let older = called(2, &["game::a", "game::b"], &[]);
        assert_eq!(ends(&[both.clone(), older]), ["", "waiting for their first calls"]);
        let unchanged = Event::Unchanged { files: Vec::new() };
        let gone = ends(&[both, unchanged]);
        assert!(gone.iter().all(|text| !text.contains("waiting")), "{gone:?}");
    }

    #[test]
    fn what_a_note_says_is_not_said_twice() {
        let noted = live(&["game::a", "game::b"], &["game::b"]);
        let (mut status, start) = (Status::default(), Instant::now());
        status.hear(&Said::Event(noted.clone()), false, start);
        let text = status.headline(start + CALM).text;
        assert!(text.contains("  1 note  2 functions: game::a, game::b  1 waits"), "{text}");
        assert_eq!(ends(from_ref(&noted)), ["", "1 waits for its first call"]);
        let a = called(3, &["game::a"], &["game::b"]);
        assert_eq!(ends(&[noted.clone(), a.clone()]), ["", ""]);
        let b = called(3, &["game::b"], &[]);
        assert_eq!(ends(&[noted, a, b])[0], "running");
    }

    #[test]
    fn nothing_is_said_of_code_that_may_run_unseen() {
        let hidden = live(&[], &[]);
        assert_eq!(ends(from_ref(&hidden)), ["", ""]);
        let (a, b) = (called(3, &["game::a"], &[]), called(3, &["game::b"], &[]));
        assert_eq!(ends(&[hidden.clone(), a.clone()]), ["", ""]);
        assert_eq!(ends(&[hidden, a, b]), ["running", "running"]);
    }
}
