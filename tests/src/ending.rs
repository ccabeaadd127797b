//! Signals for a session, and its end: on request, or when a test is over or has failed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::{LIMIT, Session, binary::wait_for, is_alive, running_in};

/// How long hotdev may take to end itself and its program.
const END_LIMIT: Duration = Duration::from_secs(10);

impl Session {
    /// Kills one process of the program.
    ///
    /// # Panics
    /// When it is none of this workspace's, or is gone.
    pub fn kill(&self, pid: u32) {
        assert!(
            running_in(self.workspace.root()).contains(&pid),
            "{pid} is no process of this test"
        );
        kill_process(raw(pid), Signal::KILL).expect("a process of this user");
    }

    /// Sends hotdev alone a signal.
    ///
    /// # Panics
    /// When hotdev is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.group(), signal).expect("hotdev still runs");
    }

    /// Sends SIGINT to everything in hotdev's process group, as a terminal does at Ctrl-C.
    ///
    /// # Panics
    /// When hotdev is gone.
    pub fn press_ctrl_c(&self) {
        kill_process_group(self.group(), Signal::INT).expect("hotdev still runs");
    }

    /// Ends hotdev by SIGINT; nothing that it started may be left.
    pub fn end(mut self) {
        self.signal(Signal::INT);
        self.ends_clean();
    }

    /// Ends it as [`Self::end`] does and starts another in the same workspace.
    pub fn again(mut self) -> Self {
        self.signal(Signal::INT);
        self.ends_clean();
        let workspace = Arc::clone(&self.workspace);
        drop(self);
        Self::start_in(workspace, &[])
    }

    /// Waits for hotdev's end; nothing that it started may be left.
    pub fn ends_clean(&mut self) {
        if wait_for(&mut self.child, END_LIMIT).is_none() {
            self.fail("hotdev was told to end and has not");
        }
        let left = running_in(self.workspace.root());
        if !left.is_empty() {
            self.fail(&format!("hotdev has ended and left processes {left:?}"));
        }
    }

    /// Ends hotdev by SIGKILL; what it started goes on.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill_hotdev(&mut self) {
        self.signal(Signal::KILL);
        assert!(
            wait_for(&mut self.child, END_LIMIT).is_some(),
            "hotdev was killed and has not ended"
        );
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(self.group(), Signal::INT);
            if wait_for(&mut self.child, END_LIMIT).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        let end = Instant::now() + LIMIT;
        for pid in running_in(self.workspace.root()) {
            let _ = kill_process(raw(pid), Signal::KILL);
            while is_alive(pid) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid as i32).expect("a process id is not 0")
}
