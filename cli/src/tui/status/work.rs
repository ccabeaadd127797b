//! A build under way, in the words of the status line.

use std::collections::VecDeque;
use std::time::Instant;

use super::Headline;
use crate::tui::text::Tone;

/// Lines of cargo's that are kept.
const KEPT: usize = 100;

/// A build under way.
#[derive(Debug)]
pub(super) struct Work {
    pub text: String,
    pub since: Instant,
    pub is_save: bool,
    progress: Option<Progress>,
    /// What cargo waits for or fetches.
    note: Option<String>,
    /// What cargo has said, oldest first.
    lines: VecDeque<String>,
}

/// A build in full, for whoever waits for it.
pub(in crate::tui) struct Build<'a> {
    /// What is built.
    pub what: &'a str,
    /// For how long already.
    pub seconds: f64,
    /// How many of cargo's steps are done, of how many, and which are under way.
    pub steps: Option<(u32, u32, &'a str)>,
    /// What cargo waits for or fetches.
    pub note: Option<&'a str>,
    /// What cargo has said, newest first.
    pub lines: Box<dyn Iterator<Item = &'a str> + 'a>,
}

/// How far cargo is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Progress {
    done: u32,
    all: u32,
    what: String,
}

impl Work {
    pub(super) fn new(text: String, since: Instant, is_save: bool) -> Self {
        let lines = VecDeque::new();
        Self { text, since, is_save, progress: None, note: None, lines }
    }

    /// Takes in a line of cargo's.
    pub(super) fn cargo(&mut self, line: &str) {
        let (word, _) = line.trim_start().split_once(' ').unwrap_or_default();
        if let Some(progress) = progress(line) {
            (self.progress, self.note) = (Some(progress), None);
            return;
        }
        if ["Blocking", "Updating", "Locking", "Downloading"].contains(&word) {
            self.note = Some(line.trim().to_owned());
        }
        // That is told anew with every piece that has come.
        if word == "Downloading" {
            return;
        }
        self.lines.push_back(line.trim().to_owned());
        if self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }

    fn seconds(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.since).as_secs_f64()
    }

    /// All there is to say of it now.
    pub(super) fn build(&self, now: Instant) -> Build<'_> {
        let steps = self.progress.as_ref().map(|one| (one.done, one.all, one.what.as_str()));
        let lines = Box::new(self.lines.iter().rev().map(String::as_str));
        let note = self.note.as_deref();
        Build { what: &self.text, seconds: self.seconds(now), steps, note, lines }
    }

    /// The line now.
    pub(super) fn headline(&self, now: Instant) -> Headline {
        let seconds = self.seconds(now);
        let word = if self.is_save { "compiling" } else { "building" };
        let (mut text, mut done) = (format!("{}  {seconds:.1} s", self.text), None);
        if let Some(note) = &self.note {
            text += &format!("  {note}");
        } else if let Some(Progress { done: ready, all, what }) = &self.progress {
            let first = what.split(',').next().unwrap_or_default();
            text += &format!("  {ready}/{all} {first}");
            done = (*all > 0).then(|| f64::from(*ready) / f64::from(*all));
        }
        Headline { word: word.into(), tone: Tone::Name, subject: String::new(), text, done }
    }
}

/// What a line like `   Building [====>    ] 12/30: serde, syn(build)` says.
fn progress(line: &str) -> Option<Progress> {
    let (bar, rest) = line.trim_start().strip_prefix("Building [")?.split_once("] ")?;
    if bar.contains(']') {
        return None;
    }
    let (numbers, what) = rest.split_once(':').unwrap_or((rest, ""));
    let (done, all) = numbers.trim().split_once('/')?;
    let what = what.trim().to_owned();
    Some(Progress { done: done.parse().ok()?, all: all.parse().ok()?, what })
}
