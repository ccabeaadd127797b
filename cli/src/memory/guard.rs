//! Ends the process that looks where the program would stand still for too long, so that the kernel
//! lets go of all threads.
//!
//! A thread that replaces the program (`execve`) waits for all others to end, and each that is traced
//! for its tracer to notice; the tracer may at that moment wait in the kernel for the first, to trace
//! that too. The same holds for memory whose pages come from somebody who stands still (userfaultfd,
//! a file system in a process). Only the tracer's end ends such a wait.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;

use super::STANDSTILL;
use super::threads::{LATE_LIMIT, STOP_LIMIT};
use crate::process;

/// What the end of a standstill may take beyond its own limits.
const SPARE: Duration = Duration::from_millis(150);
/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How much longer it may take where only the processor is missing: a thread that is let go so notices.
const BUSY: u32 = 3;

/// When the standstill under way began, and the thread that brought it about.
static BEGAN: Mutex<Option<(Instant, u32)>> = Mutex::new(None);

/// Lasts as long as a standstill.
pub struct Standstill(());

/// Begins one that the calling thread brings about.
pub fn begin() -> Standstill {
    set(Some((Instant::now(), gettid().as_raw().cast_unsigned())));
    Standstill(())
}

impl Drop for Standstill {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(began: Option<(Instant, u32)>) {
    *BEGAN.lock().unwrap_or_else(PoisonError::into_inner) = began;
}

/// Watches from now on, as long as the process lives.
pub fn watch() {
    let limit = STANDSTILL + STOP_LIMIT + LATE_LIMIT + SPARE;
    thread::spawn(move || {
        loop {
            thread::sleep(TICK);
            let began = *BEGAN.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((began, thread)) = began.filter(|(began, _)| began.elapsed() > limit) else {
                continue;
            };
            if began.elapsed() > limit * BUSY || !process::is_running(thread) {
                std::process::exit(1);
            }
        }
    });
}
