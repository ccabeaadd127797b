//! Traces threads and asks them to stop, each in its turn.

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::unistd::Pid;

use super::{Stopped, TICK, Thread, fragile};
use crate::memory::Unknown;

/// What a thread does, as `/proc` has it.
enum Doing {
    /// It has a processor, or waits for one: nobody knows what it does. It may be in the middle of a
    /// long call, to go on waiting in it at once.
    Runs,
    /// It waits in a call with which it is not to be disturbed, or that cannot be seen.
    Fragile,
    /// It waits in another call, or has ended.
    Else,
}

/// How long a thread that runs is given to begin to wait, while others stand still.
const RUNNING: Duration = Duration::from_millis(1);
/// How long all of them are given while none does. On a busy machine one may wait so long for a
/// processor.
const ALL_RUNNING: Duration = Duration::from_millis(20);

impl Stopped {
    /// Traces threads that were not traced before: those that signals are sent to when all others
    /// stand still. None are left where there are none here.
    pub(super) fn seize_next(&mut self, deadline: Instant) -> Result<Vec<i32>, Unknown> {
        let mut seized = Vec::new();
        while Instant::now() < deadline {
            let new = self.tasks()?.into_iter().filter(|task| !self.threads.contains_key(task));
            let (sent_to, rest): (Vec<_>, Vec<_>) = new.partition(|task| self.is_sent_to(*task));
            let next = if rest.is_empty() && seized.is_empty() { sent_to } else { rest };
            if next.is_empty() {
                return Ok(seized);
            }
            for task in next {
                if self.seize(task)? {
                    self.threads.insert(task, Thread::default());
                    seized.push(task);
                }
            }
        }
        Err(Unknown::Busy)
    }

    /// Whether signals are sent to a thread that are for the whole program: it is the first one, or has
    /// children, as far as the kernel says that.
    fn is_sent_to(&self, task: i32) -> bool {
        let children = fs::read(format!("/proc/{}/task/{task}/children", self.pid));
        task == self.pid.cast_signed() || children.is_ok_and(|children| !children.is_empty())
    }

    /// Traces a thread, which does not stop for it; false where it has ended.
    fn seize(&self, task: i32) -> Result<bool, Unknown> {
        match ptrace::seize(Pid::from_raw(task), Options::PTRACE_O_TRACESYSGOOD) {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(Errno::EPERM) if self.is_over(task)? => Ok(false),
            // The last one who held it may be on the way out.
            Err(Errno::EPERM) if self.is_held(task) => Err(Unknown::Busy),
            Err(error) => Err(Unknown::Hidden(format!("thread {task}: {error}"))),
        }
    }

    /// Asks a thread to stop.
    pub(super) fn interrupt(&mut self, task: i32) -> Result<(), Unknown> {
        self.threads.entry(task).and_modify(|thread| thread.is_asked = true);
        match ptrace::interrupt(Pid::from_raw(task)) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(Unknown::Hidden(format!("thread {task}: {error}"))),
        }
    }

    /// Whether this process holds the thread already.
    fn is_held(&self, task: i32) -> bool {
        let tracer = self.status(task).unwrap_or_default();
        let tracer = tracer
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))
            .map(str::trim)
            .and_then(|tracer| tracer.parse::<u32>().ok());
        let own = std::process::id();
        // The number is that of the tracing thread.
        tracer.is_some_and(|it| {
            it == 0 || fs::exists(format!("/proc/{own}/task/{it}")).unwrap_or(false)
        })
    }

    fn doing(&self, task: i32) -> Result<Doing, Unknown> {
        match fs::read_to_string(format!("/proc/{}/task/{task}/syscall", self.pid)) {
            Ok(call) if call.starts_with("running") => Ok(Doing::Runs),
            Ok(call) if !fragile::is(&call) => Ok(Doing::Else),
            Err(_) if self.is_over(task)? => Ok(Doing::Else),
            _ => Ok(Doing::Fragile),
        }
    }

    /// Fails where a thread waits in a call with which it is not to be disturbed.
    pub(super) fn spare(&self, task: i32) -> Result<(), Unknown> {
        if matches!(self.doing(task)?, Doing::Fragile) { Err(Unknown::Busy) } else { Ok(()) }
    }

    /// Gives threads that run a moment to begin to wait.
    pub(super) fn outwait_running(&self) -> Result<(), Unknown> {
        let moment = Instant::now() + ALL_RUNNING;
        for task in self.tasks()? {
            while Instant::now() < moment && matches!(self.doing(task)?, Doing::Runs) {
                std::thread::sleep(TICK);
            }
        }
        Ok(())
    }

    /// Waits until a thread may be disturbed.
    pub(super) fn outwait(&self, task: i32, deadline: Instant) -> Result<(), Unknown> {
        let moment = deadline.min(Instant::now() + RUNNING);
        loop {
            // The time first: what is seen then is seen after it.
            let now = Instant::now();
            match self.doing(task)? {
                Doing::Runs if now < moment => {}
                Doing::Fragile if now < deadline => {}
                Doing::Fragile => return Err(Unknown::Busy),
                Doing::Runs | Doing::Else => return Ok(()),
            }
            std::thread::sleep(TICK);
        }
    }
}
