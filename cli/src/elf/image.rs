//! A linked image (executable or shared library): what it defines, and where it holds addresses.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use object::read::elf::{
    ElfFile64, FileHeader as _, ProgramHeader as _, SectionHeader as _, Sym as _,
};
use object::{LittleEndian as LE, Object as _, ReadCache, elf};

use super::{SymbolKind, is_static_name};
use crate::error::{Context, Error, Kind, Result};

/// What an image defines and where it holds addresses. All places are ELF virtual addresses,
/// that is offsets from the load address.
#[derive(Debug, Default)]
pub struct Image {
    /// `NT_GNU_BUILD_ID`
    pub build_id: Vec<u8>,
    /// What other images can bind to, by name.
    pub exports: HashMap<String, Definition>,
    /// Statics and thread-locals by name, the private ones included. A thread-local's place is its
    /// offset in the image's thread-local segment.
    pub statics: HashMap<String, Definition>,
    /// Names of functions that stay private to this image although they have names of their own.
    pub private_functions: HashMap<String, u64>,
    /// Words that hold the address of a named symbol, by that name.
    pub slots: HashMap<String, Vec<Slot>>,
    /// Names this image needs from others.
    pub imports: Vec<String>,
    /// The GOT's pair for this image's own thread-local segment, if its code uses one.
    pub thread_local_pair: Option<u64>,
    /// Loaded parts of the file: address, offset in the file, length in the file.
    pub(crate) segments: Vec<(u64, u64, u64)>,
    /// `PT_TLS`: address, size in memory, alignment.
    pub thread_local_segment: Option<(u64, u64, u64)>,
}

/// Something an image defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Where it is.
    pub place: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: SymbolKind,
}

/// A word that the dynamic linker fills with a symbol's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where it is.
    pub place: u64,
    /// What is added to the address.
    pub addend: i64,
    /// Whether it stands in the program's data, as the methods of a vtable do, and not in a table
    /// of the linker's.
    pub in_data: bool,
}

type Elf<'data> = ElfFile64<'data, LE>;

impl Image {
    /// Reads the image at `path`.
    ///
    /// # Errors
    /// When it cannot be read or is no x86-64 ELF image.
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("read the image {}", path.display());
        let bytes = read_tables(path).context(Kind::System, doing)?;
        Self::parse(&bytes).context(Kind::Image, doing)
    }

    /// Reads an image's build id alone.
    ///
    /// # Errors
    /// When it cannot be read or is no x86-64 ELF image.
    pub fn read_build_id(path: &Path) -> Result<Vec<u8>> {
        let doing = || format!("read the image {}", path.display());
        let file = ReadCache::new(File::open(path).context(Kind::System, doing)?);
        let image = ElfFile64::<LE, _>::parse(&file).context(Kind::Image, doing)?;
        let build_id = image.build_id().context(Kind::Image, doing)?;
        Ok(build_id.unwrap_or_default().to_vec())
    }

    /// Reads an image from its bytes.
    ///
    /// # Errors
    /// When they are no x86-64 ELF image.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let failed = |error: object::Error| Error::new(Kind::Image, "read an image", error);
        let file = Elf::parse(bytes).map_err(failed)?;
        let mut image = Self {
            build_id: file.build_id().map_err(failed)?.unwrap_or_default().to_vec(),
            ..Self::default()
        };
        image.read_segments(&file);
        image.read_symbols(&file);
        image.read_slots(&file).map_err(failed)?;
        Ok(image)
    }

    fn read_segments(&mut self, file: &Elf<'_>) {
        for header in file.elf_program_headers() {
            if header.p_type(LE) == elf::PT_TLS {
                self.thread_local_segment =
                    Some((header.p_vaddr(LE), header.p_memsz(LE), header.p_align(LE)));
            } else if header.p_type(LE) == elf::PT_LOAD {
                self.segments.push((header.p_vaddr(LE), header.p_offset(LE), header.p_filesz(LE)));
            }
        }
    }

    fn read_symbols(&mut self, file: &Elf<'_>) {
        let dynamic = file.elf_dynamic_symbol_table();
        for symbol in dynamic.iter() {
            let Some(name) =
                symbol.name(LE, dynamic.strings()).ok().and_then(|n| std::str::from_utf8(n).ok())
            else {
                continue;
            };
            if symbol.st_shndx(LE) == elf::SHN_UNDEF {
                if !name.is_empty() && symbol.st_bind() != elf::STB_WEAK {
                    self.imports.push(name.to_owned());
                }
            } else if let Some(definition) = definition(symbol) {
                self.exports.insert(name.to_owned(), definition);
            }
        }
        let all = file.elf_symbol_table();
        for symbol in all.iter() {
            if symbol.st_shndx(LE) == elf::SHN_UNDEF {
                continue;
            }
            let Some(definition) = definition(symbol) else { continue };
            let Some(name) =
                symbol.name(LE, all.strings()).ok().and_then(|n| std::str::from_utf8(n).ok())
            else {
                continue;
            };
            if definition.kind == SymbolKind::Function {
                if symbol.st_bind() == elf::STB_LOCAL {
                    self.private_functions.insert(name.to_owned(), definition.place);
                }
            } else if is_static_name(name) {
                self.statics.insert(name.to_owned(), definition);
            }
        }
    }

    fn read_slots(&mut self, file: &Elf<'_>) -> object::read::Result<()> {
        let (data, symbols) = (file.data(), file.elf_dynamic_symbol_table());
        for header in file.elf_section_table().iter() {
            // Only what the dynamic linker applies: a table of the dynamic symbols.
            let dynamic =
                header.sh_link(LE) as usize == symbols.section().0 && header.sh_flags(LE) != 0;
            if header.sh_type(LE) != elf::SHT_RELA || !dynamic {
                continue;
            }
            let Some((entries, _)) = header.rela(LE, data)? else { continue };
            for entry in entries {
                self.read_slot(entry, file)?;
            }
        }
        Ok(())
    }

    fn read_slot(&mut self, entry: &elf::Rela64<LE>, file: &Elf<'_>) -> object::read::Result<()> {
        let (kind, index) = (entry.r_type(LE, false), entry.r_sym(LE, false));
        let place = entry.r_offset.get(LE);
        match kind {
            elf::R_X86_64_DTPMOD64 if index == 0 => self.thread_local_pair = Some(place),
            elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT | elf::R_X86_64_64 if index != 0 => {
                let symbols = file.elf_dynamic_symbol_table();
                let symbol = symbols.symbol(object::SymbolIndex(index as usize))?;
                let name =
                    String::from_utf8_lossy(symbol.name(LE, symbols.strings())?).into_owned();
                // Only `R_X86_64_64` uses its addend.
                let in_data = kind == elf::R_X86_64_64;
                let addend = if in_data { entry.r_addend.get(LE) } else { 0 };
                self.slots.entry(name).or_default().push(Slot { place, addend, in_data });
            }
            _ => {}
        }
        Ok(())
    }

    /// Where in the file a place of the image is.
    pub fn file_offset(&self, place: u64) -> Option<usize> {
        let inside =
            |&&(address, _, len): &&(u64, u64, u64)| (address..address + len).contains(&place);
        let (address, offset, _) = self.segments.iter().find(inside)?;
        Some((place - address + offset) as usize)
    }

    /// Distance from the thread pointer to a thread-local of this image, for the executable only.
    /// Source: ELF Handling For Thread-Local Storage, variant II.
    pub fn thread_pointer_offset(&self, name: &str) -> Option<i64> {
        let definition = self.statics.get(name).filter(|d| d.kind == SymbolKind::ThreadLocal)?;
        let (address, size, align) = self.thread_local_segment?;
        let padding = address.wrapping_neg().wrapping_sub(size) & (align.max(1) - 1);
        Some(definition.place as i64 - size as i64 - padding as i64)
    }
}

/// The file with zeros in the place of code, data and debug information, which are most of it:
/// memory that is never written to is never there.
fn read_tables(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![0; file.metadata()?.len() as usize];
    let read = |bytes: &mut Vec<u8>, place: Range<u64>| {
        // Whoever parses it finds that it is cut short.
        let part = bytes.get_mut(place.start as usize..place.end as usize);
        part.map_or(Ok(()), |part| file.read_exact_at(part, place.start))
    };
    let table = |offset: u64, count: u16, each: u16| {
        offset..offset.saturating_add(u64::from(count) * u64::from(each))
    };
    read(&mut bytes, 0..size_of::<elf::FileHeader64<LE>>() as u64)?;
    let Ok(&header) = elf::FileHeader64::<LE>::parse(bytes.as_slice()) else { return Ok(bytes) };
    let (programs, sections) = (header.e_phnum.get(LE), header.e_shnum.get(LE));
    read(&mut bytes, table(header.e_phoff.get(LE), programs, header.e_phentsize.get(LE)))?;
    read(&mut bytes, table(header.e_shoff.get(LE), sections, header.e_shentsize.get(LE)))?;
    let Ok(headers) = header.section_headers(LE, bytes.as_slice()) else { return Ok(bytes) };
    let is_table = |section: &&elf::SectionHeader64<LE>| {
        !matches!(section.sh_type.get(LE), elf::SHT_PROGBITS | elf::SHT_NOBITS)
    };
    let place = |section: &elf::SectionHeader64<LE>| {
        let offset = section.sh_offset.get(LE);
        offset..offset.saturating_add(section.sh_size.get(LE))
    };
    let tables: Vec<Range<u64>> = headers.iter().filter(is_table).map(place).collect();
    for place in tables {
        read(&mut bytes, place)?;
    }
    Ok(bytes)
}

fn definition(symbol: &elf::Sym64<LE>) -> Option<Definition> {
    let kind = match symbol.st_type() {
        elf::STT_FUNC | elf::STT_GNU_IFUNC => SymbolKind::Function,
        elf::STT_OBJECT => SymbolKind::Data,
        elf::STT_TLS => SymbolKind::ThreadLocal,
        _ => return None,
    };
    Some(Definition { place: symbol.st_value(LE), size: symbol.st_size(LE), kind })
}

/// One static relocation that the linker has applied but kept (`--emit-relocs`).
#[derive(Clone, Debug)]
pub struct AppliedRelocation {
    /// Where the field is.
    pub place: u64,
    /// `R_X86_64_*`
    pub kind: u32,
    /// Name of the symbol; empty for a section.
    pub symbol: String,
    /// The symbol's own place in this image.
    pub value: u64,
    /// The addend.
    pub addend: i64,
    /// Whether the field is in code.
    pub in_code: bool,
}

/// The relocations of loaded sections that a linker kept in an image, with named symbols only.
///
/// # Errors
/// When the bytes are no x86-64 ELF image.
pub fn applied_relocations(bytes: &[u8]) -> Result<Vec<AppliedRelocation>> {
    let failed =
        |error: object::Error| Error::new(Kind::Image, "read a patch's relocations", error);
    let file = Elf::parse(bytes).map_err(failed)?;
    let (sections, symbols) = (file.elf_section_table(), file.elf_symbol_table());
    let mut applied = Vec::new();
    for header in sections.iter() {
        let of_symtab = header.sh_link(LE) as usize == symbols.section().0;
        if header.sh_type(LE) != elf::SHT_RELA || !of_symtab {
            continue;
        }
        let target =
            sections.section(object::SectionIndex(header.sh_info(LE) as usize)).map_err(failed)?;
        let name = sections.section_name(LE, target).map_err(failed)?;
        let loaded = target.sh_flags(LE) & u64::from(elf::SHF_ALLOC) != 0;
        if !loaded || name.starts_with(b".eh_frame") || name.starts_with(b".gcc_except_table") {
            continue;
        }
        let in_code = target.sh_flags(LE) & u64::from(elf::SHF_EXECINSTR) != 0;
        let Some((entries, _)) = header.rela(LE, bytes).map_err(failed)? else { continue };
        for entry in entries {
            let index = object::SymbolIndex(entry.r_sym(LE, false) as usize);
            if index.0 == 0 {
                continue;
            }
            let symbol = symbols.symbol(index).map_err(failed)?;
            let name = symbol.name(LE, symbols.strings()).map_err(failed)?;
            applied.push(AppliedRelocation {
                place: entry.r_offset.get(LE),
                kind: entry.r_type(LE, false),
                symbol: String::from_utf8_lossy(name).into_owned(),
                value: symbol.st_value(LE),
                addend: entry.r_addend.get(LE),
                in_code,
            });
        }
    }
    Ok(applied)
}
