//! From changed files to a job, one at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::{Event, Running, Session};
use crate::cargo::Messages;
use crate::changes::Stamps;
use crate::error::{Error, Kind};
use crate::mishap;
use crate::rebuild::Cancel;
use crate::report::event::{self, Reason};
use crate::workshop::{Opened, Outcome, Workshop};

/// How long a save may be compiled before people are told that it is.
const SLOW: Duration = Duration::from_secs(1);

impl Session {
    pub(super) fn files_changed(&mut self, paths: Vec<PathBuf>, at: Instant) {
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
        if self.job.is_some() && self.looking {
            // One save gives several events. The look under way has seen what the first told.
            let new = self.looked_at.look_at(files.iter());
            files.retain(|path| new.contains(path));
        }
        if files.is_empty() && !rescan {
            return;
        }
        let pending = self.pending.get_or_insert_with(|| (at, Vec::new()));
        pending.1.extend(files);
        self.next_job();
    }

    /// Starts what is to be done next, or has the job under way make room for it.
    pub(super) fn next_job(&mut self) {
        if let Some(job) = &self.job {
            // A build of cargo's goes on: what it has compiled by then need not be compiled again.
            if self.looking {
                job.cancel();
            }
            return;
        }
        if self.restart.is_some() || self.workshop.is_none() || self.is_gone() {
            self.build();
        } else if !matches!(self.running, Running::Starting { .. }) {
            // The first process may have ended and its workers go on.
            self.look();
        }
    }

    pub(super) fn look(&mut self) {
        let Some(mut workshop) = self.workshop.take() else { return };
        let (at, files) = self.pending.take().unwrap_or_else(|| (Instant::now(), Vec::new()));
        self.looked_at = Stamps::default();
        self.looked_at.look_at(files.iter());
        let asked = !self.waiting.is_empty();
        let cancel = self.begin(true);
        let (sender, reporter) = (self.sender.clone(), self.reporter.clone());
        let (under_way, over) = bounded::<()>(0);
        std::thread::spawn(move || {
            let on_build = |crates, files| {
                mishap::at("job");
                reporter.event(&event::Event::Building { reason: Reason::Save, crates, files });
                let (reporter, over) = (reporter.clone(), over.clone());
                std::thread::spawn(move || {
                    if over.recv_timeout(SLOW) == Err(RecvTimeoutError::Timeout) {
                        reporter.slow_save();
                    }
                });
            };
            // Whatever goes wrong here, the session and the program go on.
            let run = AssertUnwindSafe(|| workshop.run(at, &files, asked, &cancel, &on_build));
            let outcome = catch_unwind(run).unwrap_or_else(|_| Outcome::Failed(bug()));
            drop(under_way);
            let _ = sender.send(Event::Looked(workshop, outcome));
        });
    }

    /// Builds, with cargo where not everything is compiled already. What runs goes on running until
    /// there is something to run instead.
    pub(super) fn build(&mut self) {
        let reason = if self.running == Running::No && self.restart.is_none() {
            Reason::Start
        } else {
            Reason::Restart
        };
        let files = self.pending.take().map(|(_, files)| files).unwrap_or_default();
        let crates = vec![self.target.project.program.package.clone()];
        self.reporter.event(&event::Event::Building { reason, crates, files });
        let last = self.workshop.take();
        let cancel = self.begin(false);
        let (sender, target) = (self.sender.clone(), self.target.clone());
        let messages = self.cargo_messages();
        std::thread::spawn(move || {
            let run = AssertUnwindSafe(|| match last.and_then(Workshop::again) {
                Some(workshop) => Ok(Opened::Ready(workshop)),
                None => Workshop::open(&target, &messages, &cancel),
            });
            let opened = catch_unwind(run).unwrap_or_else(|_| Err(bug()));
            let _ = sender.send(Event::Opened(opened));
        });
    }

    /// A program that has the terminal to itself is not written into; what goes wrong is told anyway.
    fn cargo_messages(&self) -> Messages {
        match &self.screen {
            Some(screen) => screen.cargo_lines(),
            None if self.options.ends_with_program && !self.is_gone() => {
                Messages::To(Arc::new(|_| ()))
            }
            None => Messages::Stderr,
        }
    }

    pub(super) fn begin(&mut self, looking: bool) -> Cancel {
        let cancel = Cancel::default();
        self.looking = looking;
        self.job = Some(cancel.clone());
        cancel
    }
}

fn bug() -> Error {
    Error::new(
        Kind::Build,
        "look at the change",
        "hotdev itself made a mistake; its log has the place",
    )
    .hint("`hotdev restart` applies the change; please report this")
}
