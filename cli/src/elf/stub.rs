//! Stubs: one jump through a slot, for pointers to functions that the program keeps in data.
//!
//! A pointer to the stub of a function is good for ever: whichever version is the newest, the
//! stub's slot leads to it.

use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, SymbolKind, SymbolScope,
    elf,
};

use super::image::Definition;
use crate::error::{Context, Kind, Result};

/// The symbol of a function's stub.
pub fn name(function: &str) -> String {
    format!("{function}.hotdev.stub")
}

/// Whether a symbol is that of a stub.
pub fn is_name(symbol: &str) -> bool {
    symbol.ends_with(".hotdev.stub")
}

/// An object file with a stub for each function.
///
/// # Errors
/// Never, as far as is known: the object is small and plain.
pub fn object(functions: impl Iterator<Item = impl AsRef<str>>) -> Result<Vec<u8>> {
    let doing = || "make stubs for function pointers".to_owned();
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.section_id(StandardSection::Text);
    for function in functions {
        // jmp *function@GOTPCREL(%rip)
        let offset = object.append_section_data(text, &[0xff, 0x25, 0, 0, 0, 0], 16);
        object.add_symbol(Symbol {
            section: SymbolSection::Section(text),
            ..symbol(&name(function.as_ref()), offset, SymbolKind::Text)
        });
        let target = object.add_symbol(symbol(function.as_ref(), 0, SymbolKind::Unknown));
        let flags = RelocationFlags::Elf { r_type: elf::R_X86_64_GOTPCREL };
        let relocation = Relocation { offset: offset + 2, symbol: target, addend: -4, flags };
        object.add_relocation(text, relocation).context(Kind::Image, doing)?;
    }
    object.write().context(Kind::Image, doing)
}

fn symbol(name: &str, value: u64, kind: SymbolKind) -> Symbol {
    let is_stub = kind == SymbolKind::Text;
    Symbol {
        name: name.as_bytes().to_vec(),
        value,
        size: if is_stub { 6 } else { 0 },
        kind,
        scope: if is_stub { SymbolScope::Dynamic } else { SymbolScope::Unknown },
        weak: false,
        section: SymbolSection::Undefined,
        flags: SymbolFlags::None,
    }
}

/// An object file with room for statics and thread-locals that the patch uses and other units
/// define. It is never used: [`crate::plan`] leads each use to the first copy.
///
/// # Errors
/// As [`object`].
pub fn placeholders<'a>(items: impl Iterator<Item = (&'a str, Definition)>) -> Result<Vec<u8>> {
    let doing = || "make room for statics".to_owned();
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    for (name, definition) in items {
        let (section, kind) = match definition.kind {
            crate::elf::SymbolKind::ThreadLocal => {
                (StandardSection::UninitializedTls, SymbolKind::Tls)
            }
            _ => (StandardSection::UninitializedData, SymbolKind::Data),
        };
        let section = object.section_id(section);
        let id = object.add_symbol(Symbol { scope: SymbolScope::Linkage, ..symbol(name, 0, kind) });
        object.add_symbol_bss(id, section, definition.size, 16);
    }
    object.write().context(Kind::Image, doing)
}
