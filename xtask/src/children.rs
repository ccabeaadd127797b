//! Child processes that never outlive the task.
//!
//! Each child leads a process group of its own, so that what it starts ends with it. Groups are
//! listed; on Ctrl-C a thread ends all of them, waits, removes the folders of the task, and exits.
//! hotdev starts its program in another group, but a generated program ends by itself when its
//! socket closes.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a child may take to end after a request.
const END_LIMIT: Duration = Duration::from_secs(20);
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How many bytes of what a child wrote an error shows.
const TAIL: usize = 3000;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static OPEN: Mutex<Open> = Mutex::new(Open { groups: Vec::new(), folders: Vec::new() });

/// What has to be ended and removed when the task ends before its time.
struct Open {
    groups: Vec<u32>,
    folders: Vec<PathBuf>,
}

fn open() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a task; Ctrl-C and SIGTERM end its children and remove its folders.
pub fn guarded(task: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("failed to catch Ctrl-C")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            end_everything();
            std::process::exit(128 + signal);
        }
    });
    let outcome = task();
    // What fails because its children were ended is not worth a word.
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::park();
    }
    outcome
}

/// Removes a folder when the task is interrupted.
pub fn remove_on_interrupt(folder: &Path) {
    open().folders.push(folder.to_owned());
}

fn end_everything() {
    // Held to the end, so that no child is started meanwhile.
    let open = open();
    open.groups.iter().for_each(|group| signal(*group, Signal::INT));
    let end = Instant::now() + END_LIMIT;
    while Instant::now() < end && open.groups.iter().any(|group| group_lives(*group)) {
        thread::sleep(Duration::from_millis(20));
    }
    open.groups.iter().for_each(|group| signal(*group, Signal::KILL));
    for folder in &open.folders {
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn signal(group: u32, signal: Signal) {
    if let Some(group) = pid(group) {
        let _ = kill_process_group(group, signal);
    }
}

/// Whether the leader of a group has not ended; one that nobody has waited for has.
fn group_lives(group: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{group}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A child that leads a process group; dropping it ends the group.
#[derive(Debug)]
pub struct Group {
    /// The child itself, for its pipes.
    pub child: Child,
    ended: Option<ExitStatus>,
    /// Reads what is kept.
    heard: Option<JoinHandle<String>>,
}

impl Group {
    /// Starts a command without input.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut open = open();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {}", command.get_program().display()))?;
        open.groups.push(child.id());
        Ok(Self { child, ended: None, heard: None })
    }

    /// The same, and keeps the last of what it writes to stderr.
    pub fn start_heard(command: &mut Command) -> Result<Self> {
        let mut group = Self::start(command.stderr(Stdio::piped()))?;
        group.heard = group.child.stderr.take().map(|stderr| thread::spawn(move || tail(stderr)));
        Ok(group)
    }

    /// The same, and keeps the last of what it writes to stdout and to stderr.
    pub fn start_all_heard(command: &mut Command) -> Result<Self> {
        let (reader, writer) = std::io::pipe().context("failed to make a pipe")?;
        let other = writer.try_clone().context("failed to make a pipe")?;
        let group = Self::start(command.stdout(writer).stderr(other));
        // The command keeps its ends, and then there would be no end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut group = group?;
        group.heard = Some(thread::spawn(move || tail(reader)));
        Ok(group)
    }

    /// The last of what was kept of what it wrote, after its end; the rest of the group is killed.
    pub fn last_words(&mut self) -> String {
        self.kill();
        self.heard.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }

    /// An error with its last words if it has ended.
    pub fn check(&mut self, what: &str) -> Result<()> {
        match self.ended()? {
            Some(status) => bail!("{what} ended with {status}\n{}", self.last_words()),
            None => Ok(()),
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().context("failed to look at a child")?;
        }
        Ok(self.ended)
    }

    /// Waits for its end, for at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < end, "it did not end within {} s", limit.as_secs());
            thread::sleep(LOOK);
        }
    }

    /// Asks the whole group to end, as Ctrl-C does, and kills what has not in time.
    pub fn interrupt(&mut self) {
        if matches!(self.ended(), Ok(None)) {
            signal(self.child.id(), Signal::INT);
            let _ = self.wait(END_LIMIT);
        }
        self.kill();
    }

    /// Kills the whole group.
    pub fn kill(&mut self) {
        let id = self.child.id();
        signal(id, Signal::KILL);
        if self.ended.is_none() {
            self.ended = self.child.wait().ok();
        }
        open().groups.retain(|group| *group != id);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command to its end and gives the time that took; a failure holds what it wrote.
pub fn time(command: &mut Command, what: &str, limit: Duration) -> Result<Duration> {
    let begin = Instant::now();
    let mut group = Group::start_heard(command.stdout(Stdio::null()))?;
    // Blocking: looking from time to time would add to short times.
    let watchdog = Watchdog::start(group.child.id(), limit);
    let status = group.child.wait().context("failed to wait for a child")?;
    let taken = begin.elapsed();
    group.ended = Some(status);
    ensure!(!watchdog.stop(), "failed to {what}: not done within {} s", limit.as_secs());
    if !status.success() {
        bail!("failed to {what}: it ended with {status}\n{}", group.last_words());
    }
    Ok(taken)
}

/// Reads to the end and keeps the last of it.
fn tail(mut stream: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(TAIL));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Kills a group when a limit is over.
struct Watchdog {
    stop: std::sync::mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Watchdog {
    fn start(group: u32, limit: Duration) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let fired = stopped.recv_timeout(limit).is_err();
            if fired {
                signal(group, Signal::KILL);
            }
            fired
        });
        Self { stop, thread }
    }

    /// Ends it; true where it had to kill.
    fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.thread.join().unwrap_or(false)
    }
}
