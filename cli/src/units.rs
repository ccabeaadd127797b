//! Codegen units: the objects that make up a crate, and what changed between two of them.

mod compare;
mod facts;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use object::elf;
use object::read::ReadCache;
use object::read::archive::ArchiveFile;
use xxhash_rust::xxh3::xxh3_64;

pub use compare::{Difference, Digest, StaticDigest, compare};
pub use facts::{Facts, Names};

use crate::elf::SymbolKind;
use crate::elf::object_file::ObjectFile;
use crate::error::{Context, Kind, Result};

/// How hot images and patches are linked: slots can be written and are filled at once. A build id
/// comes beside these.
pub const LINK_OPTIONS: [&str; 7] = [
    "-znorelro",
    "-znow",
    "--eh-frame-hdr",
    "-znoexecstack",
    "--hash-style=gnu",
    "-m",
    "elf_x86_64",
];

/// One codegen unit as rustc compiled it. Compilations that did not change it share it.
#[derive(Debug)]
pub struct Unit {
    /// rustc's name of the unit, the same in every compilation of the crate.
    pub name: String,
    place: Place,
    /// Where the file belongs to a folder that goes when nobody needs it any more.
    folder: Option<Arc<Folder>>,
    content: OnceLock<u64>,
    facts: OnceLock<Facts>,
}

/// Where a unit's object is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    /// Device, inode, seconds and nanoseconds of the last change.
    file: (u64, u64, i64, i64),
    /// Offset and length in the file.
    range: (u64, u64),
}

/// A folder that is removed with the last one who needs it.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Place {
    fn is_same(&self, other: &Self) -> bool {
        (self.file, self.range) == (other.file, other.range)
    }
}

impl Unit {
    /// The object file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Vec<u8>> {
        let read = || {
            let mut file = File::open(&self.place.path)?;
            file.seek(SeekFrom::Start(self.place.range.0))?;
            let mut bytes = vec![0; self.place.range.1 as usize];
            file.read_exact(&mut bytes)?;
            io::Result::Ok(bytes)
        };
        read().context(Kind::Image, || format!("read {}", self.place.path.display()))
    }

    /// The same unit in a file of its own in `folder`, if it is in a library there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn extracted(&self, folder: &Arc<Folder>) -> Result<Option<Self>> {
        let is_there = self.folder.as_ref().is_some_and(|own| Arc::ptr_eq(own, folder));
        if !is_there || self.place.path.extension().is_none_or(|is| is != "rlib") {
            return Ok(None);
        }
        let path = folder.0.join(format!("{}.o", self.name));
        let doing = || format!("write {}", path.display());
        fs::write(&path, self.read()?).context(Kind::System, doing)?;
        let own = Self::new(self.name.clone(), &path, None, Some(folder));
        own.map(Some).context(Kind::System, doing)
    }

    /// Hash of the object file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn content(&self) -> Result<u64> {
        match self.content.get() {
            Some(content) => Ok(*content),
            None => {
                let (content, _) = self.read_and_hash()?;
                Ok(*self.content.get_or_init(|| content))
            }
        }
    }

    /// Hash of the object file, where it was found before.
    pub fn known_content(&self) -> Option<u64> {
        self.content.get().copied()
    }

    /// The object file and its hash.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_and_hash(&self) -> Result<(u64, Vec<u8>)> {
        let bytes = self.read()?;
        Ok((xxh3_64(&bytes), bytes))
    }

    /// What has to be known of the unit to compare another with it. Read from the object the first
    /// time.
    ///
    /// # Errors
    /// When the object is damaged.
    pub fn facts(&self) -> Result<&Facts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let facts = Facts::read(self.read()?)?;
        Ok(self.facts.get_or_init(|| facts))
    }

    /// The hash of the object, and its facts: known already, those among `kept` (by that hash), or
    /// read from the object.
    ///
    /// # Errors
    /// When the object is damaged.
    pub fn find_facts(&self, kept: &mut HashMap<u64, Facts>) -> Result<(u64, &Facts)> {
        if let (Some(content), Some(facts)) = (self.content.get(), self.facts.get()) {
            kept.remove(content);
            return Ok((*content, facts));
        }
        // Read once: the file may be replaced at any time.
        let (content, bytes) = self.read_and_hash()?;
        let content = *self.content.get_or_init(|| content);
        let facts = match kept.remove(&content) {
            Some(facts) => facts,
            None => Facts::read(bytes)?,
        };
        Ok((content, self.facts.get_or_init(|| facts)))
    }

    /// Whether [`Unit::facts`] has nothing to read any more.
    pub fn has_facts(&self) -> bool {
        self.facts.get().is_some()
    }

    /// Takes facts that were found before.
    pub fn set_facts(&self, facts: Facts) {
        let _ = self.facts.set(facts);
    }

    /// Whether the other holds the same: one file, or equal contents.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn is_same(&self, other: &Self) -> Result<bool> {
        if self.place.is_same(&other.place) {
            return Ok(true);
        }
        Ok(self.place.range.1 == other.place.range.1 && self.content()? == other.content()?)
    }

    fn new(
        name: String,
        path: &Path,
        range: Option<(u64, u64)>,
        folder: Option<&Arc<Folder>>,
    ) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        let place = Place {
            path: path.to_owned(),
            file: (file.dev(), file.ino(), file.mtime(), file.mtime_nsec()),
            range: range.unwrap_or((0, file.len())),
        };
        Ok(Self {
            name,
            place,
            folder: folder.cloned(),
            content: OnceLock::new(),
            facts: OnceLock::new(),
        })
    }
}

/// The units of a library. What else an rlib holds (metadata, C objects) is left out.
///
/// # Errors
/// When the rlib cannot be read.
pub fn in_rlib(path: &Path, folder: Option<&Arc<Folder>>) -> Result<Vec<Unit>> {
    let doing = || format!("read {}", path.display());
    let file = ReadCache::new(File::open(path).context(Kind::Image, doing)?);
    let archive = ArchiveFile::parse(&file).context(Kind::Image, doing)?;
    let mut units = Vec::new();
    for member in archive.members() {
        let member = member.context(Kind::Image, doing)?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        if let Some(name) = unit_name(&name) {
            let unit = Unit::new(name, path, Some(member.file_range()), folder);
            units.push(unit.context(Kind::Image, doing)?);
        }
    }
    Ok(units)
}

/// The units in separate object files.
///
/// # Errors
/// When one cannot be read.
pub fn in_files(paths: &[PathBuf], folder: Option<&Arc<Folder>>) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = unit_name(&name) {
            let unit = Unit::new(name, path, None, folder);
            units.push(unit.context(Kind::Image, || format!("read {}", path.display()))?);
        }
    }
    Ok(units)
}

/// The units in a folder of object files.
///
/// # Errors
/// When it cannot be read.
pub fn in_folder(path: &Path, folder: Option<&Arc<Folder>>) -> Result<Vec<Unit>> {
    let entries = fs::read_dir(path).context(Kind::Image, || format!("read {}", path.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    in_files(&paths, folder)
}

/// The unit's name in `<crate>-<hash>.<unit>.<session>.rcgu.o`; the session's part is new in every compilation.
fn unit_name(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".rcgu.o")?;
    let rest = stem.split_once('.')?.1;
    Some(rest.rsplit_once('.').map_or(rest, |(unit, _)| unit).to_owned())
}

/// Names that an object defines, with what they stand for.
pub fn definitions(object: &ObjectFile) -> impl Iterator<Item = (&str, SymbolKind)> {
    object
        .symbols
        .iter()
        .filter(|symbol| symbol.is_defined() && !symbol.name.is_empty())
        .filter_map(|symbol| {
            let kind = match symbol.kind {
                elf::STT_FUNC => SymbolKind::Function,
                elf::STT_OBJECT => SymbolKind::Data,
                elf::STT_TLS => SymbolKind::ThreadLocal,
                _ => return None,
            };
            Some((symbol.name.as_str(), kind))
        })
}

/// Hashes of the names that an object defines or uses, sorted.
pub fn names(object: &ObjectFile) -> Vec<u64> {
    let names = object.symbols.iter().filter(|symbol| !symbol.name.is_empty());
    let mut names: Vec<u64> = names.map(|symbol| xxh3_64(symbol.name.as_bytes())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Writes linker arguments to a file, one a line, so that their number has no limit.
///
/// # Errors
/// When the file cannot be written.
pub fn write_response_file<T: AsRef<Path>>(path: &Path, args: &[T]) -> Result<()> {
    let mut text = String::new();
    for arg in args {
        for c in arg.as_ref().to_string_lossy().chars() {
            if c.is_whitespace() || matches!(c, '\\' | '"' | '\'') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('\n');
    }
    fs::write(path, text).context(Kind::System, || format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_keeps_its_name_from_session_to_session() {
        assert_eq!(unit_name("app-46.0bpil.0ybn1c0.rcgu.o").as_deref(), Some("0bpil"));
        assert_eq!(unit_name("app-46.app.8f-cgu.0.1x.rcgu.o").as_deref(), Some("app.8f-cgu.0"));
        assert_eq!(unit_name("lib.rmeta"), None);
        assert_eq!(unit_name("sqlite3.o"), None);
    }
}
