//! The processes of the program: their connections, and delivery in two phases.
//!
//! A patch goes to every process or to none: all prepare it, and only when all are ready do they
//! commit. A process that refuses, or does not answer in time, makes all the others abort.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use hotdev_protocol::{
    Called, Command, Failure, FailureKind, Generation, Hello, Patch, Reply, Settle, VERSION, frame,
};

use crate::chain::Ids;
use crate::memory::{self, Unknown};

use crate::error::{Context, Kind, Result};
use crate::process;

/// How long all processes together may take to answer one command. Loading takes under a
/// millisecond; a stopped or overloaded process takes longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// How long a new connection may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(5);

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

/// What the socket reports.
#[derive(Debug)]
pub enum Contact {
    /// A process has said hello.
    Connected(Process),
    /// Its connection is gone.
    Gone(u64),
    /// A process has called functions of patches for the first time.
    Called(u32, Vec<Called>),
}

/// Listens for shims at `path` until the process ends, and reports through `contacts`.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(path: &Path, contacts: impl Fn(Contact) + Send + Clone + 'static) -> Result<()> {
    let doing = || format!("listen at {}", path.display());
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).context(Kind::System, doing)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .context(Kind::System, doing)?;
    std::thread::spawn(move || {
        for (id, stream) in listener.incoming().enumerate() {
            let (Ok(stream), contacts) = (stream, contacts.clone()) else { continue };
            std::thread::spawn(move || {
                if let Err(error) = serve(id as u64, stream, &contacts) {
                    tracing::warn!(%error, "a connection was refused");
                }
            });
        }
    });
    Ok(())
}

/// Reads one connection until it ends.
fn serve(id: u64, mut stream: UnixStream, contacts: &impl Fn(Contact)) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::other(format!("its user {} is not ours", peer.uid.as_raw())));
    }
    stream.set_read_timeout(Some(HELLO_LIMIT))?;
    let hello: Hello = frame::read(&mut stream).map_err(io::Error::other)?;
    if hello.version != VERSION {
        return Err(io::Error::other(format!(
            "its shim is of version {}, this is {VERSION}",
            hello.version
        )));
    }
    stream.set_read_timeout(None)?;
    let (sender, replies) = unbounded();
    let pid = hello.pid;
    let process = Process { id, hello, stream: stream.try_clone()?, replies };
    contacts(Contact::Connected(process));
    forward(&mut stream, &sender, &|called| contacts(Contact::Called(pid, called)));
    drop(sender);
    contacts(Contact::Gone(id));
    Ok(())
}

fn forward(stream: &mut UnixStream, replies: &Sender<Reply>, called: &dyn Fn(Vec<Called>)) {
    while let Ok(reply) = frame::read(stream) {
        if let Reply::Called(functions) = reply {
            called(functions);
        } else if replies.send(reply).is_err() {
            return;
        }
    }
}

/// Why a patch did not go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The process that refused.
    pub pid: u32,
    /// Its reason.
    pub failure: Failure,
}

/// Why nothing is known of the memory of all processes.
#[derive(Debug)]
pub enum Unsearched {
    /// Another moment may do.
    NotNow,
    /// It cannot be shown what a process refers to: why.
    Never(String),
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

    /// Takes in a process, bringing it to the newest of `patches`.
    ///
    /// # Errors
    /// When it could not be brought there. It is taken in all the same, and will refuse what does
    /// not fit it.
    pub fn add(
        &mut self,
        process: Process,
        patches: &[Patch],
    ) -> std::result::Result<(), Undelivered> {
        let have = &process.hello.applied;
        let wanted: Vec<Generation> =
            patches.iter().map(|patch| self.wire(patch.generation)).collect();
        let common = have.iter().zip(&wanted).take_while(|(have, wanted)| have == wanted).count();
        let base = wanted[..common].last().copied().unwrap_or_default();
        let surplus = have.len() > common;
        let settled = settled(have, &wanted);
        self.list.push(process);
        let last = self.list.len() - 1;
        if let Some(base) = settled {
            // A fork of a process from before its older generations were made one.
            self.settle_one(last, &base, &Ids::new());
            return Ok(());
        }
        if surplus {
            self.ask(last, &Command::Revert(base))?;
        }
        for patch in &patches[common..] {
            self.ask(last, &Command::Prepare(self.on_wire(patch)))?;
            self.ask(last, &Command::Commit(self.wire(patch.generation)))?;
        }
        Ok(())
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
    /// The first process that could not go back.
    pub fn revert(&mut self, generation: Generation) -> std::result::Result<(), Undelivered> {
        let wire = self.wire(generation);
        self.ask_all(&Command::Revert(wire))?;
        for process in &mut self.list {
            process.hello.applied.retain(|other| *other <= wire);
        }
        Ok(())
    }

    /// Those of `patches` to which nothing in any process refers. `is_wanted` says whether the answer
    /// is still waited for.
    ///
    /// # Errors
    /// Where that cannot be said of one.
    pub fn unreachable(
        &mut self,
        patches: &Ids,
        is_wanted: &(dyn Fn() -> bool + Sync),
    ) -> std::result::Result<Ids, Unsearched> {
        let mut unreachable = patches.clone();
        for index in 0..self.list.len() {
            if unreachable.is_empty() {
                break;
            }
            let pid = self.list[index].hello.pid;
            if process::is_stopped(pid) {
                return Err(Unsearched::NotNow);
            }
            let command = Command::Survey(unreachable.iter().cloned().collect());
            let survey = match self.ask_for(index, &command) {
                Ok(Reply::Surveyed(survey)) => survey,
                Ok(_) => {
                    return Err(Unsearched::Never("the shim does not know the command".into()));
                }
                // Its end is on the way here; or only its first thread has ended.
                Err(_) if !process::is_alive(pid) => return Err(Unsearched::NotNow),
                Err(refused) => return Err(Unsearched::Never(refused.failure.message)),
            };
            let found = match memory::unreachable(pid, &survey, is_wanted) {
                Ok(found) => found,
                Err(Unknown::Busy | Unknown::Interrupted) => return Err(Unsearched::NotNow),
                Err(Unknown::Hidden(_)) if !process::is_alive(pid) => {
                    return Err(Unsearched::NotNow);
                }
                Err(Unknown::Hidden(why)) => {
                    return Err(Unsearched::Never(format!("process {pid}: {why}")));
                }
            };
            let is_needed = |id: &Vec<u8>| survey.patches.iter().any(|one| one.build_id == *id);
            unreachable.retain(|id| found.contains(id) || !is_needed(id));
        }
        Ok(unreachable)
    }

    /// Makes all generations up to the last of `base` one in every process, and has `patches`
    /// unloaded, to which nothing refers.
    pub fn settle(&mut self, base: &[Generation], patches: &Ids) {
        let base: Vec<Generation> = base.iter().map(|generation| self.wire(*generation)).collect();
        for index in 0..self.list.len() {
            self.settle_one(index, &base, patches);
        }
    }

    fn settle_one(&mut self, index: usize, base: &[Generation], patches: &Ids) {
        let unload: Vec<Vec<u8>> = patches.iter().cloned().collect();
        let (base, asked) = (base.to_vec(), unload.len());
        match self.ask_for(index, &Command::Settle(Settle { base: base.clone(), unload })) {
            Ok(Reply::Settled(gone)) => {
                let process = &mut self.list[index];
                if gone.len() < asked {
                    tracing::warn!(pid = process.hello.pid, asked, gone = gone.len(), "unloading");
                }
                let newest = base.last().copied().unwrap_or_default();
                let rest = process.hello.applied.iter().copied().filter(|other| *other > newest);
                process.hello.applied = base.into_iter().chain(rest).collect();
            }
            Ok(_) => {}
            Err(refused) => tracing::warn!(?refused, "old code was not unloaded"),
        }
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

    /// Sends a command to all, then collects the answers, so that processes work side by side. All
    /// have the same time, so one that is stopped holds up the session only once.
    fn ask_all(&mut self, command: &Command) -> std::result::Result<(), Undelivered> {
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

    fn tell_all(&mut self, command: &Command) {
        let _ = self.ask_all(command);
    }

    fn ask(&mut self, index: usize, command: &Command) -> std::result::Result<(), Undelivered> {
        self.ask_for(index, command).map(drop)
    }

    fn ask_for(
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

/// Where `have` holds all that is wanted, and older generations besides: those of `wanted` that are
/// left when these are made one.
fn settled(have: &[Generation], wanted: &[Generation]) -> Option<Vec<Generation>> {
    let more = have.iter().rposition(|generation| !wanted.contains(generation))?;
    let kept = have.iter().filter(|generation| wanted.contains(generation));
    let next = have.get(more + 1)?;
    let last = wanted.iter().position(|generation| generation == next)?;
    kept.eq(wanted).then(|| wanted[..=last].to_vec())
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

fn disconnect(process: &Process) {
    let _ = process.stream.shutdown(std::net::Shutdown::Both);
}

/// A folder of the session's own for its sockets, the same for every session of one project: a
/// program that outlives its session finds the next one there.
///
/// # Errors
/// When none can be made, or the one that is there belongs to somebody else.
pub fn socket_folder(target_dir: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let name = format!(
        "hotdev-{:016x}",
        hotdev_protocol::ContentHash::of(target_dir.as_os_str().as_encoded_bytes())
    );
    let base =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let in_target = target_dir.join("hotdev").join("run");
    // 107 bytes is the longest path of a socket; `/control.sock` takes 13 of them.
    let fits = |folder: &PathBuf| folder.as_os_str().len() <= 107 - 13;
    let candidates =
        [base.map(|base| base.join(&name)), Some(in_target), Some(std::env::temp_dir().join(name))];
    let folder = candidates.into_iter().flatten().find(fits).unwrap_or_default();
    let doing = || format!("make the folder {}", folder.display());
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).context(Kind::System, doing);
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&folder).context(Kind::System, doing)?;
    if !found.is_dir()
        || found.uid() != rustix::process::geteuid().as_raw()
        || found.mode() & 0o077 != 0
    {
        let cause = "it is there, but others can get into it";
        return Err(crate::error::Error::new(Kind::System, doing(), cause).hint("remove it"));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
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
