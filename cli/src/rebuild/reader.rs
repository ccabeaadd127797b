//! What rustc says while it compiles, and after.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

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
    thread: JoinHandle<()>,
}

impl Reader {
    /// Of a rustc that was just started.
    pub fn start(child: &mut Child, directory: &Path) -> Self {
        let messages = Arc::new(Mutex::new(Messages::default()));
        let (shared, directory) = (Arc::clone(&messages), directory.to_owned());
        let stderr = child.stderr.take().map(BufReader::new);
        let lines = stderr.into_iter().flat_map(BufRead::lines);
        let thread = std::thread::spawn(move || {
            for line in lines.map_while(std::result::Result::ok) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(&line, &directory);
            }
        });
        Self { messages, thread }
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
