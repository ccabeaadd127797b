//! What other commands ask of the session.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Session, named};
use crate::control::Request;
use crate::control::server::Responder;
use crate::exit;
use crate::mishap;
use crate::report::event::{self, Status};

impl Session {
    pub(super) fn asked(&mut self, request: Request, responder: Responder) {
        match request {
            Request::Reload { files, base } => self.asked_to_reload(files, &base, responder),
            Request::Restart => {
                mishap::at("session");
                self.waiting.push(responder);
                self.restart = Some("asked for".into());
                self.next_job();
            }
            Request::Status => {
                let mut responder = responder;
                let is_over = self.is_gone() && self.job.is_none();
                responder.event(&event::Event::Status(Box::new(self.status())));
                responder.done(if is_over { exit::PROGRAM_GONE } else { exit::LIVE }, None, None);
            }
            Request::Rollback { .. } if self.is_gone() && self.workshop.is_some() => {
                gone(responder)
            }
            Request::Rollback { generation } => self.roll_back(generation, responder),
        }
    }

    fn asked_to_reload(&mut self, files: Vec<PathBuf>, base: &Path, responder: Responder) {
        let files: Vec<PathBuf> = files.into_iter().map(named::resolve).collect();
        if let Some(missing) = files.iter().find(|path| self.is_nowhere(path)) {
            return self.refuse_missing(missing, base, responder);
        }
        if self.is_gone() && self.workshop.is_some() {
            return gone(responder);
        }
        if self.are_foreign(&files) {
            return named::answer_foreign(files, base, responder);
        }
        self.waiting.push(responder);
        // A look under way is not disturbed: its verdict counts if the files are still those when
        // it is done.
        if !(self.job.is_some() && self.looking) {
            self.files_asked(files);
        }
    }

    /// An editor says that files were saved: look, whether or not the watcher has noticed.
    pub(super) fn files_asked(&mut self, files: Vec<PathBuf>) {
        let pending = self.pending.get_or_insert_with(|| (Instant::now(), Vec::new()));
        pending.1.extend(files);
        self.next_job();
    }

    pub(super) fn roll_back(&mut self, generation: Option<u64>, mut responder: Responder) {
        let Some(workshop) = &mut self.workshop else {
            let message = "a build is under way; nothing was rolled back".to_owned();
            return responder.done(
                exit::REFUSED,
                Some(message),
                Some("ask again when it is done".into()),
            );
        };
        let current = workshop.generation();
        let mut earlier = workshop.generations();
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
        self.kept_retired = 0;
        self.chain.retain(|generation| generation.info.generation <= to);
        let verdict =
            event::Event::RolledBack { generation: current, to, reason: "asked for".into() };
        self.reporter.event(&verdict);
        // The files are ahead of the program now.
        self.note(&verdict);
        if !self.verdict.as_ref().is_some_and(event::Event::is_problem) {
            self.verdict = Some(verdict.clone());
        }
        responder.event(&verdict);
        responder.done(exit::LIVE, None, None);
    }

    pub(super) fn status(&self) -> Status {
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
            since: self.since,
            ended: self.end.filter(|_| self.is_gone()),
            verdict: self.last.clone(),
            ahead: self.is_behind(),
            waiting: self.uncalled(),
        }
    }

    /// Whether the files hold what the program does not run, where that is known.
    fn is_behind(&self) -> Option<bool> {
        let workshop = self.workshop.as_ref()?;
        Some(self.verdict.is_some() || self.pending.is_some() || !workshop.is_current())
    }
}

/// Answers that there is no program.
pub(super) fn gone(responder: Responder) {
    let hint = "`hotdev restart` starts it again, and so does the next save".to_owned();
    responder.done(exit::PROGRAM_GONE, Some("the program has ended".into()), Some(hint));
}
