//! Watches the workspace's folders. No debounce: every event is passed on at once, and the session
//! looks at the files themselves to see what is new.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::io::Errno;

use crate::error::{Context, Error, Kind, Result};

/// A watch over a workspace.
pub struct Watch {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    root: PathBuf,
    target_dir: PathBuf,
    ignored: Override,
}

impl Watch {
    /// Watches every folder below `root` that neither git nor `ignore` (globs of `hotdev.toml`)
    /// leaves out, and calls `on_change` with the paths of each event; with none where the
    /// kernel dropped events and everything has to be looked at.
    ///
    /// # Errors
    /// When the kernel has no watches left, or a glob is malformed.
    pub fn start(
        root: &Path,
        target_dir: &Path,
        ignore: &[String],
        on_change: impl Fn(Vec<PathBuf>) + Send + 'static,
    ) -> Result<Self> {
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => on_change(Vec::new()),
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
            Ok(event) => on_change(event.paths),
            Err(error) => tracing::warn!(%error, "the file watcher reports an error"),
        };
        let watcher = notify::recommended_watcher(handler).map_err(failed)?;
        let mut globs = OverrideBuilder::new(root);
        for glob in ignore {
            globs
                .add(&format!("!{glob}"))
                .context(Kind::Config, || format!("read [watch] ignore `{glob}`"))?;
        }
        let ignored = globs.build().context(Kind::Config, || "read [watch] ignore".into())?;
        let mut watch = Self {
            watcher,
            watched: HashSet::new(),
            root: root.to_owned(),
            target_dir: target_dir.to_owned(),
            ignored,
        };
        watch.follow(root)?;
        Ok(watch)
    }

    /// How many folders are watched.
    pub fn folders(&self) -> usize {
        self.watched.len()
    }

    /// Watches the folders of these files as well, wherever they are.
    ///
    /// # Errors
    /// When the kernel has no watches left.
    pub fn cover<'a>(&mut self, files: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
        for file in files {
            if let Some(folder) =
                file.parent().filter(|folder| !folder.starts_with(&self.target_dir))
            {
                self.add(folder)?;
            }
        }
        Ok(())
    }

    /// Watches what is new among `paths`: a folder that has just been made, with all below it.
    /// Returns the files found there, which may have come before the watch did.
    pub fn take_in(&mut self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for path in paths.iter().filter(|path| path.is_dir()) {
            let known = self.watched.contains(path);
            if known || path.starts_with(&self.target_dir) || !path.starts_with(&self.root) {
                continue;
            }
            match self.follow(path) {
                Ok(found) => files.extend(found),
                Err(error) => tracing::warn!(%error, "a new folder is not watched"),
            }
        }
        // A folder that went away loses its watch; the same name may come back.
        self.watched.retain(|folder| !paths.contains(folder) || folder.is_dir());
        files
    }

    fn follow(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let target_dir = self.target_dir.clone();
        let walk = WalkBuilder::new(folder)
            .hidden(false)
            .require_git(false)
            .overrides(self.ignored.clone())
            .filter_entry(move |entry| entry.file_name() != ".git" && entry.path() != target_dir)
            .build();
        let mut files = Vec::new();
        for entry in walk.flatten() {
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                self.add(entry.path())?;
            } else {
                files.push(entry.into_path());
            }
        }
        Ok(files)
    }

    fn add(&mut self, folder: &Path) -> Result<()> {
        if self.watched.contains(folder) {
            return Ok(());
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.watched.insert(folder.to_owned())),
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(())
    }
}

fn failed(error: notify::Error) -> Error {
    let hint = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => Some("max_user_watches=524288"),
        // Too many open files: here that is too many watchers.
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            Some("max_user_instances=1024")
        }
        _ => None,
    };
    let error = Error::new(Kind::Watch, "watch the workspace", error);
    match hint {
        Some(limit) => {
            error.hint(format!("raise the kernel's limit: `sudo sysctl fs.inotify.{limit}`"))
        }
        None => error,
    }
}
