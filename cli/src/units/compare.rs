//! What changed between two compilations of a unit, function by function.
//!
//! A function is what it does: its bytes, and for each relocation in them what it leads to. Names
//! are compared as names, private constants by their contents. Debug information is left out, and
//! so are the line and column in a panic's `Location`: a comment typed above a function moves
//! them, and changes no code.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hotdev_protocol::ContentHash;
use object::elf;
use serde::{Deserialize, Serialize};

use crate::elf::is_static_name;
use crate::elf::object_file::{ObjectFile, Relocation, Symbol};
use crate::symbol_name::path;

/// What some units of a crate define: functions and statics by mangled name.
///
/// Units are compared as one set: rustc may move a function from one to another.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Digest {
    /// Hashes of a function's code; several where several units have copies of their own.
    functions: BTreeMap<String, BTreeSet<u64>>,
    /// Hashes of what a function calls; of closures and futures only.
    skeletons: BTreeMap<String, u64>,
    statics: BTreeMap<String, StaticDigest>,
}

/// What a static is, apart from the value it has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticDigest {
    /// Size in bytes.
    pub size: u64,
    /// Hash of its first value.
    pub value: u64,
    /// Whether the program can never write it.
    pub read_only: bool,
}

/// What differs in the newer of two sets of units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Statics whose first value or size is another: name, before, after.
    pub statics: Vec<(String, StaticDigest, StaticDigest)>,
    /// Statics that have another symbol under the same path, old and new: rustc's legacy mangling
    /// puts a hash of the type into the name.
    pub retyped: Vec<(String, String)>,
    /// Statics that cannot be told from others of the same path (made by one macro, say) and so
    /// must not be taken for the running program's.
    pub fresh: BTreeSet<String>,
    /// Statics that only one side has and that differ in their path alone: old, new.
    pub moved: Vec<(String, String)>,
    /// Functions that only the old side has.
    pub gone: BTreeSet<String>,
    /// Functions that only the new side has.
    pub came: BTreeSet<String>,
}

impl Digest {
    /// Takes in what a unit defines.
    pub fn add(&mut self, object: &ObjectFile) {
        let mut hasher = Hasher::new(object);
        for symbol in object.symbols.iter().filter(|symbol| symbol.is_defined()) {
            if symbol.kind == elf::STT_FUNC {
                let hash = hasher.symbol(symbol);
                self.functions.entry(symbol.name.clone()).or_default().insert(hash);
                if may_be_body(&symbol.name) {
                    let skeleton = hasher.skeleton(symbol);
                    self.skeletons.insert(symbol.name.clone(), skeleton);
                }
            } else if is_static(symbol) {
                self.statics.insert(symbol.name.clone(), hasher.static_item(symbol));
            }
        }
    }

    /// Takes in what another set defines.
    pub fn extend(&mut self, other: &Self) {
        for (name, hashes) in &other.functions {
            self.functions.entry(name.clone()).or_default().extend(hashes);
        }
        self.skeletons.extend(other.skeletons.iter().map(|(name, hash)| (name.clone(), *hash)));
        self.statics.extend(other.statics.iter().map(|(name, digest)| (name.clone(), *digest)));
    }

    /// Hash and skeleton of the code of a closure or future.
    pub fn code(&self, symbol: &str) -> Option<(u64, u64)> {
        let code = self.functions.get(symbol)?.first()?;
        Some((*code, *self.skeletons.get(symbol)?))
    }

    /// Whether a function or static of this name is defined.
    pub fn defines(&self, name: &str) -> bool {
        self.functions.contains_key(name) || self.statics.contains_key(name)
    }

    /// Mangled names of the functions.
    pub fn functions(&self) -> impl Iterator<Item = &String> {
        self.functions.keys()
    }

    /// Mangled names of the statics.
    pub fn statics(&self) -> impl Iterator<Item = &String> {
        self.statics.keys()
    }

    /// Names of the functions in `unit` whose code this set does not have.
    pub fn missing_in(&self, unit: &Digest) -> Vec<String> {
        let known = |name: &String| self.functions.get(name);
        let missing = unit
            .functions
            .iter()
            .filter(|(name, now)| !known(name).is_some_and(|was| was.is_superset(now)));
        missing.map(|(name, _)| name.clone()).collect()
    }
}

/// Compares two sets of units.
pub fn compare(old: &Digest, new: &Digest) -> Difference {
    let fresh = fresh(old, new);
    let statics = new.statics.iter().filter_map(|(name, now)| {
        let was = old.statics.get(name)?;
        (was.size != now.size || was.value != now.value).then(|| (name.clone(), *was, *now))
    });
    let (was, now): (BTreeSet<_>, BTreeSet<_>) =
        (old.functions.keys().collect(), new.functions.keys().collect());
    Difference {
        statics: statics.collect(),
        retyped: renamed(old, new, &fresh),
        moved: moved(old, new),
        gone: was.difference(&now).map(|name| (*name).clone()).collect(),
        came: now.difference(&was).map(|name| (*name).clone()).collect(),
        fresh,
    }
}

/// Pairs of statics that only one side has, of the same path. Of several, those belong together that
/// begin alike.
fn renamed(old: &Digest, new: &Digest, fresh: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut gone: HashMap<String, Vec<&String>> = HashMap::new();
    for name in old.statics.keys().filter(|name| !new.statics.contains_key(*name)) {
        gone.entry(path(name)).or_default().push(name);
    }
    let mut pairs = Vec::new();
    let came = new.statics.iter().filter(|(name, _)| !old.statics.contains_key(*name));
    for (name, now) in came.filter(|(name, _)| !fresh.contains(*name)) {
        let Some(candidates) = gone.get_mut(&path(name)) else { continue };
        let alike = candidates.iter().position(|was| old.statics[*was] == *now);
        if !candidates.is_empty() {
            let was = candidates.remove(alike.unwrap_or(0));
            pairs.push((was.clone(), name.clone()));
        }
    }
    pairs
}

/// See [`Difference::moved`].
fn moved(old: &Digest, new: &Digest) -> Vec<(String, String)> {
    let only = |one: &Digest, other: &Digest| {
        let own = one
            .statics
            .iter()
            .filter(|(name, digest)| !digest.read_only && !other.statics.contains_key(*name));
        own.map(|(name, digest)| (name.clone(), *digest)).collect::<Vec<_>>()
    };
    let (gone, came) = (only(old, new), only(new, old));
    let is_it = |was: &(String, StaticDigest), now: &(String, StaticDigest)| {
        let (before, after) = (path(&was.0), path(&now.0));
        before != after && before.rsplit("::").next() == after.rsplit("::").next() && was.1 == now.1
    };
    let pairs = came.iter().filter_map(|now| {
        let mut candidates = gone.iter().filter(|was| is_it(was, now));
        let was = candidates.next().filter(|_| candidates.next().is_none())?;
        Some((was.0.clone(), now.0.clone()))
    });
    pairs.collect()
}

/// See [`Difference::fresh`]. Several statics of one path, as macros declare them in blocks, differ
/// in a number only, and an edit shifts the numbers. They are taken for the same ones where their
/// number, and what each begins with, is the same.
fn fresh(old: &Digest, new: &Digest) -> BTreeSet<String> {
    let (old_paths, new_paths) = (by_path(old), by_path(new));
    let mut fresh = BTreeSet::new();
    for (path, names) in &new_paths {
        let before = old_paths.get(path).map_or(0, Vec::len);
        if names.len() < 2 && before < 2 {
            continue;
        }
        let differs = |name: &&&String| {
            let (was, now) = (old.statics.get(**name), new.statics.get(**name));
            before != names.len() || was != now || now.is_some_and(|now| now.read_only)
        };
        fresh.extend(names.iter().filter(differs).map(|name| (*name).clone()));
    }
    fresh
}

fn by_path(digest: &Digest) -> HashMap<String, Vec<&String>> {
    let mut paths: HashMap<String, Vec<&String>> = HashMap::new();
    for name in digest.statics.keys() {
        let path = path(name);
        // Two stand for each thread-local, and one of them is used.
        if !path.ends_with("__RUST_STD_INTERNAL_VAL") {
            paths.entry(path).or_default().push(name);
        }
    }
    paths
}

fn is_static(symbol: &Symbol) -> bool {
    matches!(symbol.kind, elf::STT_OBJECT | elf::STT_TLS)
        && symbol.is_defined()
        && is_static_name(&symbol.name)
}

/// Whether a symbol can be that of a closure's or future's body.
fn may_be_body(symbol: &str) -> bool {
    symbol.starts_with("_R") || symbol.contains("closure$u7d$")
}

struct Hasher<'a> {
    object: &'a ObjectFile,
    /// Relocations by the section they apply to, sorted by offset.
    relocations: HashMap<usize, Vec<Relocation>>,
    /// The static of each section that has one: rustc gives each a section of its own.
    statics: HashMap<usize, &'a Symbol>,
    /// Paths that several statics of this object have.
    shared_paths: BTreeSet<String>,
    /// Whether a static's first value is being hashed: others of a shared path then count by what
    /// they hold.
    in_static: bool,
    /// Hashes of private constants by section and offset; `None` while one is being made.
    constants: HashMap<(usize, u64), Option<u64>>,
}

impl<'a> Hasher<'a> {
    fn new(object: &'a ObjectFile) -> Self {
        let mut relocations: HashMap<usize, Vec<Relocation>> = HashMap::new();
        for table in &object.relocations {
            if object.sections[table.target].is_loaded()
                && !object.sections[table.target].is_unwind()
            {
                relocations.entry(table.target).or_default().extend(&table.entries);
            }
        }
        for entries in relocations.values_mut() {
            entries.sort_by_key(|entry| entry.offset);
        }
        let named = object.symbols.iter().filter(|symbol| is_static(symbol));
        let statics = named.map(|symbol| (usize::from(symbol.section), symbol)).collect();
        let mut paths = BTreeSet::new();
        let named = object
            .symbols
            .iter()
            .filter(|symbol| is_static(symbol))
            .map(|symbol| path(&symbol.name));
        let shared_paths = named.filter(|path| !paths.insert(path.clone())).collect();
        Self {
            object,
            relocations,
            statics,
            shared_paths,
            in_static: false,
            constants: HashMap::new(),
        }
    }

    fn symbol(&mut self, symbol: &Symbol) -> u64 {
        self.range(usize::from(symbol.section), symbol.value, symbol.value + symbol.size)
    }

    /// Hashes what a function calls, in order; panics left out, which arithmetic brings with it.
    fn skeleton(&self, symbol: &Symbol) -> u64 {
        let section = usize::from(symbol.section);
        let mut hash = ContentHash::default();
        for entry in self.entries(section, symbol.value, symbol.value + symbol.size) {
            let target = &self.object.symbols[entry.symbol as usize];
            let within = &self.object.sections[usize::from(target.section)];
            if target.is_defined() && target.kind == elf::STT_SECTION && within.is_code() {
                hash.write(within.name.as_bytes());
                hash.write(&entry.addend.to_le_bytes());
            } else if (!target.is_defined() || target.kind == elf::STT_FUNC)
                && !target.name.contains("9panicking")
            {
                hash.write(target.name.as_bytes());
            }
        }
        hash.finish()
    }

    fn static_item(&mut self, symbol: &Symbol) -> StaticDigest {
        self.in_static = true;
        let value = self.symbol(symbol);
        self.in_static = false;
        let section = &self.object.sections[usize::from(symbol.section)];
        let writable = section.flags & u64::from(elf::SHF_WRITE) != 0;
        let read_only = !writable || section.name.starts_with(".data.rel.ro");
        StaticDigest { size: symbol.size, value, read_only }
    }

    /// Whether a use of this static counts by what the static holds.
    fn is_looked_into(&self, item: &Symbol) -> bool {
        self.in_static && self.shared_paths.contains(&path(&item.name))
    }

    /// Hashes `start..end` of a section with what its relocations lead to.
    fn range(&mut self, section: usize, start: u64, end: u64) -> u64 {
        let object = self.object;
        let mut hash = ContentHash::default();
        let data = object.data(section);
        hash.write(&(end - start).to_le_bytes());
        hash.write(data.get(start as usize..end as usize).unwrap_or_default());
        for entry in self.entries(section, start, end) {
            hash.write(&(entry.offset - start).to_le_bytes());
            hash.write(&entry.kind.to_le_bytes());
            self.target(&entry, &mut hash);
        }
        hash.finish()
    }

    fn entries(&self, section: usize, start: u64, end: u64) -> Vec<Relocation> {
        let all = self.relocations.get(&section).map(Vec::as_slice).unwrap_or_default();
        let first = all.partition_point(|entry| entry.offset < start);
        all[first..].iter().take_while(|entry| entry.offset < end).copied().collect()
    }

    fn target(&mut self, entry: &Relocation, hash: &mut ContentHash) {
        let object = self.object;
        let symbol = &object.symbols[entry.symbol as usize];
        let private = symbol.kind == elf::STT_SECTION || !is_static_name(&symbol.name);
        let looked_into = symbol.is_defined() && is_static(symbol) && self.is_looked_into(symbol);
        if (!private && !looked_into) || !symbol.is_defined() {
            hash.write(symbol.name.as_bytes());
            hash.write(&entry.addend.to_le_bytes());
            return;
        }
        let section = usize::from(symbol.section);
        let item = self.statics.get(&section).filter(|item| !self.is_looked_into(item));
        if let Some(item) = item {
            // A static is one whatever it holds; its first value is compared for itself.
            hash.write(item.name.as_bytes());
            hash.write(&entry.addend.to_le_bytes());
        } else if object.sections[section].is_code() {
            // A place in code: the function it belongs to is compared for itself.
            hash.write(object.sections[section].name.as_bytes());
            hash.write(&entry.addend.to_le_bytes());
        } else {
            // In code, the length of the field itself stands in the addend.
            let bias = if entry.kind == elf::R_X86_64_64 { 0 } else { 4 };
            let place = symbol.value.wrapping_add_signed(entry.addend + bias);
            hash.write(&self.constant(section, place).to_le_bytes());
        }
    }

    /// Hashes the private constant that `offset` lies in by its contents: an entry of a mergeable
    /// section, otherwise the whole section, as rustc gives each constant its own.
    fn constant(&mut self, section: usize, offset: u64) -> u64 {
        let place = (section, offset);
        match self.constants.get(&place) {
            Some(Some(hash)) => return *hash,
            // Constants that refer to each other end here.
            Some(None) => return 0,
            None => {}
        }
        self.constants.insert(place, None);
        let object = self.object;
        let mut hash = ContentHash::default();
        if let Some(entry) = self.merged_entry(section, offset) {
            hash.write(entry);
        } else if let Some(text) = self.location_file(section) {
            hash.write(text);
        } else {
            hash.write(&offset.to_le_bytes());
            hash.write(&self.range(section, 0, object.sections[section].size as u64).to_le_bytes());
        }
        self.constants.insert(place, Some(hash.finish()));
        hash.finish()
    }

    /// What stands at `offset` in a section whose entries the linker merges: a string up to its
    /// end, or so many bytes as one entry has.
    fn merged_entry(&self, section: usize, offset: u64) -> Option<&'a [u8]> {
        let header = &self.object.sections[section];
        if header.flags & u64::from(elf::SHF_MERGE) == 0 {
            return None;
        }
        let strings = header.flags & u64::from(elf::SHF_STRINGS) != 0;
        // An instruction may go on behind the field, and its place is then named that much lower.
        let size = header.entry_size.max(1) as i64;
        let rounded =
            (offset as i64).saturating_add(size - 1).div_euclid(size).saturating_mul(size);
        let offset = if strings { offset } else { rounded as u64 };
        let rest = self.object.data(section).get(offset as usize..)?;
        let len = if strings {
            rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len())
        } else {
            header.entry_size.min(rest.len())
        };
        Some(&rest[..len])
    }

    /// The file name in a `core::panic::Location` (`&str`, line, column: 24 bytes), if this is one.
    fn location_file(&self, section: usize) -> Option<&'a [u8]> {
        let data = self.object.data(section);
        let [entry] = self.entries(section, 0, 24).try_into().ok()?;
        if data.len() != 24 || entry.offset != 0 {
            return None;
        }
        let symbol = &self.object.symbols[entry.symbol as usize];
        let len = u64::from_le_bytes(data[8..16].try_into().ok()?) as usize;
        let start = usize::try_from(symbol.value as i64 + entry.addend).ok()?;
        let text =
            self.object.data(usize::from(symbol.section)).get(start..start.checked_add(len)?)?;
        // A path, as rustc writes it.
        let is_file = text.ends_with(b".rs") && text.contains(&b'/');
        (symbol.is_defined() && is_file).then_some(text)
    }
}
