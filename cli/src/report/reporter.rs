//! Where a session's events go.

use std::io::{Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::event::Event;
use super::human::Human;
use super::running::Running;
use super::{ColorChoice, Format, json};
use crate::error::Error;

/// Prints what happens in a session, from any thread: each event's lines stay together.
#[derive(Clone)]
pub struct Reporter {
    shared: Arc<Shared>,
}

/// Something that is said in a session, for whoever shows it instead of a reporter's lines.
#[derive(Clone, Debug)]
pub enum Said {
    /// One event.
    Event(Event),
    /// An error that does not end the session.
    Error {
        /// In one line, "failed to …".
        message: String,
        /// What to try next.
        hint: Option<String>,
    },
}

/// Shows what is said; false where it does not any more.
pub type Listener = Box<dyn Fn(Said) -> bool + Send + Sync>;

struct Shared {
    /// Who shows everything instead, where somebody does.
    listener: OnceLock<Listener>,
    format: Format,
    human: Human,
    /// Whether people are told nothing while a program runs: the terminal is the program's.
    silent: bool,
    /// Whether a program runs, as far as the events have told.
    running: AtomicBool,
    /// Whether an edit that cannot go in restarts the program.
    restarts: AtomicBool,
    /// The last verdict on files that cannot go in, which people have read.
    told: Mutex<Option<Event>>,
    /// What people were told of calls.
    calls: Mutex<Running>,
    /// What is wrong with the files, where people were not told because the terminal is the program's.
    unsaid: Mutex<Option<Said>>,
}

impl Reporter {
    /// A reporter to stderr for people, to stdout for machines.
    pub fn new(format: Format, color: ColorChoice) -> Self {
        Self::with(format, color, false)
    }

    /// A reporter that says nothing to people while a program runs.
    pub fn silent(format: Format, color: ColorChoice) -> Self {
        Self::with(format, color, true)
    }

    fn with(format: Format, color: ColorChoice, silent: bool) -> Self {
        let base = std::env::current_dir().unwrap_or_default();
        let human = Human { colors: color.for_stderr(), base };
        let (running, restarts) = (AtomicBool::new(false), AtomicBool::new(false));
        let (told, listener) = (Mutex::new(None), OnceLock::new());
        let (calls, unsaid) = (Mutex::default(), Mutex::default());
        let shared =
            Shared { listener, format, human, silent, running, restarts, told, calls, unsaid };
        Self { shared: Arc::new(shared) }
    }

    /// Passes everything to `listener` from now on, and prints only what it does not take.
    pub fn pass_to(&self, listener: Listener) {
        let _ = self.shared.listener.set(listener);
    }

    fn is_passed(&self, said: impl FnOnce() -> Said) -> bool {
        self.shared.listener.get().is_some_and(|listener| listener(said()))
    }

    /// Takes note of whether an edit that cannot go in restarts the program.
    pub fn set_restarts(&self, restarts: bool) {
        self.shared.restarts.store(restarts, Ordering::Relaxed);
    }

    /// Prints one event.
    pub fn event(&self, event: &Event) {
        let running = &self.shared.running;
        match event {
            Event::Started { .. } | Event::Restarted { .. } | Event::Live { .. } => {
                running.store(true, Ordering::Relaxed);
            }
            Event::Exited { .. } => running.store(false, Ordering::Relaxed),
            _ => {}
        }
        self.take_note(event);
        let running = running.load(Ordering::Relaxed);
        // What was not said has not been read.
        let again = !self.is_quiet() && self.is_told(event);
        let restarts = self.shared.restarts.load(Ordering::Relaxed);
        if self.is_passed(|| Said::Event(event.clone())) {
            return;
        }
        let human = |human: &Human| match again {
            _ if !self.calls().is_worth(event) => String::new(),
            true => human.again(event, running),
            false => human.event(event, running, restarts),
        };
        self.print(human, || json::event(event));
    }

    /// Keeps what is wrong with the files where it is not said now, and until it is mended.
    fn take_note(&self, event: &Event) {
        if event.is_problem() && self.is_quiet() {
            *self.unsaid() = Some(Said::Event(event.clone()));
        } else if event.is_problem() || event.is_solution() {
            *self.unsaid() = None;
        }
    }

    /// Tells people, at the end, what is wrong with the files and was not said while the program had
    /// the terminal.
    pub fn say_rest(&self) {
        let Some(said) = self.unsaid().take() else { return };
        let text = match said {
            Said::Event(event) => self.shared.human.left(&event),
            Said::Error { message, hint } => self.shared.human.failure(&message, hint.as_deref()),
        };
        let _ = stderr().lock().write_all(text.as_bytes());
    }

    fn unsaid(&self) -> MutexGuard<'_, Option<Said>> {
        self.shared.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether people are told nothing now.
    fn is_quiet(&self) -> bool {
        let Shared { silent, format, running, .. } = &*self.shared;
        *silent && *format == Format::Human && running.load(Ordering::Relaxed)
    }

    fn calls(&self) -> MutexGuard<'_, Running> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether people have read this very verdict, and no other since. Takes note of a new one.
    fn is_told(&self, event: &Event) -> bool {
        // A build begins before each verdict, and says nothing of the files.
        if matches!(
            event,
            Event::Building { .. }
                | Event::Called { .. }
                | Event::Warning { .. }
                | Event::Warnings { .. }
        ) {
            return false;
        }
        let mut told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        let again = told.as_ref() == Some(event);
        let is_failure = matches!(event, Event::CompileError { .. } | Event::Refused { .. });
        if !again {
            *told = is_failure.then(|| event.clone());
        }
        again
    }

    /// Tells people that a save is still being compiled.
    pub fn slow_save(&self) {
        if self.shared.listener.get().is_some() {
            return;
        }
        self.print(|human| human.line("compiling the save"), String::new);
    }

    /// Prints an error that does not end the session.
    pub fn error(&self, error: &Error) {
        let said = || Said::Error { message: error.to_string(), hint: error.hint.clone() };
        if self.is_passed(said) {
            return;
        }
        if self.is_quiet() {
            *self.unsaid() = Some(said());
        }
        self.print(|human| human.error(error), || json::error(error));
    }

    /// A terminal or reader that is gone must not end the session, so failing to write is nothing.
    fn print(&self, human: impl FnOnce(&Human) -> String, json: impl FnOnce() -> String) {
        let _ = match self.shared.format {
            Format::Human if self.is_quiet() => Ok(()),
            Format::Human => stderr().lock().write_all(human(&self.shared.human).as_bytes()),
            Format::Json => {
                let mut out = stdout().lock();
                out.write_all(json().as_bytes()).and_then(|()| out.flush())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::Reason;

    #[test]
    fn what_is_not_said_is_kept_until_it_is_mended() {
        let reporter = Reporter::silent(Format::Human, ColorChoice::Never);
        let broken = Event::CompileError { diagnostics: Vec::new() };
        let kept = || matches!(&*reporter.unsaid(), Some(Said::Event(event)) if *event == broken);
        reporter.event(&broken);
        assert!(!kept(), "nothing runs, so it was said");
        reporter.event(&Event::Started { pid: 7, generation: 0 });
        reporter.event(&broken);
        reporter.event(&Event::RolledBack { generation: 1, to: 0, reason: String::new() });
        assert!(kept());
        reporter.event(&Event::Unchanged { files: vec![] });
        assert!(!kept());
        reporter.event(&broken);
        reporter.event(&Event::Exited { pid: 7, status: Some(0), signal: None });
        assert!(kept() && !reporter.is_told(&broken));
    }

    #[test]
    fn a_verdict_is_told_in_full_once() {
        let reporter = Reporter::new(Format::Human, ColorChoice::Never);
        let broken = Event::CompileError { diagnostics: Vec::new() };
        let building = Event::Building { reason: Reason::Save, crates: vec![], files: vec![] };
        assert!(!reporter.is_told(&broken));
        assert!(!reporter.is_told(&building));
        assert!(reporter.is_told(&broken) && reporter.is_told(&broken));
        assert!(!reporter.is_told(&Event::Unchanged { files: vec![] }));
        assert!(!reporter.is_told(&Event::Unchanged { files: vec![] }));
        assert!(!reporter.is_told(&broken));
    }
}
