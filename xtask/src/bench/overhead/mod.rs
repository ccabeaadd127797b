//! What the session itself takes: its commands, a project of many files, and its terminal UI.

mod files;
mod keys;
mod reload;

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::folder::Scratch;
use files::Files;
use keys::Keys;
use reload::Reload;

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
