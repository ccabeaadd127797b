//! Thread-locals of binary crates: rustc compiles those for executables, so theirs live in the
//! executable, and the code of the hot image and of patches reaches them by their distance from the
//! thread pointer.

use std::collections::BTreeSet;

use object::elf;

use super::object_file::{ObjectFile, Relocation, Symbol};
use super::rewrite::{
    Linkage, drop_tables_of_indices, function_name, functions_by_place, static_names,
};

/// A use of a thread-local by its distance from the thread pointer (`TPOFF32`), which only code in
/// the executable may have. rustc compiles binary crates so.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ThreadLocalUse {
    /// The function it stands in.
    pub function: String,
    /// Bytes from the function's beginning to the 32-bit field.
    pub delta: u64,
    /// The thread-local.
    pub name: String,
    /// The relocation's addend.
    pub addend: i64,
}

/// The use of a thread-local that a relocation in `section` is, where it is one.
pub(super) fn used_at(
    object: &ObjectFile,
    relocation: Relocation,
    section: usize,
) -> Option<ThreadLocalUse> {
    if relocation.kind != elf::R_X86_64_TPOFF32 {
        return None;
    }
    let function =
        object.symbols.iter().find(|symbol| contains(symbol, section, relocation.offset))?;
    Some(ThreadLocalUse {
        function: function.name.clone(),
        delta: relocation.offset - function.value,
        name: object.symbols[relocation.symbol as usize].name.clone(),
        addend: relocation.addend,
    })
}

fn contains(symbol: &Symbol, section: usize, offset: u64) -> bool {
    symbol.kind == elf::STT_FUNC
        && usize::from(symbol.section) == section
        && (symbol.value..symbol.value + symbol.size).contains(&offset)
}

/// A function or static that a thread-local's initial value leads to, be it through constants. A
/// copy of the thread-local with [`keep_thread_locals`] would lead to a second one.
pub fn led_to_by_thread_locals(object: &ObjectFile, linkage: &impl Linkage) -> Option<String> {
    let is_thread_local = |section: usize| object.sections[section].name.starts_with(".tdata");
    let mut open: Vec<usize> =
        (0..object.sections.len()).filter(|at| is_thread_local(*at)).collect();
    let mut seen = BTreeSet::new();
    while let Some(section) = open.pop() {
        if !seen.insert(section) {
            continue;
        }
        let tables = object.relocations.iter().filter(|table| table.target == section);
        for pointer in tables.flat_map(|table| &table.entries) {
            let symbol = &object.symbols[pointer.symbol as usize];
            let to = usize::from(symbol.section);
            if !symbol.is_defined() {
                if linkage.kind(&symbol.name).is_some() {
                    return Some(symbol.name.clone());
                }
            } else if object.sections.get(to).is_some_and(|section| section.is_code()) {
                return Some(
                    function_name(object, *pointer, &functions_by_place(object)).to_owned(),
                );
            } else if let Some(name) = static_names(object, to).next() {
                return Some(name.to_owned());
            } else {
                open.push(to);
            }
        }
    }
    None
}

/// Makes a copy of an object that brings nothing but its thread-locals into the executable: they
/// become visible under their names, and what their first values lead to stays. All else is left
/// out, so that an edit of the code beside them changes nothing of the executable.
pub fn keep_thread_locals(object: &mut ObjectFile) {
    let (kept, named) = reached_by_thread_locals(object);
    for (at, section) in object.sections.iter_mut().enumerate() {
        if section.flags & u64::from(elf::SHF_ALLOC) != 0 && !kept.contains(&at) {
            section.flags |= u64::from(elf::SHF_EXCLUDE);
            section.flags &= !u64::from(elf::SHF_ALLOC);
        }
    }
    for (at, symbol) in object.symbols.iter_mut().enumerate() {
        if symbol.name.is_empty() || symbol.kind == elf::STT_SECTION || symbol.kind == elf::STT_FILE
        {
            continue;
        }
        if !symbol.is_defined() {
            symbol.set_visibility(elf::STV_DEFAULT);
            if !named.contains(&(at as u32)) && symbol.binding == elf::STB_GLOBAL {
                // Nothing uses it any more. Were it weak instead, the linker would also take the
                // hot image's need of it for a weak one, and leave it in its archive.
                symbol.binding = elf::STB_LOCAL;
            }
        } else if symbol.kind == elf::STT_TLS {
            symbol.binding = elf::STB_GLOBAL;
            symbol.set_visibility(elf::STV_DEFAULT);
        } else if symbol.binding == elf::STB_GLOBAL {
            symbol.binding = elf::STB_LOCAL;
            symbol.set_visibility(elf::STV_DEFAULT);
        }
    }
    drop_tables_of_indices(object);
}

/// The sections of thread-locals and of all that their first values lead to, and the symbols that
/// stand in these.
fn reached_by_thread_locals(object: &ObjectFile) -> (BTreeSet<usize>, BTreeSet<u32>) {
    let is_thread_local = |at: &usize| object.sections[*at].flags & u64::from(elf::SHF_TLS) != 0;
    let mut open: Vec<usize> = (0..object.sections.len()).filter(is_thread_local).collect();
    let (mut sections, mut symbols) = (BTreeSet::new(), BTreeSet::new());
    while let Some(section) = open.pop() {
        if !sections.insert(section) {
            continue;
        }
        let tables = object.relocations.iter().filter(|table| table.target == section);
        for pointer in tables.flat_map(|table| &table.entries) {
            symbols.insert(pointer.symbol);
            let symbol = &object.symbols[pointer.symbol as usize];
            open.extend(symbol.is_defined().then_some(usize::from(symbol.section)));
        }
    }
    (sections, symbols)
}
