//! Keeps forks and changes apart: a fork waits until no change is half done, and nothing changes
//! while a fork is under way. So a child's copy of the shim's state is always whole, and none of
//! its locks is held by a thread that the child does not have.
//!
//! A fork waits for [`PATIENCE`] at most. A library's constructor that forks while the agent loads
//! that very library would otherwise wait for itself.

use std::{
    cell::Cell,
    mem,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long a fork waits for a change to be done.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a waiting thread looks. Waiting is rare and short, so it need not be clever.
const LOOK: Duration = Duration::from_millis(1);

static TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is between the beginning and the end of a fork, with the gate taken.
    static FORKING: Cell<bool> = const { Cell::new(false) };
}

/// Being alone with the state. Dropping it lets the next one in.
pub struct Pass(());

impl Drop for Pass {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

/// Waits until nobody else is in.
pub fn enter() -> Pass {
    loop {
        if let Some(pass) = try_enter() {
            return pass;
        }
        thread::sleep(LOOK);
    }
}

fn try_enter() -> Option<Pass> {
    let free = TAKEN.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
    free.then(|| Pass(()))
}

/// In the forking thread, before the fork.
pub fn before_fork() {
    if FORKING.get() {
        return;
    }
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(pass) = try_enter() {
            FORKING.set(true);
            return mem::forget(pass);
        }
        thread::sleep(LOOK);
    }
}

/// In the forking thread, after the fork, in the parent and in the child. The pass that
/// [`before_fork`] took; `None` when it gave up waiting, and the state must not be touched.
pub fn after_fork() -> Option<Pass> {
    FORKING.replace(false).then(|| Pass(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_waits_for_a_change_but_not_for_ever() {
        let pass = enter();
        before_fork();
        assert!(after_fork().is_none());
        drop(pass);
        before_fork();
        assert!(try_enter().is_none());
        assert!(after_fork().is_some());
        drop(enter());
    }
}
