//! What hotdev costs a program while nothing is edited: throughput, start, size.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::plain::CargoBuild;
use super::{BUILD_LIMIT, LIMIT};
use crate::beats::{Beats, SOCKET_ENV};
use crate::children::{self, Group};
use crate::folder::{Scratch, Workspace};
use crate::process_info;
use crate::programs::cost;
use crate::session::Session;
use crate::stats::{Spread, ms};
use crate::tool;

const RELEASE: [&str; 3] = ["build", "--quiet", "--release"];
/// Starts of each kind, in turn.
const STARTS: usize = 15;
/// Measurements of the same calls, in turn: many short ones, so that what else the machine does
/// meets both programs, and some of each are met by nothing.
const ROUNDS: usize = 200;
/// How much processor time one measurement of the plain program is meant to take.
const WORK: Duration = Duration::from_millis(10);

/// With and without hotdev. Ratios above 1 mean that hotdev's program is slower or larger.
#[derive(Clone, Debug, Serialize)]
pub struct CostReport {
    pub dev: Throughput,
    pub release: Throughput,
    /// Beside a plain program that is compiled as hotdev compiles: incrementally, in more units
    /// than cargo's release profile has.
    pub release_alike: Throughput,
    /// From starting the executable to its first word; milliseconds.
    pub start_plain: Spread,
    pub start_hotdev: Spread,
    /// From `cargo run`, with nothing to build, to the first word.
    pub run_cargo: Spread,
    /// The same for `hotdev watch`.
    pub run_hotdev: Spread,
    /// The executable; hotdev's with its hot image and shim. Bytes.
    pub program_plain: u64,
    pub program_hotdev: u64,
    /// cargo's target directory without hotdev, and hotdev's folder in its own.
    pub target_plain: u64,
    pub folder_hotdev: u64,
}

/// Processor time of the same calls; milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    pub plain: Spread,
    pub hotdev: Spread,
    /// hotdev's time divided by the plain one, pair by pair.
    pub ratio: Spread,
    /// The same of the fastest measurement of each: the one that says most on a busy machine.
    pub fastest: f64,
}

/// Measures all of it.
pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<CostReport> {
    eprintln!("cost: building");
    let build = CargoBuild::start(scratch.workspace("cost/plain", &cost())?)?;
    let plain = build.workspace();
    let mut release = tool::command(tool::cargo(), &plain.folder);
    let target_plain = process_info::disk(&plain.target());
    let alike = plain.folder.join("alike");
    children::time(release.args(RELEASE), "build with cargo", BUILD_LIMIT)?;
    let mut same = tool::command(tool::cargo(), &plain.folder);
    same.args(RELEASE).arg("--target-dir").arg(&alike);
    same.env("CARGO_INCREMENTAL", "1");
    children::time(&mut same, "build with cargo", BUILD_LIMIT)?;
    let hot = scratch.workspace("cost/hotdev", &cost())?;

    let own = plain.target().join("debug/app");
    let (executable, dev) = Pair { hotdev, hot: &hot, name: "dev", args: &[] }.measure(&own)?;
    let folder_hotdev = process_info::disk(&hot.target().join("hotdev"));
    let args = &["--release"];
    let (_, optimized) = Pair { hotdev, hot: &hot, name: "release", args }
        .measure(&plain.target().join("release/app"))?;
    let (_, release_alike) =
        Pair { hotdev, hot: &hot, name: "alike", args }.measure(&alike.join("release/app"))?;
    eprintln!("cost: starting");
    let (start_plain, start_hotdev) = starts(plain, &own, &executable)?;
    let (run_cargo, run_hotdev) = runs(hotdev, plain, &hot)?;
    Ok(CostReport {
        dev,
        release: optimized,
        release_alike,
        start_plain,
        start_hotdev,
        run_cargo,
        run_hotdev,
        program_plain: size(&own),
        program_hotdev: parts(&executable).iter().map(|part| size(part)).sum(),
        target_plain,
        folder_hotdev,
    })
}

/// hotdev's side of a comparison.
struct Pair<'a> {
    hotdev: &'a Path,
    hot: &'a Workspace,
    name: &'a str,
    args: &'a [&'a str],
}

impl Pair<'_> {
    /// The same work as a plain executable does, in turn; and the executable under hotdev.
    fn measure(&self, plain: &Path) -> Result<(PathBuf, Throughput)> {
        let Self { hotdev, hot, name, args } = *self;
        eprintln!("cost: calls in {name}");
        let plain_beats = Beats::listen_as(&hot.folder, &format!("{name}-plain"))?;
        let hot_beats = Beats::listen_as(&hot.folder, name)?;
        let _program = start(plain, &hot.folder, &plain_beats)?;
        let session = Session::start(hotdev, hot, &hot_beats, args, BUILD_LIMIT)?;
        let executable = std::fs::read_link(format!("/proc/{}/exe", session.pid))
            .context("failed to find the executable of hotdev's program")?;
        Ok((executable, compare(&plain_beats, &hot_beats)?))
    }
}

fn compare(plain_beats: &Beats, hot_beats: &Beats) -> Result<Throughput> {
    let mut pids = Vec::new();
    for beats in [plain_beats, hot_beats] {
        let hello = beats.wait("hello", None, LIMIT, || Ok(()))?;
        pids.push(hello.number().context("the program did not say who it is")? as u32);
    }
    // Two processors of one machine are seldom equally fast.
    process_info::share_a_processor(&pids)?;
    let trial = 50;
    let taken = work(plain_beats, trial)?.min(work(plain_beats, trial)?);
    let rounds = (trial as f64 * ms(WORK) / taken.max(1e-3)).max(1.0) as u64;
    let (mut of_plain, mut of_hot) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_plain.push(work(plain_beats, rounds)?);
        of_hot.push(work(hot_beats, rounds)?);
    }
    let ratios: Vec<f64> = of_hot.iter().zip(&of_plain).map(|(hot, plain)| hot / plain).collect();
    let spread = |values: &[f64]| Spread::of(values).unwrap_or_default();
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Throughput {
        plain: spread(&of_plain),
        hotdev: spread(&of_hot),
        ratio: spread(&ratios),
        fastest: least(&of_hot) / least(&of_plain),
    })
}

/// Has a program work, and gives the milliseconds that it says.
fn work(beats: &Beats, rounds: u64) -> Result<f64> {
    beats.send(&rounds.to_string())?;
    let done = beats.wait("done", None, LIMIT, || Ok(()))?;
    let nanos = done.number().context("the program said no time")?;
    Ok(nanos as f64 / 1e6)
}

fn start(executable: &Path, folder: &Path, beats: &Beats) -> Result<Group> {
    let mut command = tool::command(executable, folder);
    Group::start(command.env(SOCKET_ENV, beats.path()).stdout(Stdio::null()))
}

/// Both executables started by themselves, in turn.
fn starts(plain: &Workspace, own: &Path, hot: &Path) -> Result<(Spread, Spread)> {
    let beats = Beats::listen_as(&plain.folder, "starts")?;
    let once = |executable: &Path| {
        let begin = Instant::now();
        let _program = start(executable, &plain.folder, &beats)?;
        let hello = beats.wait("hello", None, LIMIT, || Ok(()))?;
        anyhow::Ok(ms(hello.at.duration_since(begin)))
    };
    in_turn(|| once(own), || once(hot), STARTS)
}

/// `cargo run` and `hotdev watch`, each with everything built, in turn.
fn runs(hotdev: &Path, plain: &Workspace, hot: &Workspace) -> Result<(Spread, Spread)> {
    let plain_beats = Beats::listen_as(&plain.folder, "runs")?;
    let hot_beats = Beats::listen_as(&hot.folder, "runs")?;
    let cargo = || {
        let begin = Instant::now();
        let mut command = tool::command(tool::cargo(), &plain.folder);
        command.args(["run", "--quiet"]).env(SOCKET_ENV, plain_beats.path());
        let _program = Group::start(&mut command)?;
        let hello = plain_beats.wait("hello", None, LIMIT, || Ok(()))?;
        anyhow::Ok(ms(hello.at.duration_since(begin)))
    };
    let session = || {
        let begin = Instant::now();
        let _session = Session::start(hotdev, hot, &hot_beats, &[], LIMIT)?;
        let hello = hot_beats.wait("hello", None, LIMIT, || Ok(()))?;
        anyhow::Ok(ms(hello.at.duration_since(begin)))
    };
    in_turn(cargo, session, 5)
}

fn in_turn(
    mut one: impl FnMut() -> Result<f64>,
    mut other: impl FnMut() -> Result<f64>,
    rounds: usize,
) -> Result<(Spread, Spread)> {
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    // The first of each is not counted: files come from disk then.
    for round in 0..=rounds {
        let (first, second) = (one()?, other()?);
        if round > 0 {
            of_one.push(first);
            of_other.push(second);
        }
    }
    Ok((Spread::of(&of_one).unwrap_or_default(), Spread::of(&of_other).unwrap_or_default()))
}

/// An executable and the libraries of its own that it needs.
fn parts(executable: &Path) -> Vec<PathBuf> {
    let mut parts = vec![executable.to_owned()];
    let listed = std::process::Command::new("ldd").arg(executable).output();
    let text = listed.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    let paths = text.lines().filter_map(|line| line.split(" => ").nth(1)?.split(' ').next());
    parts.extend(paths.filter(|path| path.contains("/hotdev/")).map(PathBuf::from));
    parts
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.size())
}
