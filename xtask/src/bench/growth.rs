//! How the time from a save to live code grows: with earlier generations, with the lines of the edited
//! crate, with crates of the workspace that have nothing to do with it, and with dependencies.
//!
//! hotdev is measured beside the bare compiler of the edited crate. What is "flat" is read from ratios
//! to the first point: for crates and dependencies all programs are there at the same time and are
//! edited in turn, so that each ratio is of two edits that met the same machine.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

use super::PAUSE;
use super::contender::Contender;
use super::hotdev::Hotdev;
use super::plain::Floor;
use super::sizes::third_party;
use crate::folder::Scratch;
use crate::programs::{self, Program, Size, Style};
use crate::stats::{Spread, ms};

/// Edits around each point of the curve of generations.
const AROUND: u64 = 9;
/// Edits for each other point, after the first.
const EDITS: u64 = 19;

const LINES: [usize; 4] = [100, 1000, 4000, 16000];
const CRATES: [usize; 3] = [1, 5, 20];
/// Lines of the list of dependencies; the last stands for all of them.
const DEPENDENCIES: [usize; 3] = [0, 14, usize::MAX];

/// Where a curve goes through.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// What the time may grow with.
    pub count: usize,
    /// Milliseconds.
    pub hotdev: Spread,
    pub rustc: Spread,
    /// Each time divided by that at the first point.
    pub hotdev_ratio: Spread,
    pub rustc_ratio: Spread,
}

/// All curves.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Growth {
    /// Edits of one session before.
    pub generations: Vec<Point>,
    /// Lines of the edited crate.
    pub lines: Vec<Point>,
    /// Other crates of the workspace.
    pub crates: Vec<Point>,
    /// Third-party packages in the program.
    pub dependencies: Vec<Point>,
}

impl Growth {
    /// Measures all of them, the first up to a generation; each is there when it is done.
    pub fn measure(&mut self, scratch: &Scratch, hotdev: &Path, last: u64) -> Result<()> {
        let bench = Bench { scratch, hotdev };
        self.generations = bench.generations(last)?;
        let lines = LINES.map(programs::lines);
        self.lines = bench.curve("lines", &lines, |program, _| program.lines())?;
        // The edited crate and the binary are no others.
        let crates = CRATES.map(programs::crates);
        self.crates = bench.curve("crates", &crates, |program, _| program.members.len() - 2)?;
        let programs = DEPENDENCIES.map(programs::dependencies);
        self.dependencies =
            bench.curve("dependencies", &programs, |_, folder| third_party(folder))?;
        Ok(())
    }

    /// What there is, with its name.
    pub fn curves(&self) -> [(&'static str, &[Point]); 4] {
        [
            ("earlier generations", &self.generations),
            ("lines of the crate", &self.lines),
            ("unrelated crates", &self.crates),
            ("dependencies", &self.dependencies),
        ]
    }
}

struct Bench<'a> {
    scratch: &'a Scratch,
    hotdev: &'a Path,
}

/// One program of a curve with both contenders.
struct Place {
    count: usize,
    hot: Hotdev,
    floor: Floor,
    of_hot: Vec<f64>,
    of_floor: Vec<f64>,
}

impl Place {
    fn edit(&mut self, number: u64) -> Result<()> {
        thread::sleep(PAUSE);
        self.of_hot.push(edit(&mut self.hot, number)?);
        self.of_floor.push(edit(&mut self.floor, number)?);
        Ok(())
    }
}

fn edit(contender: &mut dyn Contender, number: u64) -> Result<f64> {
    let sample = contender
        .edit(number)
        .with_context(|| format!("failed at edit {number} ({})", contender.name()))?;
    Ok(ms(sample.taken))
}

impl Bench<'_> {
    /// Edits one small program up to a generation; the points are around 1, 10, 100, ….
    fn generations(&self, last: u64) -> Result<Vec<Point>> {
        eprintln!("growth: {last} generations of the small program");
        let program = programs::program(Size::Small, Style::Plain);
        let copy = |name: &str| self.scratch.workspace(&format!("generations/{name}"), &program);
        let (mut hot, _) = Hotdev::start(self.hotdev, copy("hotdev")?)?;
        let mut floor = Floor::start(copy("rustc")?, program.edited_crate)?;
        let starts: Vec<u64> =
            (0..).map(|power| 10_u64.pow(power)).take_while(|at| *at <= last).collect();
        // The first edit of all is another matter.
        let first = |at: u64| at.max(2);
        let mut samples = vec![(Vec::new(), Vec::new()); starts.len()];
        for number in 1..last + AROUND + 2 {
            let hot = edit(&mut hot, number)?;
            let near = |at: &u64| (first(*at)..first(*at) + AROUND).contains(&number);
            let Some(point) = starts.iter().rposition(near) else { continue };
            samples[point].0.push(hot);
            samples[point].1.push(edit(&mut floor, number)?);
        }
        let places = starts.iter().zip(samples);
        Ok(points(places.map(|(at, (hot, floor))| (*at as usize, hot, floor)).collect()))
    }

    /// Builds both copies of a program in a folder, with the dependencies that another copy has
    /// compiled.
    fn place(
        &self,
        program: &Program,
        folder: &str,
        before: Option<&str>,
        count: &impl Fn(&Program, &Path) -> usize,
    ) -> Result<Place> {
        let own = format!("{folder}/hotdev");
        let workspace = self.scratch.workspace(&own, program)?;
        if let Some(before) = before {
            workspace.seed(&self.scratch.path().join(before));
        }
        let count = count(program, &workspace.folder);
        let (hot, _) = Hotdev::start(self.hotdev, workspace)?;
        let workspace = self.scratch.workspace(&format!("{folder}/rustc"), program)?;
        workspace.seed(&self.scratch.path().join(own));
        let floor = Floor::start(workspace, program.edited_crate)?;
        Ok(Place { count, hot, floor, of_hot: Vec::new(), of_floor: Vec::new() })
    }

    /// Edits all programs of a curve in turn.
    fn curve(
        &self,
        name: &str,
        programs: &[Program],
        count: impl Fn(&Program, &Path) -> usize,
    ) -> Result<Vec<Point>> {
        let mut places: Vec<Place> = Vec::new();
        for (at, program) in programs.iter().enumerate() {
            eprintln!("growth: preparing {name}, {} of {}", at + 1, programs.len());
            let folder = format!("{name}-{at}");
            let before = at.checked_sub(1).map(|before| format!("{name}-{before}/hotdev"));
            places.push(self.place(program, &folder, before.as_deref(), &count)?);
        }
        for number in 1..=EDITS + 1 {
            eprintln!("growth: {name}, edit {number} of {}", EDITS + 1);
            places.iter_mut().try_for_each(|place| place.edit(number))?;
        }
        let after_first = |values: Vec<f64>| values[1..].to_vec();
        let places = places.into_iter();
        Ok(points(
            places
                .map(|place| (place.count, after_first(place.of_hot), after_first(place.of_floor)))
                .collect(),
        ))
    }
}

/// Points from the times of hotdev and of rustc at each.
fn points(places: Vec<(usize, Vec<f64>, Vec<f64>)>) -> Vec<Point> {
    let Some((_, first_hot, first_floor)) = places.first().cloned() else { return Vec::new() };
    let spread = |values: &[f64]| Spread::of(values).unwrap_or_default();
    let ratio = |own: &[f64], first: &[f64]| {
        spread(&own.iter().zip(first).map(|(own, first)| own / first).collect::<Vec<_>>())
    };
    places
        .into_iter()
        .map(|(count, hot, floor)| Point {
            count,
            hotdev: spread(&hot),
            rustc: spread(&floor),
            hotdev_ratio: ratio(&hot, &first_hot),
            rustc_ratio: ratio(&floor, &first_floor),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::points;

    #[test]
    fn ratios_are_taken_edit_by_edit_to_the_first_point() {
        let first = (1, vec![100.0, 200.0, 400.0], vec![10.0; 3]);
        let second = (5, vec![110.0, 220.0, 440.0], vec![30.0; 3]);
        let points = points(vec![first, second]);
        assert_eq!(points[0].hotdev_ratio.median, 1.0);
        assert!(points[1].hotdev_ratio.values.iter().all(|ratio| (ratio - 1.1).abs() < 1e-9));
        assert_eq!(points[1].rustc_ratio.median, 3.0);
    }
}
