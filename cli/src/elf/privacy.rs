//! Keeps patches apart from one another as far as the dynamic linker is concerned.
//!
//! hotdev writes every slot of a patch itself, so what the dynamic linker binds a name to makes no
//! difference, with one exception: a library that another one is bound to stays loaded as long as
//! that one. So no patch offers its functions to others, and none asks others for what only
//! patches define.

use object::elf;
use object::read::elf::{ElfFile64, SectionHeader as _, Sym as _};
use object::{LittleEndian as LE, SectionIndex};

use crate::error::{Error, Kind, Result};

/// Makes the functions that a linked patch defines private, and imports for which `is_ours` says so
/// optional. Statics and thread-locals stay as they are: what holds the first copy of one stays
/// loaded anyway.
///
/// # Errors
/// When the bytes are no x86-64 ELF image.
pub fn make_private(bytes: &mut [u8], is_ours: impl Fn(&str) -> bool) -> Result<()> {
    for edit in edits(bytes, &is_ours)? {
        let byte = bytes.get_mut(edit.offset);
        *byte.ok_or_else(|| failed("a symbol lies outside of the file"))? = edit.value;
    }
    Ok(())
}

/// A byte of the file and what it becomes.
struct Edit {
    offset: usize,
    value: u8,
}

fn edits(bytes: &[u8], is_ours: &dyn Fn(&str) -> bool) -> Result<Vec<Edit>> {
    let file = ElfFile64::<LE>::parse(bytes).map_err(failed)?;
    let symbols = file.elf_dynamic_symbol_table();
    let Some(index) = Some(symbols.section()).filter(|index| *index != SectionIndex(0)) else {
        return Ok(Vec::new());
    };
    let section = file.elf_section_table().section(index).map_err(failed)?;
    let begin = section.sh_offset(LE) as usize;
    let mut edits = Vec::new();
    for (number, symbol) in symbols.iter().enumerate() {
        let name = symbol.name(LE, symbols.strings()).map_err(failed)?;
        let name = std::str::from_utf8(name).unwrap_or_default();
        let entry = begin + number * size_of::<elf::Sym64<LE>>();
        if symbol.st_shndx(LE) == elf::SHN_UNDEF {
            if symbol.st_bind() == elf::STB_GLOBAL && is_ours(name) {
                let value = elf::STB_WEAK << 4 | symbol.st_type();
                edits.push(Edit { offset: entry + 4, value });
            }
        } else if symbol.st_type() == elf::STT_FUNC && is_rust(name) {
            edits.push(Edit { offset: entry + 5, value: elf::STV_HIDDEN });
        }
    }
    Ok(edits)
}

/// Functions with names of the program's own choice may be looked up by others.
fn is_rust(name: &str) -> bool {
    name.starts_with("_ZN") || name.starts_with("_R")
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Image, "make a patch's functions private", cause)
}
