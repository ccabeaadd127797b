//! Relocations of debug sections, applied while they are read.

use std::collections::HashMap;

use object::elf::SHF_ALLOC;
use object::{Object, ObjectSection, ObjectSymbol, RelocationKind, RelocationTarget, SectionFlags};

/// Bits of an address that are an offset in its section; the section's index stands above them. In
/// an object file every section begins at 0, so that a plain address would not tell them apart.
const OFFSET_BITS: u32 = 40;

/// What stands at each relocated offset of one debug section.
#[derive(Debug, Default)]
pub struct Relocations(HashMap<usize, u64>);

impl Relocations {
    /// The relocations of `section`. Those of thread-locals are left out: their places are not
    /// known before the program runs, and not asked for.
    pub fn of(file: &object::File<'_>, section: &object::Section<'_, '_>) -> Self {
        let absolute = section
            .relocations()
            .filter(|(_, relocation)| relocation.kind() == RelocationKind::Absolute);
        let values = absolute.filter_map(|(offset, relocation)| {
            let RelocationTarget::Symbol(index) = relocation.target() else { return None };
            let symbol = file.symbol_by_index(index).ok()?;
            let plain = symbol.address().wrapping_add_signed(relocation.addend());
            let section = symbol.section_index().filter(|index| is_loaded(file, *index));
            let value = section.map_or(plain, |index| ((index.0 as u64) << OFFSET_BITS) | plain);
            Some((offset as usize, value))
        });
        Self(values.collect())
    }
}

/// The section that an address lies in, as [`Relocations`] has written it.
pub fn section_of(address: u64) -> object::SectionIndex {
    object::SectionIndex((address >> OFFSET_BITS) as usize)
}

fn is_loaded(file: &object::File<'_>, index: object::SectionIndex) -> bool {
    let flags = file.section_by_index(index).map(|section| section.flags());
    matches!(flags, Ok(SectionFlags::Elf { sh_flags }) if sh_flags & u64::from(SHF_ALLOC) != 0)
}

impl gimli::read::Relocate for &Relocations {
    fn relocate_address(&self, offset: usize, value: u64) -> gimli::Result<u64> {
        Ok(self.0.get(&offset).copied().unwrap_or(value))
    }

    fn relocate_offset(&self, offset: usize, value: usize) -> gimli::Result<usize> {
        Ok(self.0.get(&offset).map_or(value, |value| *value as usize))
    }
}
