//! Where a project's session can be found.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Kind, Result};
use crate::layout;

/// What a session leaves at `<target directory>/hotdev/session.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFile {
    /// Process id of the session.
    pub pid: u32,
    /// Its control socket.
    pub control: PathBuf,
    /// Workspace root.
    pub workspace: PathBuf,
    /// Folders of the workspace's packages.
    #[serde(default)]
    pub members: Vec<PathBuf>,
    /// Version of hotdev.
    pub version: String,
}

impl SessionFile {
    /// Writes it for the project that is built into `target_dir`: at once, over any other.
    ///
    /// # Errors
    /// When the target directory cannot be written.
    pub fn write(&self, target_dir: &Path) -> Result<()> {
        let path = path(target_dir);
        self.try_write(&path).context(Kind::System, || format!("write {}", path.display()))
    }

    fn try_write(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        layout::write_whole(path, &mut serde_json::to_vec(self)?.as_slice(), layout::OWN)
    }

    /// The session that runs for the project built into `target_dir`. Nothing where there is no
    /// file, or where nobody answers at its socket: a session that was killed leaves its file.
    pub fn find(target_dir: &Path) -> Option<Self> {
        let session = Self::read(target_dir)?;
        UnixStream::connect(&session.control).ok()?;
        Some(session)
    }

    /// Removes it, unless another session has written its own by now.
    pub fn remove(&self, target_dir: &Path) {
        if Self::read(target_dir).as_ref() == Some(self) {
            // A file that stays is stale, and found to be.
            let _ = fs::remove_file(path(target_dir));
        }
    }

    fn read(target_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(target_dir)).ok()?).ok()
    }
}

fn path(target_dir: &Path) -> PathBuf {
    target_dir.join("hotdev").join("session.json")
}
