//! hotdev itself: from the save to the first sign of the new code in the running program.

use std::path::Path;
use std::time::{Duration, Instant};

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
    /// Builds and starts the program, and gives the time to its first marker.
    pub fn start(hotdev: &Path, workspace: Workspace) -> Result<(Self, Duration)> {
        let beats = Beats::listen(&workspace.folder)?;
        let begin = Instant::now();
        let mut session = Session::start(hotdev, &workspace, &beats, &[], BUILD_LIMIT)?;
        let shown = beats.wait("marker", Some(0), LIMIT, || session.check())?;
        Ok((Self { session, beats, workspace }, shown.at.duration_since(begin)))
    }

    /// Ends the session and starts another one that has nothing to build. Before the first edit.
    pub fn again(&mut self, hotdev: &Path) -> Result<Duration> {
        self.session.end();
        self.beats.forget();
        let begin = Instant::now();
        self.session = Session::start(hotdev, &self.workspace, &self.beats, &[], LIMIT)?;
        let shown = self.beats.wait("marker", Some(0), LIMIT, || self.session.check())?;
        Ok(shown.at.duration_since(begin))
    }

    /// The session's own process.
    pub fn own_pid(&self) -> u32 {
        self.session.own_pid()
    }

    /// Saves an edit of a static's type, of which hotdev says these events in turn.
    pub fn restarting_edit(&mut self, number: u64, events: &[&str]) -> Result<Duration> {
        let begin = self.workspace.edit_static(number)?;
        for event in events {
            self.session.verdict(&[*event], EDIT_LIMIT)?;
        }
        let shown = self.beats.wait("marker", Some(number), LIMIT, || self.session.check())?;
        Ok(shown.at.duration_since(begin))
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
