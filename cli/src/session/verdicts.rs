//! From a job's outcome to a verdict that everybody hears.

use std::collections::BTreeMap;
use std::time::Instant;

use hotdev_protocol::{ContentHash, FailureKind};

use super::{Generation, Running, Session, now, restarts};
use crate::check::Refusal;
use crate::error::{Error, Result};
use crate::exit;
use crate::processes::Undelivered;
use crate::report::event::{self, GenerationInfo, Item, RefusalCode};
use crate::symbol_name;
use crate::workshop::{Opened, Outcome, Ready, Workshop};

impl Session {
    pub(super) fn looked(&mut self, workshop: Box<Workshop>, outcome: Outcome) {
        self.job = None;
        self.workshop = Some(workshop);
        self.cover_sources();
        self.take_strangers();
        // One that failed may not have seen the files: to look again could fail for ever.
        let is_sound = !matches!(outcome, Outcome::Failed(_));
        let stale =
            is_sound && self.workshop.as_ref().is_some_and(|workshop| !workshop.is_current());
        if self.restart.is_some()
            || self.pending.is_some()
            || stale
            || matches!(outcome, Outcome::Cancelled)
        {
            if let Some(workshop) = &mut self.workshop {
                workshop.retry();
            }
            return self.next_job();
        }
        self.files =
            self.workshop.as_mut().map(|workshop| workshop.take_changed()).unwrap_or_default();
        // With errors to mend nobody needs them; they are told with the next verdict.
        let tells = !matches!(outcome, Outcome::CompileError(_));
        match outcome {
            Outcome::Cancelled => {}
            Outcome::Nothing => self.nothing(),
            Outcome::Unchanged(notes) => {
                for message in notes {
                    self.reporter.event(&event::Event::Warning { message, hint: None });
                }
                self.unchanged();
            }
            Outcome::Ready(ready) => self.deliver(*ready),
            Outcome::CompileError(diagnostics) => {
                self.answer(&event::Event::CompileError { diagnostics }, exit::COMPILE_ERROR)
            }
            Outcome::Refused(refusal) => self.refused(refusal),
            Outcome::Failed(error) => self.refused(patch_failed(&error)),
        }
        if tells {
            self.tell_warnings();
        }
    }

    /// After the verdict: nobody waits for warnings.
    fn tell_warnings(&mut self) {
        let warnings = self.workshop.as_mut().map(|workshop| workshop.take_warnings());
        let diagnostics = warnings.unwrap_or_default();
        if !diagnostics.is_empty() {
            self.reporter.event(&event::Event::Warnings { diagnostics });
        }
    }

    /// The watcher named a file again that a job has seen already; only who asked is answered.
    pub(super) fn nothing(&mut self) {
        let verdict = event::Event::Unchanged { files: std::mem::take(&mut self.files) };
        for mut responder in self.waiting.drain(..) {
            responder.event(&verdict);
            responder.done(exit::LIVE, None, None);
        }
    }

    pub(super) fn unchanged(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.answer(&event::Event::Unchanged { files }, exit::LIVE);
    }

    pub(super) fn refused(&mut self, refusal: Refusal) {
        let Refusal { code, items, message } = refusal;
        if restarts(&self.config) {
            let reason = message.clone();
            self.reporter.event(&event::Event::Refused { code, items, message });
            self.restart = Some(reason);
            return self.next_job();
        }
        self.answer(&event::Event::Refused { code, items, message }, exit::REFUSED);
    }

    pub(super) fn deliver(&mut self, ready: Ready) {
        let Some(workshop) = &mut self.workshop else { return };
        if !workshop.is_current() {
            workshop.retry();
            self.pending.get_or_insert_with(|| (Instant::now(), Vec::new()));
            return self.next_job();
        }
        let start = Instant::now();
        if self.processes.is_empty() {
            return self.refused(no_process());
        }
        if let Err(undelivered) = self.processes.deliver(&ready.plan.patch) {
            return self.refused(refusal(&undelivered));
        }
        let mut ms = ready.ms;
        ms.load += start.elapsed().as_secs_f64() * 1e3;
        ms.total = ms.detect + ms.rustc + ms.check + ms.link + ms.load;
        let bytes = ready.bytes();
        let live = event::Event::Live {
            generation: ready.plan.patch.generation,
            pids: self.processes.pids(),
            crates: ready.crates.clone(),
            functions: ready.functions.clone(),
            ms,
            bytes,
            slots: ready.plan.slots,
            notes: ready.notes.clone(),
            waiting: ready.calls.waiting().map(str::to_owned).collect(),
            noted: ready.noted.clone(),
            older: ready.older,
        };
        let info = GenerationInfo {
            generation: ready.plan.patch.generation,
            functions: ready.functions.clone(),
            ms: ms.total,
        };
        if let Some(screen) = &self.screen {
            screen.edits(info.generation, workshop.edits());
        }
        let calls = ready.calls.clone();
        let patch = workshop.accept(ready);
        self.chain.push(Generation { info, patch, calls });
        self.answer(&live, exit::LIVE);
        self.plan_settling();
    }

    pub(super) fn failed(&mut self, error: &Error) {
        tracing::error!(%error, "a job failed");
        self.reporter.error(error);
        self.verdict = None;
        for responder in self.waiting.drain(..) {
            responder.done(exit::FAILURE, Some(error.to_string()), error.hint.clone());
        }
    }

    /// Reports a verdict and gives it to everybody who waits for one.
    pub(super) fn answer(&mut self, verdict: &event::Event, exit: u8) {
        self.reporter.event(verdict);
        self.note(verdict);
        self.verdict = (exit != exit::LIVE).then(|| verdict.clone());
        for mut responder in self.waiting.drain(..) {
            responder.event(verdict);
            responder.done(exit, None, None);
        }
    }

    /// Keeps a verdict for `status`. That the program runs is none.
    pub(super) fn note(&mut self, verdict: &event::Event) {
        if !matches!(verdict, event::Event::Started { .. }) {
            let (event, code) = (verdict.name().to_owned(), verdict.code());
            self.last = Some(event::Verdict { event, code, at: now() });
        }
    }

    pub(super) fn opened(&mut self, opened: Result<Opened>) {
        self.job = None;
        let opened = match opened {
            Err(error) => {
                self.failed(&error);
                return self.say_what_restarts();
            }
            Ok(opened) => opened,
        };
        match opened {
            Opened::Cancelled => self.next_job(),
            // Files that were saved during the build may be what it lacked; a build script may as
            // well have written them again as they were.
            Opened::CompileError(_) if self.pending_is_new() => self.next_job(),
            Opened::CompileError(diagnostics) => {
                self.pending = None;
                self.answer(&event::Event::CompileError { diagnostics }, exit::COMPILE_ERROR);
                self.say_what_restarts();
            }
            // What was saved during the build goes into the program as soon as it runs.
            Opened::Ready(workshop) => self.replace(workshop),
        }
    }

    /// After a restart that came to nothing.
    fn say_what_restarts(&self) {
        if matches!(self.running, Running::Yes { .. }) {
            let message =
                "the program runs on as it was, and restarts with the next save that builds";
            let (message, hint) = (message.to_owned(), None);
            self.reporter.event(&event::Event::Warning { message, hint });
        }
    }

    /// Whether files have changed since the build that began last.
    fn pending_is_new(&mut self) -> bool {
        let files = self.pending.iter().flat_map(|(_, files)| files);
        let contents = files.map(|path| {
            (path.clone(), std::fs::read(path).ok().map(|bytes| ContentHash::of(&bytes)))
        });
        let contents: BTreeMap<_, _> = contents.collect();
        let new = contents.iter().any(|(path, hash)| self.seen.get(path) != Some(hash));
        self.seen = contents;
        new
    }

    /// Ends what runs and starts what was built.
    pub(super) fn replace(&mut self, workshop: Box<Workshop>) {
        self.end_program();
        self.known.clear();
        self.build_ids = workshop.build_ids();
        if let Some(reason) = &workshop.unpatchable {
            let message = format!(
                "saves cannot be patched into this program, so each will need a restart: {reason}"
            );
            let hint = Some("set [reload] on-incompatible = \"restart\" in hotdev.toml to restart on every save".into());
            self.reporter.event(&event::Event::Warning { message, hint });
        }
        let executable = workshop.executable.clone();
        let patchable = workshop.unpatchable.is_none();
        self.workshop = Some(workshop);
        self.cover_sources();
        // What an earlier session left may stand in the new program's way: that is said first.
        self.take_strangers();
        match self.launch(&executable) {
            Ok(pid) if patchable => self.running = Running::Starting { pid },
            Ok(pid) => self.started(pid),
            Err(error) => self.failed(&error),
        }
    }

    pub(super) fn cover_sources(&mut self) {
        let Some(workshop) = &self.workshop else { return };
        if let Err(error) = self.watch.cover(workshop.files()) {
            self.reporter.error(&error);
        }
        for file in workshop.files() {
            if !self.known.contains(file) {
                self.known.insert(file.clone());
            }
        }
    }
}

fn no_process() -> Refusal {
    Refusal {
        code: RefusalCode::LoadFailed,
        items: Vec::new(),
        message: "no process of the program is connected; `hotdev restart` starts it anew".into(),
    }
}

/// A delivery that failed, in the words of the event stream.
fn refusal(undelivered: &Undelivered) -> Refusal {
    let Undelivered { pid, failure } = undelivered;
    let symbol = failure.message.split_once("undefined symbol: ").map(|(_, name)| name.trim());
    let code = match failure.kind {
        FailureKind::LoadFailed if symbol.is_some() => RefusalCode::UnresolvedSymbol,
        FailureKind::SlotMismatch => RefusalCode::SlotMismatch,
        _ => RefusalCode::LoadFailed,
    };
    let items = symbol.map(|name| Item { name: symbol_name::path(name), ..Item::default() });
    let message = match code {
        RefusalCode::UnresolvedSymbol => {
            "the edit uses something that is not in the running program".to_owned()
        }
        _ => format!("process {pid} did not take the patch: {}", failure.message),
    };
    Refusal { code, items: items.into_iter().collect(), message }
}

/// No patch was made. The log has the whole error.
fn patch_failed(error: &Error) -> Refusal {
    tracing::error!(%error, "no patch was made");
    Refusal { code: RefusalCode::PatchFailed, items: Vec::new(), message: error.to_string() }
}
