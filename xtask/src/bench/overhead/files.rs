//! A project with many more source files than the program is made of.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bench::contender::Contender;
use crate::bench::hotdev::Hotdev;
use crate::folder::{Scratch, Workspace};
use crate::process_info;
use crate::programs;
use crate::stats::Spread;

/// Folders, and files in each.
const FOLDERS: usize = 100;
const FILES: usize = 100;

/// Starts of each kind, after the first.
const STARTS: usize = 9;
const SAVES: u64 = 20;

/// What goes on after an edit or a start is over by then: warming caches, unloading.
const SETTLED: Duration = Duration::from_secs(5);
/// How long the session is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(10);

/// With and without the files; milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Files {
    pub files: usize,
    /// From `hotdev watch`, with nothing to build, to the program's first word.
    pub start_without: Spread,
    pub start_with: Spread,
    /// One minus the other, pair by pair.
    pub start_added: Spread,
    /// Saves in the project with the files; each went live, or there would be no figures.
    pub saves: u64,
    pub save: Spread,
    /// Processor time of the session while nothing happens.
    pub idle_cpu: f64,
    pub idle_seconds: u64,
}

impl Files {
    pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        eprintln!("session: {} more files", FOLDERS * FILES);
        let program = programs::lines(1000);
        let few = scratch.workspace("files/few", &program)?;
        let many = scratch.workspace("files/many", &program)?;
        add_files(&many)?;
        let (mut few, _) = Hotdev::start(hotdev, few)?;
        let (mut many, _) = Hotdev::start(hotdev, many)?;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..=STARTS {
            without.push(ms(few.again(hotdev)?));
            with.push(ms(many.again(hotdev)?));
        }
        drop(few);
        let mut saves = Vec::new();
        for number in 1..=SAVES {
            saves.push(ms(many.edit(number)?.taken));
        }
        thread::sleep(SETTLED);
        let session = many.own_pid();
        let before = process_info::cpu(session);
        thread::sleep(IDLE);
        let idle = process_info::cpu(session).saturating_sub(before);
        let added: Vec<f64> = with.iter().zip(&without).map(|(with, out)| with - out).collect();
        let spread = |values: &[f64]| Spread::of(&values[1..]).unwrap_or_default();
        Ok(Self {
            files: FOLDERS * FILES,
            start_without: spread(&without),
            start_with: spread(&with),
            start_added: spread(&added),
            saves: SAVES,
            save: spread(&saves),
            idle_cpu: ms(idle),
            idle_seconds: IDLE.as_secs(),
        })
    }
}

/// Puts files beside those that are compiled, in the same package: nothing tells them apart before
/// rustc says what it reads.
fn add_files(workspace: &Workspace) -> Result<()> {
    for folder in 0..FOLDERS {
        let path = workspace.folder.join(format!("work/src/more_{folder}"));
        fs::create_dir_all(&path).with_context(|| format!("failed to make {}", path.display()))?;
        for file in 0..FILES {
            let text = format!("pub fn function_{file}() -> usize {{\n    {folder}\n}}\n");
            workspace.add(&format!("work/src/more_{folder}/file_{file}.rs"), &text)?;
        }
    }
    Ok(())
}

fn ms(taken: Duration) -> f64 {
    taken.as_secs_f64() * 1e3
}
