//! The main measurement: all contenders on one size, edit by edit.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::Options;
use super::contender::Sample;
use super::entrants::{Entrant, Entrants};
use super::starts::{self, Starts};
use crate::folder::Scratch;
use crate::programs::{Program, Size, Style, program};
use crate::stats::{Spread, ms};
use crate::tool;

/// All figures of one size.
#[derive(Clone, Debug, Serialize)]
pub struct SizeReport {
    pub size: &'static str,
    /// Lines of Rust in the program's own crates.
    pub lines: usize,
    /// Third-party packages in the program.
    pub dependencies: usize,
    pub contenders: Vec<Figures>,
    pub starts: Option<Starts>,
    /// Medians of hotdev's stages in milliseconds.
    pub stages: BTreeMap<String, f64>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// What one contender came to; milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub name: &'static str,
    pub first: f64,
    pub ms: Spread,
    /// hotdev's time divided by this contender's, edit by edit.
    pub hotdev_ratio: Spread,
}

/// Measures one size.
pub fn measure(
    scratch: &Scratch,
    hotdev: &Path,
    size: Size,
    options: &Options,
) -> Result<SizeReport> {
    let plain = program(size, Style::Plain);
    let mut report = SizeReport {
        size: size.name(),
        lines: plain.lines(),
        dependencies: 0,
        contenders: Vec::new(),
        starts: None,
        stages: BTreeMap::new(),
        notes: Vec::new(),
    };
    let mut entrants = Entrants::prepare(scratch, hotdev, size, &plain)?;
    report.dependencies = third_party(&entrants.build);
    entrants.race(size, options.edits + 1)?;
    let of_hotdev = &entrants.list[0].samples;
    report.stages = stages(&of_hotdev[1..]);
    report.contenders =
        entrants.list.iter().filter_map(|entrant| figures(entrant, of_hotdev)).collect();
    let Entrants { list, build, notes } = entrants;
    drop(list);
    report.notes.extend(notes);
    if !options.no_starts {
        match starts(scratch, hotdev, size, &plain, &build) {
            Ok(starts) => report.starts = Some(starts),
            Err(error) => report.notes.push(format!("starts are left out: {error:#}")),
        }
    }
    if !options.keep {
        scratch.remove(size.name());
    }
    Ok(report)
}

/// What a contender came to, if it got past the first edit.
fn figures(entrant: &Entrant, of_hotdev: &[Sample]) -> Option<Figures> {
    let (hot, own) = (times(of_hotdev), times(&entrant.samples));
    let ratios: Vec<f64> = hot.iter().zip(&own).map(|(hot, own)| hot / own).collect();
    Some(Figures {
        name: entrant.contender.name(),
        first: *own.first()?,
        ms: Spread::of(&own[1..])?,
        hotdev_ratio: Spread::of(&ratios[1..])?,
    })
}

fn starts(
    scratch: &Scratch,
    hotdev: &Path,
    size: Size,
    plain: &Program,
    build: &Path,
) -> Result<Starts> {
    eprintln!("{}: starting", size.name());
    let fresh = |name: &str| scratch.workspace(&format!("{}/{name}", size.name()), plain);
    let seeded = |name: &str| {
        let workspace = fresh(name)?;
        workspace.seed(build);
        anyhow::Ok(workspace)
    };
    let mut starts = starts::measure(hotdev, seeded("first-hotdev")?, seeded("first-run")?)?;
    // The small one has no dependencies: that is its first build.
    if size != Size::Small {
        starts.all = Some(starts::measure_all(hotdev, fresh("all-hotdev")?, fresh("all-run")?)?);
    }
    Ok(starts)
}

/// Packages that the program is made of and that are not its own, without those for tests, build
/// scripts and other platforms; 0 where cargo does not say.
pub fn third_party(workspace: &Path) -> usize {
    let output = tool::command(tool::cargo(), workspace)
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", "app"])
        .output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    let names = text.lines().map(|line| line.trim_end_matches(" (*)"));
    names.filter(|line| !line.is_empty() && !line.contains("(/")).collect::<HashSet<_>>().len()
}

fn times(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| ms(sample.taken)).collect()
}

fn stages(samples: &[Sample]) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        for (stage, ms) in &sample.stages {
            all.entry(stage.clone()).or_default().push(*ms);
        }
        // What hotdev cannot know of: the way to it, and from it to the program's output.
        if let Some(total) = sample.stages.get("total") {
            let around = ms(sample.taken) - total;
            all.entry("around".to_owned()).or_default().push(around);
        }
    }
    let median = |values: &[f64]| Spread::of(values).unwrap_or_default().median;
    all.into_iter().map(|(stage, values)| (stage, median(&values))).collect()
}
