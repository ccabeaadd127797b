//! A rustc whose units have been taken, and that goes on with what nobody waits for.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::aside::Aside;
use super::reader::{Messages, Reader};
use super::rustc::Rustc;
use crate::process;

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets rustc clean up after itself while nobody needs the crate. Whoever drops this ends it.
#[derive(Debug)]
pub struct Trailing {
    /// `None` once it has ended: its number may be another process's then.
    work: Arc<Mutex<Option<Work>>>,
    /// Tells whether rustc failed.
    thread: Option<JoinHandle<bool>>,
}

/// Dropped in this order: rustc has ended when cargo's files are put back.
#[derive(Debug)]
struct Work {
    rustc: Rustc,
    _aside: Aside,
    reader: Reader,
}

impl Work {
    /// Whether rustc failed by itself; being killed is no failure. Others are told in the log only:
    /// the verdict on its units has been given.
    fn failed(mut self) -> bool {
        let status = self.rustc.wait();
        let failed =
            status.as_ref().is_ok_and(|status| status.code().is_some_and(|code| code != 0));
        if failed {
            let Messages { diagnostics, rest } = self.reader.all();
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level == "error");
            let errors: String = errors.map(|error| error.rendered.as_str()).collect();
            let rest = rest.trim();
            tracing::warn!(?status, errors, rest, "rustc failed after the units were there");
        }
        failed
    }
}

impl Trailing {
    /// Takes over rustc, and what has to be put back when it has ended.
    ///
    /// # Errors
    /// When there is no thread for it; rustc has been ended then.
    pub fn new(rustc: Rustc, aside: Aside, reader: Reader) -> io::Result<Self> {
        let work = Arc::new(Mutex::new(Some(Work { rustc, _aside: aside, reader })));
        let shared = Arc::clone(&work);
        let mut trailing = Self { work, thread: None };
        let wait = move || {
            loop {
                if let Some(work) = take_ended(&shared) {
                    return work.failed();
                }
                thread::sleep(PAUSE);
            }
        };
        trailing.thread = Some(thread::Builder::new().name("trailing rustc".into()).spawn(wait)?);
        Ok(trailing)
    }

    /// Ends rustc if it still runs; whether it had failed by itself before.
    pub fn end(mut self) -> bool {
        self.stop()
    }

    fn stop(&mut self) -> bool {
        if let Some(work) = lock(&self.work).as_ref() {
            process::kill_group(work.rustc.id());
        }
        self.thread.take().is_some_and(|thread| thread.join().unwrap_or_default())
    }
}

fn lock(work: &Mutex<Option<Work>>) -> MutexGuard<'_, Option<Work>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The work, once rustc has ended.
fn take_ended(work: &Mutex<Option<Work>>) -> Option<Work> {
    lock(work).take_if(|work| !matches!(work.rustc.try_wait(), Ok(None)))
}

impl Drop for Trailing {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::finalized::Leftovers;
    use super::*;

    fn trailing(script: &str) -> Trailing {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stderr(Stdio::piped());
        let out_dir = tempfile::tempdir().unwrap();
        let leftovers = Leftovers::of(out_dir.path(), "app-1").unwrap();
        let mut rustc = Rustc::start(&mut command, leftovers).unwrap();
        let reader = Reader::start(&mut rustc, std::path::Path::new("/"));
        Trailing::new(rustc, Aside::nothing(), reader).unwrap()
    }

    fn wait_for_end(trailing: &Trailing) {
        while lock(&trailing.work).is_some() {
            thread::sleep(PAUSE);
        }
    }

    #[test]
    fn only_a_rustc_that_ended_by_itself_has_failed() {
        for (script, failed) in [("echo no room >&2; exit 1", true), ("exit 0", false)] {
            let trailing = trailing(script);
            wait_for_end(&trailing);
            assert_eq!(trailing.end(), failed, "{script}");
        }
        assert!(!trailing("sleep 60").end());
    }
}
