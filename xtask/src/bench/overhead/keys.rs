//! The terminal UI while the program prints as fast as it can: from a key to the frame that shows what
//! the key did.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hotdev_tests::terminal::{self, Terminal};
use portable_pty::CommandBuilder;
use serde::Serialize;

use crate::bench::{BUILD_LIMIT, LIMIT};
use crate::folder::Scratch;
use crate::programs;
use crate::stats::Spread;
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
}

impl Keys {
    pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        eprintln!("session: keys");
        let workspace = scratch.workspace("keys", &programs::printing())?;
        let mut command = CommandBuilder::new(hotdev);
        command.args(["watch", "--offline"]);
        command.cwd(&workspace.folder);
        terminal::environment(&tool::command(hotdev, &workspace.folder), &mut command);
        let mut terminal = Terminal::start(command, SIZE)?;
        terminal.wait_for(&[programs::PRINTED, BACK.1], BUILD_LIMIT)?;
        let mut taken = Vec::new();
        for number in 0..KEYS + 2 {
            thread::sleep(PAUSE);
            let (key, shown) = if number % 2 == 0 { TYPE } else { BACK };
            let begin = Instant::now();
            terminal.press(key)?;
            terminal.wait(LIMIT, shown, |screen, _| last_row(screen).contains(shown))?;
            taken.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        terminal.press("q")?;
        terminal.wait_for_end(LIMIT)?;
        let taken = &taken[2..];
        let worst = taken.iter().copied().fold(0.0, f64::max);
        Ok(Self { frame: Spread::of(taken).unwrap_or_default(), worst })
    }
}

fn last_row(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let last = rows.get() - 1;
    screen.contents_between(last, 0, last, columns.get())
}
