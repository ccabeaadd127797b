//! `cargo xtask bench`: how fast a save is live, and beside what.
//!
//! For each size, all contenders get a copy of the same program and make the same edits in turn, one
//! after the other, so that whatever else the machine does meets all of them. Absolute times are of
//! this machine; ratios are taken edit by edit. The first edit is counted apart: caches are cold
//! then.

mod contender;
mod cost;
mod entrants;
mod growth;
mod hot_lib;
mod hot_patch;
mod hotdev;
mod overhead;
mod plain;
mod report;
mod sizes;
mod starts;
mod svg;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::folder::Scratch;
use crate::machine::Machine;
use crate::programs::Size;
use crate::tool;
use growth::Growth;
use overhead::Overhead;
use report::Report;

/// How long a first build may take.
pub const BUILD_LIMIT: Duration = Duration::from_secs(1800);
/// How long an edit may take to show.
const EDIT_LIMIT: Duration = Duration::from_secs(180);
/// Before each edit, so that what the one before left behind is not counted.
const PAUSE: Duration = Duration::from_millis(200);
/// How long anything else may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sizes of programs, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "small,medium")]
    sizes: Vec<Size>,
    /// Edits that count, after the first.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    edits: u64,
    /// Also measures how an edit's time grows: with generations up to this one, with lines, crates
    /// and dependencies; 0 leaves all of that out.
    #[arg(long, default_value_t = 100)]
    generations: u64,
    /// Leaves out what hotdev costs a running program.
    #[arg(long)]
    no_cost: bool,
    /// Leaves out how long programs take to start.
    #[arg(long)]
    no_starts: bool,
    /// Leaves out what the session itself takes.
    #[arg(long)]
    no_session: bool,
    /// Writes every figure to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes a chart to a file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The hotdev to measure, instead of this workspace's in release.
    #[arg(long, value_name = "PATH")]
    hotdev: Option<PathBuf>,
    /// Keeps the generated programs.
    #[arg(long)]
    keep: bool,
}

/// Measures, prints and writes; after a failure, what there is by then.
pub fn run(options: &Options) -> Result<()> {
    let hotdev = tool::hotdev(options.hotdev.as_deref())?;
    let mut report = Report::new(Machine::look(&hotdev));
    let outcome = measure(options, &hotdev, &mut report);
    print!("{}", report.table());
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).context("failed to write JSON")?;
        write(path, text + "\n")?;
    }
    if let Some(path) = &options.svg {
        write(path, svg::chart(&report))?;
    }
    outcome
}

fn measure(options: &Options, hotdev: &Path, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new("bench", options.keep)?;
    if !options.no_cost {
        report.cost = Some(cost::measure(&scratch, hotdev)?);
    }
    if !options.no_session {
        report.overhead = Some(Overhead::measure(&scratch, hotdev)?);
    }
    if options.generations > 0 {
        let growth = report.growth.insert(Growth::default());
        growth.measure(&scratch, hotdev, options.generations)?;
    }
    for size in &options.sizes {
        report.sizes.push(sizes::measure(&scratch, hotdev, *size, options)?);
    }
    Ok(())
}

fn write(path: &Path, text: String) -> Result<()> {
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}
