//! Commands to processes and their answers, each within a limit of time.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use hotdev_protocol::{Command, Failure, FailureKind, Reply, frame};

use super::{Process, Processes, Undelivered};
use crate::process;

/// How long all processes together may take to answer one command. Loading takes under a
/// millisecond; a stopped or overloaded process takes longer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

impl Processes {
    /// Sends a command to all, then collects the answers, so that processes work side by side. All
    /// have the same time, so one that is stopped holds up the session only once.
    pub(super) fn ask_all(&mut self, command: &Command) -> std::result::Result<(), Undelivered> {
        let end = Instant::now() + ANSWER_LIMIT;
        let sent = send_all(&mut self.list, command, end);
        let mut first = Ok(());
        for (index, sent) in sent.into_iter().enumerate() {
            match self.answer(index, sent, end) {
                // Who has ended meanwhile has nothing to be patched.
                Err(refused) if !process::is_alive(refused.pid) => {}
                answer => first = first.and(answer.map(drop)),
            }
        }
        first
    }

    pub(super) fn tell_all(&mut self, command: &Command) {
        let _ = self.ask_all(command);
    }

    pub(super) fn ask(
        &mut self,
        index: usize,
        command: &Command,
    ) -> std::result::Result<(), Undelivered> {
        self.ask_for(index, command).map(drop)
    }

    pub(super) fn ask_for(
        &mut self,
        index: usize,
        command: &Command,
    ) -> std::result::Result<Reply, Undelivered> {
        let end = Instant::now() + ANSWER_LIMIT;
        let sent = send(&mut self.list[index], command, end);
        self.answer(index, sent, end)
    }

    fn answer(
        &self,
        index: usize,
        sent: bool,
        end: Instant,
    ) -> std::result::Result<Reply, Undelivered> {
        let process = &self.list[index];
        if !sent {
            return Err(self.lost(index, "the connection is gone, or nothing is read from it"));
        }
        match process.replies.recv_deadline(end) {
            Ok(Reply::Failed(failure)) => Err(Undelivered { pid: process.hello.pid, failure }),
            Ok(reply) => Ok(reply),
            Err(RecvTimeoutError::Disconnected) => Err(self.lost(index, "the connection is gone")),
            Err(RecvTimeoutError::Timeout) => {
                // Its answer may still come and must not be taken for that to a later command.
                disconnect(process);
                Err(self.lost(index, &format!("no answer within {} s", ANSWER_LIMIT.as_secs())))
            }
        }
    }

    fn lost(&self, index: usize, why: &str) -> Undelivered {
        let failure = Failure { kind: FailureKind::LoadFailed, message: why.to_owned() };
        Undelivered { pid: self.list[index].hello.pid, failure }
    }
}

/// [`send`] to all at once: one that blocks must not take the others' time.
fn send_all(list: &mut [Process], command: &Command, end: Instant) -> Vec<bool> {
    if let [process] = list {
        return vec![send(process, command, end)];
    }
    std::thread::scope(|scope| {
        let senders: Vec<_> = list
            .iter_mut()
            .map(|process| scope.spawn(move || send(process, command, end)))
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap_or(false)).collect()
    })
}

/// Sends a command before `end`; false where that fails.
fn send(process: &mut Process, command: &Command, end: Instant) -> bool {
    let sent = frame::write(&mut Until { stream: &process.stream, end }, command).is_ok();
    if !sent {
        // Half a frame may have gone out: nothing can follow it.
        disconnect(process);
    }
    sent
}

/// Writes until some time. What a stopped process does not read stays in the socket's buffer, and
/// what does not fit there would wait for ever.
struct Until<'a> {
    stream: &'a UnixStream,
    end: Instant,
}

impl io::Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        // No time at all is an error.
        self.stream.set_write_timeout(Some(left))?;
        io::Write::write(&mut self.stream, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn disconnect(process: &Process) {
    let _ = process.stream.shutdown(std::net::Shutdown::Both);
}
