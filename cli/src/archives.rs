//! Dependencies that the project has but no code of the program used when it was linked: rustc
//! leaves them out, and an edit that uses one brings all of it along.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use object::read::archive::ArchiveFile;

use crate::graph::{Graph, externs};
use crate::images::ImageRecord;

/// Rlibs that define some of `names` (mangled) and are neither in the executable nor in `taken`.
/// What is in the executable is never taken a second time: its statics would exist twice.
pub fn defining(
    names: &[String],
    taken: &[PathBuf],
    graph: &Graph,
    record: &ImageRecord,
) -> Vec<PathBuf> {
    let names: HashSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let is_new = |path: &PathBuf| !taken.contains(path) && !record.dependencies.contains(path);
    candidates(graph).into_iter().filter(is_new).filter(|path| defines(path, &names)).collect()
}

/// Every rlib beside those that hot crates name.
fn candidates(graph: &Graph) -> BTreeSet<PathBuf> {
    let named = graph.crates.iter().flat_map(|hot| externs(&hot.invocation));
    let folders: BTreeSet<&Path> = named.filter_map(|(_, path)| Path::new(path).parent()).collect();
    let files =
        folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let is_rlib = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rlib");
    let hot = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        graph.crates.iter().any(|hot| stem.strip_prefix("lib") == Some(&hot.key))
    };
    files.map(|file| file.path()).filter(is_rlib).filter(|path| !hot(path)).collect()
}

fn defines(path: &Path, names: &HashSet<&[u8]>) -> bool {
    let Ok(bytes) = fs::read(path) else { return false };
    let Ok(archive) = ArchiveFile::parse(&*bytes) else { return false };
    let symbols = archive.symbols().ok().flatten().into_iter().flatten();
    symbols.flatten().any(|symbol| names.contains(symbol.name()))
}
