//! Generated workspaces on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::children;
use crate::programs::{MARKER, Program, is_member};

/// The folder of a whole task; removed when the task ends, however it does.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    /// A fresh one in the temporary directory (`TMPDIR`), outside of any workspace.
    pub fn new(name: &str, keep: bool) -> Result<Self> {
        let mut folder = tempfile::Builder::new()
            .prefix(&format!("hotdev-{name}-"))
            .tempdir()
            .context("failed to make a temporary folder")?;
        folder.disable_cleanup(keep);
        if keep {
            eprintln!("everything stays in {}", folder.path().display());
        } else {
            children::remove_on_interrupt(folder.path());
        }
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a program out, under a name of its own.
    pub fn workspace(&self, name: &str, program: &Program) -> Result<Workspace> {
        Workspace::write(self.folder.path().join(name), program)
    }

    /// Removes what was written under a name.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_dir_all(self.folder.path().join(name));
    }
}

/// One copy of a program.
#[derive(Debug)]
pub struct Workspace {
    /// Its root.
    pub folder: PathBuf,
    edited: PathBuf,
    template: String,
}

impl Workspace {
    fn write(folder: PathBuf, program: &Program) -> Result<Self> {
        let edited = (program.edited.clone(), program.template.replace(MARKER, "0"));
        for (path, text) in program.files.iter().chain([&edited]) {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, text))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        let edited = folder.join(&program.edited);
        Ok(Self { folder, edited, template: program.template.clone() })
    }

    /// Saves the edited file with another marker, by renaming as most editors do, and gives the
    /// time just before.
    pub fn edit(&self, number: u64) -> Result<Instant> {
        self.save(&self.template.replace(MARKER, &number.to_string()))
    }

    /// The same by writing to the file that is there, for tools that notice no other save.
    pub fn edit_in_place(&self, number: u64) -> Result<Instant> {
        let text = self.template.replace(MARKER, &number.to_string());
        let begin = Instant::now();
        fs::write(&self.edited, text)
            .with_context(|| format!("failed to save {}", self.edited.display()))?;
        Ok(begin)
    }

    /// Saves the edited file with another marker and a static that has another type each time.
    pub fn edit_static(&self, number: u64) -> Result<Instant> {
        let marked = self.template.replace(MARKER, &number.to_string());
        self.save(&format!("{marked}\n#[used]\npub static KEPT: [u8; {number}] = [1; {number}];\n"))
    }

    /// Adds a file.
    pub fn add(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Saves a text as the edited file, in the same way.
    pub fn save(&self, text: &str) -> Result<Instant> {
        let doing = || format!("failed to save {}", self.edited.display());
        let new = self.edited.with_extension("new");
        fs::write(&new, text).with_context(doing)?;
        let begin = Instant::now();
        fs::rename(&new, &self.edited).with_context(doing)?;
        Ok(begin)
    }

    /// cargo's target directory.
    pub fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Takes over the dependencies that another copy, in this folder, has compiled, as links to the same files: they
    /// are never written again. Where cargo cannot use them, it compiles them anew.
    pub fn seed(&self, from: &Path) {
        for part in [".fingerprint", "build", "deps"] {
            let part = Path::new("debug").join(part);
            link_foreign(&from.join("target").join(&part), &self.target().join(&part));
        }
    }
}

/// Links all that is not of the program's own crates.
fn link_foreign(from: &Path, to: &Path) {
    let _ = fs::create_dir_all(to);
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let own = text.strip_prefix("lib").unwrap_or(&text).split('-').next().unwrap_or_default();
        if is_member(own) {
            continue;
        }
        let (old, new) = (entry.path(), to.join(&name));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            link_foreign(&old, &new);
        } else {
            let _ = fs::hard_link(&old, &new);
        }
    }
}
