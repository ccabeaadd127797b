//! How the time from a save to live code grows: with earlier generations, and with the lines of the
//! edited crate.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::contender::Contender;
use super::hotdev::Hotdev;
use super::plain::Floor;
use crate::folder::Scratch;
use crate::programs::{self, Size, Style};
use crate::stats::Spread;

/// Edits around each point of the curve.
const AROUND: u64 = 9;
/// Edits for each number of lines, after the first.
const EDITS: u64 = 7;
const LINES: [usize; 4] = [100, 1000, 4000, 16000];

/// Around one generation.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub generation: u64,
    /// Milliseconds.
    pub hotdev: Spread,
}

/// With one number of lines in the edited crate.
#[derive(Clone, Debug, Serialize)]
pub struct LinesPoint {
    pub lines: usize,
    /// Milliseconds.
    pub hotdev: Spread,
    pub rustc: Spread,
}

/// Edits the small program up to a generation, and tells of the times around 1, 10, 100, ….
pub fn generations(scratch: &Scratch, hotdev: &Path, last: u64) -> Result<Vec<Point>> {
    eprintln!("growth: {last} generations of the small program");
    let program = programs::program(Size::Small, Style::Plain);
    let (mut hot, _) = Hotdev::start(hotdev, scratch.workspace("generations", &program)?)?;
    let mut times = Vec::new();
    for number in 1..=last + AROUND {
        let sample = hot.edit(number).with_context(|| format!("failed at generation {number}"))?;
        times.push(sample.taken.as_secs_f64() * 1e3);
    }
    let mut points = Vec::new();
    let mut generation = 1;
    while generation <= last {
        // The first edit of all is another matter.
        let from = if generation == 1 { 1 } else { generation as usize - 1 };
        let around = &times[from..from + AROUND as usize - 1];
        points.push(Point { generation, hotdev: Spread::of(around).unwrap_or_default() });
        generation *= 10;
    }
    Ok(points)
}

/// Edits crates of several lengths, beside the bare compiler.
pub fn lines(scratch: &Scratch, hotdev: &Path) -> Result<Vec<LinesPoint>> {
    let mut points = Vec::new();
    for count in LINES {
        let program = programs::lines(count);
        eprintln!("growth: a crate of {} lines", program.lines());
        let name = format!("lines-{count}");
        let (mut hot, _) =
            Hotdev::start(hotdev, scratch.workspace(&format!("{name}/hotdev"), &program)?)?;
        let mut floor = Floor::start(
            scratch.workspace(&format!("{name}/rustc"), &program)?,
            program.edited_crate,
        )?;
        let (mut of_hot, mut of_floor) = (Vec::new(), Vec::new());
        for number in 1..=EDITS + 1 {
            of_hot.push(hot.edit(number)?.taken.as_secs_f64() * 1e3);
            of_floor.push(floor.edit(number)?.taken.as_secs_f64() * 1e3);
        }
        let spread = |values: &[f64]| Spread::of(&values[1..]).unwrap_or_default();
        let lines = program.lines();
        points.push(LinesPoint { lines, hotdev: spread(&of_hot), rustc: spread(&of_floor) });
    }
    Ok(points)
}
