//! The debug sections of an object file, with their relocations applied.

use std::borrow::Cow;

use object::elf::SHF_ALLOC;
use object::{
    Object, ObjectSection, ObjectSymbol, RelocationKind, RelocationTarget, SectionFlags,
    SectionIndex,
};

/// Bits of an address that are an offset in its section; the section's index stands above them. In
/// an object file every section begins at 0, so that a plain address would not tell them apart.
const OFFSET_BITS: u32 = 40;

/// The contents of one debug section. Relocations of thread-locals are left out: their places are
/// not known before the program runs, and not asked for.
pub fn load<'a>(
    file: &object::File<'a>,
    id: gimli::SectionId,
) -> Result<Cow<'a, [u8]>, object::Error> {
    let Some(section) = file.section_by_name(id.name()) else { return Ok(Cow::default()) };
    let mut data = section.uncompressed_data()?;
    for (offset, relocation) in section.relocations() {
        let target = (relocation.kind(), relocation.target());
        let (RelocationKind::Absolute, RelocationTarget::Symbol(index)) = target else { continue };
        let Ok(symbol) = file.symbol_by_index(index) else { continue };
        let plain = symbol.address().wrapping_add_signed(relocation.addend());
        let section = symbol.section_index().filter(|index| is_loaded(file, *index));
        let value = section.map_or(plain, |index| ((index.0 as u64) << OFFSET_BITS) | plain);
        let (start, len) = (offset as usize, usize::from(relocation.size() / 8));
        let field = start.checked_add(len).and_then(|end| data.to_mut().get_mut(start..end));
        if let Some(field) = field {
            field.copy_from_slice(&value.to_le_bytes()[..len.min(8)]);
        }
    }
    Ok(data)
}

/// Section and offset of an address that [`load`] has written.
pub fn place_of(address: u64) -> (SectionIndex, u64) {
    (SectionIndex((address >> OFFSET_BITS) as usize), address & ((1 << OFFSET_BITS) - 1))
}

fn is_loaded(file: &object::File<'_>, index: SectionIndex) -> bool {
    let flags = file.section_by_index(index).map(|section| section.flags());
    matches!(flags, Ok(SectionFlags::Elf { sh_flags }) if sh_flags & u64::from(SHF_ALLOC) != 0)
}
