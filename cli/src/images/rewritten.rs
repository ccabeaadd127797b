//! Rewritten objects, kept from link to link: most units of a program are those of its last link.
//!
//! How an object is rewritten depends on the object, on how it was compiled, and on what the hot
//! objects together say of the names in it. All of that is in the name of the kept file, so a file
//! is never another one than it was. What the next link has to know of an object is in a note, so
//! that a unit which did not change is not even read.
//!
//! Objects of which a part goes into the executable are few, and made anew.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hot::Compiled;
use super::survey::{Profile, Survey};
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite::Rewritten;
use crate::elf::thread_locals::ThreadLocalUse;
use crate::error::{Context, Kind, Result};
use crate::units::Unit;

/// What a rewritten object was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Hash of the unit's object.
    content: u64,
    /// How it was compiled.
    pub how: Compiled,
}

/// A rewritten object in the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    profile: Profile,
    /// See [`Survey::answers`].
    pub answers: u64,
    /// Length of the file.
    length: u64,
    /// Functions whose stubs it refers to.
    pub stubs: BTreeSet<String>,
    /// Its uses of the executable's thread-locals.
    pub thread_locals: Vec<ThreadLocalUse>,
}

/// The objects of the last link.
pub struct Last {
    folder: PathBuf,
    entries: HashMap<Source, Entry>,
}

/// A unit on its way into a link.
pub enum Part<'a> {
    /// It was in the last link; it is read where the others say something else of its names now.
    Known(Source, &'a Entry, &'a Unit),
    /// It was not.
    New(Source, Box<ObjectFile>, Profile),
}

impl Last {
    /// Reads what is kept in `folder`.
    pub fn read(folder: PathBuf) -> Self {
        let bytes = fs::read(note(&folder)).unwrap_or_default();
        let entries: Vec<(Source, Entry)> = postcard::from_bytes(&bytes).unwrap_or_default();
        Self { folder, entries: entries.into_iter().collect() }
    }

    /// Finds a unit among the objects of the last link, or reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find<'a>(&'a self, unit: &'a Unit, how: Compiled) -> Result<Part<'a>> {
        let known = |content| self.known(Source { content, how }, unit);
        if let Some(part) = unit.known_content().and_then(known) {
            return Ok(part);
        }
        let (content, bytes) = unit.read_and_hash()?;
        match known(content) {
            Some(part) => Ok(part),
            None => Part::new(Source { content, how }, bytes),
        }
    }

    fn known<'a>(&'a self, source: Source, unit: &'a Unit) -> Option<Part<'a>> {
        let entry = self.entries.get(&source)?;
        let file = fs::metadata(self.path(source, entry.answers)).ok()?;
        (file.len() == entry.length).then_some(Part::Known(source, entry, unit))
    }

    /// Where the rewritten object of a unit is.
    pub fn path(&self, source: Source, answers: u64) -> PathBuf {
        self.folder.join(source.file_name(answers))
    }

    /// Writes a rewritten object.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(
        &self,
        source: Source,
        (profile, answers): (Profile, u64),
        object: ObjectFile,
        found: Rewritten,
    ) -> Result<Entry> {
        let (path, bytes) = (self.path(source, answers), object.write()?);
        fs::write(&path, &bytes).context(Kind::System, || format!("write {}", path.display()))?;
        let thread_locals = found.thread_locals.into_iter().map(|(used, _)| used).collect();
        let length = bytes.len() as u64;
        Ok(Entry { profile, answers, length, stubs: found.stubs, thread_locals })
    }

    /// Notes the objects of this link, and removes all others.
    ///
    /// # Errors
    /// When that fails.
    pub fn replace(&self, entries: &[(Source, Cow<'_, Entry>)]) -> Result<()> {
        let path = note(&self.folder);
        let doing = || format!("write {}", path.display());
        let bytes = postcard::to_stdvec(entries).context(Kind::System, doing)?;
        super::write_whole(&path, &bytes)?;
        let names = entries.iter().map(|(source, entry)| source.file_name(entry.answers));
        let names: HashSet<String> = names.collect();
        for file in fs::read_dir(&self.folder).context(Kind::System, doing)?.flatten() {
            let name = file.file_name();
            let is_object = name.as_encoded_bytes().ends_with(b".o");
            if is_object && name.to_str().is_none_or(|name| !names.contains(name)) {
                let _ = fs::remove_file(file.path());
            }
        }
        Ok(())
    }
}

/// Forgets all objects: what was made of them was no good.
pub fn forget(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

impl Source {
    fn file_name(self, answers: u64) -> String {
        let Self { content, how } = self;
        format!("{content:016x}-{answers:016x}{}.o", how.mark())
    }
}

impl<'a> Part<'a> {
    fn new(source: Source, bytes: Vec<u8>) -> Result<Self> {
        let object = ObjectFile::parse(bytes)?;
        let profile = Profile::of(&object);
        Ok(Self::New(source, Box::new(object), profile))
    }

    /// What it has to do with the others.
    pub fn profile(&self) -> &Profile {
        match self {
            Self::Known(_, entry, _) => &entry.profile,
            Self::New(_, _, profile) => profile,
        }
    }

    /// The kept object, where it is as it would be made now; otherwise the unit itself.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn resolve(self, survey: &Survey) -> Result<Self> {
        match self {
            Self::Known(source, entry, unit) if survey.answers(&entry.profile) != entry.answers => {
                let (content, bytes) = unit.read_and_hash()?;
                Self::new(Source { content, ..source }, bytes)
            }
            part => Ok(part),
        }
    }
}

fn note(folder: &Path) -> PathBuf {
    folder.join("objects.note")
}
