//! `cargo xtask soak`: one program, patched over and over while eight threads call into it.
//!
//! The program checks every answer itself (`programs/soak_main.rs`). This side makes the edits,
//! tells the program which versions are possible, and looks at what program and hotdev take. A wrong
//! answer, an end of the program, or a save that does not reach every thread is a failure, and so is
//! growth: see `bounds`.

mod bounds;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::beats::Beats;
use crate::folder::{Scratch, Workspace};
use crate::machine::Machine;
use crate::session::Session;
use crate::stats::ms;
use crate::{process_info, programs, tool};
use report::{Point, Report};

/// How long the first build may take.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
/// How long a save may take to be live, and then to reach every thread.
const SAVE_LIMIT: Duration = Duration::from_secs(60);

/// How often the bounds are looked at, apart from the points that are printed.
const CHECKED_EVERY: u64 = 100;

/// How long and where.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many saves.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    reloads: u64,
    /// Writes every figure to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The hotdev to test, instead of this workspace's in release.
    #[arg(long, value_name = "PATH")]
    hotdev: Option<PathBuf>,
    /// Keeps the generated program.
    #[arg(long)]
    keep: bool,
}

/// Runs to the end or to the first thing that is wrong. What was seen until then is written either way.
pub fn run(options: &Options) -> Result<()> {
    let hotdev = tool::hotdev(options.hotdev.as_deref())?;
    let scratch = Scratch::new("soak", options.keep)?;
    let mut report = Report::new(Machine::look(&hotdev));
    let mut soak = Soak::start(&scratch, &hotdev)?;
    let done = soak.saves(options.reloads, &mut report.points);
    soak.session.end();
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).context("failed to write JSON")?;
        fs::write(path, text + "\n")
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    done?;
    println!("{}", report.verdict());
    Ok(())
}

/// 1, 2, 5, 10, 20, 50, …, and the last.
fn is_point(number: u64, last: u64) -> bool {
    let power = 10_u64.pow(number.ilog10());
    number == last || [1, 2, 5].iter().any(|first| number == first * power)
}

struct Soak {
    // Ended before the socket closes.
    session: Session,
    beats: Beats,
    workspace: Workspace,
}

impl Soak {
    fn start(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        let workspace = scratch.workspace("soak", &programs::soak())?;
        let beats = Beats::listen(&workspace.folder)?;
        let mut session = Session::start(hotdev, &workspace, &beats, &[], BUILD_LIMIT)?;
        beats.wait("hello", None, SAVE_LIMIT, || session.check())?;
        Ok(Self { session, beats, workspace })
    }

    /// All saves. `points` are those that are printed.
    fn saves(&mut self, last: u64, points: &mut Vec<Point>) -> Result<()> {
        let mut times = Vec::new();
        for number in 1..=last {
            times.push(self.reload(number).with_context(|| format!("failed at save {number}"))?);
            let is_point = is_point(number, last);
            if !is_point && !number.is_multiple_of(CHECKED_EVERY) {
                continue;
            }
            let point = self.point(number, &times)?;
            let line = point.line();
            bounds::check(points, &point)
                .with_context(|| format!("a bound is broken after {}", line.trim_start()))?;
            if is_point {
                eprintln!("{line}");
                points.push(point);
                times.clear();
            }
        }
        Ok(())
    }

    /// One save, until every thread has had the new version from every probe; milliseconds from the
    /// save to the event.
    fn reload(&mut self, number: u64) -> Result<f64> {
        self.command(&format!("ceiling {number}"))?;
        let begin = self.workspace.save(&programs::soak_version(number))?;
        self.session.verdict(&["live"], SAVE_LIMIT)?;
        let taken = begin.elapsed();
        self.beats.send(&format!("floor {number}"))?;
        self.wait("seen", |rest| rest == number.to_string())?;
        Ok(ms(taken))
    }

    /// Tells the program something, and waits until it has taken it in; what it has done so far.
    fn command(&mut self, line: &str) -> Result<String> {
        self.beats.send(line)?;
        let done = self.wait("done", |rest| rest.starts_with(line))?;
        Ok(done[line.len()..].trim().to_owned())
    }

    /// Waits for a word of the program; anything wrong that it says meanwhile is an error.
    fn wait(&mut self, word: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + SAVE_LIMIT;
        loop {
            self.session.check()?;
            match self.beats.next(end.min(Instant::now() + Duration::from_millis(500))) {
                Some(beat) if beat.word == "wrong" => bail!("a wrong answer: {}", beat.rest),
                Some(beat) if beat.word == word && wanted(&beat.rest) => return Ok(beat.rest),
                _ => {}
            }
            ensure!(Instant::now() < end, "the program did not say `{word}` in time");
        }
    }

    fn point(&mut self, number: u64, times: &[f64]) -> Result<Point> {
        let done = self.command("report")?;
        let mut counts = done.split(' ').map(|count| count.parse().unwrap_or(0));
        Ok(Point::new(
            number,
            times,
            [counts.next().unwrap_or(0), counts.next().unwrap_or(0)],
            process_info::taken(self.session.pid),
            process_info::taken(self.session.own_pid()),
            process_info::disk(&self.workspace.target().join("hotdev")),
        ))
    }
}
