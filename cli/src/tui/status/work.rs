//! A build under way, in the words of the status line.

use std::time::Instant;

use super::Headline;
use crate::tui::text::Tone;

/// A build under way.
#[derive(Debug)]
pub(super) struct Work {
    pub text: String,
    pub since: Instant,
    pub is_save: bool,
    progress: Option<Progress>,
    /// What cargo waits for or fetches.
    note: Option<String>,
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
        Self { text, since, is_save, progress: None, note: None }
    }

    /// Takes in a line of cargo's.
    pub(super) fn cargo(&mut self, line: &str) {
        let (word, _) = line.trim_start().split_once(' ').unwrap_or_default();
        if let Some(progress) = progress(line) {
            (self.progress, self.note) = (Some(progress), None);
        } else if ["Blocking", "Updating", "Locking", "Downloading"].contains(&word) {
            self.note = Some(line.trim().to_owned());
        }
    }

    /// The line now.
    pub(super) fn headline(&self, now: Instant) -> Headline {
        let seconds = now.saturating_duration_since(self.since).as_secs_f64();
        let word = if self.is_save { "compiling" } else { "building" };
        let (mut text, mut done) = (format!("{}  {seconds:.1} s", self.text), None);
        if let Some(note) = &self.note {
            text += &format!("  {note}");
        } else if let Some(Progress { done: ready, all, what }) = &self.progress {
            text += &format!("  {ready}/{all} {what}");
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
    let what = what.split(',').next().unwrap_or_default().trim().to_owned();
    Some(Progress { done: done.parse().ok()?, all: all.parse().ok()?, what })
}
