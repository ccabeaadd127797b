//! What only the process itself can say before old code is unloaded.

use std::{
    mem,
    ops::Range,
    ptr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The shim's second thread, and the two ends of its stack; zeros while there is none.
static SECOND: AtomicU32 = AtomicU32::new(0);
static SECOND_STACK: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Lasts as long as the second thread does, however that ends.
pub struct Second(());

impl Drop for Second {
    fn drop(&mut self) {
        forget_second();
    }
}

/// Takes note that the thread that asks is the shim's second, until what this gives is dropped.
#[must_use]
pub fn register_second() -> Second {
    let Range { start, end } = stack();
    SECOND_STACK[0].store(start, Ordering::Relaxed);
    SECOND_STACK[1].store(end, Ordering::Relaxed);
    SECOND.store(thread(), Ordering::Release);
    Second(())
}

/// Takes note that there is no second thread any more: also in a forked child.
pub fn forget_second() {
    SECOND.store(0, Ordering::Relaxed);
    SECOND_STACK.iter().for_each(|end| end.store(0, Ordering::Relaxed));
}

/// The shim's second thread, if it runs, and its stack.
pub fn second() -> Option<(u32, Range<u64>)> {
    let thread = SECOND.load(Ordering::Acquire);
    let [begin, end] = [0, 1].map(|end| SECOND_STACK[end].load(Ordering::Relaxed));
    (thread != 0).then_some((thread, begin..end))
}

/// The thread that asks, as the kernel numbers it.
pub fn thread() -> u32 {
    // SAFETY: gettid has no preconditions and cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// Lets a process look at this one (ptrace), also where the kernel would not let a relative
/// (Documentation/admin-guide/LSM/Yama.rst). It holds until that process ends.
pub fn allow(tracer: u32) {
    // SAFETY: prctl takes no pointers here; without Yama it only fails.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::from(tracer), 0, 0, 0) };
}

/// The stack of the thread that asks; empty where it is not known.
pub fn stack() -> Range<u64> {
    let (mut begin, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are plain data that pthread_getattr_np fills in for a thread that is
    // there, and they are destroyed once, after their last use.
    let found = unsafe {
        let mut attributes: libc::pthread_attr_t = mem::zeroed();
        let mut found = libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) == 0;
        if found {
            found = libc::pthread_attr_getstack(&attributes, &mut begin, &mut size) == 0;
            libc::pthread_attr_destroy(&mut attributes);
        }
        found
    };
    let begin = begin as u64;
    if found { begin..begin + size as u64 } else { 0..0 }
}

/// Addresses of the functions that signals call. Only the kernel knows them.
pub fn signal_handlers() -> Vec<u64> {
    let actions = (1..=libc::SIGRTMAX()).filter_map(|signal| {
        // SAFETY: sigaction is plain data, for which all zeros is a valid value; without a new
        // action, the call only fills in the old one.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            (libc::sigaction(signal, ptr::null(), &mut action) == 0).then_some(action)
        }
    });
    actions.map(|action| action.sa_sigaction as u64).filter(|handler| *handler > 1).collect()
}
