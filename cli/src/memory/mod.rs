//! Finds out which old patches a running process can still reach: a conservative search, like that
//! of a garbage collector that knows nothing of types.
//!
//! All threads are stopped for a moment, through ptrace, so that no address moves from a place that
//! has not been looked at to one that has. Then every word that may hold an address is looked at:
//! registers, stacks, heaps, statics, thread-locals, at every byte, also as glibc scrambles the
//! addresses of functions that it calls at exits. What an image that has to stay refers to has to
//! stay as well. Whatever cannot be shown (no permission, a thread that does not stop or is busy,
//! memory that cannot be read, too much of it) is an error here, and everything stays.
//!
//! A stop must not be noticed: see [`threads`]. A process of its own does all this, so that nothing
//! that holds hotdev up holds the program up: see [`looker`].

mod guard;
mod looker;
mod maps;
mod search;
mod sharers;
mod threads;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hotdev_protocol::{Survey, Surveyed};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

pub use looker::{LOOK, Looker, serve};
use search::Search;
use threads::Stopped;

/// How much work a search may be: threads stand still as long, a frame of a game or two. A process
/// with more memory than can be searched in that time keeps its old code.
const WORK: Duration = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 60 });

/// How long the search may take where others have the processor meanwhile: while threads stand
/// still, and while they run.
const STANDSTILL: Duration = Duration::from_millis(500);
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// How often a moment is looked for in which no thread is busy, and how long to wait for the next.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(3);

/// Why nothing is known of a process's memory.
#[derive(Debug, Serialize, Deserialize)]
pub enum Unknown {
    /// Threads were computing, or changed what was looked at; the next moment may be better.
    Busy,
    /// Something else has to be done first.
    Interrupted,
    /// It cannot be shown.
    Hidden(String),
}

impl From<std::io::Error> for Unknown {
    fn from(error: std::io::Error) -> Self {
        match Errno::from_io_error(&error) {
            // Where threads still run, what was there a moment ago may not be any more: the stack of
            // one that has ended, a file that was closed.
            Some(Errno::NOENT | Errno::SRCH | Errno::IO) => Self::Busy,
            _ => Self::Hidden(error.to_string()),
        }
    }
}

/// When a search is to be given up.
struct Limit {
    /// In the processor time of the thread that searches.
    work: Duration,
    end: Instant,
}

impl Limit {
    fn start(longest: Duration) -> Self {
        Self { work: worked() + WORK, end: Instant::now() + longest }
    }

    fn is_over(&self) -> bool {
        Instant::now() > self.end || worked() > self.work
    }
}

/// The processor time of the calling thread.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

/// Where to look, and for what.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    pid: u32,
    survey: Survey,
    /// All processes of the program that are known.
    family: Vec<u32>,
}

/// What a search comes to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Found {
    /// Build ids of the surveyed patches to which nothing in the process refers.
    unreachable: BTreeSet<Vec<u8>>,
    /// What refers to others, for the log.
    references: Vec<String>,
    /// How long the threads stood still, in milliseconds.
    still: f64,
}

/// Searches a process. `is_wanted` says whether the answer is still waited for.
fn unreachable(
    question: &Question,
    is_wanted: &(dyn Fn() -> bool + Sync),
) -> Result<Found, Unknown> {
    // A first look while the threads run: most of what has to stay is found so, and how long the
    // search takes.
    let survey = &question.survey;
    maps::kernel_held(question.pid)?;
    let mut search = Search::new(question.pid, survey, Limit::start(FIRST_LOOK), is_wanted)?;
    search.run(&[])?;
    let (patches, references) = (search.unmarked(), search.references());
    if patches.is_empty() {
        return Ok(Found { references, ..Found::default() });
    }
    let survey = Survey { patches, ..survey.clone() };
    for _ in 0..ATTEMPTS {
        match at_standstill(question, &survey, is_wanted) {
            Err(Unknown::Busy) => std::thread::sleep(PAUSE),
            found => {
                return found.map(|mut found| {
                    found.references.extend(references);
                    found
                });
            }
        }
    }
    Err(Unknown::Busy)
}

/// On a thread of its own: its end lets go of all that it has stopped, whatever happens.
fn at_standstill(
    question: &Question,
    survey: &Survey,
    is_wanted: &(dyn Fn() -> bool + Sync),
) -> Result<Found, Unknown> {
    let pid = question.pid;
    let work = || {
        let start = Instant::now();
        let _guard = guard::begin();
        let stopped = Stopped::stop(pid, &survey.threads)?;
        if sharers::are_there(pid, &question.family)? {
            return Err(Unknown::Busy);
        }
        let mut search = Search::new(pid, survey, Limit::start(STANDSTILL), is_wanted)?;
        search.set_guard(stopped.thread_pointer())?;
        let mut roots = stopped.registers().to_vec();
        roots.extend_from_slice(&survey.handlers);
        roots.extend(maps::kernel_held(pid)?);
        search.run(&roots)?;
        let unmarked = search.unmarked().into_iter().map(|Surveyed { build_id, .. }| build_id);
        let (unreachable, references) = (unmarked.collect(), search.references());
        drop(stopped);
        Ok(Found { unreachable, references, still: start.elapsed().as_secs_f64() * 1e3 })
    };
    let joined = std::thread::scope(|scope| scope.spawn(work).join());
    joined.unwrap_or_else(|_| Err(Unknown::Hidden("hotdev itself made a mistake".into())))
}
