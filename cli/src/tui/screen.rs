//! The session's side of the UI: starts it, tells it things, ends it. Nothing here waits for it.

use std::io;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::news::News;
use super::ui::{self, Links};
use super::{pty, terminal};
use crate::cargo::Messages;
use crate::error::{Context, Kind, Result};
use crate::report::Listener;
use crate::session::Remote;
use crate::source::Edit;

/// Name of the UI's thread.
pub(super) const THREAD: &str = "terminal-ui";

/// Pieces of output that wait for the UI before the program has to: a terminal's own buffer.
const OUTPUT_LIMIT: usize = 8;

/// How long the UI may take to give the terminal back. One that nobody reads from blocks for ever.
const END_LIMIT: Duration = Duration::from_secs(2);

/// What the UI is told once.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Name of the program.
    pub program: String,
    /// Whether an edit that cannot go in is asked about.
    pub asks: bool,
    /// Whether such an edit restarts the program by itself.
    pub restarts: bool,
    /// Whether colours are wanted.
    pub colors: bool,
    /// Whether a refusal is told on the desktop while hotdev is not in view.
    pub notify: bool,
}

/// Rows and columns of the program's pane, as the UI has laid it out last.
#[derive(Debug)]
pub(super) struct PaneSize(AtomicU32);

impl PaneSize {
    pub(super) fn get(&self) -> (u16, u16) {
        let both = self.0.load(Ordering::Relaxed);
        ((both >> 16) as u16, both as u16)
    }

    pub(super) fn set(&self, rows: u16, columns: u16) {
        self.0.store(u32::from(rows) << 16 | u32::from(columns), Ordering::Relaxed);
    }
}

/// The running UI.
#[derive(Debug)]
pub struct Screen {
    news: Sender<News>,
    output: Sender<Vec<u8>>,
    size: Arc<PaneSize>,
    ended: Receiver<()>,
}

impl Screen {
    /// Takes the terminal and starts the UI.
    ///
    /// # Errors
    /// When the terminal cannot be set up.
    pub fn open(setup: Setup, remote: Remote) -> Result<Self> {
        let doing = || "set up the terminal".to_owned();
        let (news, heard) = unbounded();
        let (output, printed) = bounded(OUTPUT_LIMIT);
        let (end, ended) = bounded(0);
        let size = Arc::new(PaneSize(AtomicU32::new(24 << 16 | 80)));
        terminal::take(setup.notify).context(Kind::System, doing)?;
        let links = Links {
            remote,
            news: heard,
            answers: news.clone(),
            output: printed,
            size: Arc::clone(&size),
        };
        let thread = std::thread::Builder::new().name(THREAD.into());
        let thread = thread.spawn(move || {
            ui::run(setup, links);
            drop(end);
        });
        if let Err(error) = thread {
            terminal::give_back();
            return Err(error).context(Kind::System, doing);
        }
        Ok(Self { news, output, size, ended })
    }

    /// Shows what the session says.
    pub fn listener(&self) -> Listener {
        let news = self.news.clone();
        Box::new(move |said| news.send(News::Said(said)).is_ok())
    }

    /// Shows cargo's lines.
    pub fn cargo_lines(&self) -> Messages {
        let news = self.news.clone();
        Messages::To(Arc::new(move |line| drop(news.send(News::Cargo(line.to_owned())))))
    }

    /// Starts the program on a terminal of its own.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the program cannot be started.
    pub fn spawn(&self, command: &Command) -> io::Result<Child> {
        let (tty, child) = pty::spawn(command, self.size.get(), self.output.clone())?;
        let _ = self.news.send(News::Program(tty));
        Ok(child)
    }

    /// Keeps what was edited for a generation that goes live in a moment.
    pub fn edits(&self, generation: u64, edits: Vec<Edit>) {
        let _ = self.news.send(News::Edits { generation, edits });
    }

    /// Ends the UI and gives the terminal back.
    pub fn close(self) {
        let _ = self.news.send(News::Finish);
        let _ = self.ended.recv_timeout(END_LIMIT);
        terminal::give_back();
    }
}
