//! Processes of the program coming and going.

use super::lent::Lent;
use super::requests::gone;
use super::{Running, Session, now};
use crate::exit;
use crate::processes::Process;
use crate::report::event;

impl Session {
    pub(super) fn connected(&mut self, process: Process) {
        if self.workshop.is_none() {
            return self.strangers.push(process);
        }
        let fits = self
            .build_ids
            .iter()
            .all(|id| process.hello.images.iter().any(|image| image.build_id == *id));
        self.tell_of_leftover(process.hello.pid, fits);
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

    /// Takes in the processes that connected while nobody could.
    pub(super) fn take_strangers(&mut self) {
        let strangers = std::mem::take(&mut self.strangers);
        strangers.into_iter().for_each(|process| self.connected(process));
    }

    pub(super) fn started(&mut self, pid: u32) {
        self.running = Running::Yes { pid };
        self.since = Some(now());
        let verdict = match self.restart.take() {
            Some(reason) => event::Event::Restarted { pid, reason },
            None => event::Event::Started { pid, generation: 0 },
        };
        self.answer(&verdict, exit::LIVE);
        if self.pending.is_some() {
            self.next_job();
        }
    }

    pub(super) fn disconnected(&mut self, id: u64) {
        self.strangers.retain(|process| process.id != id);
        self.processes.remove(id);
    }

    pub(super) fn ended(&mut self, pid: u32, status: Option<std::process::ExitStatus>) {
        if !matches!(self.running, Running::Starting { pid: own } | Running::Yes { pid: own } if own == pid)
        {
            return;
        }
        self.running = Running::No;
        self.processes.forget(pid);
        if self.is_gone() {
            self.lent.iter().for_each(Lent::take_back);
        }
        let (status, signal) = status.map(crate::process::outcome).unwrap_or_default();
        self.end = Some(event::Ended { pid, status, signal, at: now() });
        self.reporter.event(&event::Event::Exited { pid, status, signal });
        for responder in self.waiting.drain(..) {
            gone(responder);
        }
    }

    /// Whether no process of the program that this session started is left.
    pub(super) fn is_gone(&self) -> bool {
        let is_leftover = |pid| self.leftovers.contains(pid);
        self.running == Running::No && self.processes.pids().iter().all(is_leftover)
    }
}
