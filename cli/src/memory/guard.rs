//! Ends the process that looks where the program would stand still for too long, so that the kernel
//! lets go of all threads.
//!
//! A thread that replaces the program (`execve`) waits for all others to end, and each that is traced
//! for its tracer to notice; the tracer may at that moment wait in the kernel for the first, to trace
//! that too. The same holds for memory whose pages come from somebody who stands still (userfaultfd,
//! a file system in a process). Only the tracer's end ends such a wait.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::STANDSTILL;
use super::threads::{LATE_LIMIT, STOP_LIMIT};

/// What the end of a standstill may take beyond its own limits.
const SPARE: Duration = Duration::from_millis(150);
/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(20);

/// When the standstill under way began.
static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

/// Lasts as long as a standstill.
pub struct Standstill(());

/// Begins one.
pub fn begin() -> Standstill {
    *BEGAN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Instant::now());
    Standstill(())
}

impl Drop for Standstill {
    fn drop(&mut self) {
        *BEGAN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }
}

/// Watches from now on, as long as the process lives.
pub fn watch() {
    thread::spawn(|| {
        loop {
            thread::sleep(TICK);
            let began = *BEGAN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if began
                .is_some_and(|began| began.elapsed() > STANDSTILL + STOP_LIMIT + LATE_LIMIT + SPARE)
            {
                std::process::exit(1);
            }
        }
    });
}
