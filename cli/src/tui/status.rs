//! The status line's model: what runs, what is being done, and the last verdict. It says nothing
//! that is not so.

mod verdict;
mod work;

use std::time::{Duration, Instant};

use super::awaited::Awaited;
use super::text::Tone;
use crate::report::event::{Event, Reason};
use crate::report::{Said, phrases};
use verdict::Verdict;
pub(super) use work::Build;
use work::Work;

/// A save that is compiled sooner than this shows its verdict and nothing before it: what was said
/// until then is still true.
pub(super) const CALM: Duration = Duration::from_millis(150);

/// How often a line with a clock in it changes.
const BEAT: Duration = Duration::from_millis(100);

/// Crates named in the line.
const SHOWN: usize = 3;

/// Where things stand.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// The generation that runs.
    pub generation: u64,
    /// What the program is.
    pub program: Program,
    work: Option<Work>,
    verdict: Verdict,
    /// What is wrong with the files, whatever was said of the program since.
    pending: Option<Pending>,
    awaited: Option<Awaited>,
}

/// What stands between the files and the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    CompileError,
    Refusal,
}

impl Pending {
    fn waits(self) -> &'static str {
        match self {
            Self::CompileError => "a compile error waits, p shows it",
            Self::Refusal => "a refused edit waits, p shows it",
        }
    }
}

/// The program, as far as events have told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Program {
    #[default]
    None,
    Running(u32),
    Ended(String),
}

/// The line, in parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Headline {
    pub word: String,
    pub tone: Tone,
    /// What it is about, which is read before all else; empty where that goes without saying.
    pub subject: String,
    pub text: String,
    /// How much of the work is done, from 0 to 1.
    pub done: Option<f64>,
}

impl Status {
    /// Takes in what was said. `asks`: whether a refusal is a question.
    pub(super) fn hear(&mut self, said: &Said, asks: bool, now: Instant) {
        match said {
            Said::Event(Event::Building { reason, crates, .. }) => self.begin(*reason, crates, now),
            Said::Event(Event::Warning { .. } | Event::Warnings { .. } | Event::Status(_)) => {}
            Said::Event(event @ Event::Called { .. }) => {
                self.awaited.iter_mut().for_each(|awaited| awaited.hear(event));
            }
            Said::Event(event) => {
                self.awaited = Awaited::of(event, now);
                // The program may end while a build goes on.
                if !matches!(event, Event::Exited { .. }) {
                    self.work = None;
                }
                self.follow(event);
                self.verdict = Verdict::of(event, self.generation, asks, self.pending);
            }
            Said::Error { message, .. } => {
                (self.work, self.awaited) = (None, None);
                self.verdict = Verdict::new("failed", Tone::Bad, message);
            }
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::Started { pid, generation } => {
                (self.program, self.generation) = (Program::Running(*pid), *generation);
            }
            Event::Restarted { pid, .. } => {
                (self.program, self.generation) = (Program::Running(*pid), 0);
            }
            Event::Live { generation, .. } => self.generation = *generation,
            Event::RolledBack { to, .. } => self.generation = *to,
            Event::Exited { status, signal, .. } => {
                self.program = Program::Ended(phrases::ending(*status, *signal));
            }
            _ => {}
        }
        match event {
            Event::CompileError { .. } => self.pending = Some(Pending::CompileError),
            Event::Refused { .. } => self.pending = Some(Pending::Refusal),
            Event::RolledBack { .. } | Event::Exited { .. } => {}
            _ => self.pending = None,
        }
    }

    fn begin(&mut self, reason: Reason, crates: &[String], now: Instant) {
        let names = phrases::list(crates, SHOWN);
        let text = if reason == Reason::Restart { format!("{names} for a restart") } else { names };
        // A newer save goes on with the work for an earlier one.
        let since = self.work.as_ref().filter(|work| work.is_save).map_or(now, |work| work.since);
        let is_save = reason == Reason::Save;
        let since = if is_save { since } else { now };
        self.work = Some(Work::new(text, since, is_save));
    }

    /// The program was started, so nothing is being built any more; it may end before it says more.
    pub(super) fn launched(&mut self) {
        self.work = None;
        self.verdict = Verdict::new("starting", Tone::Name, "");
    }

    /// Takes in a line of cargo's.
    pub(super) fn cargo(&mut self, line: &str) {
        let work = self.work.as_mut().filter(|work| !work.is_save);
        work.into_iter().for_each(|work| work.cargo(line));
    }

    /// The question was answered: what runs is kept.
    pub(super) fn keep(&mut self) {
        self.verdict.keep();
    }

    /// Says that the session is ending.
    pub(super) fn end(&mut self) {
        (self.work, self.awaited) = (None, None);
        self.verdict = Verdict::new("ending", Tone::Notice, "the program, then hotdev");
    }

    /// The generation that runs, where a program does.
    pub(super) fn current(&self) -> Option<u64> {
        matches!(self.program, Program::Running(_)).then_some(self.generation)
    }

    /// Whether a build is under way, shown or not.
    pub(super) fn is_working(&self) -> bool {
        self.work.is_some()
    }

    /// The build under way, where that is cargo's.
    pub(super) fn build(&self, now: Instant) -> Option<Build<'_>> {
        let work = self.work.as_ref().filter(|work| !work.is_save);
        work.map(|work| work.build(now))
    }

    /// When the line will be another one by itself.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let Some(work) = self.work.as_ref() else {
            return self.awaited.as_ref().and_then(|awaited| awaited.next_change(now));
        };
        let shown = work.since + CALM;
        if work.is_save && now < shown { Some(shown) } else { Some(now + BEAT) }
    }

    /// The line now.
    pub(super) fn headline(&self, now: Instant) -> Headline {
        let work = self.work.as_ref();
        match work.filter(|work| !work.is_save || now >= work.since + CALM) {
            Some(work) => work.headline(now),
            None if self.verdict.word.is_empty() => Headline {
                word: "starting".into(),
                tone: Tone::Name,
                subject: String::new(),
                text: String::new(),
                done: None,
            },
            None => {
                let Verdict { word, tone, subject, mut text } = self.verdict.clone();
                let calls = self.awaited.as_ref().and_then(|awaited| awaited.text(now));
                text.extend(calls.map(|calls| format!("  {calls}")));
                Headline { word, tone, subject, text, done: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::{Older, Timings};

    fn live() -> Said {
        let ms = Timings { total: 214.4, ..Timings::default() };
        Said::Event(Event::Live {
            generation: 3,
            pids: vec![7],
            crates: vec!["game".into()],
            functions: vec!["game::a".into(), "game::b".into()],
            ms,
            bytes: 0,
            slots: 0,
            notes: Vec::new(),
            waiting: Vec::new(),
            noted: Vec::new(),
            older: Older::default(),
        })
    }

    fn building(reason: Reason) -> Said {
        Said::Event(Event::Building { reason, crates: vec!["game".into()], files: Vec::new() })
    }

    #[test]
    fn a_quick_save_goes_from_verdict_to_verdict() {
        let (mut status, start) = (Status::default(), Instant::now());
        status.hear(&live(), false, start);
        assert_eq!(status.headline(start).word, "live 3");
        assert_eq!(status.headline(start).text, "214 ms  2 functions: game::a, game::b");
        status.hear(&building(Reason::Save), false, start);
        assert_eq!(status.headline(start + CALM / 2).word, "live 3");
        assert_eq!(status.next_change(start), Some(start + CALM));
        let later = status.headline(start + Duration::from_millis(1300));
        assert_eq!((later.word.as_str(), later.text.as_str()), ("compiling", "game  1.3 s"));
        status.hear(&live(), false, start);
        assert_eq!((status.next_change(start), status.is_working()), (None, false));
    }

    #[test]
    fn what_stays_on_old_code_is_said_before_what_is_new() {
        let (mut status, start) = (Status::default(), Instant::now());
        let Said::Event(mut event) = live() else { return };
        if let Event::Live { older, notes, .. } = &mut event {
            *older = Older { closures: true, futures: true, notes: 1 };
            *notes = vec!["game::a: closures and futures".into(), "another".into()];
        }
        status.hear(&Said::Event(event), false, start);
        let text = status.headline(start).text;
        let short = "214 ms  existing closures and futures stay on old code  1 note  ";
        assert!(text.starts_with(short), "{text}");
        assert!(" live 123 ".len() + short.len() <= 80, "it fits");
    }

    #[test]
    fn cargo_tells_how_far_it_is() {
        let (mut status, start) = (Status::default(), Instant::now());
        status.hear(&building(Reason::Start), false, start);
        status.cargo("    Building [=======>     ] 12/30: serde, syn(build)");
        status.cargo("   Compiling serde v1.0.0");
        status.cargo("    Blocking waiting for file lock on build directory");
        let text = status.headline(start).text;
        assert_eq!(text, "game  0.0 s  Blocking waiting for file lock on build directory");
        status.cargo("    Building [=======>     ] 12/30: serde, syn(build)");
        let line = status.headline(start);
        assert_eq!((line.text.as_str(), line.done), ("game  0.0 s  12/30 serde", Some(0.4)));
    }

    #[test]
    fn what_is_wrong_with_the_files_stays_said() {
        let (mut status, start) = (Status::default(), Instant::now());
        let mut hear = |event| {
            status.hear(&Said::Event(event), false, start);
            status.headline(start).text
        };
        let back = || Event::RolledBack { generation: 2, to: 1, reason: "asked for".into() };
        let exited = || Event::Exited { pid: 7, status: Some(0), signal: None };
        assert_eq!(hear(back()), "from 2 to 1, as asked");
        hear(Event::CompileError { diagnostics: Vec::new() });
        assert_eq!(hear(back()), "from 2 to 1, as asked  a compile error waits, p shows it");
        assert_eq!(hear(exited()), "status 0  a compile error waits, p shows it");
        hear(Event::Unchanged { files: Vec::new() });
        assert_eq!(hear(exited()), "status 0; R or the next save starts it");
    }

    #[test]
    fn a_program_that_ends_during_a_build_does_not_end_the_build() {
        let (mut status, start) = (Status::default(), Instant::now());
        status.hear(&building(Reason::Restart), false, start);
        let exited = Event::Exited { pid: 7, status: Some(1), signal: None };
        status.hear(&Said::Event(exited), false, start);
        assert_eq!(status.headline(start).text, "game for a restart  0.0 s");
        assert_eq!(status.program, Program::Ended("status 1".into()));
    }
}
