//! A `hotdev watch --json` on a generated program, from outside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::beats::{Beats, SOCKET_ENV};
use crate::children::Group;
use crate::folder::Workspace;
use crate::tool;

/// A running session.
#[derive(Debug)]
pub struct Session {
    group: Group,
    events: Receiver<Value>,
    /// The program's first process.
    pub pid: u32,
}

impl Session {
    /// Starts it and waits until the program runs.
    pub fn start(
        hotdev: &Path,
        workspace: &Workspace,
        beats: &Beats,
        args: &[&str],
        limit: Duration,
    ) -> Result<Self> {
        let mut command = tool::command(hotdev, &workspace.folder);
        command.args(["watch", "--json"]).args(args).env(SOCKET_ENV, beats.path());
        let mut group = Group::start_heard(command.stdout(Stdio::piped()))?;
        let stdout = group.child.stdout.take().context("hotdev has no stdout")?;
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if serde_json::from_str(&line).is_ok_and(|event| sender.send(event).is_err()) {
                    return;
                }
            }
        });
        let mut session = Self { group, events, pid: 0 };
        let started = session.verdict(&["started"], limit)?;
        session.pid = started["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        Ok(session)
    }

    /// The session's own process.
    pub fn own_pid(&self) -> u32 {
        self.group.child.id()
    }

    /// Waits for one of the events that are wanted; one that says that an edit did not go in is an
    /// error.
    pub fn verdict(&mut self, wanted: &[&str], limit: Duration) -> Result<Value> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = match self.events.recv_timeout(left) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("hotdev said none of {wanted:?} within {} s", limit.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("hotdev ended\n{}", self.end()),
            };
            let name = event["event"].as_str().unwrap_or_default();
            if wanted.contains(&name) {
                return Ok(event);
            }
            if ["compile-error", "refused", "rolled-back", "restarted", "exited"].contains(&name) {
                bail!("hotdev said {event} where one of {wanted:?} was due\n{}", self.end());
            }
        }
    }

    /// An error if the program or hotdev has ended, or an edit did not go in.
    pub fn check(&mut self) -> Result<()> {
        match self.group.ended()? {
            Some(status) => bail!("hotdev ended with {status}\n{}", self.end()),
            None => Ok(()),
        }
    }

    /// Ends it with Ctrl-C, and gives the last of what it wrote.
    pub fn end(&mut self) -> String {
        self.group.interrupt();
        self.group.last_words()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.group.interrupt();
    }
}
