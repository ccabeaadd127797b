//! A terminal with hotdev in it: a real pseudo-terminal, and an emulator that keeps its cells.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::frames::Frame;
use crate::tool;

/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The terminal.
pub struct Terminal {
    shown: Arc<Shown>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

struct Shown {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Shown {
    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// Starts `hotdev watch` in a terminal of rows and columns.
    pub fn start(hotdev: &Path, folder: &Path, (rows, cols): (u16, u16)) -> Result<Self> {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).context("failed to open a terminal")?;
        let mut reader = pair.master.try_clone_reader().context("failed to read a terminal")?;
        let writer = pair.master.take_writer().context("failed to type into a terminal")?;
        let child = pair.slave.spawn_command(command(hotdev, folder));
        let child = child.context("failed to start hotdev")?;
        let [rows, cols] =
            [rows, cols].map(|count| NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN));
        let parser = Mutex::new(vt100::Parser::new(rows, cols, 0));
        let shown = Arc::new(Shown { parser, changed: Condvar::new() });
        let showing = Arc::clone(&shown);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                showing.parser().process(&piece[..length]);
                showing.changed.notify_all();
            }
        });
        Ok(Self { shown, writer, child, _master: pair.master })
    }

    /// Waits until all of these texts are to be seen at once.
    pub fn wait(&self, texts: &[&str], limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        let mut parser = self.shown.parser();
        loop {
            let text = parser.screen().contents();
            if texts.iter().all(|wanted| text.contains(wanted)) {
                return Ok(());
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                bail!("no sign of {texts:?} within {} s; there is\n{text}", limit.as_secs());
            };
            let waited = self.shown.changed.wait_timeout(parser, left);
            parser = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What is to be seen now.
    pub fn frame(&self, caption: &str) -> Frame {
        Frame::of(self.shown.parser().screen(), caption)
    }

    /// Types these characters.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.writer.write_all(keys.as_bytes()).context("failed to type into a terminal")?;
        self.writer.flush().context("failed to type into a terminal")
    }

    /// Waits until hotdev has ended.
    pub fn ended(&mut self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        while self.child.try_wait().context("failed to look at hotdev")?.is_none() {
            if Instant::now() >= end {
                bail!("hotdev did not end within {} s", limit.as_secs());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program is on a terminal of hotdev's, whose end is its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// hotdev in the environment of a person at a terminal.
fn command(hotdev: &Path, folder: &Path) -> CommandBuilder {
    let plain = tool::command(hotdev, folder);
    let mut command = CommandBuilder::new(hotdev);
    command.args(["watch", "--offline"]);
    command.cwd(folder);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        }
    }
    for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE", "CLICOLOR", "CARGO_TERM_COLOR"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command
}
