//! Records of first calls: how a patch tells which of its functions have been called.
//!
//! Each function that is watched has an *entry* in the patch, which slots lead to instead of the
//! function itself:
//!
//! ```text
//! entry:  jmp *record(%rip)              way        first `note`, after the first call the function
//! note:   lea record(%rip), %r11         distance   from the record to the function
//!         jmp *hotdev_called@GOT         called     1 after the first call
//! ```
//!
//! `hotdev_called` is in the shim (`runtime/shim/src/sys/calls.rs`): it marks the record, writes the
//! function's address into its first word, wakes the thread that tells the session, and goes on in
//! the function. That thread leads slots past the entry: a call costs what it cost before. To the
//! session the slot holds the entry for ever, and the shim takes both for the same, so processes are
//! alike whatever each of them has called.
//!
//! The distance is filled in after the link: only there can a visible function be told by its place.

use std::collections::HashMap;

use hotdev_protocol::Records;
use object::read::elf::{ElfFile64, Sym as _};
use object::write::{Object, Relocation, StandardSection, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, LittleEndian as LE, RelocationFlags, SymbolFlags,
    SymbolKind, SymbolScope, elf,
};

use super::image::Image;
use crate::error::{Context, Error, Kind, Result};

/// The shim's routine.
const NOTE: &str = "hotdev_called";

/// Where the records and the entries begin. Not names of statics, which plans would look at.
const RECORDS: &str = ".hotdev.records";
const ENTRIES: &str = ".hotdev.entries";

/// Bytes from one entry to the next, and from an entry to its `note`.
const STRIDE: u64 = Records::ENTRY;
const NOTE_AT: u64 = 8;

const CODE: [u8; 21] = [
    0xff, 0x25, 0, 0, 0, 0, // jmp *record(%rip)
    0x0f, 0x0b, // never reached
    0x4c, 0x8d, 0x1d, 0, 0, 0, 0, // lea record(%rip), %r11
    0xff, 0x25, 0, 0, 0, 0, // jmp *hotdev_called@GOTPCREL(%rip)
];

/// What a linked patch has of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The table, where there is one.
    pub records: Option<Records>,
    /// The function of each record, by its mangled name; empty where the patch does not offer it.
    pub functions: Vec<String>,
}

impl Watched {
    /// The functions that are watched, with the places of their entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.functions.iter().zip(0..);
        let there = all.filter(|(name, _)| !name.is_empty());
        let first = self.records.map_or(0, |records| records.entries.cast_unsigned());
        there.map(move |(name, index)| (name.as_str(), first + index * STRIDE))
    }

    /// Makes the entries what other code finds under the functions' names.
    pub fn lead_in(&self, image: &mut Image) {
        for (name, entry) in self.entries() {
            if let Some(definition) = image.exports.get_mut(name) {
                definition.place = entry;
            }
        }
    }
}

/// An object file with entries and records for `count` functions, of which there has to be one.
///
/// # Errors
/// Never, as far as is known: the object is small and plain.
pub fn object(count: usize) -> Result<Vec<u8>> {
    let doing = || "make records of calls".to_owned();
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.section_id(StandardSection::Text);
    let data = object.section_id(StandardSection::Data);
    let note = object.add_symbol(symbol(NOTE, SymbolSection::Undefined));
    let entries = object.add_symbol(symbol(ENTRIES, SymbolSection::Section(text)));
    let records = object.add_symbol(symbol(RECORDS, SymbolSection::Section(data)));
    for index in 0..count as u64 {
        let mut code = CODE.to_vec();
        code.resize(STRIDE as usize, 0xcc);
        let at = object.append_section_data(text, &code, STRIDE);
        let record = (index * Records::SIZE) as i64;
        let within = |offset, symbol, addend, kind| field(at + offset, symbol, addend, kind);
        for relocation in [
            within(2, records, record - 4, elf::R_X86_64_PC32),
            within(NOTE_AT + 3, records, record - 4, elf::R_X86_64_PC32),
            within(NOTE_AT + 9, note, -4, elf::R_X86_64_GOTPCREL),
        ] {
            object.add_relocation(text, relocation).context(Kind::Image, doing)?;
        }
        let at = object.append_section_data(data, &[0; Records::SIZE as usize], 8);
        let way = field(at, entries, (index * STRIDE + NOTE_AT) as i64, elf::R_X86_64_64);
        object.add_relocation(data, way).context(Kind::Image, doing)?;
    }
    object.write().context(Kind::Image, doing)
}

fn field(offset: u64, symbol: SymbolId, addend: i64, r_type: u32) -> Relocation {
    Relocation { offset, symbol, addend, flags: RelocationFlags::Elf { r_type } }
}

fn symbol(name: &str, section: SymbolSection) -> Symbol {
    let is_here = section != SymbolSection::Undefined;
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        // Of no type, so that nobody takes it for a function or a static.
        kind: if is_here { SymbolKind::Label } else { SymbolKind::Unknown },
        scope: if is_here { SymbolScope::Compilation } else { SymbolScope::Unknown },
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

/// Fills in the distances to `functions` (mangled names) in a linked patch with an [`object`] for as
/// many of them.
///
/// # Errors
/// When the bytes are no x86-64 ELF image with such records.
pub fn fill(bytes: &mut [u8], functions: &[String]) -> Result<Watched> {
    if functions.is_empty() {
        return Ok(Watched::default());
    }
    let failed = |cause: &str| Error::new(Kind::Image, "find the records of calls", cause);
    let wanted: HashMap<&str, usize> =
        functions.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut names = vec![String::new(); functions.len()];
    let mut edits = Vec::new();
    let places = own_places(bytes)?;
    let (records, entries) = places.ok_or_else(|| failed("the linker has left them out"))?;
    let file = parse(bytes)?;
    let dynamic = file.elf_dynamic_symbol_table();
    for symbol in dynamic.iter().filter(|symbol| symbol.st_shndx(LE) != elf::SHN_UNDEF) {
        let name = symbol.name(LE, dynamic.strings()).ok();
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let Some(&index) = wanted.get(name).filter(|_| symbol.st_type() == elf::STT_FUNC) else {
            continue;
        };
        let record = records + index as u64 * Records::SIZE;
        let distance = symbol.st_value(LE).wrapping_sub(record);
        let field = offset_in_file(&file, record + Records::DISTANCE);
        edits.push((field.ok_or_else(|| failed("they are not in the file"))?, distance));
        names[index] = name.to_owned();
    }
    for (offset, distance) in edits {
        let field = bytes.get_mut(offset..offset + 8);
        let field = field.ok_or_else(|| failed("they are not in the file"))?;
        field.copy_from_slice(&distance.to_le_bytes());
    }
    let table = Records {
        offset: records.cast_signed(),
        count: functions.len() as u32,
        entries: entries.cast_signed(),
    };
    Ok(Watched { records: Some(table), functions: names })
}

fn parse(bytes: &[u8]) -> Result<ElfFile64<'_, LE>> {
    ElfFile64::parse(bytes).context(Kind::Image, || "find the records of calls".to_owned())
}

/// Where the linker has put the records and the entries.
fn own_places(bytes: &[u8]) -> Result<Option<(u64, u64)>> {
    let file = parse(bytes)?;
    let symbols = file.elf_symbol_table();
    let place = |wanted: &str| {
        let mut named = symbols.iter().filter(|symbol| {
            symbol.name(LE, symbols.strings()).is_ok_and(|name| name == wanted.as_bytes())
        });
        named.next().map(|symbol| symbol.st_value(LE))
    };
    Ok(place(RECORDS).zip(place(ENTRIES)))
}

fn offset_in_file(file: &ElfFile64<'_, LE>, place: u64) -> Option<usize> {
    use object::read::elf::ProgramHeader as _;
    let mut loaded = file.elf_program_headers().iter().filter(|one| one.p_type(LE) == elf::PT_LOAD);
    let part = loaded
        .find(|part| (part.p_vaddr(LE)..part.p_vaddr(LE) + part.p_filesz(LE)).contains(&place))?;
    usize::try_from(place - part.p_vaddr(LE) + part.p_offset(LE)).ok()
}
