//! The session: owns the program, the watch, the sockets and the build under way.
//!
//! Everything that happens is one [`Event`]; [`Session::run`] takes them one by one. At most one
//! job is under way, on a thread of its own, and it owns the [`Workshop`] meanwhile. A change that
//! arrives during a job cancels it, and the next job starts with all that has changed: a burst of
//! saves ends with one patch of the final files.

mod called;
mod choice;
mod contacts;
mod jobs;
mod launch;
mod lent;
mod leftovers;
mod mailbox;
mod named;
mod remote;
mod requests;
mod run;
mod settle;
mod start;
mod verdicts;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use hotdev_protocol::Patch;

use crate::calls::Calls;
use crate::changes::Stamps;
use crate::config::{Config, OnIncompatible};
use crate::control::Request;
use crate::control::server::Responder;
use crate::error::Result;
use crate::processes::{Contact, Process, Processes};
use crate::rebuild::Cancel;
use crate::report::Reporter;
use crate::report::event;
use crate::tui::Screen;
use crate::watch::Watch;
use crate::workshop::{Opened, Outcome, Target, Workshop};

use mailbox::Mailbox;
pub use remote::Remote;
pub use start::{Options, run};

/// Everything that can happen to a session.
enum Event {
    /// The watcher saw these paths change; none means that anything may have.
    Files(Vec<PathBuf>, Instant),
    /// A look at the files is done; the workshop comes back.
    Looked(Box<Workshop>, Outcome),
    /// A build of a program to start is done.
    Opened(Result<Opened>),
    /// A process of the program connected or left.
    Contact(Contact),
    /// The program that the session started has ended.
    Ended { pid: u32, status: Option<ExitStatus> },
    /// Somebody asks for something.
    Request(Request, Responder),
    /// Ctrl-C, or another signal that ends the session.
    Quit,
}

/// The program as the session started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Running {
    /// Not started yet, or ended.
    No,
    /// Started; its shim has not said hello.
    Starting { pid: u32 },
    /// Started and connected at least once.
    Yes { pid: u32 },
}

/// A generation that `status` lists.
struct Generation {
    info: event::GenerationInfo,
    patch: Patch,
    calls: Calls,
}

struct Session {
    target: Target,
    config: Config,
    options: Options,
    reporter: Reporter,
    /// The terminal UI, where there is one.
    screen: Option<Screen>,
    /// The terminal that the program has to itself, where there is one.
    lent: Option<lent::Lent>,
    events: Receiver<Event>,
    sender: Mailbox,
    watch: Watch,
    socket: PathBuf,
    /// Here when no job has it.
    workshop: Option<Box<Workshop>>,
    job: Option<Cancel>,
    /// Whether the job looks at changed files, rather than building with cargo.
    looking: bool,
    /// The files that the look under way was started for, as they were then.
    looked_at: Stamps,
    running: Running,
    /// Which images a process must have to be of this program.
    build_ids: Vec<Vec<u8>>,
    processes: Processes,
    /// Processes that connected while a job was under way or before the program was known.
    strangers: Vec<Process>,
    chain: Vec<Generation>,
    /// When to look for old code that can be unloaded.
    settle_at: Option<Instant>,
    /// How many old patches had to stay at the last look.
    kept_retired: usize,
    /// How often no good moment was found since then.
    settle_attempts: u32,
    /// Changed files that no job has looked at, and when the first was noticed.
    pending: Option<(Instant, Vec<PathBuf>)>,
    /// Files that the program is or was made of: their changes matter while there is no workshop.
    known: HashSet<PathBuf>,
    /// Contents of the files that were saved during the last build that failed.
    seen: BTreeMap<PathBuf, Option<u64>>,
    /// Why the next job is to build and restart.
    restart: Option<String>,
    /// Files of the last look, for the report.
    files: Vec<PathBuf>,
    /// `reload`s and `restart`s that wait for a verdict.
    waiting: Vec<Responder>,
    /// The last verdict, where it was not live: what `reload` says again.
    verdict: Option<event::Event>,
    /// The last verdict of all, for `status`.
    last: Option<event::Verdict>,
    /// When the program was started, in seconds since 1970.
    since: Option<u64>,
    /// How the program ended last.
    end: Option<event::Ended>,
    /// Processes of earlier sessions that people have been told of.
    leftovers: HashSet<u32>,
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Whether an edit that cannot go in restarts the program.
fn restarts(config: &Config) -> bool {
    config.reload.on_incompatible == OnIncompatible::Restart
}
