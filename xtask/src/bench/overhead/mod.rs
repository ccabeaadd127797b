//! What the session itself takes: its commands, a project of many files, and its terminal UI.

mod files;
mod keys;
mod reload;

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::folder::Scratch;
use crate::process_info;
use crate::stats::ms;
use files::Files;
use keys::Keys;
use reload::Reload;

/// What goes on after an edit or a start is over by then: warming caches, unloading.
const SETTLED: Duration = Duration::from_secs(5);
/// How long a session is watched while nothing happens.
pub const IDLE: Duration = Duration::from_secs(10);

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Overhead {
    pub reload: Reload,
    pub files: Files,
    pub keys: Keys,
}

impl Overhead {
    /// Measures all of it.
    pub fn measure(scratch: &Scratch, hotdev: &Path) -> Result<Self> {
        Ok(Self {
            reload: Reload::measure(scratch, hotdev)?,
            files: Files::measure(scratch, hotdev)?,
            keys: Keys::measure(scratch, hotdev)?,
        })
    }
}

/// Milliseconds of processor time that a session takes in [`IDLE`].
fn idle_cpu(session: u32) -> f64 {
    thread::sleep(SETTLED);
    let before = process_info::cpu(session);
    thread::sleep(IDLE);
    ms(process_info::cpu(session).saturating_sub(before))
}
