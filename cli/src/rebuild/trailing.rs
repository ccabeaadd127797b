//! A rustc whose units have been taken, and that goes on with what nobody waits for.

use std::io;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::aside::Aside;
use crate::process;

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets rustc clean up after itself while nobody needs the crate. Whoever drops this ends it.
#[derive(Debug)]
pub struct Trailing {
    /// `None` once it has ended: its number may be another process's then.
    child: Arc<Mutex<Option<Child>>>,
    thread: Option<JoinHandle<()>>,
}

impl Trailing {
    /// Takes over rustc, and what has to be put back when it has ended.
    ///
    /// # Errors
    /// When there is no thread for it; rustc has been ended then.
    pub fn new(child: Child, aside: Aside) -> io::Result<Self> {
        let child = Arc::new(Mutex::new(Some(child)));
        let shared = Arc::clone(&child);
        let mut trailing = Self { child, thread: None };
        let work = move || {
            while is_running(&mut lock(&shared)) {
                thread::sleep(PAUSE);
            }
            drop(aside);
        };
        trailing.thread = Some(thread::Builder::new().name("trailing rustc".into()).spawn(work)?);
        Ok(trailing)
    }
}

fn lock(child: &Mutex<Option<Child>>) -> MutexGuard<'_, Option<Child>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_running(child: &mut Option<Child>) -> bool {
    let runs = child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
    if !runs {
        *child = None;
    }
    runs
}

impl Drop for Trailing {
    fn drop(&mut self) {
        if let Some(child) = lock(&self.child).as_ref() {
            process::kill_group(child.id());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
