//! A fixture's workspace in a fresh directory, and the ways in which editors and tools change files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{CommandOutput, binary, run_to_end};

/// A copy of a fixture's workspace, removed on drop.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    runtime: TempDir,
    _folder: TempDir,
}

impl Workspace {
    /// Copies `fixtures/NAME/ws`.
    ///
    /// # Panics
    /// When there is no such fixture, or the disk is full.
    pub fn copy(name: &str) -> Self {
        let from = crate::fixtures().join(name).join("ws");
        let mut folder = fresh_folder();
        if std::env::var_os("HOTDEV_TEST_KEEP").is_some() {
            folder.disable_cleanup(true);
            println!("the workspace of {name} is kept in {}", folder.path().display());
        }
        // As /proc shows it, so that processes can be told by their paths.
        let root = folder.path().canonicalize().expect("a fresh folder exists").join("ws");
        copy_folder(&from, &root)
            .unwrap_or_else(|error| panic!("failed to copy {}: {error}", from.display()));
        Self { root, runtime: fresh_folder(), _folder: folder }
    }

    /// A folder with nothing in it yet.
    ///
    /// # Panics
    /// When the disk is full.
    pub fn empty() -> Self {
        let folder = fresh_folder();
        let root = folder.path().canonicalize().expect("a fresh folder exists").join("ws");
        fs::create_dir(&root).expect("folders can be made");
        Self { root, runtime: fresh_folder(), _folder: folder }
    }

    /// The workspace that has been made in one of its folders.
    #[must_use]
    pub fn below(self, folder: &str) -> Self {
        Self { root: self.root.join(folder), ..self }
    }

    /// The workspace's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every file outside the target directory, relative to the root, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect_files(&self.root, &mut found);
        let names = found.iter().filter_map(|path| path.strip_prefix(&self.root).ok());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A file of the workspace.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The contents of a file.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file))
            .unwrap_or_else(|error| panic!("failed to read {file}: {error}"))
    }

    /// Writes a whole file, truncating it first, as simple editors do. Makes missing folders.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, file: &str, contents: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        fs::write(path, contents).unwrap_or_else(|error| panic!("failed to write {file}: {error}"));
    }

    /// Writes a neighbour and renames it over the file, as careful editors do.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_by_rename(&self, file: &str, contents: &str) {
        let beside = format!("{file}.tmp~");
        self.write(&beside, contents);
        self.rename(&beside, file);
    }

    /// Replaces the one place where `old` stands in a file.
    ///
    /// # Panics
    /// When `old` does not stand there exactly once.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        self.write(file, &self.edited(file, old, new));
    }

    /// The contents that [`Self::edit`] would write.
    ///
    /// # Panics
    /// When `old` does not stand there exactly once.
    pub fn edited(&self, file: &str, old: &str, new: &str) -> String {
        let before = self.read(file);
        let count = before.matches(old).count();
        assert_eq!(count, 1, "`{old}` stands {count} times in {file}:\n{before}");
        before.replace(old, new)
    }

    /// Renames a file.
    ///
    /// # Panics
    /// When that fails.
    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to))
            .unwrap_or_else(|error| panic!("failed to rename {from} to {to}: {error}"));
    }

    /// Deletes a file.
    ///
    /// # Panics
    /// When that fails.
    pub fn delete(&self, file: &str) {
        fs::remove_file(self.path(file))
            .unwrap_or_else(|error| panic!("failed to delete {file}: {error}"));
    }

    /// Runs a hotdev command in the workspace and waits for its end.
    pub fn command(&self, args: &[&str]) -> CommandOutput {
        run_to_end(&mut self.hotdev(args))
    }

    /// Runs cargo in the workspace, as the developer would, and waits for its end.
    pub fn cargo(&self, args: &[&str]) -> CommandOutput {
        run_to_end(&mut binary::cargo(&self.root, args))
    }

    /// A hotdev command in the workspace, not started yet.
    pub fn hotdev(&self, args: &[&str]) -> std::process::Command {
        binary::hotdev_command(&self.root, self.runtime.path(), args)
    }

    /// Another program in the workspace, not started yet, to which the hotdev under test is the one
    /// of that name.
    pub fn program(&self, program: &Path, args: &[&str]) -> std::process::Command {
        binary::beside_hotdev(&self.root, program, args)
    }

    /// The runtime directory that every hotdev command in this workspace is given.
    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// hotdev's own logs: files that end in `.log` near the top of the target directory.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect_logs(&self.path("target"), 4, &mut found);
        found
    }
}

/// An empty folder that only this user can enter, with a short path: sockets will lie in it.
fn fresh_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("hd")
        .rand_bytes(8)
        .tempdir()
        .expect("a temporary folder can be made")
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "target" {
            copy_folder(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn collect_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if !path.is_dir() {
            found.push(path);
        } else if !path.ends_with("target") {
            collect_files(&path, found);
        }
    }
}

fn collect_logs(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && depth > 0 {
            collect_logs(&path, depth - 1, found);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
}
