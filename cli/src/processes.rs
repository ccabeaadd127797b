//! The processes of the program: their connections, and delivery in two phases.
//!
//! A patch goes to every process or to none: all prepare it, and only when all are ready do they
//! commit. A process that refuses, or does not answer in time, makes all the others abort.

mod asking;
mod joining;
mod listening;
mod settling;

use std::os::unix::net::UnixStream;

use crossbeam_channel::Receiver;
use hotdev_protocol::{Command, Failure, Generation, Hello, Patch, Reply};

pub use listening::{Contact, listen, socket_folder};
pub use settling::{Unreachable, Unsearched};

/// A connected process.
#[derive(Debug)]
pub struct Process {
    /// Tells connections apart, also of one process.
    pub id: u64,
    /// What it said of itself.
    pub hello: Hello,
    stream: UnixStream,
    replies: Receiver<Reply>,
}

/// Why a patch did not go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The process that refused.
    pub pid: u32,
    /// Its reason.
    pub failure: Failure,
}

/// Every connected process.
#[derive(Debug, Default)]
pub struct Processes {
    list: Vec<Process>,
    /// Tells this session's generations from those that an earlier session left in a process.
    session: u32,
}

impl Processes {
    /// No processes yet. `session` should differ from session to session.
    pub fn new(session: u32) -> Self {
        Self { list: Vec::new(), session }
    }

    /// No processes, for the next program of the same session.
    pub fn successor(&self) -> Self {
        Self::new(self.session.wrapping_add(1))
    }

    /// Process ids, in the order of connection.
    pub fn pids(&self) -> Vec<u32> {
        self.list.iter().map(|process| process.hello.pid).collect()
    }

    /// Whether no process is connected.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets a connection; its process id if it was one of ours.
    pub fn remove(&mut self, id: u64) -> Option<u32> {
        let at = self.list.iter().position(|process| process.id == id)?;
        Some(self.list.remove(at).hello.pid)
    }

    /// Forgets the connections of a process that has ended.
    pub fn forget(&mut self, pid: u32) {
        self.list.retain(|process| process.hello.pid != pid);
    }

    /// Brings a patch into every process, or into none.
    ///
    /// # Errors
    /// The first process that refused, and why. Every process is then as it was before.
    pub fn deliver(&mut self, patch: &Patch) -> std::result::Result<(), Undelivered> {
        let generation = self.wire(patch.generation);
        let previous = self.newest_before(generation);
        if let Err(refused) = self.ask_all(&Command::Prepare(self.on_wire(patch))) {
            self.tell_all(&Command::Abort(generation));
            return Err(refused);
        }
        if let Err(refused) = self.ask_all(&Command::Commit(generation)) {
            // Whoever has committed goes back, whoever has not forgets it. What does not apply to
            // a process is answered with an error and changes nothing there.
            self.tell_all(&Command::Abort(generation));
            self.tell_all(&Command::Revert(previous));
            return Err(refused);
        }
        for process in &mut self.list {
            process.hello.applied.push(generation);
        }
        Ok(())
    }

    /// Makes an earlier generation current in every process.
    ///
    /// # Errors
    /// The first process that could not go back. All connections are ended then: each process comes
    /// back with what it has, and is brought to what the session has.
    pub fn revert(&mut self, generation: Generation) -> std::result::Result<(), Undelivered> {
        let wire = self.wire(generation);
        if let Err(refused) = self.ask_all(&Command::Revert(wire)) {
            self.list.iter().for_each(asking::disconnect);
            return Err(refused);
        }
        for process in &mut self.list {
            process.hello.applied.retain(|other| *other <= wire);
        }
        Ok(())
    }

    fn newest_before(&self, generation: Generation) -> Generation {
        let applied = self.list.iter().flat_map(|process| &process.hello.applied);
        applied.copied().filter(|other| *other < generation).max().unwrap_or_default()
    }

    fn wire(&self, generation: Generation) -> Generation {
        if generation == 0 { 0 } else { u64::from(self.session) << 32 | generation }
    }

    fn on_wire(&self, patch: &Patch) -> Patch {
        Patch { generation: self.wire(patch.generation), ..patch.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crossbeam_channel::unbounded;
    use hotdev_protocol::{VERSION, frame};

    use super::asking::{ANSWER_LIMIT, disconnect};
    use super::listening::forward;
    use super::*;

    /// A connection of this process, which is alive, and the shim's end of it.
    fn connection(id: u64) -> (Process, UnixStream) {
        let (mut stream, shim) = UnixStream::pair().unwrap();
        let hello = Hello {
            version: VERSION,
            pid: std::process::id(),
            applied: Vec::new(),
            images: Vec::new(),
        };
        let (sender, replies) = unbounded();
        let process = Process { id, hello, stream: stream.try_clone().unwrap(), replies };
        std::thread::spawn(move || forward(&mut stream, &sender, &drop));
        (process, shim)
    }

    /// Takes every command, and gives them back when the connection ends.
    fn willing(mut shim: UnixStream) -> std::thread::JoinHandle<Vec<Command>> {
        std::thread::spawn(move || {
            let mut seen = Vec::new();
            while let Ok(command) = frame::read(&mut shim) {
                seen.push(command);
                let _ = frame::write(&mut shim, &Reply::Prepared(1));
            }
            seen
        })
    }

    #[test]
    fn a_rollback_that_one_refuses_ends_all_connections() {
        let mut processes = Processes::new(0);
        let answers = [Reply::Reverted(0), Reply::Failed(failed())];
        let shims = answers.map(|answer| {
            let (process, mut shim) = connection(0);
            processes.list.push(process);
            shim.set_read_timeout(Some(ANSWER_LIMIT * 5)).unwrap();
            std::thread::spawn(move || {
                let _: Command = frame::read(&mut shim).unwrap();
                frame::write(&mut shim, &answer).unwrap();
                matches!(frame::read::<Command>(&mut shim), Err(frame::ReadError::Closed))
            })
        });
        assert!(processes.revert(0).is_err());
        assert!(shims.map(|shim| shim.join().unwrap()).iter().all(|is_closed| *is_closed));
    }

    fn failed() -> Failure {
        Failure { kind: hotdev_protocol::FailureKind::SlotMismatch, message: String::new() }
    }

    #[test]
    fn stopped_processes_cost_one_time_limit_and_the_others_abort() {
        let ends: Vec<_> = (0..3).map(connection).collect();
        let mut processes = Processes::new(0);
        let mut shims = Vec::new();
        for (process, shim) in ends {
            processes.list.push(process);
            shims.push(shim);
        }
        let other = willing(shims.remove(2));
        // Longer than a socket's buffer, so that sending it blocks as well.
        let library = "x".repeat(4 << 20);
        let patch = Patch {
            generation: 1,
            library,
            hash: 0,
            images: Vec::new(),
            words: Vec::new(),
            records: None,
        };
        let begin = Instant::now();
        assert!(processes.deliver(&patch).is_err());
        assert!(begin.elapsed() < ANSWER_LIMIT * 2, "{:?}", begin.elapsed());
        disconnect(&processes.list[2]);
        let seen = other.join().unwrap();
        assert!(matches!(seen[..], [Command::Prepare(_), Command::Abort(_)]), "{seen:?}");
    }
}
