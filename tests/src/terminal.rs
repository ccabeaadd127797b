//! A real pseudo-terminal with a command in it, and an emulator that shows what a person would see.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

/// What would make a person's terminal another one than the tests count on.
const UNSET: &[&str] = &["NO_COLOR", "LC_ALL", "LC_CTYPE", "CLICOLOR", "CARGO_TERM_COLOR"];

/// How often the command is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The terminal.
pub struct Terminal {
    /// The command, which is the terminal's first process.
    child: Box<dyn Child + Send + Sync>,
    pair: PtyPair,
    writer: Box<dyn Write + Send>,
    shown: Arc<Shown>,
    /// Its settings before the command began.
    before: String,
}

/// What the terminal shows, and all that was written to it.
struct Shown {
    state: Mutex<(vt100::Parser, Vec<u8>)>,
    changed: Condvar,
}

impl Shown {
    fn state(&self) -> MutexGuard<'_, (vt100::Parser, Vec<u8>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// Starts a command in a terminal of rows and columns; with none, in one that does not know them.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the command does not start.
    pub fn start(command: CommandBuilder, (rows, columns): (u16, u16)) -> Result<Self> {
        let pair = native_pty_system().openpty(size(rows, columns)).context("no terminal")?;
        let before = settings(&pair);
        let mut reader = pair.master.try_clone_reader().context("a terminal is not read")?;
        let writer = pair.master.take_writer().context("a terminal takes no input")?;
        let child = pair.slave.spawn_command(command).context("failed to start the command")?;
        let (rows, columns) = if (rows, columns) == (0, 0) { (24, 80) } else { (rows, columns) };
        let parser = vt100::Parser::new(not_zero(rows), not_zero(columns), 0);
        let state = Mutex::new((parser, Vec::new()));
        let shown = Arc::new(Shown { state, changed: Condvar::new() });
        let showing = Arc::clone(&shown);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                let mut state = showing.state();
                state.0.process(&piece[..length]);
                state.1.extend_from_slice(&piece[..length]);
                showing.changed.notify_all();
            }
        });
        Ok(Self { child, pair, writer, shown, before })
    }

    /// What is to be seen now, in text.
    pub fn text(&self) -> String {
        self.read(vt100::Screen::contents)
    }

    /// Takes what is needed from what is to be seen now.
    pub fn read<T>(&self, take: impl FnOnce(&vt100::Screen) -> T) -> T {
        take(self.shown.state().0.screen())
    }

    /// Waits until all of these texts are to be seen at once.
    ///
    /// # Errors
    /// When they are not within `limit`; with what there is instead.
    pub fn wait_for(&self, texts: &[&str], limit: Duration) -> Result<()> {
        self.wait(limit, &format!("{texts:?}"), |screen, _| {
            let text = screen.contents();
            texts.iter().all(|wanted| text.contains(wanted))
        })
    }

    /// Waits until the screen, and all bytes that were written to it, are as they should be.
    ///
    /// # Errors
    /// When they are not within `limit`; with what there is instead.
    pub fn wait(
        &self,
        limit: Duration,
        what: &str,
        is_there: impl Fn(&vt100::Screen, &[u8]) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        let mut state = self.shown.state();
        while !is_there(state.0.screen(), &state.1) {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                let shown = state.0.screen().contents();
                bail!("no sign of {what} in {} s; there is\n{shown}", limit.as_secs());
            };
            let waited = self.shown.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Types these characters.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.writer.write_all(keys.as_bytes()).context("nothing can be typed")?;
        self.writer.flush().context("nothing can be typed")
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, rows: u16, columns: u16) -> Result<()> {
        self.shown.state().0.set_size(not_zero(rows), not_zero(columns));
        self.pair.master.resize(size(rows, columns)).context("the terminal keeps its size")
    }

    /// Waits until the command has ended.
    ///
    /// # Errors
    /// When it has not within `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        while self.child.try_wait().context("failed to look at the command")?.is_none() {
            if Instant::now() >= end {
                bail!("no end of the command in {} s", limit.as_secs());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Whether its settings are those from before the command.
    pub fn is_as_before(&self) -> bool {
        settings(&self.pair) == self.before
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives `to` the environment of `from`, as a person at a terminal has it.
pub fn environment(from: &Command, to: &mut CommandBuilder) {
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        }
    }
    UNSET.iter().for_each(|name| to.env_remove(name));
    to.env("TERM", "xterm-256color");
    to.env("LANG", "C.UTF-8");
}

fn settings(pair: &PtyPair) -> String {
    format!("{:?}", pair.master.get_termios())
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn not_zero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a terminal has rows and columns")
}
