//! One way from a save to running code.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

/// What one edit took.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// From the save to what the contender is measured by.
    pub taken: Duration,
    /// Milliseconds of each stage, where the contender says them.
    pub stages: BTreeMap<String, f64>,
}

impl From<Duration> for Sample {
    fn from(taken: Duration) -> Self {
        Self { taken, stages: BTreeMap::new() }
    }
}

/// Makes edits to a copy of the program that is its own.
pub trait Contender {
    /// As tables show it.
    fn name(&self) -> &'static str;

    /// Whether a failure is its own affair, and the others go on: another tool's.
    fn may_fail(&self) -> bool {
        false
    }

    /// Saves the edit of this number and waits until it is done.
    fn edit(&mut self, number: u64) -> Result<Sample>;
}
