//! What a session knows about an image: read from the file with `object`.

use std::{fs, path::Path};

use hotdev_protocol::Place;
use object::{
    Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, elf,
    read::elf::ElfFile64,
};

/// An image and the index that the test's patches have for it.
pub struct Elf {
    image: u32,
    data: Vec<u8>,
}

impl Elf {
    pub fn open(path: &Path, image: u32) -> Self {
        Self { image, data: fs::read(path).unwrap() }
    }

    pub fn place(&self, offset: u64) -> Place {
        Place { image: self.image, offset: offset.cast_signed() }
    }

    fn file(&self) -> ElfFile64<'_> {
        ElfFile64::parse(&*self.data).unwrap()
    }

    pub fn build_id(&self) -> Vec<u8> {
        self.file().build_id().unwrap().unwrap().to_vec()
    }

    pub fn hash(&self) -> u64 {
        hotdev_protocol::ContentHash::of(&self.data)
    }

    /// Where the symbol `name` is.
    pub fn symbol(&self, name: &str) -> Place {
        let file = self.file();
        let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name)).unwrap();
        self.place(symbol.address())
    }

    /// The GOT slot through which the image calls `name`.
    pub fn slot(&self, name: &str) -> Place {
        let file = self.file();
        let symbols = file.elf_dynamic_symbol_table();
        let (offset, _) = file
            .dynamic_relocations()
            .unwrap()
            .find(|(_, relocation)| match relocation.target() {
                RelocationTarget::Symbol(index) => {
                    let symbol = symbols.symbol(index).unwrap();
                    symbols.symbol_name(file.endian(), symbol).unwrap() == name.as_bytes()
                }
                _ => false,
            })
            .unwrap();
        self.place(offset)
    }

    /// The PC-relative field in `.text` that refers to `name`, and what it is measured to: the
    /// symbol's offset and the relocation's addend.
    pub fn field(&self, name: &str) -> (Place, u64, i64) {
        let file = self.file();
        let text = file.section_by_name(".text").unwrap();
        let variable = self.symbol(name).offset;
        let pc32 = RelocationFlags::Elf { r_type: elf::R_X86_64_PC32 };
        let (offset, addend) = text
            .relocations()
            .filter(|(_, relocation)| relocation.flags() == pc32)
            .find_map(|(offset, relocation)| {
                let RelocationTarget::Symbol(index) = relocation.target() else { return None };
                let symbol = file.symbol_by_index(index).unwrap();
                // The relocation may be to the symbol's section instead; the four bytes between
                // field and next instruction are in the addend then, too.
                let target = symbol.address().wrapping_add_signed(relocation.addend() + 4);
                (target == variable.cast_unsigned()).then_some((offset, -4))
            })
            .unwrap();
        (self.place(offset), variable.cast_unsigned(), addend)
    }
}
