//! Makes an object's functions replaceable while the program runs.
//!
//! rustc compiles calls within a crate as direct ones. Rewriting the object before it is linked
//! turns every function into a preemptible symbol and every direct use of one into a use through
//! the linker's tables, whose words (slots) hotdev can write later:
//!
//! - a hidden function becomes visible, a local one global where its name is unique;
//! - a call or an address taken relative to the code (`PC32`) goes through the PLT (`PLT32`), so
//!   that a stored function pointer stays current as well;
//! - an address loaded from the GOT (`mov f@GOTPCREL(%rip)`) becomes the PLT's (`lea f@PLT(%rip)`),
//!   for the same reason. Both instructions have the same length.
//!
//! Addresses of functions in constants and statics stay as they are where they form a vtable: those
//! words are slots themselves. Elsewhere the program may have copied the pointer before an edit, so
//! it points to a stub that jumps through a slot (see [`super::stub`]).
//!
//! In optimized objects LLVM has used what it knows of functions in the same object, so there a
//! call within the object stays direct, and local functions stay local, apart from those whose
//! addresses stand in data.
//!
//! Data is left where it is: code reaches a program's own statics by distance, and a patch's
//! distances are led to the first generation's statics when it is loaded (see [`crate::plan`]). A
//! static that every image can see (`#[no_mangle]`) stays so, and keeps its slots where code uses
//! them. The linker refuses a distance to it, as the one that is meant may be in another image: such
//! a use gets a second, local symbol of the same name and place.

use std::collections::{BTreeSet, HashMap, HashSet};

use object::elf;

use super::object_file::{ObjectFile, Relocation};
use super::thread_locals::{self, ThreadLocalUse};
use super::{SymbolKind, is_static_name, stub};

/// What is known of the hot objects together.
pub trait Linkage {
    /// What `name` stands for, where any hot object defines it.
    fn kind(&self, name: &str) -> Option<SymbolKind>;
    /// Whether the local function `name` can be made global: no other object has one of that name.
    fn is_unique(&self, name: &str) -> bool;
}

/// What [`rewrite`] found on its way.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// Fields that the linker cannot fill, in the order of the file. They hold 0 now.
    pub thread_locals: Vec<(ThreadLocalUse, FieldPlace)>,
    /// Functions whose stubs the object refers to now.
    pub stubs: BTreeSet<String>,
}

/// Where a field is in an object.
#[derive(Clone, Copy, Debug)]
pub struct FieldPlace {
    /// Section index.
    pub section: usize,
    /// Offset in the section.
    pub offset: u64,
}

/// Rewrites `object` in place. `optimized` is whether it was compiled above opt-level 0.
pub fn rewrite(object: &mut ObjectFile, linkage: &impl Linkage, optimized: bool) -> Rewritten {
    let functions = functions_by_place(object);
    let statics = statics_by_section(object);
    let pointed_at = functions_in_data(object, &functions);
    expose_functions(object, linkage, &|function| !optimized || pointed_at.contains(&function));
    drop_tables_of_indices(object);
    let mut found = Rewritten::default();
    let mut own = OwnNames::new();
    for table in 0..object.relocations.len() {
        let target = object.relocations[table].target;
        let section = &object.sections[target];
        if !section.is_code() && !section.is_data() {
            continue;
        }
        let code = section.is_code();
        for entry in 0..object.relocations[table].entries.len() {
            let old = object.relocations[table].entries[entry];
            let place = FieldPlace { section: target, offset: old.offset };
            let named = name_target(object, old, code, &functions, &statics);
            let new = if code {
                if let Some(used) = thread_locals::used_at(object, named, target) {
                    found.thread_locals.push((used, place));
                    Relocation { kind: elf::R_X86_64_NONE, ..named }
                } else {
                    let within = by_own_name(object, named, &mut own);
                    through_slot(object, within, place, linkage, optimized)
                }
            } else {
                match stub_target(object, table, named, &functions, linkage) {
                    Some(function) => {
                        let symbol = object.undefined_symbol(&stub::name(&function));
                        found.stubs.insert(function);
                        Relocation { symbol, ..named }
                    }
                    None => named,
                }
            };
            object.relocations[table].entries[entry] = new;
        }
    }
    found
}

/// Symbols of functions by section and offset.
pub(super) type Functions = HashMap<(u16, u64), u32>;

pub(super) fn functions_by_place(object: &ObjectFile) -> Functions {
    let mut functions = Functions::new();
    for (index, symbol) in object.symbols.iter().enumerate() {
        if symbol.kind == elf::STT_FUNC && symbol.is_defined() {
            functions.entry((symbol.section, symbol.value)).or_insert(index as u32);
        }
    }
    functions
}

/// The static of each section that holds just one.
fn statics_by_section(object: &ObjectFile) -> HashMap<u16, u32> {
    let mut statics: HashMap<u16, Vec<u32>> = HashMap::new();
    for (index, symbol) in object.symbols.iter().enumerate() {
        let is_data = matches!(symbol.kind, elf::STT_OBJECT | elf::STT_TLS);
        if is_data && symbol.is_defined() && is_static_name(&symbol.name) {
            statics.entry(symbol.section).or_default().push(index as u32);
        }
    }
    statics
        .into_iter()
        .filter(|(_, symbols)| symbols.len() == 1 && object.symbols[symbols[0] as usize].value == 0)
        .map(|(section, symbols)| (section, symbols[0]))
        .collect()
}

/// Symbols of the functions whose addresses stand in data, in tables of methods for instance: LLVM
/// leaves them the calling convention that everybody knows.
fn functions_in_data(object: &ObjectFile, functions: &Functions) -> HashSet<u32> {
    let data = object.relocations.iter().filter(|table| object.sections[table.target].is_data());
    let pointers = data.flat_map(|table| &table.entries);
    let pointers = pointers.filter(|entry| entry.kind == elf::R_X86_64_64);
    let symbols = pointers.filter_map(|entry| {
        let symbol = &object.symbols[entry.symbol as usize];
        match symbol.kind {
            elf::STT_SECTION => functions.get(&(symbol.section, entry.addend as u64)).copied(),
            _ => Some(entry.symbol),
        }
    });
    symbols.collect()
}

/// Makes functions visible to other images; of those that are local, those that `may_be_led`.
fn expose_functions(
    object: &mut ObjectFile,
    linkage: &impl Linkage,
    may_be_led: &dyn Fn(u32) -> bool,
) {
    for (index, symbol) in (0..).zip(&mut object.symbols) {
        if symbol.name.is_empty() || symbol.kind == elf::STT_SECTION || symbol.kind == elf::STT_FILE
        {
            continue;
        }
        if symbol.is_defined() {
            if symbol.kind != elf::STT_FUNC {
                continue;
            }
            if symbol.is_global() {
                symbol.set_visibility(elf::STV_DEFAULT);
            } else if may_be_led(index) && linkage.is_unique(&symbol.name) {
                symbol.binding = elf::STB_GLOBAL;
                symbol.set_visibility(elf::STV_DEFAULT);
            }
        } else if symbol.section == elf::SHN_UNDEF {
            // Hidden data is reached by distance and must stay within the image. What no hot
            // object defines comes from the executable.
            match linkage.kind(&symbol.name) {
                Some(SymbolKind::Data | SymbolKind::ThreadLocal) => {}
                Some(SymbolKind::Function) | None => symbol.set_visibility(elf::STV_DEFAULT),
            }
        }
    }
}

/// Tables that hold symbol indices outside relocations. They only help the linker to fold code.
pub(super) fn drop_tables_of_indices(object: &mut ObjectFile) {
    for section in 0..object.sections.len() {
        let kind = object.sections[section].kind;
        if kind == SHT_LLVM_ADDRSIG || kind == SHT_LLVM_CALL_GRAPH_PROFILE {
            object.exclude(section);
        }
    }
}

const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;
const SHT_LLVM_CALL_GRAPH_PROFILE: u32 = 0x6fff_4c09;

/// Gives a relocation against a section the name of the function or static that it means.
fn name_target(
    object: &ObjectFile,
    relocation: Relocation,
    code: bool,
    functions: &Functions,
    statics: &HashMap<u16, u32>,
) -> Relocation {
    let symbol = &object.symbols[relocation.symbol as usize];
    if symbol.kind != elf::STT_SECTION {
        return relocation;
    }
    // In code, the field's own length stands in the addend.
    let bias = if code && relocation.kind != elf::R_X86_64_64 { 4 } else { 0 };
    let target = relocation.addend + bias;
    let Some(section) = object.sections.get(usize::from(symbol.section)) else {
        return relocation;
    };
    if section.is_code() {
        match functions.get(&(symbol.section, target as u64)) {
            Some(function) => Relocation { symbol: *function, addend: -bias, ..relocation },
            None => relocation,
        }
    } else if let Some(name) = statics.get(&symbol.section) {
        Relocation { symbol: *name, ..relocation }
    } else {
        relocation
    }
}

/// Local symbols beside visible ones: for each of those, what has been made.
type OwnNames = HashMap<u32, u32>;

/// Gives a distance to a visible static of this object a symbol that can be nobody else's.
fn by_own_name(object: &mut ObjectFile, relocation: Relocation, own: &mut OwnNames) -> Relocation {
    let symbol = &object.symbols[relocation.symbol as usize];
    let is_visible = symbol.binding == elf::STB_GLOBAL && symbol.visibility() == elf::STV_DEFAULT;
    let is_static = symbol.kind == elf::STT_OBJECT && symbol.is_defined();
    if relocation.kind != elf::R_X86_64_PC32 || !is_visible || !is_static {
        return relocation;
    }
    let next = object.symbols.len() as u32;
    let local = *own.entry(relocation.symbol).or_insert(next);
    if local == next {
        let mut local = symbol.clone();
        local.binding = elf::STB_LOCAL;
        object.symbols.push(local);
    }
    Relocation { symbol: local, ..relocation }
}

/// Leads a use of a replaceable function through a slot.
fn through_slot(
    object: &mut ObjectFile,
    relocation: Relocation,
    place: FieldPlace,
    linkage: &impl Linkage,
    optimized: bool,
) -> Relocation {
    let symbol = &object.symbols[relocation.symbol as usize];
    let (here, global) = (symbol.is_defined(), symbol.is_global());
    let is_function = if here {
        symbol.kind == elf::STT_FUNC
    } else {
        linkage.kind(&symbol.name) == Some(SymbolKind::Function)
    };
    if !is_function {
        return relocation;
    }
    match relocation.kind {
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 if here && optimized => direct(object, relocation),
        elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX
            if here && optimized && call_to_direct(object, place) =>
        {
            direct(object, relocation)
        }
        elf::R_X86_64_PC32 if global => Relocation { kind: elf::R_X86_64_PLT32, ..relocation },
        elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
            if load_to_address(object, place) =>
        {
            // Optimized code may jump there next, so the address counts as a call.
            if here && optimized {
                direct(object, relocation)
            } else {
                Relocation { kind: elf::R_X86_64_PLT32, ..relocation }
            }
        }
        _ => relocation,
    }
}

/// The function whose stub a pointer in data has to lead to: a replaceable function, and the data
/// is no vtable.
fn stub_target(
    object: &ObjectFile,
    table: usize,
    relocation: Relocation,
    functions: &Functions,
    linkage: &impl Linkage,
) -> Option<String> {
    let symbol = &object.symbols[relocation.symbol as usize];
    let pointer =
        relocation.kind == elf::R_X86_64_64 && relocation.addend == 0 && symbol.is_global();
    if !pointer || linkage.kind(&symbol.name) != Some(SymbolKind::Function) {
        return None;
    }
    (!is_vtable(object, table, functions)).then(|| symbol.name.clone())
}

/// Whether the section that a relocation table applies to is a vtable: an unnamed constant of drop
/// glue (or nothing), a size, an alignment, then methods.
fn is_vtable(object: &ObjectFile, table: usize, functions: &Functions) -> bool {
    let (target, entries) = (object.relocations[table].target, &object.relocations[table].entries);
    let named = static_names(object, target).next().is_some();
    let word = |offset: usize| {
        let bytes = object.data(target).get(offset..offset + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let drops = match entries.iter().find(|entry| entry.offset < 8) {
        Some(first) => function_name(object, *first, functions).contains("drop_in_place"),
        None => word(0) == Some(0),
    };
    let plain = !entries.iter().any(|entry| (8..24).contains(&entry.offset));
    !named
        && drops
        && plain
        && word(16).is_some_and(|alignment| alignment.is_power_of_two() && alignment <= 1 << 16)
}

/// The name that a pointer in data leads to, by symbol or by the place in a section; else empty.
pub(super) fn function_name<'a>(
    object: &'a ObjectFile,
    pointer: Relocation,
    functions: &Functions,
) -> &'a str {
    let symbol = &object.symbols[pointer.symbol as usize];
    if symbol.kind != elf::STT_SECTION {
        return &symbol.name;
    }
    functions
        .get(&(symbol.section, pointer.addend as u64))
        .map_or("", |function| &object.symbols[*function as usize].name)
}

/// Names of the statics in a section.
pub(super) fn static_names(object: &ObjectFile, section: usize) -> impl Iterator<Item = &str> {
    object
        .symbols
        .iter()
        .filter(move |symbol| {
            symbol.kind == elf::STT_OBJECT
                && usize::from(symbol.section) == section
                && is_static_name(&symbol.name)
        })
        .map(|symbol| symbol.name.as_str())
}

/// Leads a use of a function of this object straight to it.
fn direct(object: &mut ObjectFile, relocation: Relocation) -> Relocation {
    let symbol = &object.symbols[relocation.symbol as usize];
    let (section, value) = (usize::from(symbol.section), symbol.value as i64);
    let symbol = object.section_symbol(section);
    Relocation { symbol, addend: relocation.addend + value, kind: elf::R_X86_64_PC32, ..relocation }
}

/// Turns `call *f@GOTPCREL(%rip)` into `addr32 call f`, of the same length; false where it is
/// another instruction. The linker does the same where it may (psABI, GOTPCRELX).
fn call_to_direct(object: &mut ObjectFile, place: FieldPlace) -> bool {
    let offset = place.offset as usize;
    let Some(code) = offset
        .checked_sub(2)
        .and_then(|start| object.data_mut(place.section).get_mut(start..offset))
    else {
        return false;
    };
    let is_call = code == [0xff, 0x15];
    if is_call {
        code.copy_from_slice(&[0x67, 0xe8]);
    }
    is_call
}

/// Turns `mov f@GOTPCREL(%rip), %reg` into `lea f(%rip), %reg`; false where it is another instruction.
fn load_to_address(object: &mut ObjectFile, place: FieldPlace) -> bool {
    const MOV: u8 = 0x8b;
    const LEA: u8 = 0x8d;
    let offset = place.offset as usize;
    let Some([rex, opcode, modrm]) = offset
        .checked_sub(3)
        .and_then(|start| object.data_mut(place.section).get_mut(start..offset))
    else {
        return false;
    };
    let is_load = *rex & 0xf8 == 0x48 && *opcode == MOV && *modrm & 0xc7 == 0x05;
    if is_load {
        *opcode = LEA;
    }
    is_load
}
