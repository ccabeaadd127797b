//! A rustc whose units have been taken, and that goes on with what nobody waits for.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::aside::Aside;
use super::rustc::Rustc;
use crate::process;

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets rustc clean up after itself while nobody needs the crate. Whoever drops this ends it.
#[derive(Debug)]
pub struct Trailing {
    /// `None` once it has ended: its number may be another process's then.
    work: Arc<Mutex<Option<Work>>>,
    thread: Option<JoinHandle<()>>,
}

/// Dropped in this order: rustc has ended when cargo's files are put back.
#[derive(Debug)]
struct Work {
    rustc: Rustc,
    _aside: Aside,
}

impl Trailing {
    /// Takes over rustc, and what has to be put back when it has ended.
    ///
    /// # Errors
    /// When there is no thread for it; rustc has been ended then.
    pub fn new(rustc: Rustc, aside: Aside) -> io::Result<Self> {
        let work = Arc::new(Mutex::new(Some(Work { rustc, _aside: aside })));
        let shared = Arc::clone(&work);
        let mut trailing = Self { work, thread: None };
        let wait = move || {
            loop {
                if let Some(work) = take_ended(&shared) {
                    return drop(work);
                }
                thread::sleep(PAUSE);
            }
        };
        trailing.thread = Some(thread::Builder::new().name("trailing rustc".into()).spawn(wait)?);
        Ok(trailing)
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
        if let Some(work) = lock(&self.work).as_ref() {
            process::kill_group(work.rustc.id());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
