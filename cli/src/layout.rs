//! Where hotdev keeps its files: all of them in `<target directory>/hotdev`.
//!
//! What was made by another build of hotdev is never read: everything but the session file and
//! the log stands in a folder named after this build, and so does hotdev itself, as a link or a
//! copy, which cargo calls as its wrapper, so that a new hotdev makes cargo compile the workspace
//! crates anew. So does a folder that was removed and made again: the tool's name has a part that
//! is new in every folder, and without it cargo would find all as it was while no record is left.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hotdev_protocol::ContentHash;
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Context, Kind, Result};

/// The shim's library, built by the build script.
const SHIM: &[u8] = include_bytes!(env!("HOTDEV_SHIM"));

/// The mode of files that hotdev alone reads.
pub const OWN: u32 = 0o600;

/// The file with the part of the tool's name that is new in every state folder.
const NONCE: &str = "nonce";

/// The folders of one project and profile.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `<target directory>/hotdev`
    pub root: PathBuf,
    /// hotdev under the name that cargo and rustc call: a link, or a copy.
    pub tool: PathBuf,
    /// The shim, to be linked into the program.
    pub shim: PathBuf,
    /// Everything that depends on the profile and on this build of hotdev.
    pub state: PathBuf,
}

impl Layout {
    /// Makes the folders for `profile` and puts the tool and the shim there. Which packages are
    /// excluded is part of the folder's name: it decides how the others are linked.
    ///
    /// # Errors
    /// When the target directory cannot be written.
    pub fn prepare(target_dir: &Path, profile: &str, exclude: &[String]) -> Result<Self> {
        let doing = || format!("write to {}", target_dir.display());
        let root = target_dir.join("hotdev");
        let own = OwnFile::open().context(Kind::System, || "read hotdev itself".into())?;
        let build = root.join(format!("{:016x}", own.hash));
        let mut name = profile.to_owned();
        if !exclude.is_empty() {
            name.push_str(&format!("-{:016x}", ContentHash::of(exclude.join(",").as_bytes())));
        }
        let state = build.join(name);
        forget_other_builds(&root, &build);
        write_nonce(&state).context(Kind::System, doing)?;
        let layout = Self { root, ..Self::of_state(&state) };
        // A session that was killed leaves its work. What a program has mapped stays with the program.
        for folder in [layout.replays(), layout.generations()] {
            let _ = fs::remove_dir_all(folder);
        }
        for folder in
            [layout.invocations(), layout.images(), layout.replays(), layout.generations()]
        {
            fs::create_dir_all(folder).context(Kind::System, doing)?;
        }
        own.put(&layout.tool).context(Kind::System, doing)?;
        write_once(&layout.shim, SHIM, 0o644).context(Kind::System, doing)?;
        Ok(layout)
    }

    /// The layout that a session prepared, from the folder it named to its wrapper and linker.
    pub fn of_state(state: &Path) -> Self {
        let build = state.parent().unwrap_or(state);
        let nonce = fs::read_to_string(state.join(NONCE)).unwrap_or_default();
        Self {
            root: build.parent().unwrap_or(build).to_owned(),
            tool: state.join(format!("hotdev-{nonce}")),
            shim: state.join("libhotdev_shim.so"),
            state: state.to_owned(),
        }
    }

    /// Recorded rustc invocations, one file for each crate.
    pub fn invocations(&self) -> PathBuf {
        self.state.join("invocations")
    }

    /// Hot images, one folder for each executable.
    pub fn images(&self) -> PathBuf {
        self.state.join("images")
    }

    /// Output of replayed invocations.
    pub fn replays(&self) -> PathBuf {
        self.state.join("replays")
    }

    /// Facts of the units of the first build.
    pub fn facts(&self) -> PathBuf {
        self.state.join("facts")
    }

    /// Patch libraries.
    pub fn generations(&self) -> PathBuf {
        self.state.join("generations")
    }

    /// hotdev's own log.
    pub fn log(&self) -> PathBuf {
        self.root.join("hotdev.log")
    }
}

/// Removes what earlier builds of hotdev left. A program that still runs keeps its mapped files.
fn forget_other_builds(root: &Path, build: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let is_build = entry.file_name().len() == 16 && entry.path().is_dir();
        if is_build && entry.path() != build {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the state folder and its nonce, unless they are there.
fn write_nonce(state: &Path) -> io::Result<()> {
    fs::create_dir_all(state)?;
    let path = state.join(NONCE);
    if path.exists() {
        return Ok(());
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut file = tempfile::NamedTempFile::new_in(state)?;
    write!(file, "{:x}", since.as_nanos())?;
    match file.persist_noclobber(path) {
        // Another session was faster.
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// The file that this process runs, whatever has its name by now.
struct OwnFile {
    file: File,
    hash: u64,
}

impl OwnFile {
    fn open() -> io::Result<Self> {
        let mut file = File::open("/proc/self/exe")?;
        // In pieces: fresh memory for all of it would take far longer than the hash.
        let (mut hash, mut piece) = (Xxh3::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Self { file, hash: hash.digest() }),
                count => hash.update(&piece[..count]),
            }
        }
    }

    /// Puts it somewhere, unless it is there: as a second name, which keeps the file when another one
    /// takes the first, or as a copy.
    fn put(mut self, to: &Path) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if is_whole(to, length) || self.link(to) {
            return Ok(());
        }
        self.file.rewind()?;
        write_whole(to, &mut self.file, 0o755)
    }

    /// Gives the file the name; false where that is not possible, on another file system for one.
    fn link(&self, to: &Path) -> bool {
        let name = to.with_extension(std::process::id().to_string());
        let id = |data: fs::Metadata| (data.dev(), data.ino());
        // What has the old name may have been installed since this process was started.
        let is_same = || {
            let (own, linked) = (self.file.metadata().ok()?, fs::metadata(&name).ok()?);
            Some(id(own) == id(linked))
        };
        let linked = std::env::current_exe().is_ok_and(|from| fs::hard_link(from, &name).is_ok())
            && is_same() == Some(true)
            && fs::rename(&name, to).is_ok();
        if !linked {
            let _ = fs::remove_file(&name);
        }
        linked
    }
}

fn is_whole(path: &Path, length: u64) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == length)
}

/// Writes a file whose contents never change, unless it is there.
fn write_once(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if is_whole(path, bytes.len() as u64) {
        return Ok(());
    }
    write_whole(path, &mut &*bytes, mode)
}

/// Writes a file that is either as it was or as it is to be.
pub fn write_whole(path: &Path, contents: &mut impl Read, mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(contents, &mut file)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_keeps_its_tool_until_it_is_made_anew() {
        let target = tempfile::tempdir().unwrap();
        let prepare = || Layout::prepare(target.path(), "dev", &[]).unwrap();
        let first = prepare();
        assert_eq!(prepare().tool, first.tool);
        assert_eq!(Layout::of_state(&first.state).tool, first.tool);
        fs::remove_dir_all(&first.root).unwrap();
        let anew = prepare();
        assert_eq!(anew.state, first.state);
        assert_ne!(anew.tool, first.tool);
        assert!(anew.tool.is_file());
    }
}
