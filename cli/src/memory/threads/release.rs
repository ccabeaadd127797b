//! Lets threads go on as if nothing had been.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::{STOP_LIMIT, Stop, Stopped, Thread, stop_of};

/// System calls that can be begun again after `EINTR`: read, write, readv, writev, accept, sendto,
/// recvfrom, sendmsg, recvmsg, semop, rt_sigtimedwait, io_getevents, semtimedop, epoll_wait,
/// epoll_pwait, accept4, recvmmsg, sendmmsg, io_pgetevents, epoll_pwait2.
const BEGUN_AGAIN: [i64; 20] =
    [0, 1, 19, 20, 43, 44, 45, 46, 47, 65, 128, 208, 220, 232, 281, 288, 299, 307, 333, 441];

const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// How long a thread may take to stop that was asked to and is to go on. On a busy machine it may
/// not run for as long.
pub const LATE_LIMIT: Duration = Duration::from_millis(500);

impl Stopped {
    /// Lets all go on. Those that stopped for a signal do when the calling thread ends.
    pub(super) fn go_on(&mut self) {
        let is_asked =
            |(task, thread): (&i32, &Thread)| (thread.stop == Stop::Asked).then_some(*task);
        self.threads.iter().filter_map(is_asked).for_each(|task| self.let_go(task));
        // Where others were given up, a thread may be about to stop. Nobody stands still for it.
        let mut late: Vec<i32> = self.threads.keys().copied().collect();
        late.retain(|task| self.threads[task].stop != Stop::Asked);
        let mut deadline = Instant::now() + LATE_LIMIT;
        while !late.is_empty() && Instant::now() < deadline {
            if late.iter().any(|task| self.is_gone(*task)) {
                // Another thread may wait for this one to let go of those that have ended.
                deadline = deadline.min(Instant::now() + STOP_LIMIT);
            }
            late.retain(|task| match stop_of(*task) {
                Ok(Stop::No) => !self.is_gone(*task),
                Ok(Stop::Asked) => {
                    self.let_go(*task);
                    false
                }
                Ok(Stop::Signal(signal)) => {
                    if signal.is_some_and(|signal| !self.is_caught(*task, 1 << (signal as u64 - 1)))
                    {
                        self.begin_again(*task);
                    }
                    false
                }
                Err(_) => false,
            });
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Whether a thread has ended as far as can be seen. One that has not is waited for in vain at most.
    fn is_gone(&self, task: i32) -> bool {
        self.is_over(task).unwrap_or(false)
    }

    fn let_go(&self, task: i32) {
        self.begin_again(task);
        let _ = ptrace::detach(Pid::from_raw(task), None);
    }

    /// Has a system call begun again that the stop has ended.
    fn begin_again(&self, task: i32) {
        let id = Pid::from_raw(task);
        let Ok(mut all) = ptrace::getregs(id) else { return };
        let call = all.orig_rax.cast_signed();
        let was_ended = all.rax.cast_signed() == -i64::from(Errno::EINTR as i32);
        if was_ended && BEGUN_AGAIN.contains(&call) && self.is_syscall(all.rip.wrapping_sub(2))
            // A signal's handler is to be told of, as ever.
            && !self.is_caught(task, u64::MAX)
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

    /// Whether a handler is about to be called for one of `signals`: one that waits and is not
    /// blocked, or a single one that the thread has stopped for. A thread that is traced is woken
    /// also by a signal that nobody takes; without, it would not notice.
    fn is_caught(&self, task: i32, signals: u64) -> bool {
        let Ok(status) = self.status(task) else { return true };
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(u64::MAX)
        };
        let pending = (mask("SigPnd:") | mask("ShdPnd:")) & !mask("SigBlk:");
        let one = if signals.is_power_of_two() { signals } else { 0 };
        (pending & signals | one) & mask("SigCgt:") != 0
    }
}
