//! hot-lib-reloader on the same code, in the arrangement that its documentation recommends.
//!
//! It needs somebody who builds the library on every save. Here that begins at once, without a
//! watcher's delay, and the reloader's own delay is set to 10 ms instead of 500: its best case.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::contender::{Contender, Sample};
use super::{BUILD_LIMIT, EDIT_LIMIT};
use crate::beats::{Beats, SOCKET_ENV};
use crate::children::{self, Group};
use crate::folder::Workspace;
use crate::programs::Size;
use crate::tool;

/// The running program.
pub struct HotLib {
    program: Group,
    beats: Beats,
    workspace: Workspace,
}

impl HotLib {
    pub const NAME: &str = "hot-lib-reloader";

    /// Why it cannot take part in a program of this size.
    pub fn cannot(size: Size) -> Option<&'static str> {
        (size == Size::Binary).then_some("it patches libraries only")
    }

    /// Builds and runs the program.
    pub fn start(workspace: Workspace) -> Result<Self> {
        let beats = Beats::listen(&workspace.folder)?;
        build(&workspace)?;
        let mut command = tool::command(tool::cargo(), &workspace.folder);
        command.args(["run", "--quiet", "--package", "app"]).env(SOCKET_ENV, beats.path());
        let program = Group::start_heard(command.stdout(Stdio::null()))?;
        let mut hot_lib = Self { program, beats, workspace };
        hot_lib.wait(0, BUILD_LIMIT)?;
        Ok(hot_lib)
    }

    fn wait(&mut self, number: u64, limit: Duration) -> Result<Instant> {
        let Self { program, beats, .. } = self;
        let beat = beats.wait("marker", Some(number), limit, || program.check("the program"))?;
        Ok(beat.at)
    }
}

fn build(workspace: &Workspace) -> Result<()> {
    let mut command = tool::command(tool::cargo(), &workspace.folder);
    command.args(["build", "--quiet", "--package", "work"]);
    children::time(&mut command, "build the library", BUILD_LIMIT)?;
    Ok(())
}

impl Contender for HotLib {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn may_fail(&self) -> bool {
        true
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        let begin = self.workspace.edit(number)?;
        build(&self.workspace)?;
        Ok(self.wait(number, EDIT_LIMIT)?.duration_since(begin).into())
    }
}
