//! One relocatable object (`ET_REL`, x86-64, little endian), parsed so that its symbols and
//! relocations can be edited and written back.
//!
//! Sections keep their places in the file; only the symbol table is laid out anew (at the end of
//! the file), because ELF wants local symbols first and an edit may make a local one global.

use object::LittleEndian as LE;
use object::elf;
use object::pod;

use crate::error::{Context, Error, Kind, Result};

/// A parsed object. Indices into `sections` and `symbols` are those of the file.
#[derive(Clone)]
pub struct ObjectFile {
    bytes: Vec<u8>,
    /// Section headers with their names.
    pub sections: Vec<Section>,
    /// The symbol table.
    pub symbols: Vec<Symbol>,
    /// One table for each `SHT_RELA` section.
    pub relocations: Vec<RelocationTable>,
    symtab: usize,
    /// Where the section headers begin in `bytes`.
    headers: usize,
    /// Index of the section with the symbols' names.
    names: usize,
    /// Names to be appended to that section.
    new_names: Vec<u8>,
}

/// A section header.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// `sh_type`
    pub kind: u32,
    /// `sh_flags`
    pub flags: u64,
    /// `sh_offset`, in bytes of the file.
    pub offset: usize,
    /// `sh_size`, in bytes.
    pub size: usize,
    /// `sh_info`
    pub info: u32,
    /// `sh_entsize`, in bytes.
    pub entry_size: usize,
}

impl Section {
    /// Whether it holds machine code.
    pub fn is_code(&self) -> bool {
        self.flags & u64::from(elf::SHF_EXECINSTR) != 0
    }

    /// Whether the program sees it: neither debug information nor tables for the linker.
    pub fn is_loaded(&self) -> bool {
        self.flags & u64::from(elf::SHF_ALLOC) != 0
    }

    /// Whether it holds unwind tables, which describe code rather than use it.
    pub fn is_unwind(&self) -> bool {
        self.name.starts_with(".eh_frame") || self.name.starts_with(".gcc_except_table")
    }

    /// Whether the program can hold values in it: everything loaded that is neither code nor unwind tables.
    pub fn is_data(&self) -> bool {
        self.is_loaded() && !self.is_code() && !self.is_unwind()
    }
}

/// A symbol.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Its name, mangled; empty for section symbols.
    pub name: String,
    name_offset: u32,
    /// `STB_*`
    pub binding: u8,
    /// `STT_*`
    pub kind: u8,
    /// `st_other`: the visibility in its low two bits.
    pub other: u8,
    /// Section index, or one of `SHN_*`.
    pub section: u16,
    /// Offset in its section.
    pub value: u64,
    /// Size in bytes.
    pub size: u64,
}

impl Symbol {
    /// Whether this object defines it in one of its sections.
    pub fn is_defined(&self) -> bool {
        self.section != elf::SHN_UNDEF && self.section < elf::SHN_LORESERVE
    }

    /// Whether the linker may see it from other objects.
    pub fn is_global(&self) -> bool {
        self.binding != elf::STB_LOCAL
    }

    /// `STV_*`
    pub fn visibility(&self) -> u8 {
        self.other & 3
    }

    /// Sets `STV_*`.
    pub fn set_visibility(&mut self, visibility: u8) {
        self.other = (self.other & !3) | visibility;
    }
}

/// The relocations of one section.
#[derive(Clone, Debug)]
pub struct RelocationTable {
    /// Index of the `SHT_RELA` section itself.
    section: usize,
    /// Index of the section they apply to.
    pub target: usize,
    /// The entries, in the file's order.
    pub entries: Vec<Relocation>,
}

/// One relocation.
#[derive(Clone, Copy, Debug)]
pub struct Relocation {
    /// Offset in the target section.
    pub offset: u64,
    /// Index of the symbol.
    pub symbol: u32,
    /// `R_X86_64_*`
    pub kind: u32,
    /// The addend.
    pub addend: i64,
}

impl ObjectFile {
    /// Parses `bytes`.
    ///
    /// # Errors
    /// When they are no x86-64 relocatable object, or one with over 65,000 sections, or when a
    /// section lies outside the file or a symbol outside all sections.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        let doing = || "read an object file".to_owned();
        let header = header(&bytes)?;
        if header.e_machine.get(LE) != elf::EM_X86_64 || header.e_type.get(LE) != elf::ET_REL {
            return Err(Error::new(Kind::Image, doing(), "it is no x86-64 relocatable object"));
        }
        let headers = section_headers(&bytes, header)?;
        let names = headers
            .get(usize::from(header.e_shstrndx.get(LE)))
            .ok_or_else(|| Error::new(Kind::Image, doing(), "it has no section names"))?;
        let names = contents(&bytes, names)?;
        let mut sections = Vec::with_capacity(headers.len());
        for header in headers {
            if header.sh_type.get(LE) != elf::SHT_NOBITS {
                contents(&bytes, header)?;
            }
            sections.push(Section {
                name: string(names, header.sh_name.get(LE))?,
                kind: header.sh_type.get(LE),
                flags: header.sh_flags.get(LE),
                offset: header.sh_offset.get(LE) as usize,
                size: header.sh_size.get(LE) as usize,
                info: header.sh_info.get(LE),
                entry_size: header.sh_entsize.get(LE) as usize,
            });
        }
        if sections.iter().any(|s| s.kind == elf::SHT_SYMTAB_SHNDX) {
            return Err(Error::new(Kind::Image, doing(), "it has too many sections"));
        }
        let symtab = sections
            .iter()
            .position(|s| s.kind == elf::SHT_SYMTAB)
            .ok_or_else(|| Error::new(Kind::Image, doing(), "it has no symbol table"))?;
        let symbols = read_symbols(&bytes, headers, symtab)?;
        let relocations = read_relocations(&bytes, headers, symbols.len())?;
        let names = headers[symtab].sh_link.get(LE) as usize;
        let headers = header.e_shoff.get(LE) as usize;
        let new_names = Vec::new();
        Ok(Self { bytes, sections, symbols, relocations, symtab, headers, names, new_names })
    }

    /// The file as it was parsed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A section's contents; empty for `SHT_NOBITS`, and for `SHN_ABS` and its like.
    pub fn data(&self, section: usize) -> &[u8] {
        let Some(section) = self.sections.get(section).filter(|s| s.kind != elf::SHT_NOBITS) else {
            return &[];
        };
        self.bytes.get(section.offset..section.offset + section.size).unwrap_or_default()
    }

    /// A section's contents, to be changed in place.
    pub fn data_mut(&mut self, section: usize) -> &mut [u8] {
        let Some(section) = self.sections.get(section).filter(|s| s.kind != elf::SHT_NOBITS) else {
            return &mut [];
        };
        self.bytes.get_mut(section.offset..section.offset + section.size).unwrap_or_default()
    }

    /// The symbol that stands for a section's beginning, made where there is none.
    pub fn section_symbol(&mut self, section: usize) -> u32 {
        let found = self
            .symbols
            .iter()
            .position(|s| s.kind == elf::STT_SECTION && usize::from(s.section) == section);
        let index = found.unwrap_or_else(|| {
            self.symbols.push(Symbol {
                name: String::new(),
                name_offset: 0,
                binding: elf::STB_LOCAL,
                kind: elf::STT_SECTION,
                other: 0,
                section: section as u16,
                value: 0,
                size: 0,
            });
            self.symbols.len() - 1
        });
        index as u32
    }

    /// A symbol of this name that another object defines, made where there is none.
    pub fn undefined_symbol(&mut self, name: &str) -> u32 {
        let found = self.symbols.iter().position(|symbol| symbol.name == name);
        let index = found.unwrap_or_else(|| {
            let names = &self.sections[self.names];
            self.symbols.push(Symbol {
                name: name.to_owned(),
                name_offset: (names.size + self.new_names.len()) as u32,
                binding: elf::STB_GLOBAL,
                kind: elf::STT_NOTYPE,
                other: elf::STV_DEFAULT,
                section: elf::SHN_UNDEF,
                value: 0,
                size: 0,
            });
            self.new_names.extend_from_slice(name.as_bytes());
            self.new_names.push(0);
            self.symbols.len() - 1
        });
        index as u32
    }

    /// Leaves a section out of whatever this object is linked into.
    pub fn exclude(&mut self, section: usize) {
        let section = &mut self.sections[section];
        section.flags |= u64::from(elf::SHF_EXCLUDE);
        section.flags &= !u64::from(elf::SHF_ALLOC);
        section.kind = elf::SHT_PROGBITS;
    }

    /// The object as a file again, with everything that was edited.
    ///
    /// # Errors
    /// Never for an object that [`ObjectFile::parse`] took, unless an edit went out of its bounds.
    pub fn write(mut self) -> Result<Vec<u8>> {
        let order = local_first(&self.symbols);
        let mut place = vec![0u32; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new as u32;
        }
        self.write_relocations(&place)?;
        let locals = self.symbols.iter().filter(|s| !s.is_global()).count();
        let table = self.lay_out_symbols(&order);
        let names = self.lay_out_names();
        self.write_headers(&place, table, order.len(), locals)?;
        self.move_names(names)?;
        Ok(self.bytes)
    }

    fn write_relocations(&mut self, place: &[u32]) -> Result<()> {
        for table in &self.relocations {
            let section = &self.sections[table.section];
            let bytes = &mut self.bytes[section.offset..section.offset + section.size];
            let (entries, _) = pod::slice_from_bytes_mut::<elf::Rela64<LE>>(
                bytes,
                table.entries.len(),
            )
            .map_err(|()| {
                Error::new(Kind::Image, "write an object file", "a relocation table is cut short")
            })?;
            for (entry, relocation) in entries.iter_mut().zip(&table.entries) {
                let symbol = place[relocation.symbol as usize];
                entry.r_offset.set(LE, relocation.offset);
                entry.r_addend.set(LE, relocation.addend);
                entry.set_r_info(LE, false, symbol, relocation.kind);
            }
        }
        Ok(())
    }

    /// Appends the symbol table in the order given and returns where it begins.
    fn lay_out_symbols(&mut self, order: &[usize]) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len();
        for old in order {
            let symbol = &self.symbols[*old];
            let entry = elf::Sym64::<LE> {
                st_name: object::U32Bytes::new(LE, symbol.name_offset),
                st_info: (symbol.binding << 4) | symbol.kind,
                st_other: symbol.other,
                st_shndx: object::U16Bytes::new(LE, symbol.section),
                st_value: object::U64Bytes::new(LE, symbol.value),
                st_size: object::U64Bytes::new(LE, symbol.size),
            };
            self.bytes.extend_from_slice(pod::bytes_of(&entry));
        }
        offset
    }

    /// Appends the names, old and new, and returns where they begin; nothing where none is new.
    fn lay_out_names(&mut self) -> Option<usize> {
        if self.new_names.is_empty() {
            return None;
        }
        let (offset, old) = (self.bytes.len(), self.data(self.names).to_vec());
        self.bytes.extend(old);
        self.bytes.append(&mut self.new_names);
        Some(offset)
    }

    fn move_names(&mut self, offset: Option<usize>) -> Result<()> {
        let Some(offset) = offset else { return Ok(()) };
        let size = self.bytes.len() - offset;
        let at = self.headers + self.names * size_of::<elf::SectionHeader64<LE>>();
        let (header, _) = pod::from_bytes_mut::<elf::SectionHeader64<LE>>(&mut self.bytes[at..])
            .map_err(|()| {
                Error::new(Kind::Image, "write an object file", "its section headers are cut short")
            })?;
        header.sh_offset.set(LE, offset as u64);
        header.sh_size.set(LE, size as u64);
        Ok(())
    }

    fn write_headers(
        &mut self,
        place: &[u32],
        table: usize,
        count: usize,
        locals: usize,
    ) -> Result<()> {
        let (headers, _) = pod::slice_from_bytes_mut::<elf::SectionHeader64<LE>>(
            &mut self.bytes[self.headers..],
            self.sections.len(),
        )
        .map_err(|()| {
            Error::new(Kind::Image, "write an object file", "its section headers are cut short")
        })?;
        for (header, section) in headers.iter_mut().zip(&self.sections) {
            header.sh_type.set(LE, section.kind);
            header.sh_flags.set(LE, section.flags);
            if section.kind == elf::SHT_GROUP {
                let signature = place.get(section.info as usize).copied().unwrap_or_default();
                header.sh_info.set(LE, signature);
            }
        }
        let symtab = &mut headers[self.symtab];
        symtab.sh_offset.set(LE, table as u64);
        symtab.sh_size.set(LE, (count * size_of::<elf::Sym64<LE>>()) as u64);
        symtab.sh_info.set(LE, locals as u32);
        Ok(())
    }
}

/// Indices of the symbols with the local ones first, otherwise in their old order.
fn local_first(symbols: &[Symbol]) -> Vec<usize> {
    let (mut locals, globals): (Vec<_>, Vec<_>) =
        (0..symbols.len()).partition(|i| !symbols[*i].is_global());
    locals.extend(globals);
    locals
}

fn header(bytes: &[u8]) -> Result<&elf::FileHeader64<LE>> {
    let doing = || "read an object file".to_owned();
    let (header, _) = pod::from_bytes::<elf::FileHeader64<LE>>(bytes)
        .map_err(|()| Error::new(Kind::Image, doing(), "it is cut short"))?;
    let ident = &header.e_ident;
    let fits = ident.magic == elf::ELFMAG
        && ident.class == elf::ELFCLASS64
        && ident.data == elf::ELFDATA2LSB;
    fits.then_some(header)
        .ok_or_else(|| Error::new(Kind::Image, doing(), "it is no 64-bit little-endian ELF file"))
}

fn section_headers<'a>(
    bytes: &'a [u8],
    header: &elf::FileHeader64<LE>,
) -> Result<&'a [elf::SectionHeader64<LE>]> {
    let offset = header.e_shoff.get(LE) as usize;
    let cut =
        || Error::new(Kind::Image, "read an object file", "its section headers are cut short");
    let rest = bytes.get(offset..).ok_or_else(cut)?;
    let mut number = usize::from(header.e_shnum.get(LE));
    if number == 0 {
        // Over 65,279 sections the number stands in the first header.
        let (first, _) = pod::from_bytes::<elf::SectionHeader64<LE>>(rest).map_err(|()| cut())?;
        number = first.sh_size.get(LE) as usize;
    }
    pod::slice_from_bytes(rest, number).map(|(headers, _)| headers).map_err(|()| cut())
}

fn contents<'a>(bytes: &'a [u8], header: &elf::SectionHeader64<LE>) -> Result<&'a [u8]> {
    let offset = header.sh_offset.get(LE) as usize;
    let end = offset.checked_add(header.sh_size.get(LE) as usize);
    end.and_then(|end| bytes.get(offset..end)).ok_or_else(|| {
        Error::new(Kind::Image, "read an object file", "a section lies outside the file")
    })
}

fn string(table: &[u8], offset: u32) -> Result<String> {
    let rest = table.get(offset as usize..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    String::from_utf8(rest[..end].to_vec())
        .context(Kind::Image, || "read an object file's names".into())
}

fn read_symbols(
    bytes: &[u8],
    headers: &[elf::SectionHeader64<LE>],
    symtab: usize,
) -> Result<Vec<Symbol>> {
    let table = contents(bytes, &headers[symtab])?;
    let count = table.len() / size_of::<elf::Sym64<LE>>();
    let cut = |()| Error::new(Kind::Image, "read an object file", "its symbol table is cut short");
    let (entries, _) = pod::slice_from_bytes::<elf::Sym64<LE>>(table, count).map_err(cut)?;
    let names = headers.get(headers[symtab].sh_link.get(LE) as usize).ok_or_else(|| cut(()))?;
    let names = contents(bytes, names)?;
    if !entries.iter().all(|entry| fits(entry, headers.len())) {
        return Err(Error::new(Kind::Image, "read an object file", "a symbol lies in no section"));
    }
    entries
        .iter()
        .map(|entry| {
            let name_offset = entry.st_name.get(LE);
            Ok(Symbol {
                name: string(names, name_offset)?,
                name_offset,
                binding: entry.st_info >> 4,
                kind: entry.st_info & 15,
                other: entry.st_other,
                section: entry.st_shndx.get(LE),
                value: entry.st_value.get(LE),
                size: entry.st_size.get(LE),
            })
        })
        .collect()
}

/// Far more than a section of an object can hold: below it, sums of places never overflow.
const LIMIT: u64 = 1 << 60;

/// Whether a symbol lies in one of so many sections, as far as it has to lie in one.
fn fits(symbol: &elf::Sym64<LE>, sections: usize) -> bool {
    let section = symbol.st_shndx.get(LE);
    let elsewhere = section >= elf::SHN_LORESERVE && symbol.st_info & 15 != elf::STT_SECTION;
    let end = symbol.st_value.get(LE).checked_add(symbol.st_size.get(LE));
    elsewhere || usize::from(section) < sections && end.is_some_and(|end| end < LIMIT)
}

fn read_relocations(
    bytes: &[u8],
    headers: &[elf::SectionHeader64<LE>],
    symbols: usize,
) -> Result<Vec<RelocationTable>> {
    let bad = || Error::new(Kind::Image, "read an object file", "a relocation table is damaged");
    let mut tables = Vec::new();
    for (section, header) in headers.iter().enumerate() {
        if header.sh_type.get(LE) != elf::SHT_RELA {
            continue;
        }
        let table = contents(bytes, header)?;
        let count = table.len() / size_of::<elf::Rela64<LE>>();
        let (entries, _) =
            pod::slice_from_bytes::<elf::Rela64<LE>>(table, count).map_err(|()| bad())?;
        let target = header.sh_info.get(LE) as usize;
        let entries: Vec<Relocation> = entries
            .iter()
            .map(|entry| Relocation {
                offset: entry.r_offset.get(LE),
                symbol: entry.r_sym(LE, false),
                kind: entry.r_type(LE, false),
                addend: entry.r_addend.get(LE),
            })
            .collect();
        let is_damaged =
            |e: &Relocation| e.symbol as usize >= symbols || e.addend.unsigned_abs() >= LIMIT;
        if target >= headers.len() || entries.iter().any(is_damaged) {
            return Err(bad());
        }
        tables.push(RelocationTable { section, target, entries });
    }
    Ok(tables)
}
