//! What a running child has said so far, and waiting for what it has not said yet.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Events and output lines in the order of their arrival, filled by reader threads.
#[derive(Debug, Default)]
pub struct Log {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// Everything that has arrived.
#[derive(Debug, Default)]
pub struct Seen {
    /// The objects on hotdev's stdout.
    pub events: Vec<Value>,
    /// The lines on hotdev's stderr, which is where the program's output goes.
    pub lines: Vec<String>,
    /// hotdev has closed its stdout: no event will follow.
    pub events_ended: bool,
}

impl Log {
    /// Reads `stream` as JSON events until it ends. A line that is no JSON becomes a string value,
    /// which no test expects and every failure shows.
    pub fn read_events(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in lines(stream) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                log.change(|seen| seen.events.push(event));
            }
            log.change(|seen| seen.events_ended = true);
        });
    }

    /// Reads `stream` as lines of output until it ends; so does the thread.
    pub fn read_output(self: &Arc<Self>, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in lines(stream) {
                log.change(|seen| seen.lines.push(line));
            }
        })
    }

    /// What has arrived until now.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `find` now and after each arrival until it finds something; `None` when `limit` is over.
    pub fn wait<T>(&self, limit: Duration, mut find: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut seen = self.seen();
        loop {
            if let Some(found) = find(&seen) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            seen = self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The last `count` events and lines, for a failure's message.
    pub fn tail(&self, count: usize) -> String {
        let seen = self.seen();
        let events = last(&seen.events, count).iter().map(Value::to_string).collect::<Vec<_>>();
        format!(
            "--- events\n{}\n--- output\n{}",
            events.join("\n"),
            last(&seen.lines, count).join("\n")
        )
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.notify_all();
    }
}

fn lines(stream: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(stream)
        .split(b'\n')
        .map_while(Result::ok)
        .map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
}

fn last<T>(all: &[T], count: usize) -> &[T] {
    &all[all.len().saturating_sub(count)..]
}
