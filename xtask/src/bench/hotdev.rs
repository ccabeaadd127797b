//! hotdev itself: from the save to the first sign of the new code in the running program.

use std::path::Path;

use anyhow::{Context, Result};

use super::contender::{Contender, Sample};
use super::{BUILD_LIMIT, EDIT_LIMIT, LIMIT};
use crate::beats::Beats;
use crate::folder::Workspace;
use crate::session::Session;

/// A running session and its program.
pub struct Hotdev {
    // Ended before the socket closes.
    session: Session,
    beats: Beats,
    workspace: Workspace,
}

impl Hotdev {
    /// Builds and starts the program.
    pub fn start(hotdev: &Path, workspace: Workspace) -> Result<Self> {
        let beats = Beats::listen(&workspace.folder)?;
        let mut session = Session::start(hotdev, &workspace, &beats, &[], BUILD_LIMIT)?;
        beats.wait("marker", Some(0), LIMIT, || session.check())?;
        Ok(Self { session, beats, workspace })
    }
}

impl Contender for Hotdev {
    fn name(&self) -> &'static str {
        "hotdev"
    }

    fn edit(&mut self, number: u64) -> Result<Sample> {
        let begin = self.workspace.edit(number)?;
        // The event comes after the program shows the edit, or instead of it.
        let event = self.session.verdict(&["live"], EDIT_LIMIT)?;
        let shown = self.beats.wait("marker", Some(number), LIMIT, || self.session.check())?;
        let stages = serde_json::from_value(event["ms"].clone())
            .context("failed to read the stages of a `live` event")?;
        Ok(Sample { taken: shown.at.duration_since(begin), stages })
    }
}
