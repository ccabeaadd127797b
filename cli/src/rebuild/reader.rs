//! What rustc says while it compiles, and after.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde::Deserialize;

use crate::diagnostics;
use crate::report::event::Diagnostic;

/// rustc's diagnostics, and what else it wrote.
#[derive(Debug, Default)]
pub struct Messages {
    /// What it said of the crate.
    pub diagnostics: Vec<Diagnostic>,
    /// Lines that are no messages of the compiler.
    pub rest: String,
}

impl Messages {
    fn take(&mut self, line: &str, directory: &Path) {
        if let Some(diagnostic) = diagnostics::parse(line, directory) {
            self.diagnostics.push(diagnostic);
        } else if !line.starts_with('{') {
            self.rest.push_str(line);
            self.rest.push('\n');
        }
    }
}

/// Reads what rustc says, in a thread: it may go on when nobody waits for it any more.
#[derive(Debug)]
pub struct Reader {
    messages: Arc<Mutex<Messages>>,
    has_metadata: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What rustc says of a file that it has written, as cargo asks it to.
#[derive(Deserialize)]
struct Artifact {
    emit: String,
}

/// Whether this line says that the metadata is written.
fn is_metadata(line: &str) -> bool {
    line.contains("\"emit\"")
        && serde_json::from_str::<Artifact>(line).is_ok_and(|artifact| artifact.emit == "metadata")
}

impl Reader {
    /// Of a rustc that was just started.
    pub fn start(child: &mut Child, directory: &Path) -> Self {
        let messages = Arc::new(Mutex::new(Messages::default()));
        let has_metadata = Arc::new(AtomicBool::default());
        let (shared, directory) = (Arc::clone(&messages), directory.to_owned());
        let written = Arc::clone(&has_metadata);
        let stderr = child.stderr.take().map(BufReader::new);
        let lines = stderr.into_iter().flat_map(BufRead::lines);
        let thread = std::thread::spawn(move || {
            for line in lines.map_while(std::result::Result::ok) {
                if is_metadata(&line) {
                    written.store(true, Ordering::Release);
                }
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(&line, &directory);
            }
        });
        Self { messages, has_metadata, thread }
    }

    /// Whether rustc has written what the crate's dependents are compiled against.
    pub fn has_metadata(&self) -> bool {
        self.has_metadata.load(Ordering::Acquire)
    }

    /// Everything, after the end of rustc.
    pub fn all(self) -> Messages {
        let _ = self.thread.join();
        std::mem::take(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has come so far.
    pub fn so_far(&self) -> Messages {
        std::mem::take(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
