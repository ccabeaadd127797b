//! A project with many more source files than the program is made of.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::idle_cpu;
use crate::bench::contender::Contender;
use crate::bench::hotdev::Hotdev;
use crate::folder::{Scratch, Workspace};
use crate::programs;
use crate::stats::{Spread, ms};

/// Folders, and files in each.
const FOLDERS: usize = 100;
const FILES: usize = 100;

/// Starts of each kind, after the first.
const STARTS: usize = 9;
const SAVES: u64 = 20;

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
        let idle_cpu = idle_cpu(many.own_pid());
        let added: Vec<f64> = with.iter().zip(&without).map(|(with, out)| with - out).collect();
        Ok(Self {
            files: FOLDERS * FILES,
            start_without: Spread::after_first(&without),
            start_with: Spread::after_first(&with),
            start_added: Spread::after_first(&added),
            saves: SAVES,
            save: Spread::after_first(&saves),
            idle_cpu,
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
