//! How long a program takes to run: built for the first time, with everything built, and after an
//! edit that only a restart can apply. Each from the command or the save to its first marker.

use std::path::Path;
use std::thread;

use anyhow::Result;
use serde::Serialize;

use super::PAUSE;
use super::hotdev::Hotdev;
use super::plain::Restart;
use crate::folder::Workspace;
use crate::stats::{Spread, ms};

/// Starts with everything built, of each kind.
const AGAIN: u64 = 5;
/// Edits that need a restart.
const RESTARTS: u64 = 5;

/// `hotdev watch` beside `cargo run`, in turn; milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Starts {
    /// Everything is to be compiled, dependencies too; cargo's time and hotdev's, where measured.
    pub all: Option<(f64, f64)>,
    /// The program's own crates are to be compiled; dependencies are there.
    pub first_cargo: f64,
    pub first_hotdev: f64,
    /// Nothing is to be compiled.
    pub again_cargo: Spread,
    pub again_hotdev: Spread,
    /// A static got another type: hotdev refuses the edit and restarts, as `hotdev.toml` says;
    /// beside stopping the program and running `cargo run`.
    pub restart_cargo: Spread,
    pub restart_hotdev: Spread,
}

/// Measures both, each in a workspace of its own whose dependencies are compiled.
pub fn measure(hotdev: &Path, hot: Workspace, plain: Workspace) -> Result<Starts> {
    let settings = "[reload]\non-incompatible = \"restart\"\n";
    hot.add("hotdev.toml", settings)?;
    let (mut run, first_cargo) = Restart::start(plain)?;
    let (mut watch, first_hotdev) = Hotdev::start(hotdev, hot)?;

    let (mut of_run, mut of_watch) = (Vec::new(), Vec::new());
    for _ in 0..AGAIN {
        of_run.push(ms(run.again()?));
        of_watch.push(ms(watch.again(hotdev)?));
    }
    let (again_cargo, again_hotdev) = (spread(&of_run), spread(&of_watch));

    // The first one brings the static: that is live.
    run.restarting_edit(1)?;
    watch.restarting_edit(1, &["live"])?;
    let (mut of_run, mut of_watch) = (Vec::new(), Vec::new());
    for number in 2..2 + RESTARTS {
        thread::sleep(PAUSE);
        of_run.push(ms(run.restarting_edit(number)?));
        thread::sleep(PAUSE);
        of_watch.push(ms(watch.restarting_edit(number, &["refused", "restarted"])?));
    }
    Ok(Starts {
        all: None,
        first_cargo: ms(first_cargo),
        first_hotdev: ms(first_hotdev),
        again_cargo,
        again_hotdev,
        restart_cargo: spread(&of_run),
        restart_hotdev: spread(&of_watch),
    })
}

/// The very first build and start, each in a workspace of its own in which nothing is compiled.
pub fn measure_all(hotdev: &Path, hot: Workspace, plain: Workspace) -> Result<(f64, f64)> {
    let (_, cargo) = Restart::start(plain)?;
    let (_, hotdev) = Hotdev::start(hotdev, hot)?;
    Ok((ms(cargo), ms(hotdev)))
}

fn spread(values: &[f64]) -> Spread {
    Spread::of(values).unwrap_or_default()
}
