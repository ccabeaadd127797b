//! What happens around a fork of the program: the state holds still, and the child gets a thread
//! and a connection of its own.

use std::panic;

use super::{arena, socket};
use crate::{agent, gate};

/// Registers the handlers.
pub fn install() {
    // SAFETY: the three functions live as long as this library, which is never unloaded while
    // the program runs (it is one of the libraries the program needs), and never unwind.
    // A failure means that a child has no agent; there is nobody to tell.
    unsafe {
        libc::pthread_atfork(Some(prepare), Some(parent), Some(child));
    }
}

extern "C" fn prepare() {
    let _ = panic::catch_unwind(gate::before_fork);
    // The last one to be kept closed: nothing is allocated until it is open again.
    arena::close();
}

extern "C" fn parent() {
    arena::open();
    drop(gate::after_fork());
}

extern "C" fn child() {
    let is_whole = arena::open();
    let _ = panic::catch_unwind(|| {
        let pass = gate::after_fork();
        if pass.is_some() && is_whole {
            socket::close_ours();
            agent::start_in_child();
        }
    });
}
