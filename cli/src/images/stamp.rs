//! What tells that a file is as it was, without reading it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Seconds and nanoseconds of a time, length, device and inode; `None` for what is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(Option<(i64, i64, u64, u64, u64)>);

impl Stamp {
    /// Of an input: with the time of the last change of anything, which no program can set.
    pub fn of(path: &Path) -> Self {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        Self(file.map(|f| (f.ctime(), f.ctime_nsec(), f.len(), f.dev(), f.ino())))
    }

    /// Of a file that may get more names meanwhile: with the time of its last change of contents.
    pub fn of_contents(path: &Path) -> Self {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        Self(file.map(|f| (f.mtime(), f.mtime_nsec(), f.len(), f.dev(), f.ino())))
    }

    /// Whether it was that of a file.
    pub fn is_file(&self) -> bool {
        self.0.is_some()
    }

    /// Whether its time is before `time`, in seconds and nanoseconds.
    pub fn is_before(&self, time: (i64, i64)) -> bool {
        self.0.is_none_or(|(seconds, nanoseconds, ..)| (seconds, nanoseconds) < time)
    }

    /// For a hash.
    pub fn words(&self) -> [u64; 5] {
        self.0.map_or([0; 5], |(a, b, c, d, e)| [a as u64, b as u64, c, d, e])
    }
}
