//! The main measurement: all contenders on one size, edit by edit.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Options;
use super::contender::{Contender, Sample};
use super::hot_lib::HotLib;
use super::hot_patch;
use super::hotdev::Hotdev;
use super::plain::{CargoBuild, Floor, Restart};
use super::starts::{self, Starts};
use crate::folder::Scratch;
use crate::programs::{Program, Size, Style, program};
use crate::stats::Spread;
use crate::tool;

/// Before each edit, so that what the one before left behind is not counted.
const PAUSE: Duration = Duration::from_millis(200);

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
        notes: hot_patch::notes(),
    };
    let (mut contenders, build) = prepare(scratch, hotdev, size, &plain, &mut report.notes)?;
    report.dependencies = third_party(&build);
    let samples = rounds(&mut contenders, size, options.edits + 1)?;
    report.stages = stages(&samples[0][1..]);
    let of_hotdev = times(&samples[0]);
    for (contender, samples) in contenders.iter().zip(&samples) {
        let own = times(samples);
        let ratios: Vec<f64> = of_hotdev.iter().zip(&own).map(|(hot, own)| hot / own).collect();
        report.contenders.push(Figures {
            name: contender.name(),
            first: own[0],
            ms: Spread::of(&own[1..]).unwrap_or_default(),
            hotdev_ratio: Spread::of(&ratios[1..]).unwrap_or_default(),
        });
    }
    drop(contenders);
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

/// All edits of all contenders; each contender's in its order.
///
/// Every round begins with another contender, so that none always follows the same one.
fn rounds(contenders: &mut Contenders, size: Size, edits: u64) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); contenders.len()];
    for number in 1..=edits {
        eprintln!("{}: edit {number} of {edits}", size.name());
        for turn in 0..contenders.len() {
            let at = (turn + number as usize) % contenders.len();
            thread::sleep(PAUSE);
            let sample = contenders[at].edit(number).with_context(|| {
                format!("failed at edit {number} of {} ({})", size.name(), contenders[at].name())
            });
            samples[at].push(sample?);
        }
    }
    Ok(samples)
}

type Contenders = Vec<Box<dyn Contender>>;

/// Builds a copy for each contender, hotdev's first, and gives the folder of cargo's.
fn prepare(
    scratch: &Scratch,
    hotdev: &Path,
    size: Size,
    plain: &Program,
    notes: &mut Vec<String>,
) -> Result<(Contenders, std::path::PathBuf)> {
    let copy = |name: &str| scratch.workspace(&format!("{}/{name}", size.name()), plain);
    let say = |what: &str| eprintln!("{}: preparing {what}", size.name());
    say("cargo build");
    let build = CargoBuild::start(copy("build")?)?;
    let seeded = |name: &str| {
        say(name);
        let workspace = copy(name)?;
        workspace.seed(&build.workspace().folder);
        anyhow::Ok(workspace)
    };
    let folder = build.workspace().folder.clone();
    let (hot, _) = Hotdev::start(hotdev, seeded("hotdev")?)?;
    let floor = Floor::start(seeded("rustc")?, plain.edited_crate)?;
    let (restart, _) = Restart::start(seeded("run")?)?;
    let mut contenders: Contenders =
        vec![Box::new(hot), Box::new(floor), Box::new(build), Box::new(restart)];
    if matches!(size, Size::Small | Size::Medium) {
        say("hot-lib-reloader");
        let program = program(size, Style::HotLib);
        let workspace = scratch.workspace(&format!("{}/hot-lib", size.name()), &program)?;
        match HotLib::start(workspace) {
            Ok(hot_lib) => contenders.push(Box::new(hot_lib)),
            Err(error) => notes.push(format!("hot-lib-reloader is left out: {error:#}")),
        }
    } else {
        notes.push("hot-lib-reloader is measured for small and medium only".to_owned());
    }
    Ok((contenders, folder))
}

/// Packages that the program is made of and that are not its own, without those for tests, build
/// scripts and other platforms; 0 where cargo does not say.
fn third_party(workspace: &Path) -> usize {
    let output = tool::command(tool::cargo(), workspace)
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", "app"])
        .output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    let names = text.lines().map(|line| line.trim_end_matches(" (*)"));
    names.filter(|line| !line.is_empty() && !line.contains("(/")).collect::<HashSet<_>>().len()
}

fn times(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.taken.as_secs_f64() * 1e3).collect()
}

fn stages(samples: &[Sample]) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        for (stage, ms) in &sample.stages {
            all.entry(stage.clone()).or_default().push(*ms);
        }
        // What hotdev cannot know of: the way to it, and from it to the program's output.
        if let Some(total) = sample.stages.get("total") {
            let around = sample.taken.as_secs_f64() * 1e3 - total;
            all.entry("around".to_owned()).or_default().push(around);
        }
    }
    let median = |values: &[f64]| Spread::of(values).unwrap_or_default().median;
    all.into_iter().map(|(stage, values)| (stage, median(&values))).collect()
}
