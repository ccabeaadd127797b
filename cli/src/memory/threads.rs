//! Stops all threads of a process for a moment and takes their registers.
//!
//! The program must not notice. A thread that is stopped in a system call goes on with it; the
//! kernel sees to that, except for some calls that it ends with `EINTR`, as it does when a machine
//! wakes up from sleep. Those are begun again here, so at most a timeout begins anew. Signals that
//! come meanwhile are not taken from the kernel, which delivers them when the thread that did all
//! this ends: the stops are looked at, never consumed (`WNOWAIT`).
//!
//! While the thread that a signal is sent to is traced, the kernel does not drop it though the program
//! ignores it: that a child has ended, say, which is sent to the thread that made the child. Any thread
//! that does not stand still is woken for it, and would notice. So those that signals are sent to are
//! traced last, and no thread is let go before the others: the end of the thread that did all this
//! lets go of all at once, under the lock under which a process tells of its end (`exit_notify` and
//! `exit_ptrace` in the kernel).
//!
//! Threads are looked at in system calls only, where vector registers hold nothing: they are the
//! caller's to save, and of the wide ones not all can be read. A thread that computes is let run to
//! its next call.

mod ask;
mod fragile;
mod release;

pub(super) use release::LATE_LIMIT;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, regset::NT_PRFPREG};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::Unknown;
use crate::process;

/// How long all threads may take to stop.
pub(super) const STOP_LIMIT: Duration = Duration::from_millis(50);

/// How long others, which stand still already, wait for a thread that is not to be disturbed.
const BRIEFLY: Duration = Duration::from_millis(5);

/// How often it is looked whether a thread has stopped.
const TICK: Duration = Duration::from_micros(50);

/// The event with which a thread stops that was asked to (`PTRACE_EVENT_STOP`).
const EVENT_STOP: i32 = 128;

/// A thread in one of these ends all others, and waits until who traces them has noticed: see
/// [`guard`](super::guard).
const EXECVE: i64 = 59;
const EXECVEAT: i64 = 322;

/// All threads of a process, stopped.
pub struct Stopped {
    pid: u32,
    threads: BTreeMap<i32, Thread>,
}

#[derive(Default)]
struct Thread {
    /// Whether it was asked to stop, and not told since to go on.
    is_asked: bool,
    stop: Stop,
    /// Whether it is one of the shim's.
    is_own: bool,
    /// The system call that it is in, by number; a negative one where it is in none.
    call: i64,
    registers: Vec<u64>,
    thread_pointer: u64,
}

impl Thread {
    fn computes(&self) -> bool {
        !self.is_own && self.call < 0
    }
}

/// How a thread stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stop {
    /// It runs, as far as is known.
    #[default]
    No,
    /// Because it was asked to.
    Asked,
    /// For a signal that it is about to take, or with all threads.
    Signal,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.go_on();
    }
}

impl Stopped {
    /// Stops every thread. `own` are the shim's: what their registers hold does not count.
    ///
    /// # Errors
    /// [`Unknown::Busy`] where one was computing; all go on then.
    pub fn stop(pid: u32, own: &[u32]) -> Result<Self, Unknown> {
        let mut stopped = Self { pid, threads: BTreeMap::new() };
        stopped.outwait_running()?;
        stopped.stop_all(own, Instant::now() + STOP_LIMIT)?;
        Ok(stopped)
    }

    /// What every thread has in its registers.
    pub fn registers(&self) -> Vec<u64> {
        self.threads.values().flat_map(|thread| thread.registers.iter().copied()).collect()
    }

    /// The thread pointer of one of them.
    pub fn thread_pointer(&self) -> u64 {
        self.threads.values().map(|thread| thread.thread_pointer).find(|it| *it != 0).unwrap_or(0)
    }

    fn stop_all(&mut self, own: &[u32], deadline: Instant) -> Result<(), Unknown> {
        for task in self.tasks()? {
            self.spare(task)?;
        }
        // A thread that runs yet may start another.
        loop {
            let next = self.seize_next(deadline)?;
            if next.is_empty() {
                return self.finish(deadline);
            }
            for task in &next {
                self.outwait(*task, deadline.min(Instant::now() + BRIEFLY))?;
                self.interrupt(*task)?;
            }
            for task in next {
                if self.wait(task, deadline)? {
                    self.take_registers(task, own.contains(&task.cast_unsigned()))?;
                }
            }
        }
    }

    /// Lets every thread that computes run to its next system call, all others standing still.
    fn finish(&mut self, deadline: Instant) -> Result<(), Unknown> {
        let computing = self.threads.iter().filter(|(_, thread)| thread.computes());
        let computing: Vec<i32> = computing.map(|(task, _)| *task).collect();
        for task in computing {
            if self.threads[&task].stop != Stop::Asked {
                return Err(Unknown::Busy);
            }
            self.threads.insert(task, Thread::default());
            self.run(task, ptrace::syscall, deadline)?;
            if self.threads[&task].computes() {
                return Err(Unknown::Busy);
            }
            // It would begin to wait while a signal that nobody takes is still there, which would end
            // the wait. So it stops like all others, when that has been.
            if release::can_begin_again(self.threads[&task].call) && self.spare(task).is_ok() {
                self.interrupt(task)?;
                self.run(task, ptrace::cont, deadline)?;
            }
        }
        Ok(())
    }

    /// Has a thread that stands still go on with `request`, and waits until it has stopped again.
    fn run(
        &mut self,
        task: i32,
        request: fn(Pid, Option<Signal>) -> nix::Result<()>,
        deadline: Instant,
    ) -> Result<(), Unknown> {
        request(Pid::from_raw(task), None).map_err(|_| Unknown::Busy)?;
        if self.wait(task, deadline)? { self.take_registers(task, false) } else { Ok(()) }
    }

    /// The threads that have not ended.
    fn tasks(&self) -> io::Result<Vec<i32>> {
        let mut tasks = Vec::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let Some(task) = entry?.file_name().to_str().and_then(|it| it.parse().ok()) else {
                continue;
            };
            if !self.is_over(task)? {
                tasks.push(task);
            }
        }
        Ok(tasks)
    }

    /// Whether a thread has ended: the first one stays listed as long as others run, and one that
    /// is traced until its tracer ends.
    fn is_over(&self, task: i32) -> io::Result<bool> {
        process::is_there(&format!("/proc/{}/task/{task}/stat", self.pid)).map(|is| !is)
    }

    /// What `/proc` has in `status`. The name in it may be cut within a character.
    fn status(&self, task: i32) -> io::Result<String> {
        let status = fs::read(format!("/proc/{}/task/{task}/status", self.pid))?;
        Ok(String::from_utf8_lossy(&status).into_owned())
    }

    /// Waits until a thread has stopped; false where it has ended instead.
    fn wait(&mut self, task: i32, deadline: Instant) -> Result<bool, Unknown> {
        loop {
            let stop = stop_of(task);
            let stop = stop.map_err(|error| Unknown::Hidden(format!("thread {task}: {error}")))?;
            if let Some(thread) = self.threads.get_mut(&task).filter(|_| stop != Stop::No) {
                thread.stop = stop;
                return Ok(true);
            }
            if self.is_over(task)? {
                return Ok(false);
            }
            if Instant::now() > deadline {
                return Err(Unknown::Busy);
            }
            std::thread::sleep(TICK);
        }
    }

    fn take_registers(&mut self, task: i32, is_own: bool) -> Result<(), Unknown> {
        let failed = |error: Errno| match error {
            // It was ended from outside.
            Errno::ESRCH => Unknown::Busy,
            error => Unknown::Hidden(format!("thread {task}: {error}")),
        };
        let id = Pid::from_raw(task);
        let all = ptrace::getregs(id).map_err(failed)?;
        let vectors = ptrace::getregset::<NT_PRFPREG>(id).map_err(failed)?;
        let Some(thread) = self.threads.get_mut(&task) else { return Ok(()) };
        let call = all.orig_rax.cast_signed();
        if [EXECVE, EXECVEAT].contains(&call) {
            // This is another program already.
            return Err(Unknown::Busy);
        }
        (thread.is_own, thread.call) = (is_own, call);
        thread.thread_pointer = all.fs_base;
        if !is_own {
            thread.registers = vec![
                all.rax, all.rbx, all.rcx, all.rdx, all.rsi, all.rdi, all.rbp, all.rsp, all.r8,
                all.r9, all.r10, all.r11, all.r12, all.r13, all.r14, all.r15, all.rip,
            ];
            let pairs = vectors.xmm_space.windows(2);
            let pairs = pairs.map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32);
            thread.registers.extend(pairs);
        }
        Ok(())
    }
}

/// How a thread stands that was asked to stop.
fn stop_of(task: i32) -> nix::Result<Stop> {
    // WSTOPPED
    let flags =
        WaitPidFlag::WUNTRACED | WaitPidFlag::__WALL | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    match waitid(Id::Pid(Pid::from_raw(task)), flags) {
        // Nobody's, where it has ended and another thread has replaced the program.
        Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => Ok(Stop::No),
        Ok(
            WaitStatus::PtraceEvent(_, Signal::SIGTRAP, EVENT_STOP) | WaitStatus::PtraceSyscall(_),
        ) => Ok(Stop::Asked),
        // nix does not know the kernel's numbers of real time.
        Ok(_) | Err(Errno::EINVAL) => Ok(Stop::Signal),
        Err(error) => Err(error),
    }
}
