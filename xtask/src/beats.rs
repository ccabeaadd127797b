//! What generated programs say, with the time at which it arrived.
//!
//! A program connects to a socket of its contender and writes a line when something is new, so
//! listening costs nothing in between. It looks every quarter of a millisecond; that and waking the
//! reader is the error of a measured time, and it is the same for all contenders.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Names the socket to a generated program.
pub const SOCKET_ENV: &str = "XTASK_SOCKET";

/// One line of a program.
#[derive(Clone, Debug)]
pub struct Beat {
    /// When it arrived.
    pub at: Instant,
    /// What is said: `hello`, `marker`, ….
    pub word: String,
    /// What follows the word.
    pub rest: String,
}

impl Beat {
    /// The number that follows the word.
    pub fn number(&self) -> Option<u64> {
        self.rest.parse().ok()
    }
}

/// The listening end.
#[derive(Debug)]
pub struct Beats {
    path: PathBuf,
    beats: Receiver<Beat>,
    newest: Arc<Mutex<Option<UnixStream>>>,
}

impl Beats {
    /// Listens on a socket in a folder.
    pub fn listen(folder: &Path) -> Result<Self> {
        Self::listen_as(folder, "socket")
    }

    /// The same on a socket with a name of its own.
    pub fn listen_as(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let listener = UnixListener::bind(&path)
            .with_context(|| format!("failed to listen on {}", path.display()))?;
        let (sender, beats) = channel();
        let newest = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&newest);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = stream.try_clone().ok();
                let sender = sender.clone();
                thread::spawn(move || read(stream, &sender));
            }
        });
        Ok(Self { path, beats, newest })
    }

    /// Where a program has to connect.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a line to the program that connected last.
    pub fn send(&self, line: &str) -> Result<()> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = newest.as_mut() else { bail!("no program has connected") };
        writeln!(stream, "{line}").with_context(|| format!("failed to say `{line}` to the program"))
    }

    /// Forgets what has been said until now.
    pub fn forget(&self) {
        self.beats.try_iter().for_each(drop);
    }

    /// The next line, if there is one before `end`.
    pub fn next(&self, end: Instant) -> Option<Beat> {
        self.beats.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
    }

    /// Waits for a line with this word, for at most `limit`; others are skipped.
    ///
    /// `alive` is asked now and then whether there is still something to wait for.
    pub fn wait(
        &self,
        word: &str,
        number: Option<u64>,
        limit: Duration,
        mut alive: impl FnMut() -> Result<()>,
    ) -> Result<Beat> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            match self.next(end.min(Instant::now() + Duration::from_millis(200))) {
                Some(beat)
                    if beat.word == word && (number.is_none() || beat.number() == number) =>
                {
                    return Ok(beat);
                }
                Some(_) => {}
                None => alive()?,
            }
        }
        let wanted = number.map_or_else(String::new, |number| format!(" {number}"));
        bail!("the program did not say `{word}{wanted}` within {} s", limit.as_secs())
    }
}

fn read(stream: UnixStream, sender: &Sender<Beat>) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let at = Instant::now();
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if sender.send(Beat { at, word: word.to_owned(), rest: rest.to_owned() }).is_err() {
            return;
        }
    }
}
