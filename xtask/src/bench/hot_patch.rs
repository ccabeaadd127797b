//! Other tools that patch a running program: `dx serve --hot-patch` and cargo-hot, where installed.
//!
//! Both need a program that connects to them and calls what may change through `subsecond::call`; the
//! rest of the code is everybody's. cargo-hot patches and watches the binary crate only. dx compiles every
//! crate between an edited one and the binary anew.
//! cargo-hot's program is linked by the system's linker: its patches fail with rustup's.
//! dx sees the same save as all others. cargo-hot does not notice a file that is renamed into place,
//! so for it the edited file is written in place; it waits 100 ms for more saves, which is counted, as
//! it is what its user waits for.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::contender::{Contender, Sample};
use super::{BUILD_LIMIT, EDIT_LIMIT};
use crate::beats::{Beats, SOCKET_ENV};
use crate::children::Group;
use crate::folder::Workspace;
use crate::programs::{Size, Style};
use crate::tool;

/// Where the program finds no tool yet, it tries again after five seconds.
const CONNECTED: Duration = Duration::from_secs(6);

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Dx,
    CargoHot,
}

impl Peer {
    pub const ALL: [Self; 2] = [Self::Dx, Self::CargoHot];

    /// As tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dx => "dx --hot-patch",
            Self::CargoHot => "cargo-hot",
        }
    }

    /// Its executable.
    pub fn executable(self) -> &'static str {
        match self {
            Self::Dx => "dx",
            Self::CargoHot => "cargo-hot",
        }
    }

    /// How a program has to be written for it.
    pub fn style(self) -> Style {
        match self {
            Self::Dx => Style::Dx,
            Self::CargoHot => Style::CargoHot,
        }
    }

    /// Why it cannot take part in a program of this size.
    pub fn cannot(self, size: Size) -> Option<&'static str> {
        let in_library = !matches!(size, Size::Small | Size::Binary);
        if self == Self::CargoHot && in_library {
            Some("it patches the binary crate only")
        } else {
            (!tool::is_installed(self.executable())).then_some("it is not installed")
        }
    }

    fn command(self, workspace: &Workspace) -> Command {
        let mut command = tool::command(self.executable(), &workspace.folder.join("app"));
        match self {
            Self::Dx => command.args(["serve", "--hot-patch", "--interactive", "false"]),
            Self::CargoHot => command.arg("hot"),
        };
        command.args(["--package", "app"]);
        command
    }
}

/// A tool with its program.
pub struct HotPatch {
    peer: Peer,
    tool: Group,
    beats: Beats,
    workspace: Workspace,
}

impl HotPatch {
    /// Has the tool build and run the program.
    pub fn start(peer: Peer, workspace: Workspace) -> Result<Self> {
        let beats = Beats::listen(&workspace.folder)?;
        let mut command = peer.command(&workspace);
        let tool = Group::start_all_heard(command.env(SOCKET_ENV, beats.path()))?;
        let mut hot_patch = Self { peer, tool, beats, workspace };
        hot_patch.wait(0, BUILD_LIMIT)?;
        thread::sleep(CONNECTED);
        Ok(hot_patch)
    }

    fn wait(&mut self, number: u64, limit: Duration) -> Result<Instant> {
        let Self { peer, tool, beats, .. } = self;
        let name = peer.executable();
        match beats.wait("marker", Some(number), limit, || tool.check(name)) {
            Ok(beat) => Ok(beat.at),
            Err(error) => bail!("{error}\n{}", tool.last_words()),
        }
    }
}

impl Contender for HotPatch {
    fn name(&self) -> &'static str {
        self.peer.name()
    }

    fn may_fail(&self) -> bool {
        true
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        let begin = match self.peer {
            Peer::Dx => self.workspace.edit(number)?,
            Peer::CargoHot => self.workspace.edit_in_place(number)?,
        };
        Ok(self.wait(number, EDIT_LIMIT)?.duration_since(begin).into())
    }
}
