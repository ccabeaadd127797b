//! What has happened, oldest first: generations, and saves that did not become one.

use super::details;
use super::text::{Line, count};
use crate::report::event::{Event, Timings};
use crate::report::{Said, phrases};
use crate::source::Edit;

/// Entries kept.
const KEPT: usize = 500;

/// The rows, and which of them is looked at.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub entries: Vec<Entry>,
    /// Index of the selected one.
    pub selected: usize,
    /// What was edited for a generation that is about to go live.
    edits: Option<(u64, Vec<Line>, Option<details::FirstChange>)>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// When, as a clock shows it.
    pub time: String,
    pub said: Said,
    /// The diff that made it.
    pub diff: Vec<Line>,
    /// Where the diff begins.
    pub first_change: Option<details::FirstChange>,
    /// Those of its functions that have been called since.
    pub called: Vec<String>,
    /// Whether it was left: taken back, of a program that runs no more, or mended.
    pub is_left: bool,
    /// Whether it is of a program that runs no more: its number may be another one's now.
    pub is_past: bool,
}

impl Entry {
    /// The generation that it is, where it is one.
    pub(super) fn generation(&self) -> Option<u64> {
        match &self.said {
            Said::Event(Event::Started { generation, .. } | Event::Live { generation, .. }) => {
                Some(*generation)
            }
            Said::Event(Event::Restarted { .. }) => Some(0),
            _ => None,
        }
    }

    /// The number that it goes by: a generation's, while its program runs.
    pub(super) fn number(&self) -> Option<u64> {
        self.generation().filter(|_| !self.is_past)
    }

    /// Its stages, where it is a patch.
    pub(super) fn timings(&self) -> Option<&Timings> {
        if let Said::Event(Event::Live { ms, .. }) = &self.said { Some(ms) } else { None }
    }

    /// What a row of so many columns says of it.
    pub(super) fn title(&self, columns: usize) -> String {
        let event = match &self.said {
            Said::Event(event) => event,
            Said::Error { message, .. } => return message.clone(),
        };
        match event {
            Event::Live { functions, crates, .. } if functions.is_empty() => {
                phrases::list(crates, 2)
            }
            Event::Live { functions, .. } => phrases::list_within(functions, columns),
            Event::Started { pid, .. } => format!("started, process {pid}"),
            Event::Restarted { pid, reason } => {
                format!("restarted, process {pid}{}", phrases::because(reason))
            }
            Event::Refused { message, items, .. } => {
                let name = items.first().map(|item| format!("{}: ", item.name));
                format!("refused: {}{message}", name.unwrap_or_default())
            }
            Event::CompileError { diagnostics } => phrases::first_error(diagnostics),
            Event::RolledBack { generation, to, .. } => {
                format!("rolled back from {generation} to {to}")
            }
            Event::Exited { pid, status, signal } => {
                format!("process {pid} ended: {}", phrases::ending(*status, *signal))
            }
            Event::Warning { message, .. } => format!("warning: {message}"),
            Event::Warnings { diagnostics } => count(diagnostics.len(), "warning"),
            Event::Unchanged { .. } => "taken back: the program runs the files as they are".into(),
            Event::Building { .. } | Event::Called { .. } | Event::Status(_) => String::new(),
        }
    }
}

impl Timeline {
    /// Keeps what was edited, as a diff, until the generation is live.
    pub(super) fn edits(&mut self, generation: u64, edits: &[Edit], base: &std::path::Path) {
        let (lines, first) = details::diff(edits, base);
        self.edits = Some((generation, lines, first));
    }

    /// Takes in what was said. The newest entry is selected, unless an older one was.
    pub(super) fn hear(&mut self, said: &Said, time: String) {
        match said {
            Said::Event(Event::Building { .. } | Event::Status(_)) => return,
            // That an edit was taken back is an entry: else its error would be the newest.
            Said::Event(Event::Unchanged { .. }) if !self.mend() => return,
            Said::Event(Event::Called { generation, functions, .. }) => {
                return self.call(*generation, functions);
            }
            Said::Event(Event::RolledBack { to, .. }) => self.leave(|generation| generation > *to),
            Said::Event(Event::Started { .. } | Event::Restarted { .. }) => {
                self.mend();
                self.leave(|_| true);
                self.entries.iter_mut().for_each(|entry| entry.is_past = true);
            }
            Said::Event(Event::Live { .. }) => drop(self.mend()),
            _ => {}
        }
        let mut entry = Entry {
            time,
            said: said.clone(),
            diff: Vec::new(),
            first_change: None,
            called: Vec::new(),
            is_left: false,
            is_past: false,
        };
        let edits = self.edits.take_if(|(generation, ..)| entry.generation() == Some(*generation));
        if let Some((_, diff, first)) = edits {
            (entry.diff, entry.first_change) = (diff, first);
        }
        // A row of saves that do not compile yet is one edit in the making.
        let follows = self.newer() == 0;
        if is_compile_error(said)
            && self.entries.last().is_some_and(|it| is_compile_error(&it.said))
        {
            self.entries.pop();
        }
        self.entries.push(entry);
        if self.entries.len() > KEPT {
            self.entries.remove(0);
            self.selected = self.selected.saturating_sub(1);
        }
        if follows {
            self.selected = self.entries.len() - 1;
        }
    }

    fn call(&mut self, generation: u64, functions: &[String]) {
        let mut newest = self.entries.iter_mut().rev();
        if let Some(entry) = newest.find(|one| one.generation() == Some(generation)) {
            entry.called.extend_from_slice(functions);
        }
    }

    /// The files are in the program: what was wrong with them is so no more. Whether anything was.
    fn mend(&mut self) -> bool {
        let problems = self.entries.iter_mut().filter(|one| !one.is_left && is_problem(&one.said));
        problems.map(|entry| entry.is_left = true).count() > 0
    }

    fn leave(&mut self, is_left: impl Fn(u64) -> bool) {
        for entry in &mut self.entries {
            entry.is_left |= entry.generation().is_some_and(&is_left);
        }
    }

    /// Selects another entry, so many later.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.entries.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// How many entries there are after the selected one. With none, the newest stays selected.
    pub(super) fn newer(&self) -> usize {
        self.entries.len().saturating_sub(self.selected + 1)
    }

    /// Selects the newest entry, and from now on what follows it.
    pub(super) fn follow(&mut self) {
        self.selected = self.entries.len().saturating_sub(1);
    }

    /// The selected entry.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.entries.get(self.selected)
    }

    /// The longest time from save to live, in milliseconds.
    pub(super) fn longest(&self) -> f64 {
        let all = self.entries.iter().filter_map(Entry::timings).map(|ms| ms.total);
        all.fold(1.0, f64::max)
    }
}

fn is_problem(said: &Said) -> bool {
    matches!(said, Said::Event(event) if event.is_problem())
}

fn is_compile_error(said: &Said) -> bool {
    matches!(said, Said::Event(Event::CompileError { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::Older;

    fn hear(timeline: &mut Timeline, event: Event) {
        timeline.hear(&Said::Event(event), "12:00:00".into());
    }

    fn live(generation: u64) -> Event {
        let functions = vec!["game::a".into(), "game::b::c".into()];
        Event::Live {
            generation,
            pids: vec![7],
            crates: vec!["game".into()],
            functions,
            ms: Timings::default(),
            bytes: 0,
            slots: 0,
            notes: Vec::new(),
            waiting: vec!["game::a".into()],
            noted: Vec::new(),
            older: Older::default(),
        }
    }

    fn left(timeline: &Timeline) -> Vec<bool> {
        timeline.entries.iter().map(|entry| entry.is_left).collect()
    }

    #[test]
    fn a_rollback_leaves_what_came_after() {
        let mut timeline = Timeline::default();
        hear(&mut timeline, Event::Started { pid: 7, generation: 0 });
        hear(&mut timeline, live(1));
        hear(&mut timeline, live(2));
        hear(&mut timeline, Event::RolledBack { generation: 2, to: 1, reason: String::new() });
        assert_eq!(left(&timeline), [false, false, true, false]);
        hear(&mut timeline, Event::Restarted { pid: 8, reason: "asked for".into() });
        assert_eq!(left(&timeline), [true, true, true, false, false]);
    }

    #[test]
    fn a_number_is_that_of_one_row() {
        let mut timeline = Timeline::default();
        hear(&mut timeline, Event::Started { pid: 7, generation: 0 });
        hear(&mut timeline, live(1));
        hear(&mut timeline, Event::Restarted { pid: 8, reason: "asked for".into() });
        hear(&mut timeline, live(1));
        let numbers: Vec<_> = timeline.entries.iter().map(Entry::number).collect();
        assert_eq!(numbers, [None, None, Some(0), Some(1)]);
    }

    #[test]
    fn the_newest_is_followed_again_once_it_is_selected() {
        let mut timeline = Timeline::default();
        (0..4).for_each(|generation| hear(&mut timeline, live(generation)));
        timeline.step(-2);
        hear(&mut timeline, live(4));
        assert_eq!((timeline.selected, timeline.newer()), (1, 3));
        timeline.step(3);
        hear(&mut timeline, live(5));
        assert_eq!((timeline.selected, timeline.newer()), (5, 0));
        timeline.step(-1);
        timeline.follow();
        hear(&mut timeline, live(6));
        assert_eq!((timeline.selected, timeline.newer()), (6, 0));
    }

    #[test]
    fn saves_that_do_not_compile_are_one_entry() {
        let mut timeline = Timeline::default();
        for _ in 0..3 {
            hear(&mut timeline, Event::CompileError { diagnostics: Vec::new() });
        }
        hear(&mut timeline, live(1));
        assert_eq!(timeline.entries.len(), 2);
        assert_eq!(timeline.entries[1].title(40), "game::a, game::b::c");
        assert_eq!(timeline.entries[1].title(15), "game::a (+1)");
        assert_eq!(timeline.entries[1].title(9), "a (+1)");
    }

    #[test]
    fn what_was_mended_is_not_the_newest_entry() {
        let unchanged = || Event::Unchanged { files: Vec::new() };
        let mut timeline = Timeline::default();
        hear(&mut timeline, live(1));
        hear(&mut timeline, unchanged());
        assert_eq!(timeline.entries.len(), 1, "nothing was wrong");
        hear(&mut timeline, Event::CompileError { diagnostics: Vec::new() });
        hear(&mut timeline, unchanged());
        assert_eq!(left(&timeline), [false, true, false]);
        assert_eq!(timeline.entry().unwrap().title(9), timeline.entries[2].title(9));
        hear(&mut timeline, unchanged());
        assert_eq!(timeline.entries.len(), 3);
        hear(&mut timeline, Event::CompileError { diagnostics: Vec::new() });
        hear(&mut timeline, live(2));
        assert_eq!(left(&timeline), [false, true, false, true, false]);
    }

    #[test]
    fn calls_go_with_their_generation_and_are_no_entry() {
        let mut timeline = Timeline::default();
        hear(&mut timeline, live(1));
        hear(&mut timeline, live(2));
        let functions = vec!["game::a".into()];
        hear(&mut timeline, Event::Called { generation: 1, pid: 7, functions, waiting: vec![] });
        let marks = |entry: &Entry| {
            let lines = details::lines(entry, std::path::Path::new("/"));
            lines.iter().map(|line| line.text.clone()).filter(|line| line.contains("::")).collect()
        };
        let marks: Vec<Vec<String>> = timeline.entries.iter().map(marks).collect();
        assert_eq!(marks[0], ["  game::a  running", "  game::b::c"]);
        assert_eq!(marks[1], ["  game::a  waiting for its first call", "  game::b::c"]);
    }

    #[test]
    fn edits_go_with_their_generation() {
        let mut timeline = Timeline::default();
        let edit = Edit { file: "/w/a.rs".into(), before: "a\n".into(), after: "b\n".into() };
        timeline.edits(2, &[edit], std::path::Path::new("/w"));
        hear(&mut timeline, live(1));
        hear(&mut timeline, live(2));
        assert!(timeline.entries[0].diff.is_empty() && !timeline.entries[1].diff.is_empty());
    }

    #[test]
    fn entries_are_bounded() {
        let mut timeline = Timeline::default();
        (0..KEPT as u64 + 9).for_each(|generation| hear(&mut timeline, live(generation)));
        assert_eq!((timeline.entries.len(), timeline.selected), (KEPT, KEPT - 1));
        timeline.step(-9999);
        assert_eq!(timeline.entry().and_then(Entry::generation), Some(9));
        timeline.step(7);
        hear(&mut timeline, live(0));
        assert_eq!(timeline.entry().and_then(Entry::generation), Some(16), "it stays selected");
    }
}
