//! What changed between two compilations of a unit, function by function.
//!
//! A function is what it does: its bytes, and for each relocation in them what it leads to. Names
//! are compared as names, private constants by their contents. Debug information is left out, and
//! so are the line and column in a panic's `Location`: a comment typed above a function moves
//! them, and changes no code.

use std::collections::BTreeMap;
use std::collections::HashMap;

use hotdev_protocol::ContentHash;
use object::elf;

use crate::elf::is_static_name;
use crate::elf::object_file::{ObjectFile, Relocation, Symbol};
use crate::symbol_name::path;

/// What differs in the newer of two units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Mangled names of functions whose code is other or that are new.
    pub functions: Vec<String>,
    /// Statics whose first value is another: name, and the sizes before and after.
    pub statics: Vec<StaticChange>,
    /// Statics that have another symbol under the same path, old and new: rustc's legacy mangling
    /// puts a hash of the type into the name.
    pub retyped: Vec<(String, String)>,
}

/// A static that is compiled differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticChange {
    /// Its mangled name.
    pub name: String,
    /// Size in bytes before.
    pub was: u64,
    /// Size in bytes after.
    pub now: u64,
}

impl Difference {
    /// Whether the newer unit holds nothing that the running program lacks.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.statics.is_empty() && self.retyped.is_empty()
    }
}

/// What is new or other in `new`. Without `old`, everything is new.
pub fn compare(old: Option<&ObjectFile>, new: &ObjectFile) -> Difference {
    let old = old.map(Digest::of).unwrap_or_default();
    let new = Digest::of(new);
    let functions =
        new.functions.iter().filter(|(name, hash)| old.functions.get(*name) != Some(hash));
    let statics = new.statics.iter().filter_map(|(name, now)| {
        let was = old.statics.get(name)?;
        (was != now).then(|| StaticChange { name: name.clone(), was: was.0, now: now.0 })
    });
    let by_path: HashMap<String, &String> = old
        .statics
        .keys()
        .filter(|name| !new.statics.contains_key(*name))
        .map(|name| (path(name), name))
        .collect();
    let added = new.statics.keys().filter(|name| !old.statics.contains_key(*name));
    let retyped =
        added.filter_map(|name| Some(((*by_path.get(&path(name))?).clone(), name.clone())));
    Difference {
        retyped: retyped.collect(),
        functions: functions.map(|(name, _)| name.clone()).collect(),
        statics: statics.collect(),
    }
}

fn is_static(symbol: &Symbol) -> bool {
    matches!(symbol.kind, elf::STT_OBJECT | elf::STT_TLS)
        && symbol.is_defined()
        && is_static_name(&symbol.name)
}

/// What a unit's functions and statics are.
#[derive(Default)]
struct Digest {
    functions: BTreeMap<String, u64>,
    /// Size and hash of the first value.
    statics: BTreeMap<String, (u64, u64)>,
}

impl Digest {
    fn of(object: &ObjectFile) -> Self {
        let mut hasher = Hasher::new(object);
        let mut digest = Self::default();
        for symbol in object.symbols.iter().filter(|symbol| symbol.is_defined()) {
            match symbol.kind {
                elf::STT_FUNC => {
                    digest.functions.insert(symbol.name.clone(), hasher.symbol(symbol));
                }
                _ if is_static(symbol) => {
                    digest
                        .statics
                        .insert(symbol.name.clone(), (symbol.size, hasher.symbol(symbol)));
                }
                _ => {}
            }
        }
        digest
    }
}

struct Hasher<'a> {
    object: &'a ObjectFile,
    /// Relocations by the section they apply to, sorted by offset.
    relocations: HashMap<usize, Vec<Relocation>>,
    /// The static of each section that has one: rustc gives each a section of its own.
    statics: HashMap<usize, &'a Symbol>,
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
        Self { object, relocations, statics, constants: HashMap::new() }
    }

    fn symbol(&mut self, symbol: &Symbol) -> u64 {
        self.range(usize::from(symbol.section), symbol.value, symbol.value + symbol.size)
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
        if !private || !symbol.is_defined() {
            hash.write(symbol.name.as_bytes());
            hash.write(&entry.addend.to_le_bytes());
            return;
        }
        let section = usize::from(symbol.section);
        if let Some(item) = self.statics.get(&section) {
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
        let rest = self.object.data(section).get(offset as usize..)?;
        let len = if header.flags & u64::from(elf::SHF_STRINGS) != 0 {
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
        (symbol.is_defined() && text.ends_with(b".rs")).then_some(text)
    }
}
