//! What there is without any tool: the bare compiler, cargo, and a restart.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::contender::{Contender, Sample};
use super::{BUILD_LIMIT, EDIT_LIMIT};
use crate::beats::{Beats, SOCKET_ENV};
use crate::children::{self, Group};
use crate::folder::Workspace;
use crate::record::{self, Call};
use crate::tool;

/// The floor: rustc of the edited crate as cargo calls it, with its incremental state, and without
/// linking a program. Nothing that compiles the crate can be faster.
pub struct Floor {
    workspace: Workspace,
    call: Call,
}

impl Floor {
    /// Builds once and keeps the call.
    pub fn start(workspace: Workspace, crate_name: &str) -> Result<Self> {
        let call = record::learn(&workspace.folder, crate_name)?;
        Ok(Self { workspace, call })
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "bare rustc"
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        self.workspace.edit(number)?;
        Ok(children::time(&mut self.call.command(), "run rustc alone", EDIT_LIMIT)?.into())
    }
}

/// `cargo build`: the program is on disk, and not running.
pub struct CargoBuild {
    workspace: Workspace,
}

impl CargoBuild {
    /// Builds once.
    pub fn start(workspace: Workspace) -> Result<Self> {
        let mut build = tool::command(tool::cargo(), &workspace.folder);
        children::time(build.args(["build", "--quiet"]), "build with cargo", BUILD_LIMIT)?;
        Ok(Self { workspace })
    }

    /// The copy that it builds in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }
}

impl Contender for CargoBuild {
    fn name(&self) -> &'static str {
        "cargo build"
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        let begin = self.workspace.edit(number)?;
        let mut build = tool::command(tool::cargo(), &self.workspace.folder);
        children::time(build.args(["build", "--quiet"]), "build with cargo", EDIT_LIMIT)?;
        Ok(begin.elapsed().into())
    }
}

/// Stop, `cargo run`, wait for the first sign: fresh state every time.
pub struct Restart {
    running: Option<Group>,
    beats: Beats,
    workspace: Workspace,
}

impl Restart {
    /// Builds and runs once, and gives the time to the first marker.
    pub fn start(workspace: Workspace) -> Result<(Self, Duration)> {
        let beats = Beats::listen(&workspace.folder)?;
        let mut restart = Self { running: None, beats, workspace };
        let begin = Instant::now();
        let shown = restart.run(0, BUILD_LIMIT)?;
        Ok((restart, shown.duration_since(begin)))
    }

    /// Runs it again with nothing to build. Before the first edit.
    pub fn again(&mut self) -> Result<Duration> {
        self.stop();
        self.beats.forget();
        let begin = Instant::now();
        Ok(self.run(0, BUILD_LIMIT)?.duration_since(begin))
    }

    /// Saves an edit of a static's type and runs the program anew.
    pub fn restarting_edit(&mut self, number: u64) -> Result<Duration> {
        let begin = self.workspace.edit_static(number)?;
        self.stop();
        Ok(self.run(number, EDIT_LIMIT)?.duration_since(begin))
    }

    fn stop(&mut self) {
        if let Some(mut group) = self.running.take() {
            group.kill();
        }
    }

    fn run(&mut self, number: u64, limit: Duration) -> Result<Instant> {
        let mut command = tool::command(tool::cargo(), &self.workspace.folder);
        command.args(["run", "--quiet"]).env(SOCKET_ENV, self.beats.path());
        let group = self.running.insert(Group::start_heard(command.stdout(Stdio::null()))?);
        let beats = &self.beats;
        let beat = beats.wait("marker", Some(number), limit, || group.check("`cargo run`"))?;
        Ok(beat.at)
    }
}

impl Contender for Restart {
    fn name(&self) -> &'static str {
        "cargo run anew"
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        let begin = self.workspace.edit(number)?;
        self.stop();
        Ok(self.run(number, EDIT_LIMIT)?.duration_since(begin).into())
    }
}
