//! Files that `hotdev reload` names: one that does not exist is a mistake in the command line, and
//! one that the program does not hold is not waited for.

use std::path::{Path, PathBuf};

use super::Session;
use crate::control::server::Responder;
use crate::exit;
use crate::report::{event, relative};

/// A path as the session knows it: without links and `..`, also where the file itself is missing.
pub(super) fn resolve(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => {
            folder.canonicalize().map_or_else(|_| path.clone(), |folder| folder.join(name))
        }
        _ => path,
    })
}

impl Session {
    /// Whether a file is not there, and is none that the program was made of.
    pub(super) fn is_nowhere(&self, path: &Path) -> bool {
        !path.exists() && !self.known.contains(path)
    }

    pub(super) fn refuse_missing(&self, path: &Path, base: &Path, responder: Responder) {
        let hint = match self.nearest(path) {
            Some(near) => format!("the nearest one is {}", relative(&near, base)),
            None => "name a file that was saved, or none for whatever changed".to_owned(),
        };
        let message = format!("there is no file {}", relative(path, base));
        responder.done(exit::USAGE, Some(message), Some(hint));
    }

    /// Of the program's files and the neighbours of a missing one, the one with the likest name.
    fn nearest(&self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent().and_then(|folder| folder.read_dir().ok());
        let beside = folder.into_iter().flatten().flatten().map(|entry| entry.path());
        let files = self.known.iter().cloned().chain(beside).filter(|file| file.is_file());
        let likeness = |file: &PathBuf| {
            let alike = |a: &Path, b: &Path| {
                strsim::jaro_winkler(&a.to_string_lossy(), &b.to_string_lossy())
            };
            let name = |path: &Path| path.file_name().map(PathBuf::from).unwrap_or_default();
            (alike(&name(file), &name(path)), alike(file, path))
        };
        let files = files.map(|file| (likeness(&file), file));
        let sum = |(name, whole): (f64, f64)| name + whole;
        files.max_by(|(a, _), (b, _)| sum(*a).total_cmp(&sum(*b))).map(|(_, file)| file)
    }

    /// Whether none of these files is part of the program, and nothing else waits for a verdict.
    pub(super) fn are_foreign(&self, files: &[PathBuf]) -> bool {
        let is_settled = self.job.is_none() && self.pending.is_none() && self.verdict.is_none();
        let is_current = self.workshop.as_ref().is_some_and(|workshop| workshop.is_current());
        !files.is_empty()
            && is_settled
            && is_current
            && !files.iter().any(|path| self.is_part(path))
    }

    /// Whether the program is made of a file, or of one in a folder.
    fn is_part(&self, path: &Path) -> bool {
        self.known.contains(path)
            || (path.is_dir() && self.known.iter().any(|file| file.starts_with(path)))
    }
}

/// Says that none of these files matters.
pub(super) fn answer_foreign(files: Vec<PathBuf>, base: &Path, mut responder: Responder) {
    let names: Vec<String> = files.iter().map(|file| relative(file, base)).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    let message = format!("{} {are} not part of the running program", names.join(", "));
    responder.event(&event::Event::Unchanged { files });
    responder.done(exit::LIVE, Some(message), None);
}
