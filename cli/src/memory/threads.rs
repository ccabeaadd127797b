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

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options, regset::NT_PRFPREG};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::Unknown;

/// How long all threads may take to stop.
const STOP_LIMIT: Duration = Duration::from_millis(50);

/// The event with which a thread stops that was asked to (`PTRACE_EVENT_STOP`).
const EVENT_STOP: i32 = 128;

/// System calls that can be begun again after `EINTR`: read, write, readv, writev, accept, sendto,
/// recvfrom, sendmsg, recvmsg, semop, rt_sigtimedwait, io_getevents, semtimedop, epoll_wait,
/// epoll_pwait, accept4, io_pgetevents, epoll_pwait2.
const BEGUN_AGAIN: [i64; 18] =
    [0, 1, 19, 20, 43, 44, 45, 46, 47, 65, 128, 208, 220, 232, 281, 288, 333, 441];

/// System calls that must not be disturbed: close and connect, which cannot be begun again.
const FRAGILE: [&str; 2] = ["3 ", "42 "];

const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// All threads of a process, stopped.
pub struct Stopped {
    pid: u32,
    threads: BTreeMap<i32, Thread>,
}

struct Thread {
    /// Whether it stopped because it was asked to, and not for a signal.
    plain: bool,
    computes: bool,
    registers: Vec<u64>,
    thread_pointer: u64,
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
        if self.tasks()?.iter().any(|task| self.is_fragile(*task)) {
            return Err(Unknown::Busy);
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
                self.wait(task, deadline)?;
                self.take_registers(task, own.contains(&task.cast_unsigned()))?;
            }
        }
    }

    /// Lets every thread that computes run to its next system call, all others standing still.
    fn finish(&mut self, deadline: Instant) -> Result<(), Unknown> {
        let computing = self.threads.iter().filter(|(_, thread)| thread.computes);
        let computing: Vec<i32> = computing.map(|(task, _)| *task).collect();
        for task in computing {
            if !self.threads[&task].plain || ptrace::syscall(Pid::from_raw(task), None).is_err() {
                return Err(Unknown::Busy);
            }
            // Should it not stop in time, a signal may be under way to it.
            self.threads.entry(task).and_modify(|thread| thread.plain = false);
            self.wait(task, deadline)?;
            self.take_registers(task, false)?;
            if self.threads[&task].computes {
                return Err(Unknown::Busy);
            }
        }
        Ok(())
    }

    fn tasks(&self) -> io::Result<Vec<i32>> {
        let entries = fs::read_dir(format!("/proc/{}/task", self.pid))?.flatten();
        Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }

    fn is_fragile(&self, task: i32) -> bool {
        let call = fs::read_to_string(format!("/proc/{}/task/{task}/syscall", self.pid));
        call.is_ok_and(|call| FRAGILE.iter().any(|fragile| call.starts_with(fragile)))
    }

    /// Asks a thread to stop; false where it has ended.
    fn seize(&mut self, task: i32) -> Result<bool, Unknown> {
        let id = Pid::from_raw(task);
        match ptrace::seize(id, Options::PTRACE_O_TRACESYSGOOD) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Ok(false),
            // The last one who held it may be on the way out.
            Err(Errno::EPERM) if self.is_held(task) => return Err(Unknown::Busy),
            Err(error) => return Err(Unknown::Hidden(format!("thread {task}: {error}"))),
        }
        // Known from here on, so that it is let go whatever follows.
        let thread =
            Thread { plain: false, computes: false, registers: Vec::new(), thread_pointer: 0 };
        self.threads.insert(task, thread);
        match ptrace::interrupt(id) {
            Ok(()) | Err(Errno::ESRCH) => Ok(true),
            Err(error) => Err(Unknown::Hidden(format!("thread {task}: {error}"))),
        }
    }

    /// Whether this process holds the thread already.
    fn is_held(&self, task: i32) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/task/{task}/status", self.pid));
        let tracer = status.unwrap_or_default();
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

    fn wait(&mut self, task: i32, deadline: Instant) -> Result<(), Unknown> {
        // WSTOPPED
        let flags = WaitPidFlag::WUNTRACED
            | WaitPidFlag::__WALL
            | WaitPidFlag::WNOWAIT
            | WaitPidFlag::WNOHANG;
        loop {
            let plain = match waitid(Id::Pid(Pid::from_raw(task)), flags) {
                Ok(WaitStatus::StillAlive) => None,
                Ok(
                    WaitStatus::PtraceEvent(_, Signal::SIGTRAP, EVENT_STOP)
                    | WaitStatus::PtraceSyscall(_),
                ) => Some(true),
                // A signal, of which nix does not know those of real time.
                Ok(_) | Err(Errno::EINVAL) => Some(false),
                Err(error) => return Err(Unknown::Hidden(format!("thread {task}: {error}"))),
            };
            if let Some(plain) = plain {
                if let Some(thread) = self.threads.get_mut(&task) {
                    thread.plain = plain;
                }
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Unknown::Busy);
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    fn take_registers(&mut self, task: i32, is_own: bool) -> Result<(), Unknown> {
        let failed = |error: Errno| Unknown::Hidden(format!("thread {task}: {error}"));
        let id = Pid::from_raw(task);
        let all = ptrace::getregs(id).map_err(failed)?;
        let vectors = ptrace::getregset::<NT_PRFPREG>(id).map_err(failed)?;
        let Some(thread) = self.threads.get_mut(&task) else { return Ok(()) };
        thread.computes = !is_own && all.orig_rax.cast_signed() < 0;
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

    /// Lets all go on. Those that stopped for a signal do when the calling thread ends.
    fn go_on(&self) {
        for (task, _) in self.threads.iter().filter(|(_, thread)| thread.plain) {
            self.begin_again(*task);
            let _ = ptrace::detach(Pid::from_raw(*task), None);
        }
    }

    /// Has a system call begun again that the stop has ended.
    fn begin_again(&self, task: i32) {
        let id = Pid::from_raw(task);
        let Ok(mut all) = ptrace::getregs(id) else { return };
        let call = all.orig_rax.cast_signed();
        let was_ended = all.rax.cast_signed() == -i64::from(Errno::EINTR as i32);
        if was_ended && BEGUN_AGAIN.contains(&call) && self.is_syscall(all.rip.wrapping_sub(2))
            // A signal's handler is to be told of, as ever.
            && !self.has_signal(task)
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

    /// Whether a signal waits for the thread that it does not block.
    fn has_signal(&self, task: i32) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/task/{task}/status", self.pid));
        let Ok(status) = status else { return true };
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(u64::MAX)
        };
        (mask("SigPnd:") | mask("ShdPnd:")) & !mask("SigBlk:") != 0
    }
}
