//! `hotdev reload` from cold: a process that starts, finds the session, asks and ends.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::beats::Beats;
use crate::bench::{BUILD_LIMIT, LIMIT};
use crate::folder::{Scratch, Workspace};
use crate::programs::{Size, Style, program};
use crate::session::Session;
use crate::stats::{Spread, ms};
use crate::tool;

/// Commands of each kind, after the first.
const COMMANDS: usize = 20;
const EDITS: u64 = 10;

/// Milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Reload {
    /// `hotdev --version`: a process that starts and ends.
    pub version: Spread,
    /// With nothing to compile: `unchanged`.
    pub unchanged: Spread,
    /// From a save, with the command right after it, to the command's end.
    pub edit: Spread,
    /// The same without what the `live` event says it took.
    pub added: Spread,
}

impl Reload {
    pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        eprintln!("session: reload");
        let workspace = scratch.workspace("reload", &program(Size::Small, Style::Plain))?;
        let beats = Beats::listen(&workspace.folder)?;
        let mut session = Session::start(hotdev, &workspace, &beats, &[], BUILD_LIMIT)?;
        beats.wait("marker", Some(0), LIMIT, || session.check())?;
        let (mut of_version, mut of_unchanged) = (Vec::new(), Vec::new());
        for _ in 0..=COMMANDS {
            of_version.push(run(hotdev, &workspace, &["--version"])?.0);
            let (taken, event) = reload(hotdev, &workspace)?;
            ensure!(event["event"] == "unchanged", "`hotdev reload` said {event}");
            of_unchanged.push(taken);
        }
        let (mut of_edit, mut of_added) = (Vec::new(), Vec::new());
        for number in 1..=EDITS + 1 {
            let saved = workspace.edit(number)?;
            let (_, event) = reload(hotdev, &workspace)?;
            let taken = ms(saved.elapsed());
            let total = event["ms"]["total"].as_f64();
            let total = total.with_context(|| format!("`hotdev reload` said {event}"))?;
            beats.wait("marker", Some(number), LIMIT, || session.check())?;
            of_edit.push(taken);
            of_added.push(taken - total);
        }
        Ok(Self {
            version: Spread::after_first(&of_version),
            unchanged: Spread::after_first(&of_unchanged),
            edit: Spread::after_first(&of_edit),
            added: Spread::after_first(&of_added),
        })
    }
}

/// The command's time, and the verdict that it says.
fn reload(hotdev: &Path, workspace: &Workspace) -> Result<(f64, Value)> {
    let (taken, output) = run(hotdev, workspace, &["reload", "--json"])?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut events = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let verdict = events.rfind(|event| event["event"] != "done");
    let verdict = verdict.with_context(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        format!("`hotdev reload` ended with {} and said\n{stdout}{stderr}", output.status)
    })?;
    Ok((taken, verdict))
}

fn run(hotdev: &Path, workspace: &Workspace, args: &[&str]) -> Result<(f64, Output)> {
    let mut command = tool::command(hotdev, &workspace.folder);
    let begin = Instant::now();
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.context("failed to start hotdev")?;
    Ok((ms(begin.elapsed()), output))
}
