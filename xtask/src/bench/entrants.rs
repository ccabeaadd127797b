//! All contenders of one size, each with a copy of the program that is its own, and their edits.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

use super::PAUSE;
use super::contender::{Contender, Sample};
use super::hot_lib::HotLib;
use super::hot_patch::{HotPatch, Peer};
use super::hotdev::Hotdev;
use super::plain::{CargoBuild, Floor, Restart};
use crate::folder::Scratch;
use crate::programs::{Program, Size, Style, program};

/// How many lines of another tool's output a note shows.
const NOTE: usize = 6;

/// A contender and what its edits took, in their order.
pub struct Entrant {
    pub contender: Box<dyn Contender>,
    pub samples: Vec<Sample>,
    /// An edit failed: it makes no more.
    out: bool,
}

/// All of them, hotdev first.
pub struct Entrants {
    pub list: Vec<Entrant>,
    /// The folder of the copy that cargo builds in.
    pub build: PathBuf,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl Entrants {
    /// Builds a copy for each.
    pub fn prepare(scratch: &Scratch, hotdev: &Path, size: Size, plain: &Program) -> Result<Self> {
        let copy = |name: &str| scratch.workspace(&format!("{}/{name}", size.name()), plain);
        let say = |what: &str| eprintln!("{}: preparing {what}", size.name());
        say("cargo build");
        let build = CargoBuild::start(copy("build")?)?;
        let folder = build.workspace().folder.clone();
        let seeded = |name: &str| {
            say(name);
            let workspace = copy(name)?;
            workspace.seed(&folder);
            anyhow::Ok(workspace)
        };
        let (hot, _) = Hotdev::start(hotdev, seeded("hotdev")?)?;
        let floor = Floor::start(seeded("rustc")?, plain.edited_crate)?;
        let (restart, _) = Restart::start(seeded("run")?)?;
        let mut entrants = Self { list: Vec::new(), build: folder.clone(), notes: Vec::new() };
        entrants.add(hot);
        entrants.add(floor);
        entrants.add(build);
        entrants.add(restart);
        entrants.add_peers(scratch, size);
        Ok(entrants)
    }

    fn add(&mut self, contender: impl Contender + 'static) {
        let contender = Box::new(contender);
        self.list.push(Entrant { contender, samples: Vec::new(), out: false });
    }

    /// The other tools, as far as they are there and work.
    fn add_peers(&mut self, scratch: &Scratch, size: Size) {
        let copy = |name: &str, style: Style| {
            eprintln!("{}: preparing {name}", size.name());
            scratch.workspace(&format!("{}/{name}", size.name()), &program(size, style))
        };
        // The other tools compile with flags of their own, so they have to begin from nothing.
        let build = self.build.clone();
        let hot_lib = || {
            let workspace = copy("hot-lib", Style::HotLib)?;
            workspace.seed(&build);
            HotLib::start(workspace)
        };
        self.admit(HotLib::NAME, HotLib::cannot(size), hot_lib);
        for peer in Peer::ALL {
            let start = || HotPatch::start(peer, copy(peer.executable(), peer.style())?);
            self.admit(peer.name(), peer.cannot(size), start);
        }
    }

    /// Lets a tool take part that can, and works.
    fn admit<C: Contender + 'static>(
        &mut self,
        name: &str,
        cannot: Option<&str>,
        start: impl FnOnce() -> Result<C>,
    ) {
        let started = match cannot {
            Some(reason) => Err(reason.to_owned()),
            None => start().map_err(|error| said(&error)),
        };
        match started {
            Ok(contender) => self.add(contender),
            Err(why) => self.notes.push(format!("{name} is left out: {why}")),
        }
    }

    /// Makes all edits of all of them, each its own in their order.
    ///
    /// Every round begins with another one, so that none always follows the same one.
    pub fn race(&mut self, size: Size, edits: u64) -> Result<()> {
        let count = self.list.len();
        for number in 1..=edits {
            eprintln!("{}: edit {number} of {edits}", size.name());
            for turn in 0..count {
                let entrant = &mut self.list[(turn + number as usize) % count];
                if entrant.out {
                    continue;
                }
                thread::sleep(PAUSE);
                let name = entrant.contender.name();
                match entrant.contender.edit(number) {
                    Ok(sample) => entrant.samples.push(sample),
                    Err(error) if entrant.contender.may_fail() => {
                        entrant.out = true;
                        let said = said(&error);
                        self.notes
                            .push(format!("{name} is left out from edit {number} on: {said}"));
                    }
                    Err(error) => {
                        let doing = format!("failed at edit {number} of {} ({name})", size.name());
                        return Err(error).context(doing);
                    }
                }
            }
        }
        Ok(())
    }
}

/// An error with the last lines of what a tool wrote.
fn said(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = lines.collect();
    let last = rest[rest.len().saturating_sub(NOTE)..].iter().map(|line| format!("\n    {line}"));
    first + &last.collect::<String>()
}
