//! Stops all threads of a process for a moment and takes their registers.
//!
//! The program must not notice. A thread that is stopped in a system call goes on with it; the
//! kernel sees to that, except for some calls that it ends with `EINTR`, as it does when a machine
//! wakes up from sleep. Those are begun again here, so at most a timeout begins anew. Signals that
//! come meanwhile are not taken from the kernel, which delivers them when the thread that did all
//! this ends: the stops are looked at, never consumed (`WNOWAIT`).
//!
//! Threads are looked at in system calls only, where vector registers hold nothing: they are the
//! caller's to save, and of the wide ones not all can be read. A thread that computes is let run to
//! its next call.

mod fragile;
mod release;

pub(super) use release::LATE_LIMIT;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options, regset::NT_PRFPREG};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::Unknown;
use crate::process;

/// How long all threads may take to stop.
pub(super) const STOP_LIMIT: Duration = Duration::from_millis(50);

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

struct Thread {
    stop: Stop,
    computes: bool,
    registers: Vec<u64>,
    thread_pointer: u64,
}

/// How a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// It runs, as far as is known.
    No,
    /// Because it was asked to.
    Asked,
    /// For a signal that it is about to take; nothing where nix does not know it.
    Signal(Option<Signal>),
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
        let deadline = Instant::now() + STOP_LIMIT;
        let mut stopped = Self { pid, threads: BTreeMap::new() };
        stopped.stop_all(own, deadline)?;
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
            let new: Vec<i32> =
                self.tasks()?.into_iter().filter(|task| !self.threads.contains_key(task)).collect();
            if new.is_empty() {
                return self.finish(deadline);
            }
            let seized: Vec<i32> = new
                .into_iter()
                .filter_map(|task| self.seize(task).map(|there| there.then_some(task)).transpose())
                .collect::<Result<_, _>>()?;
            for task in seized {
                if self.wait(task, deadline)? {
                    self.take_registers(task, own.contains(&task.cast_unsigned()))?;
                }
            }
        }
    }

    /// Lets every thread that computes run to its next system call, all others standing still.
    fn finish(&mut self, deadline: Instant) -> Result<(), Unknown> {
        let computing = self.threads.iter().filter(|(_, thread)| thread.computes);
        let computing: Vec<i32> = computing.map(|(task, _)| *task).collect();
        for task in computing {
            if self.threads[&task].stop != Stop::Asked
                || ptrace::syscall(Pid::from_raw(task), None).is_err()
            {
                return Err(Unknown::Busy);
            }
            self.threads.entry(task).and_modify(|thread| thread.stop = Stop::No);
            if self.wait(task, deadline)? {
                self.take_registers(task, false)?;
                if self.threads[&task].computes {
                    return Err(Unknown::Busy);
                }
            }
        }
        Ok(())
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

    /// Fails where a thread waits in a call with which it is not to be disturbed.
    fn spare(&self, task: i32) -> Result<(), Unknown> {
        match fs::read_to_string(format!("/proc/{}/task/{task}/syscall", self.pid)) {
            Ok(call) if !fragile::is(&call) => Ok(()),
            Err(_) if self.is_over(task)? => Ok(()),
            _ => Err(Unknown::Busy),
        }
    }

    /// Asks a thread to stop; false where it has ended.
    fn seize(&mut self, task: i32) -> Result<bool, Unknown> {
        let id = Pid::from_raw(task);
        match ptrace::seize(id, Options::PTRACE_O_TRACESYSGOOD) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Ok(false),
            Err(Errno::EPERM) if self.is_over(task)? => return Ok(false),
            // The last one who held it may be on the way out.
            Err(Errno::EPERM) if self.is_held(task) => return Err(Unknown::Busy),
            Err(error) => return Err(Unknown::Hidden(format!("thread {task}: {error}"))),
        }
        // It ran on since it was looked at first.
        self.spare(task)?;
        // Known from here on, so that it is let go whatever follows.
        let thread =
            Thread { stop: Stop::No, computes: false, registers: Vec::new(), thread_pointer: 0 };
        self.threads.insert(task, thread);
        match ptrace::interrupt(id) {
            Ok(()) | Err(Errno::ESRCH) => Ok(true),
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
            std::thread::sleep(Duration::from_micros(50));
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
        thread.computes = !is_own && call < 0;
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
        Ok(WaitStatus::PtraceEvent(_, signal, 0)) => Ok(Stop::Signal(Some(signal))),
        // The kernel's numbers of real time, which nix does not know; a stop of all threads.
        Ok(_) | Err(Errno::EINVAL) => Ok(Stop::Signal(None)),
        Err(error) => Err(error),
    }
}
