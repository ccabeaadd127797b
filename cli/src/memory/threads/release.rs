//! Lets threads go on as if nothing had been.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::{STOP_LIMIT, Stop, Stopped, stop_of};

/// System calls that can be begun again after `EINTR`: read, write, readv, writev, accept, sendto,
/// recvfrom, sendmsg, recvmsg, semop, rt_sigtimedwait, io_getevents, semtimedop, epoll_wait,
/// epoll_pwait, fallocate, accept4, recvmmsg, sendmmsg, preadv2, io_pgetevents, epoll_pwait2.
const BEGUN_AGAIN: [i64; 22] = [
    0, 1, 19, 20, 43, 44, 45, 46, 47, 65, 128, 208, 220, 232, 281, 285, 288, 299, 307, 327, 333,
    441,
];

/// Whether a system call can be begun again after `EINTR`.
pub(super) fn can_begin_again(call: i64) -> bool {
    BEGUN_AGAIN.contains(&call)
}

const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// How long a thread may take to stop that was asked to and is to go on. On a busy machine it may
/// not run for as long.
pub const LATE_LIMIT: Duration = Duration::from_millis(500);

impl Stopped {
    /// Has all be ready to go on. They do when the calling thread ends.
    pub(super) fn go_on(&mut self) {
        let mut late: Vec<i32> = self.threads.keys().copied().collect();
        let mut deadline = Instant::now() + LATE_LIMIT;
        loop {
            late.retain(|task| stop_of(*task) == Ok(Stop::No) && self.is_late(*task));
            if late.is_empty() || Instant::now() > deadline {
                break;
            }
            // One may wait for this thread to let go of those that have ended, or for a disk.
            let has_ended = self.threads.keys().any(|task| self.is_gone(*task));
            if has_ended || !late.iter().any(|task| self.is_about_to_stop(*task)) {
                deadline = deadline.min(Instant::now() + STOP_LIMIT);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        self.threads.keys().for_each(|task| self.begin_again(*task));
    }

    /// Whether a thread that runs would notice if it was let go: it was woken from what it waited in,
    /// and the kernel would not send it back there.
    fn is_late(&self, task: i32) -> bool {
        let is_asked = self.threads.get(&task).is_some_and(|thread| thread.is_asked);
        let is_woken = is_asked || self.status(task).is_ok_and(|status| pending(&status) != 0);
        is_woken && !self.is_gone(task)
    }

    /// Whether a thread has ended as far as can be seen. One that has not is waited for in vain at most.
    fn is_gone(&self, task: i32) -> bool {
        self.is_over(task).unwrap_or(false)
    }

    /// Whether nothing but the processor is missing.
    fn is_about_to_stop(&self, task: i32) -> bool {
        let is_asked = self.threads.get(&task).is_some_and(|thread| thread.is_asked);
        is_asked && !self.status(task).is_ok_and(|status| status.contains("\nState:\tD"))
    }

    /// Has a system call begun again that the stop has ended.
    fn begin_again(&self, task: i32) {
        let id = Pid::from_raw(task);
        let taken = match stop_of(task) {
            Ok(Stop::Asked) => 0,
            Ok(Stop::Signal) => match ptrace::getsiginfo(id) {
                Ok(signal) => 1 << (signal.si_signo - 1),
                // All threads have stopped for a signal, which ends system calls of itself.
                Err(_) => return,
            },
            _ => return,
        };
        let Ok(mut all) = ptrace::getregs(id) else { return };
        let call = all.orig_rax.cast_signed();
        let was_ended = all.rax.cast_signed() == -i64::from(Errno::EINTR as i32);
        if was_ended && can_begin_again(call) && self.is_syscall(all.rip.wrapping_sub(2))
            // A signal's handler is to be told of, as ever.
            && !self.is_caught(task, taken)
        {
            all.rax = all.orig_rax;
            all.rip -= 2;
            let _ = ptrace::setregs(id, all);
        }
    }

    fn is_syscall(&self, at: u64) -> bool {
        let mut bytes = [0; 2];
        let memory = File::open(format!("/proc/{}/mem", self.pid));
        memory.is_ok_and(|memory| memory.read_exact_at(&mut bytes, at).is_ok()) && bytes == SYSCALL
    }

    /// Whether a handler is about to be called: for a signal that waits and is not blocked, or for
    /// one of `taken`, which the thread has stopped for. A thread that is traced is woken also by a
    /// signal that nobody takes; without, it would not notice.
    fn is_caught(&self, task: i32, taken: u64) -> bool {
        let Ok(status) = self.status(task) else { return true };
        (pending(&status) | taken) & mask(&status, "SigCgt:") != 0
    }
}

/// The signals that wait for a thread and are not blocked, by its `status`.
fn pending(status: &str) -> u64 {
    (mask(status, "SigPnd:") | mask(status, "ShdPnd:")) & !mask(status, "SigBlk:")
}

/// A line of `status` with one bit for each signal. What cannot be read is all of them.
fn mask(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(u64::MAX)
}
