//! The constructor that the dynamic loader runs before `main`, and the thread it starts.

use std::{io, mem, panic, ptr, thread};

use hotdev_protocol::SOCKET_ENV;

use super::{fork, user};
use crate::agent;

/// Enough for the dynamic loader, which runs on this stack too. Only touched pages take memory.
const STACK: usize = 256 << 10;

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

extern "C" fn constructor() {
    let Some(socket) = user::path_from_environment(SOCKET_ENV) else { return };
    let _ = panic::catch_unwind(|| {
        // This library's own copy of std: the program's panics are reported as ever.
        panic::set_hook(Box::new(|_| {}));
        // The handlers come after the first allocation. An allocator that registers its own does
        // so then, and handlers that were registered later are the first to run before a fork
        // and the last to run in the child: around the allocator's, so ours may allocate.
        if agent::start(socket).is_ok() {
            fork::install();
        }
    });
}

/// Starts a thread of the shim's, with all signals blocked: they are the program's, and one of its
/// own threads has to get them.
pub fn spawn(name: &str, body: fn()) -> io::Result<()> {
    let before = block_signals();
    let thread = thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || {
        let _ = panic::catch_unwind(body);
    });
    restore_signals(&before);
    thread.map(drop)
}

/// Blocks every signal in this thread; the mask as it was before.
fn block_signals() -> libc::sigset_t {
    // SAFETY: sigset_t is plain data, for which all zeros is a valid value. Both sets are live
    // for the calls, and changing the mask of one's own thread has no memory effects.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut before: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    }
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: `before` is a mask that pthread_sigmask wrote; the old mask is not asked for.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut());
    }
}
