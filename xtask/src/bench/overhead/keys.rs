//! The terminal UI. While the program prints as fast as it can: from a key to the frame that shows what
//! the key did. While it prints nothing: the processor time that is taken all the same.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hotdev_tests::terminal::{self, Terminal};
use portable_pty::CommandBuilder;
use serde::Serialize;
use serde_json::Value;

use crate::beats::{Beats, SOCKET_ENV};
use crate::bench::{BUILD_LIMIT, LIMIT};
use crate::folder::{Scratch, Workspace};
use crate::programs::{self, Size, Style, program};
use crate::stats::{Spread, ms};
use crate::tool;

/// Rows and columns.
const SIZE: (u16, u16) = (50, 160);
/// Keys that count, after the first two.
const KEYS: usize = 100;
/// Not a multiple of a frame's time, so that keys come at any time of a frame.
const PAUSE: Duration = Duration::from_micros(37_300);

/// A key, and what the lower line says after it.
const TYPE: (&str, &str) = ("i", "Ctrl-]");
const BACK: (&str, &str) = ("\u{1d}", "i type");

/// Milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Keys {
    pub frame: Spread,
    pub worst: f64,
    /// Processor time of a session whose program prints nothing, in as many seconds as for
    /// [`Files`](super::files::Files).
    pub idle_cpu: f64,
}

impl Keys {
    pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        eprintln!("session: keys");
        let workspace = scratch.workspace("keys", &programs::printing())?;
        let mut terminal = Terminal::start(watch(hotdev, &workspace), SIZE)?;
        terminal.wait_for(&[programs::PRINTED, BACK.1], BUILD_LIMIT)?;
        let mut taken = Vec::new();
        for number in 0..KEYS + 2 {
            thread::sleep(PAUSE);
            let (key, shown) = if number % 2 == 0 { TYPE } else { BACK };
            let begin = Instant::now();
            terminal.press(key)?;
            terminal.wait(LIMIT, shown, |screen, _| last_row(screen).contains(shown))?;
            taken.push(ms(begin.elapsed()));
        }
        terminal.press("q")?;
        terminal.wait_for_end(LIMIT)?;
        let taken = &taken[2..];
        let worst = taken.iter().copied().fold(0.0, f64::max);
        let frame = Spread::of(taken).unwrap_or_default();
        Ok(Self { frame, worst, idle_cpu: idle(scratch, hotdev)? })
    }
}

/// hotdev in the environment of a person at a terminal.
fn watch(hotdev: &Path, workspace: &Workspace) -> CommandBuilder {
    let mut command = CommandBuilder::new(hotdev);
    command.args(["watch", "--offline"]);
    command.cwd(&workspace.folder);
    terminal::environment(&tool::command(hotdev, &workspace.folder), &mut command);
    command
}

/// Milliseconds of processor time of an idle session at a terminal.
fn idle(scratch: &Scratch, hotdev: &Path) -> Result<f64> {
    let workspace = scratch.workspace("idle", &program(Size::Small, Style::Plain))?;
    let beats = Beats::listen(&workspace.folder)?;
    let mut command = watch(hotdev, &workspace);
    command.env(SOCKET_ENV, beats.path());
    let mut terminal = Terminal::start(command, SIZE)?;
    beats.wait("marker", Some(0), BUILD_LIMIT, || Ok(()))?;
    let status = tool::command(hotdev, &workspace.folder).args(["status", "--json"]).output();
    let status = status.context("failed to start hotdev")?.stdout;
    let status: Value = String::from_utf8_lossy(&status)
        .lines()
        .find_map(|line| serde_json::from_str(line).ok())
        .context("`hotdev status` said nothing")?;
    let session = status["session"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let session = session.with_context(|| format!("`hotdev status` said {status}"))?;
    let taken = super::idle_cpu(session);
    terminal.press("q")?;
    terminal.wait_for_end(LIMIT)?;
    Ok(taken)
}

fn last_row(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let last = rows.get() - 1;
    screen.contents_between(last, 0, last, columns.get())
}
