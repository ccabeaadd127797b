//! The facts of the units that the program was built from, found in the background after it has
//! started, so that no save waits for them, and kept on disk for the next start.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crate::error::{Context, Kind, Result};
use crate::layout;
use crate::rebuild::Output;
use crate::units::{Facts, Unit};

/// How long the background waits while a save is under way.
const PAUSE: Duration = Duration::from_millis(20);

/// Counts the saves under way, which the background work gives way to.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<AtomicUsize>);

/// A save under way.
#[derive(Debug)]
pub struct BusyGuard(Arc<AtomicUsize>);

impl Busy {
    /// Holds up the background until the guard is dropped.
    pub fn begin(&self) -> BusyGuard {
        self.0.fetch_add(1, Ordering::SeqCst);
        BusyGuard(Arc::clone(&self.0))
    }

    fn wait(&self) {
        while self.0.load(Ordering::SeqCst) > 0 {
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Finds the facts of every unit of these outputs, in a thread of its own. `folder` keeps them from
/// start to start, in a file for each crate, named by its key. The thread ends early when nobody
/// needs the units any more.
pub fn begin(outputs: Vec<(String, Arc<Output>)>, folder: PathBuf, busy: Busy) {
    let outputs: Vec<_> = outputs
        .into_iter()
        .map(|(key, output)| (key, output.units.iter().map(Arc::downgrade).collect::<Vec<_>>()))
        .collect();
    let work = move || {
        give_way();
        for (key, units) in outputs {
            let path = folder.join(key);
            if let Err(error) = index(&units, &path, &busy) {
                tracing::warn!(%error, "the units of a crate were not indexed");
            }
        }
        tracing::info!("all units are indexed");
    };
    if let Err(error) = thread::Builder::new().name("index".into()).spawn(work) {
        tracing::warn!(%error, "no thread for the index");
    }
}

/// Lets all else have the processors first: the program is starting. (On Linux, this is the calling
/// thread's own priority: getpriority(2).)
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "the index has the priority of everything else");
    }
}

/// Facts by content of the unit, as they are on disk.
type Kept = HashMap<u64, Facts>;

fn index(units: &[Weak<Unit>], path: &Path, busy: &Busy) -> Result<()> {
    let mut kept = read(path);
    let known = kept.len();
    let mut found = Vec::new();
    for unit in units {
        busy.wait();
        let Some(unit) = unit.upgrade() else { return Ok(()) };
        let content = unit.find_facts(&mut kept)?.0;
        found.push((content, unit));
    }
    if kept.is_empty() && known == found.len() {
        return Ok(());
    }
    write(&found, path)
}

fn read(path: &Path) -> Kept {
    let bytes = fs::read(path).unwrap_or_default();
    postcard::from_bytes(&bytes).unwrap_or_default()
}

fn write(units: &[(u64, Arc<Unit>)], path: &Path) -> Result<()> {
    let doing = || format!("write {}", path.display());
    let facts = units.iter().map(|(content, unit)| Ok((*content, unit.facts()?)));
    let facts: HashMap<u64, &Facts> = facts.collect::<Result<_>>()?;
    let bytes = postcard::to_stdvec(&facts).context(Kind::System, doing)?;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).context(Kind::System, doing)?;
    // Another start may read it at the same time.
    layout::write_whole(path, &mut bytes.as_slice(), layout::OWN).context(Kind::System, doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_facts_on_disk_are_found_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crate");
        assert!(read(&path).is_empty());
        fs::write(&path, b"\xff\xff\xff\xff\xff").expect("a file");
        assert!(read(&path).is_empty());
    }
}
