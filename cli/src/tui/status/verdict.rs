//! What was said last, in the words of the status line.

use std::path::Path;

use super::Pending;
use crate::report::event::{Event, Item};
use crate::report::{phrases, refusals};
use crate::tui::text::{Tone, count, took};

/// Columns that names of functions may take in the line: what is left of 80.
const NAMES: usize = 44;

/// What a refusal says before its message while it is a question.
const QUESTION: &str = "R restarts, Esc keeps  ";

/// What was said last: a word, its tone, and the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub word: String,
    pub tone: Tone,
    pub subject: String,
    pub text: String,
}

impl Verdict {
    pub(super) fn new(word: impl Into<String>, tone: Tone, text: impl Into<String>) -> Self {
        Self { word: word.into(), tone, subject: String::new(), text: text.into() }
    }

    /// What an event says. `generation`: the one that runs. `asks`: whether a refusal is a question.
    /// `pending`: what is wrong with the files all the same.
    pub(super) fn of(event: &Event, generation: u64, asks: bool, pending: Option<Pending>) -> Self {
        match event {
            Event::Started { .. } => Self::new("running", Tone::Good, ""),
            Event::Restarted { reason, .. } => {
                Self::new("restarted", Tone::Good, phrases::why(reason))
            }
            Event::Live { .. } => Self::live(event),
            Event::Unchanged { .. } => {
                let word =
                    if generation == 0 { "running".into() } else { format!("live {generation}") };
                Self::new(word, Tone::Good, "unchanged: no code of the program differs")
            }
            Event::CompileError { diagnostics } => {
                let all = phrases::first_error(diagnostics);
                let text = all.strip_prefix("compile error: ").unwrap_or_default();
                Self::new("compile error", Tone::Bad, text)
            }
            Event::Refused { items, message, .. } => Self::refused(items, message, asks),
            Event::RolledBack { generation, to, reason } => {
                let waits = pending.map(|pending| format!("  {}", pending.waits()));
                let because = phrases::because(reason);
                let text =
                    format!("from {generation} to {to}{because}{}", waits.unwrap_or_default());
                Self::new("rolled back", Tone::Notice, text)
            }
            Event::Exited { status, signal, .. } => {
                let ending = phrases::ending(*status, *signal);
                // While something is wrong with the files, not every save does start it.
                let next = pending.map_or("; R or the next save starts it".into(), |pending| {
                    format!("  {}", pending.waits())
                });
                Self::new("ended", Tone::Bad, ending + &next)
            }
            Event::Building { .. }
            | Event::Called { .. }
            | Event::Warning { .. }
            | Event::Warnings { .. }
            | Event::Status(_) => Self::default(),
        }
    }

    fn live(event: &Event) -> Self {
        let Event::Live { generation, functions, ms, notes, older, .. } = event else {
            return Self::default();
        };
        let mut text = took(ms.total);
        // That something is not live goes before what is.
        text.extend(phrases::older(*older).map(|older| format!("  {older}")));
        let notes = notes.len().saturating_sub(older.notes);
        if notes > 0 {
            text += &format!("  {}", count(notes, "note"));
        }
        if !functions.is_empty() {
            let names = phrases::list_within(functions, NAMES);
            text += &format!("  {}: {names}", count(functions.len(), "function"));
        }
        Self::new(format!("live {generation}"), Tone::Good, text)
    }

    /// A refusal, which names what it is about first.
    fn refused(items: &[Item], message: &str, asks: bool) -> Self {
        let question = if asks { QUESTION } else { "" };
        let told = refusals::told(items, Path::new("")).first().map(|(item, _)| (*item).clone());
        let subject = told.as_ref().map(|item| item.name.clone()).unwrap_or_default();
        let change = told.as_ref().map(phrases::change).filter(|change| !change.is_empty());
        let change = change.map(|change| format!("{change}  ")).unwrap_or_default();
        let verdict = Self::new("refused", Tone::Bad, format!("{change}{question}{message}"));
        Self { subject, ..verdict }
    }

    /// The question was answered: what runs is kept.
    pub(super) fn keep(&mut self) {
        self.text = self.text.replacen(QUESTION, "", 1);
    }
}
