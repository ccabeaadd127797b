//! The thread that tells the session which functions of patches have been called.
//!
//! It also leads slots past the entries of these functions, so that a call costs what it cost before.
//! The program's own threads only leave a mark and wake this one (see [`sys::calls`]), which looks
//! for marks that it has not told yet. It is started when the first patch with records is in use;
//! it sleeps unless a function is called for the first time.
//!
//! [`sys::calls`]: crate::sys::calls

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use hotdev_protocol::{Reply, frame};

use crate::{
    agent, gate,
    sys::{calls, socket, start, survey},
};

/// How long to wait for other first calls after one.
const BATCH: Duration = Duration::from_millis(3);
/// How long to wait where the session does not read, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether the thread is there.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Whether a session is connected and knows who this is.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Starts the thread unless it is there. To be called inside of the gate.
pub fn begin() {
    if !STARTED.swap(true, Ordering::Relaxed) && start::spawn("hotdev-calls", run).is_err() {
        // Nothing is told then; the next patch tries again.
        STARTED.store(false, Ordering::Relaxed);
    }
}

/// In a forked child, which has the statics and not the thread. To be called inside of the gate.
pub fn forget() {
    STARTED.store(false, Ordering::Relaxed);
    OPEN.store(false, Ordering::Relaxed);
    survey::forget_second();
}

/// Takes note of a connection's beginning or end. To be called inside of the gate.
pub fn set_open(open: bool) {
    OPEN.store(open, Ordering::Relaxed);
}

fn run() {
    let _second = survey::register_second();
    let mut pause = FIRST_PAUSE;
    loop {
        let seen = calls::rings();
        if matches!(tell(), Ok(())) {
            pause = FIRST_PAUSE;
            calls::wait(seen);
            thread::sleep(BATCH);
        } else {
            thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// Tells what has not been told on this connection. An error where the session does not take it now.
fn tell() -> io::Result<()> {
    let _pass = gate::enter();
    agent::state().lead_past_entries();
    if !OPEN.load(Ordering::Relaxed) {
        // Told when there is a session again, which rings.
        return Ok(());
    }
    loop {
        let new = agent::state().newly_called();
        if new.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &Reply::Called(new.clone()))?;
        socket::send_whole(&bytes)?;
        agent::state().told(&new);
    }
}
