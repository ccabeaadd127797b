//! What is typed at the terminal, read on a thread of its own. It can be told to leave the terminal
//! to somebody else for a while: an editor.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use crossterm::event::{self, Event};
use rustix::process::{Signal, getpid, kill_process};

/// How long the thread sleeps at most while nothing is typed. It is woken where it has to be.
const SLEEP: Duration = Duration::from_secs(600);

/// How long it may take to leave the terminal alone.
const LEAVE: Duration = Duration::from_millis(200);

/// The reader.
#[derive(Clone, Default)]
pub(super) struct Input {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    paused: AtomicBool,
    /// Whether the thread has left the terminal alone.
    away: Mutex<bool>,
    changed: Condvar,
}

impl Input {
    /// Begins to read.
    pub(super) fn start() -> (Self, Receiver<Event>) {
        let input = Self::default();
        let (sender, events) = unbounded();
        let reader = input.clone();
        std::thread::spawn(move || {
            loop {
                reader.wait_while_paused();
                match event::poll(SLEEP).and_then(|ready| ready.then(event::read).transpose()) {
                    Ok(Some(event)) => {
                        if sender.send(event).is_err() {
                            return;
                        }
                    }
                    Ok(None) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // The terminal is gone; SIGHUP tells the session.
                    Err(_) => return,
                }
            }
        });
        (input, events)
    }

    fn wait_while_paused(&self) {
        let mut away = self.shared.away.lock().unwrap_or_else(PoisonError::into_inner);
        while self.shared.paused.load(Ordering::SeqCst) {
            *away = true;
            self.shared.changed.notify_all();
            away = self.shared.changed.wait(away).unwrap_or_else(PoisonError::into_inner);
        }
        *away = false;
    }

    /// Has the thread leave the terminal alone; it does when this returns, or is gone.
    pub(super) fn pause(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        // Besides keys, nothing but word of a new size wakes crossterm.
        let _ = kill_process(getpid(), Signal::WINCH);
        let away = self.shared.away.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.shared.changed.wait_timeout_while(away, LEAVE, |away| !*away);
        drop(wait);
    }

    /// Has it read again.
    pub(super) fn resume(&self) {
        let _away = self.shared.away.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.paused.store(false, Ordering::SeqCst);
        self.shared.changed.notify_all();
    }
}
