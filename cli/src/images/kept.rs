//! The executable of the last link, kept so that a restart links the hot image alone.
//!
//! An edit changes hot crates, and the executable is made of everything else. So it is the same
//! again while its inputs are, and while the two images fit together as they did: names that it
//! takes from the hot image, names that both have, and what the hot image takes from it.
//!
//! The kept file and rustc's output are one file with two names, so nothing is copied. Whoever
//! writes into the output shows in the stamp, and it is linked anew.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::ImageRecord;
use super::stamp::Stamp;
use crate::elf::SymbolKind;
use crate::elf::image::Image;
use crate::error::{Context, Error, Kind, Result};

/// What is remembered of an executable.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// See [`super::inputs::hash`].
    pub inputs: u64,
    /// See [`super::inputs::own`].
    own: u64,
    /// Whether whole dependencies could be linked.
    pub whole: bool,
    /// Files that the linker found by itself.
    pub found: Vec<(PathBuf, Stamp)>,
    /// The file, under its kept name.
    file: Option<Stamp>,
    /// What it has.
    pub offer: Offer,
    fit: Fit,
}

/// What an executable gives to the hot image.
#[derive(Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Its build id.
    pub build_id: Vec<u8>,
    /// Distances of its thread-locals from the thread pointer.
    pub thread_locals: HashMap<String, i64>,
    /// Hashes of the names that it defines for others, sorted.
    defines: Vec<u64>,
    /// Hashes of the names that it takes from others, sorted.
    needs: Vec<u64>,
}

/// How an executable and a hot image fit together.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fit {
    /// Hash of what a new link would look at: names that the executable needs and the hot image
    /// defines, names that both define, and all that C could know.
    shared: u64,
    /// Hashes of the names that the hot image needs and the executable does not define, sorted.
    elsewhere: Vec<u64>,
}

fn id(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

fn ids<'a>(names: impl Iterator<Item = &'a String>) -> Vec<u64> {
    let mut ids: Vec<u64> = names.map(|name| id(name)).collect();
    ids.sort_unstable();
    ids
}

fn has(sorted: &[u64], name: &str) -> bool {
    sorted.binary_search(&id(name)).is_ok()
}

impl Offer {
    /// Reads it from an executable.
    pub fn of(image: &Image) -> Self {
        let thread_locals = image
            .statics
            .keys()
            .filter_map(|name| Some((name.clone(), image.thread_pointer_offset(name)?)));
        Self {
            build_id: image.build_id.clone(),
            thread_locals: thread_locals.collect(),
            defines: ids(image.exports.keys()),
            needs: ids(image.imports.iter()),
        }
    }

    /// How it fits with a hot image.
    fn fit(&self, hot: &Image) -> Fit {
        let is_rust = |name: &str| name.starts_with("_ZN") || name.starts_with("_R");
        let shared = hot.exports.iter().filter(|(name, _)| {
            !is_rust(name) || has(&self.needs, name) || has(&self.defines, name)
        });
        let mut shared: Vec<_> = shared
            .map(|(name, found)| {
                (name, found.kind == SymbolKind::Function, has(&self.defines, name))
            })
            .collect();
        shared.sort_unstable();
        let mut hash = Xxh3::default();
        for (name, is_function, is_double) in shared {
            hash.write_u64(id(name));
            hash.write(&[is_function.into(), is_double.into()]);
        }
        let elsewhere = hot.imports.iter().filter(|name| !has(&self.defines, name));
        Fit { shared: hash.finish(), elsewhere: ids(elsewhere) }
    }
}

impl Kept {
    /// Takes note of a fresh executable, which is not in its place yet.
    pub fn new(
        (inputs, own): (u64, u64),
        whole: bool,
        found: Vec<(PathBuf, Stamp)>,
        executable: &Image,
        hot: &Image,
    ) -> Self {
        let offer = Offer::of(executable);
        let fit = offer.fit(hot);
        Self { inputs, own, whole, found, file: None, offer, fit }
    }

    /// What was kept at the last link of this binary.
    pub fn read(record: &ImageRecord) -> Option<Self> {
        postcard::from_bytes(&fs::read(note(record)).ok()?).ok()
    }

    /// Why the executable cannot be used again with these inputs and this hot image.
    pub fn obstacle(&self, inputs: u64, hot: &Image, record: &ImageRecord) -> Option<&'static str> {
        if self.inputs != inputs || self.found.iter().any(|(path, was)| Stamp::of(path) != *was) {
            return Some("an input is other than it was");
        }
        self.obstacle_to_relink(self.own, hot, record)
    }

    /// The same of a link without cargo: what is not of the hot crates is as it was at the last
    /// link, and `own` is the hash of what is of theirs.
    pub fn obstacle_to_relink(
        &self,
        own: u64,
        hot: &Image,
        record: &ImageRecord,
    ) -> Option<&'static str> {
        let fit = self.offer.fit(hot);
        let elsewhere = &self.fit.elsewhere;
        if self.own != own {
            Some("the binary crate brings other things into it")
        } else if self.file != Some(Stamp::of_contents(&record.executable())) {
            Some("the kept file is other than it was")
        } else if fit.shared != self.fit.shared {
            Some("the images share other names")
        } else if !fit.elsewhere.iter().all(|name| elsewhere.binary_search(name).is_ok()) {
            Some("the hot image needs what it did not")
        } else {
            None
        }
    }

    /// Gives the kept file the name that rustc wants, and writes the note of it. cargo takes an
    /// output older than its inputs for a stale one, so the file becomes as young as a new one.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn place(mut self, record: &ImageRecord, output: &Path, scratch: &Path) -> Result<()> {
        let kept = record.executable();
        let doing = || format!("write {}", output.display());
        let now = File::open(&kept).and_then(|file| file.set_modified(SystemTime::now()));
        now.context(Kind::System, doing)?;
        let link = scratch.join("output");
        let linked = fs::hard_link(&kept, &link).and_then(|()| fs::rename(&link, output));
        if linked.is_err() {
            copy(&kept, output).context(Kind::System, doing)?;
        }
        self.file = Some(Stamp::of_contents(&kept));
        let bytes = postcard::to_stdvec(&self).context(Kind::System, doing)?;
        super::write_whole(&note(record), &bytes)
    }
}

/// Forgets what was kept, before another file takes its place.
///
/// # Errors
/// When the system refuses.
pub fn forget(record: &ImageRecord) -> Result<()> {
    match fs::remove_file(note(record)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(Kind::System, "forget the last executable", error))
        }
        _ => Ok(()),
    }
}

fn note(record: &ImageRecord) -> PathBuf {
    record.folder.join("executable.note")
}

/// Copies over what may be running: under another name first.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, file.path())?;
    file.persist(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::image::Definition;

    fn image(exports: &[&str], imports: &[&str]) -> Image {
        let mut image = Image::default();
        for name in exports {
            let definition = Definition { place: 0, size: 1, kind: SymbolKind::Function };
            image.exports.insert((*name).to_owned(), definition);
        }
        image.imports = imports.iter().map(|name| (*name).to_owned()).collect();
        image
    }

    /// What stands against using an executable again with another hot image.
    fn obstacle(executable: &Image, hot: &Image, newer: &Image) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let record = ImageRecord { folder: folder.path().to_owned(), ..ImageRecord::default() };
        fs::write(record.executable(), "").unwrap();
        let output = folder.path().join("output");
        let kept = Kept::new((7, 1), true, Vec::new(), executable, hot);
        kept.place(&record, &output, folder.path()).unwrap();
        assert!(output.is_file());
        let kept = Kept::read(&record).unwrap();
        assert!(kept.obstacle(8, hot, &record).is_some());
        kept.obstacle(7, newer, &record)
    }

    #[test]
    fn a_hot_image_may_have_other_rust_functions() {
        let executable = image(&["_ZNdep", "write"], &["main", "free"]);
        let hot = image(&["main", "_ZNold"], &["_ZNdep", "malloc"]);
        let newer = image(&["main", "_ZNnew"], &["write"]);
        assert_eq!(obstacle(&executable, &hot, &newer), None);
    }

    #[test]
    fn what_the_executable_needs_must_be_there() {
        let executable = image(&[], &["_ZNhot"]);
        let hot = image(&["_ZNhot"], &[]);
        assert!(obstacle(&executable, &hot, &image(&[], &[])).is_some());
        assert!(obstacle(&executable, &image(&[], &[]), &hot).is_some());
    }

    #[test]
    fn what_the_hot_image_needs_must_be_known() {
        let executable = image(&["_ZNdep"], &[]);
        let hot = image(&[], &["_ZNdep", "malloc"]);
        assert!(obstacle(&executable, &hot, &image(&[], &["_ZNother"])).is_some());
        assert!(obstacle(&executable, &hot, &image(&[], &["calloc"])).is_some());
    }

    #[test]
    fn names_that_both_define_or_c_sees_must_be_the_same() {
        let executable = image(&["_ZNboth"], &[]);
        let hot = image(&["main"], &[]);
        assert!(obstacle(&executable, &hot, &image(&["main", "_ZNboth"], &[])).is_some());
        assert!(obstacle(&executable, &hot, &image(&["main", "seen"], &[])).is_some());
        assert!(obstacle(&executable, &hot, &image(&[], &[])).is_some());
    }
}
