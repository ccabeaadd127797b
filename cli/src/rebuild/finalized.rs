//! Tells when rustc has made all units of a crate, which is before it ends.
//!
//! What follows (the archive, the call of a linker, taking its memory down) is a tenth of a save,
//! and a running program needs none of it. rustc then renames the folder of its incremental
//! session, and the units lie in its output folder under names of their own. Nothing promises
//! either: where it is not so, the end of rustc counts, and what it has written by then.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the session's folder is looked for.
const SEARCH: Duration = Duration::from_secs(5);

/// When a temporary folder is nobody's any more.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The incremental session of a rustc that runs.
pub struct SessionWatch {
    pid: u32,
    until: Instant,
    /// The session's lock file, once it is known.
    lock: Option<PathBuf>,
}

impl SessionWatch {
    /// Of a rustc that was just started.
    pub fn new(pid: u32) -> Self {
        Self { pid, until: Instant::now() + SEARCH, lock: None }
    }

    /// The folder of the session, if it is complete by now.
    pub fn look(&mut self) -> Option<PathBuf> {
        if self.lock.is_none() && Instant::now() < self.until {
            self.lock = open_lock(self.pid);
        }
        let lock = self.lock.as_ref()?;
        let (parent, name) = (lock.parent()?, lock.file_stem()?.to_str()?);
        if parent.join(format!("{name}-working")).exists() {
            return None;
        }
        let entries = fs::read_dir(parent).ok()?.flatten().map(|entry| entry.path());
        let prefix = format!("{name}-");
        let mut own = entries.filter(|path| file_name(path).starts_with(&prefix));
        own.find(|path| !file_name(path).ends_with("-working"))
    }
}

/// The lock that rustc holds while it works in a session's folder: `s-<time>-<number>.lock`.
fn open_lock(pid: u32) -> Option<PathBuf> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let mut paths = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    paths.find(|path| {
        path.extension() == Some(OsStr::new("lock")) && file_name(path).starts_with("s-")
    })
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// Gives the units of a complete session, which rustc will remove from `out_dir`, names in `folder`
/// as well; false where they are not all there.
///
/// # Errors
/// When the system refuses, and when rustc removes them meanwhile.
pub fn keep_units(session: &Path, out_dir: &Path, key: &str, folder: &Path) -> io::Result<bool> {
    fs::create_dir_all(folder)?;
    let mut kept = HashSet::new();
    for path in units(out_dir, key)? {
        fs::hard_link(&path, folder.join(file_name(&path)))?;
        let name = file_name(&path)[key.len() + 1..].trim_end_matches(".rcgu.o");
        kept.insert(name.rsplit_once('.').map_or(name, |(unit, _)| unit).to_owned());
    }
    let is_object = |path: &PathBuf| path.extension() == Some(OsStr::new("o"));
    let mut made = fs::read_dir(session)?.flatten().map(|entry| entry.path()).filter(is_object);
    let all = made.all(|path| kept.contains(file_name(&path).trim_end_matches(".o")));
    Ok(all && !kept.is_empty())
}

/// What a rustc that is killed may leave in its output folder.
#[derive(Debug)]
pub struct Leftovers {
    out_dir: PathBuf,
    key: String,
}

impl Leftovers {
    /// Of a rustc that is about to be started for the crate with `key`. What is there of earlier
    /// ones is removed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn of(out_dir: &Path, key: &str) -> io::Result<Self> {
        let leftovers = Self { out_dir: out_dir.to_owned(), key: key.to_owned() };
        leftovers.remove()?;
        let archive = format!("lib{key}.rlib");
        let is_old = |path: &PathBuf| {
            let age = fs::metadata(path).ok().and_then(|data| data.modified().ok()?.elapsed().ok());
            age.is_some_and(|age| age > ABANDONED)
        };
        let own = |path: &PathBuf| file_name(path).starts_with(&archive) || is_old(path);
        for path in temporary_folders(out_dir)?.filter(own) {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(leftovers)
    }

    /// Removes the units, once that rustc has been killed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        units(&self.out_dir, &self.key)?.iter().try_for_each(fs::remove_file)
    }
}

/// Where rustc writes an archive, the metadata and what a linker gets. It makes them beside its
/// output whatever `TMPDIR` says, and their names tell nothing of the crate: a new one may be that
/// of a rustc of cargo's or an editor's.
fn temporary_folders(out_dir: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let is_temporary = |path: &PathBuf| {
        let name = file_name(path);
        let random = ["rustc", "rmeta"].iter().find_map(|start| name.strip_prefix(start));
        random.is_some_and(|random| random.len() == 6) || name.ends_with(".temp-archive")
    };
    let entries = fs::read_dir(out_dir)?.flatten().map(|entry| entry.path());
    Ok(entries.filter(move |path| is_temporary(path) && path.is_dir()))
}

/// `<key>.<unit>.<invocation>.rcgu.o`
fn units(out_dir: &Path, key: &str) -> io::Result<Vec<PathBuf>> {
    let is_unit = |path: &PathBuf| {
        let rest = file_name(path).strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".rcgu.o"))
    };
    let entries = fs::read_dir(out_dir)?.flatten().map(|entry| entry.path());
    Ok(entries.filter(is_unit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(folder: &Path, names: &[&str]) {
        names.iter().for_each(|name| fs::write(folder.join(name), name).unwrap());
    }

    #[test]
    fn units_are_kept_where_all_of_the_session_are_there() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [session, out_dir, kept] = folders.each_ref().map(tempfile::TempDir::path);
        make(session, &["one.o", "two.o", "work-products.bin"]);
        make(out_dir, &["app-1.one.x.rcgu.o", "app-1.allocator.x.rcgu.o", "app-12.two.x.rcgu.o"]);
        assert!(!keep_units(session, out_dir, "app-1", &kept.join("first")).unwrap());
        make(out_dir, &["app-1.two.x.rcgu.o"]);
        assert!(keep_units(session, out_dir, "app-1", &kept.join("second")).unwrap());
        assert_eq!(fs::read_dir(kept.join("second")).unwrap().count(), 3);
    }

    #[test]
    fn only_what_a_killed_rustc_left_of_a_crate_is_removed() {
        let out_dir = tempfile::tempdir().unwrap();
        let left = out_dir.path();
        make(left, &["a-1.old.x.rcgu.o", "a-12.one.x.rcgu.o", "liba-1.rlib", "a-1.d"]);
        for name in ["rustcOthers", "rustcForgot", "rustc-more", "liba-1.rlibxyz.temp-archive"] {
            fs::create_dir(left.join(name)).unwrap();
        }
        let forgotten = fs::File::open(left.join("rustcForgot")).unwrap();
        forgotten.set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
        let leftovers = Leftovers::of(left, "a-1").unwrap();
        make(left, &["a-1.one.x.rcgu.o"]);
        leftovers.remove().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(left).unwrap().flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let kept = ["a-1.d", "a-12.one.x.rcgu.o", "liba-1.rlib", "rustc-more", "rustcOthers"];
        assert_eq!(names, kept);
    }
}
