//! What the session does about each event.

use std::path::PathBuf;
use std::time::Instant;

use hotdev_protocol::FailureKind;

use super::{Event, Generation, Running, Session, restarts};
use crate::check::Refusal;
use crate::control::Request;
use crate::control::server::Responder;
use crate::error::{Error, Result};
use crate::exit;
use crate::processes::{Contact, Process, Undelivered};
use crate::rebuild::Cancel;
use crate::report::event::{self, GenerationInfo, Item, Reason, RefusalCode, Status};
use crate::symbol_name;
use crate::workshop::{Opened, Outcome, Ready, Workshop};

impl Session {
    /// Takes events until one ends the session; returns what hotdev is to exit with.
    pub(super) fn run(&mut self) -> u8 {
        while let Ok(event) = self.events.recv() {
            match event {
                Event::Files(paths, at) => self.files_changed(paths, at),
                Event::Looked(workshop, outcome) => self.looked(workshop, outcome),
                Event::Opened(opened) => self.opened(opened),
                Event::Contact(Contact::Connected(process)) => self.connected(process),
                Event::Contact(Contact::Gone(id)) => self.disconnected(id),
                Event::Ended { pid, status } => {
                    self.ended(pid, status);
                    if self.options.ends_with_program && self.is_gone() && self.job.is_none() {
                        return status
                            .and_then(|status| status.code())
                            .map_or(exit::FAILURE, |code| code as u8);
                    }
                }
                Event::Request(request, responder) => self.asked(request, responder),
                Event::Quit => return exit::LIVE,
            }
        }
        exit::LIVE
    }

    // Files.

    fn files_changed(&mut self, paths: Vec<PathBuf>, at: Instant) {
        let mut files = self.watch.take_in(&paths);
        files.extend(paths.iter().cloned());
        let rescan = paths.is_empty();
        if let Some(workshop) = &self.workshop {
            files.retain(|path| workshop.concerns(path));
        } else {
            files.retain(|path| {
                path.extension().is_some_and(|kind| kind == "rs" || kind == "toml")
                    || self.known.contains(path)
            });
        }
        if files.is_empty() && !rescan {
            return;
        }
        let pending = self.pending.get_or_insert_with(|| (at, Vec::new()));
        pending.1.extend(files);
        self.next_job();
    }

    /// Starts what is to be done next, or has the job under way make room for it.
    fn next_job(&mut self) {
        if let Some(job) = &self.job {
            // A build of cargo's goes on: what it has compiled by then need not be compiled again.
            if self.looking {
                job.cancel();
            }
            return;
        }
        if self.restart.is_some() || self.workshop.is_none() || self.is_gone() {
            self.build();
        } else if matches!(self.running, Running::Yes { .. }) {
            self.look();
        }
    }

    fn look(&mut self) {
        let Some(mut workshop) = self.workshop.take() else { return };
        let (at, files) = self.pending.take().unwrap_or_else(|| (Instant::now(), Vec::new()));
        let asked = !self.waiting.is_empty();
        let cancel = self.begin(true);
        let (sender, reporter) = (self.sender.clone(), self.reporter.clone());
        std::thread::spawn(move || {
            let on_build = |crates, files| {
                reporter.event(&event::Event::Building { reason: Reason::Save, crates, files });
            };
            let outcome = workshop.run(at, &files, asked, &cancel, &on_build);
            let _ = sender.send(Event::Looked(workshop, outcome));
        });
    }

    /// Builds with cargo. What runs goes on running until there is something to run instead.
    pub(super) fn build(&mut self) {
        let reason = if self.running == Running::No && self.restart.is_none() {
            Reason::Start
        } else {
            Reason::Restart
        };
        let files = self.pending.take().map(|(_, files)| files).unwrap_or_default();
        let crates = vec![self.target.project.program.package.clone()];
        self.reporter.event(&event::Event::Building { reason, crates, files });
        self.workshop = None;
        let cancel = self.begin(false);
        let (sender, target) = (self.sender.clone(), self.target.clone());
        std::thread::spawn(move || {
            let _ = sender.send(Event::Opened(Workshop::open(&target, &cancel)));
        });
    }

    fn begin(&mut self, looking: bool) -> Cancel {
        let cancel = Cancel::default();
        self.looking = looking;
        self.job = Some(cancel.clone());
        cancel
    }

    // Results of jobs.

    fn looked(&mut self, workshop: Box<Workshop>, outcome: Outcome) {
        self.job = None;
        self.workshop = Some(workshop);
        self.cover_sources();
        let strangers = std::mem::take(&mut self.strangers);
        strangers.into_iter().for_each(|process| self.connected(process));
        let stale = self.workshop.as_ref().is_some_and(|workshop| !workshop.is_current());
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
        match outcome {
            Outcome::Cancelled => {}
            Outcome::Nothing => self.nothing(),
            Outcome::Unchanged => self.unchanged(),
            Outcome::Ready(ready) => self.deliver(*ready),
            Outcome::CompileError(diagnostics) => {
                self.answer(&event::Event::CompileError { diagnostics }, exit::COMPILE_ERROR)
            }
            Outcome::Refused(refusal) => self.refused(refusal),
            Outcome::Failed(error) => self.failed(&error),
        }
    }

    /// The watcher named a file again that a job has seen already; only who asked is answered.
    fn nothing(&mut self) {
        let verdict = event::Event::Unchanged { files: std::mem::take(&mut self.files) };
        for mut responder in self.waiting.drain(..) {
            responder.event(&verdict);
            responder.done(exit::LIVE, None, None);
        }
    }

    fn unchanged(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.answer(&event::Event::Unchanged { files }, exit::LIVE);
    }

    fn refused(&mut self, refusal: Refusal) {
        let Refusal { code, items, message } = refusal;
        if restarts(&self.config) {
            let reason = message.clone();
            self.reporter.event(&event::Event::Refused { code, items, message });
            self.restart = Some(reason);
            return self.next_job();
        }
        self.answer(&event::Event::Refused { code, items, message }, exit::REFUSED);
    }

    fn deliver(&mut self, ready: Ready) {
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
        };
        let info = GenerationInfo {
            generation: ready.plan.patch.generation,
            functions: ready.functions.clone(),
            ms: ms.total,
        };
        let patch = workshop.accept(ready);
        self.chain.push(Generation { info, patch });
        self.answer(&live, exit::LIVE);
    }

    fn failed(&mut self, error: &Error) {
        tracing::error!(%error, "a job failed");
        self.reporter.error(error);
        self.verdict = None;
        for responder in self.waiting.drain(..) {
            responder.done(exit::FAILURE, Some(error.to_string()), error.hint.clone());
        }
    }

    /// Reports a verdict and gives it to everybody who waits for one.
    fn answer(&mut self, verdict: &event::Event, exit: u8) {
        self.reporter.event(verdict);
        self.verdict = (exit != exit::LIVE).then(|| verdict.clone());
        for mut responder in self.waiting.drain(..) {
            responder.event(verdict);
            responder.done(exit, None, None);
        }
    }

    fn opened(&mut self, opened: Result<Opened>) {
        self.job = None;
        let opened = match opened {
            Err(error) => {
                self.restart = None;
                return self.failed(&error);
            }
            Ok(opened) => opened,
        };
        if self.pending.is_some() {
            return self.next_job();
        }
        match opened {
            Opened::Cancelled => self.next_job(),
            Opened::CompileError(diagnostics) => {
                self.answer(&event::Event::CompileError { diagnostics }, exit::COMPILE_ERROR);
            }
            Opened::Ready(workshop) => self.replace(workshop),
        }
    }

    /// Ends what runs and starts what was built.
    fn replace(&mut self, workshop: Box<Workshop>) {
        self.end_program();
        self.known = workshop.files().cloned().collect();
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
        match self.launch(&executable) {
            Ok(pid) if patchable => self.running = Running::Starting { pid },
            Ok(pid) => self.started(pid),
            Err(error) => self.failed(&error),
        }
    }

    fn cover_sources(&mut self) {
        let Some(workshop) = &self.workshop else { return };
        if let Err(error) = self.watch.cover(workshop.files()) {
            self.reporter.error(&error);
        }
    }

    // The program.

    fn connected(&mut self, process: Process) {
        if self.workshop.is_none() {
            return self.strangers.push(process);
        }
        let fits = self
            .build_ids
            .iter()
            .all(|id| process.hello.images.iter().any(|image| image.build_id == *id));
        if !fits {
            tracing::info!(
                pid = process.hello.pid,
                "a process of another program connected; it is left alone"
            );
            return;
        }
        let pid = process.hello.pid;
        let patches: Vec<_> =
            self.chain.iter().map(|generation| generation.patch.clone()).collect();
        if let Err(undelivered) = self.processes.add(process, &patches) {
            let message = format!(
                "process {pid} was not brought to the newest code: {}",
                undelivered.failure.message
            );
            let hint = Some("`hotdev restart` starts the program anew".into());
            self.reporter.event(&event::Event::Warning { message, hint });
        }
        if self.running == (Running::Starting { pid }) {
            self.started(pid);
        }
    }

    fn started(&mut self, pid: u32) {
        self.running = Running::Yes { pid };
        let verdict = match self.restart.take() {
            Some(reason) => event::Event::Restarted { pid, reason },
            None => event::Event::Started { pid, generation: 0 },
        };
        self.answer(&verdict, exit::LIVE);
        if self.pending.is_some() {
            self.next_job();
        }
    }

    fn disconnected(&mut self, id: u64) {
        self.strangers.retain(|process| process.id != id);
        self.processes.remove(id);
    }

    fn ended(&mut self, pid: u32, status: Option<std::process::ExitStatus>) {
        if !matches!(self.running, Running::Starting { pid: own } | Running::Yes { pid: own } if own == pid)
        {
            return;
        }
        self.running = Running::No;
        let (status, signal) = status.map(crate::process::outcome).unwrap_or_default();
        self.reporter.event(&event::Event::Exited { pid, status, signal });
        for responder in self.waiting.drain(..) {
            gone(responder);
        }
    }

    /// Whether no process of the program is left.
    fn is_gone(&self) -> bool {
        self.running == Running::No && self.processes.is_empty()
    }

    // Requests.

    fn asked(&mut self, request: Request, responder: Responder) {
        match request {
            Request::Reload { .. } if self.is_gone() && self.workshop.is_some() => gone(responder),
            Request::Reload { files } => {
                self.waiting.push(responder);
                // A look under way is not disturbed: its verdict counts if the files are still
                // those when it is done.
                if !(self.job.is_some() && self.looking) {
                    self.files_asked(files);
                }
            }
            Request::Restart => {
                self.waiting.push(responder);
                self.restart = Some("asked for".into());
                self.next_job();
            }
            Request::Status => {
                let mut responder = responder;
                responder.event(&event::Event::Status(self.status()));
                responder.done(exit::LIVE, None, None);
            }
            Request::Rollback { generation } => self.roll_back(generation, responder),
        }
    }

    /// An editor says that files were saved: look, whether or not the watcher has noticed.
    fn files_asked(&mut self, files: Vec<PathBuf>) {
        let pending = self.pending.get_or_insert_with(|| (Instant::now(), Vec::new()));
        pending.1.extend(files);
        self.next_job();
    }

    fn roll_back(&mut self, generation: Option<u64>, mut responder: Responder) {
        let Some(workshop) = &mut self.workshop else {
            let message = "a build is under way; nothing was rolled back".to_owned();
            return responder.done(
                exit::REFUSED,
                Some(message),
                Some("ask again when it is done".into()),
            );
        };
        let current = workshop.generation();
        let mut earlier: Vec<u64> =
            std::iter::once(0).chain(workshop.generations().iter().copied()).collect();
        earlier.retain(|other| *other < current);
        let to = generation.or(earlier.last().copied()).filter(|to| earlier.contains(to));
        let Some(to) = to else {
            let list: Vec<String> = earlier.iter().map(u64::to_string).collect();
            let message = format!("generation {current} is current; there is no such earlier one");
            let hint = format!(
                "earlier ones: {}",
                if list.is_empty() { "none".into() } else { list.join(", ") }
            );
            return responder.done(exit::USAGE, Some(message), Some(hint));
        };
        if let Err(undelivered) = self.processes.revert(to) {
            let message = format!(
                "process {} could not go back: {}",
                undelivered.pid, undelivered.failure.message
            );
            return responder.done(
                exit::REFUSED,
                Some(message),
                Some("`hotdev restart` starts the program anew".into()),
            );
        }
        workshop.reverted(to);
        self.chain.retain(|generation| generation.info.generation <= to);
        let verdict =
            event::Event::RolledBack { generation: current, to, reason: "asked for".into() };
        self.reporter.event(&verdict);
        responder.event(&verdict);
        responder.done(exit::LIVE, None, None);
    }

    fn status(&self) -> Status {
        let state = match (self.job.is_some(), self.is_gone()) {
            (true, _) => "building",
            (false, true) => "exited",
            (false, false) => "running",
        };
        let newest = self.chain.last().map_or(0, |generation| generation.info.generation);
        Status {
            state: state.into(),
            session: std::process::id(),
            workspace: self.target.project.root.clone(),
            program: self.target.project.program.target.clone(),
            pids: self.processes.pids(),
            generation: newest,
            generations: self.chain.iter().map(|generation| generation.info.clone()).collect(),
            pending: self.verdict.clone().map(Box::new),
        }
    }
}

fn gone(responder: Responder) {
    let hint = "`hotdev restart` starts it again, and so does the next save".to_owned();
    responder.done(exit::PROGRAM_GONE, Some("the program has ended".into()), Some(hint));
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
