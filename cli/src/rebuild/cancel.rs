//! How a build under way is ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::process;

/// Ends a build under way.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    set: Arc<AtomicBool>,
    groups: Arc<Mutex<Vec<u32>>>,
}

impl Cancel {
    /// Ends whatever runs under this token, and whatever will.
    pub fn cancel(&self) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        self.set.store(true, Ordering::SeqCst);
        groups.iter().for_each(|group| process::kill_group(*group));
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Waits for so long, or until [`Cancel::cancel`] is called.
    pub fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has a process group ended with the build until the guard is dropped.
    pub fn kills_group(&self, group: u32) -> KillGuard<'_> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.push(group);
        if self.is_set() {
            process::kill_group(group);
        }
        KillGuard { cancel: self, group }
    }
}

/// See [`Cancel::kills_group`].
pub struct KillGuard<'a> {
    cancel: &'a Cancel,
    group: u32,
}

impl Drop for KillGuard<'_> {
    fn drop(&mut self) {
        let mut groups = self.cancel.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| *group != self.group);
    }
}
