//! Reads types and function signatures from DWARF, as rustc writes it.
//!
//! A type is known by its path: the namespaces around it and its name, which has its type
//! arguments in it. Facts on the form: `compiler/rustc_codegen_llvm/src/debuginfo/metadata` of
//! rustc; enums are structures with a variant part.

use std::collections::HashMap;
use std::ops::Range;

use gimli::{AttributeValue, DwTag, EndianSlice, LittleEndian, Section as _, UnitOffset};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::sections::{self, place_of};
use crate::error::{Error, Kind, Result};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Index of an entry in [`Types`].
pub(super) type Index = u32;

/// One entry of the debug information.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub tag: DwTag,
    name: Range<u32>,
    linkage_name: Range<u32>,
    pub parent: Option<Index>,
    /// Hash of the name with the namespaces around it.
    pub path: u64,
    pub size: u64,
    /// `DW_AT_type`
    pub of: Option<Index>,
    /// Offset in its parent, discriminant, or number of elements.
    pub value: Option<i128>,
    /// `DW_AT_alignment`, where the source asks for one.
    pub alignment: Option<u64>,
    /// Where a variable is.
    address: Option<u64>,
    first_child: Option<Index>,
    next_sibling: Option<Index>,
}

/// The types and functions of one object file.
#[derive(Debug, Default)]
pub struct Types {
    pub(super) entries: Vec<Entry>,
    /// The debug information's strings, which the names are pieces of; at its end those that stand
    /// elsewhere.
    text: String,
    /// Tables of methods: the entry, and the methods' numbers and paths in order.
    pub(super) vtables: Vec<(Index, Vec<(u64, String)>)>,
}

/// About as many bytes of `.debug_info` make one entry that is kept.
const BYTES_OF_ENTRY: usize = 24;

/// Bytes of a table before its methods: drop glue, size and alignment.
const HEADER: u64 = 24;

/// The path of nothing.
const ROOT: u64 = 0;

/// Hash of the path that `name` has inside the path `parent`.
pub(super) fn path_hash(parent: u64, name: &[u8]) -> u64 {
    xxh3_64_with_seed(name, parent)
}

impl Types {
    /// Reads them from the file's debug information; none where it has none.
    ///
    /// # Errors
    /// When the debug information is damaged.
    pub fn read(object: &[u8]) -> Result<Self> {
        Self::parse(object)
            .map_err(|cause| Error::new(Kind::Image, "read debug information", cause))
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let file = object::File::parse(bytes)?;
        let sections = gimli::DwarfSections::load(|id| sections::load(&file, id))?;
        let dwarf = sections.borrow(|data| EndianSlice::new(data, LittleEndian));
        let mut types = Self {
            entries: Vec::with_capacity(dwarf.debug_info.reader().len() / BYTES_OF_ENTRY),
            text: in_utf8(dwarf.debug_str.reader().to_vec()),
            vtables: Vec::new(),
        };
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            types.read_unit(&dwarf, &dwarf.unit(header)?)?;
        }
        types.read_vtables(&file);
        Ok(types)
    }

    fn read_unit(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
    ) -> gimli::Result<()> {
        // In the order of the offsets.
        let mut indices: Vec<(UnitOffset, Index)> = Vec::new();
        let mut references: Vec<(Index, UnitOffset)> = Vec::new();
        // Entries around the next one, with the last child of each; `None` where it is left out.
        let mut stack: Vec<Option<(Index, Option<Index>)>> = Vec::new();
        let mut cursor = unit.entries_raw(None)?;
        while !cursor.is_empty() {
            let (offset, depth) = (cursor.next_offset(), cursor.next_depth());
            let Some(abbreviation) = cursor.read_abbreviation()? else { continue };
            stack.truncate(usize::try_from(depth).unwrap_or_default());
            let around = stack.last().copied();
            let is_wanted = match around {
                None => true,
                Some(None) => false,
                Some(Some((parent, _))) => {
                    is_wanted(self.entries[parent as usize].tag, abbreviation.tag())
                }
            };
            if !is_wanted {
                cursor.skip_attributes(abbreviation.attributes())?;
                stack.push(None);
                continue;
            }
            let parent = around.flatten().map(|(parent, _)| parent);
            let index = self.entries.len() as Index;
            let mut entry = Entry::new(abbreviation.tag(), parent);
            for specification in abbreviation.attributes() {
                let attribute = cursor.read_attribute(*specification)?;
                match attribute.value() {
                    AttributeValue::UnitRef(to)
                        if matches!(attribute.name(), gimli::DW_AT_type) =>
                    {
                        references.push((index, to));
                    }
                    value => self.set(&mut entry, attribute.name(), value, dwarf, unit)?,
                }
            }
            entry.path = self.path_of(&entry);
            self.entries.push(entry);
            indices.push((offset, index));
            if let Some(Some((parent, last))) = stack.last_mut() {
                let before = last.replace(index);
                match before {
                    Some(before) => self.entries[before as usize].next_sibling = Some(index),
                    None => self.entries[*parent as usize].first_child = Some(index),
                }
            }
            stack.push(Some((index, None)));
        }
        for (index, offset) in references {
            let found = indices.binary_search_by_key(&offset, |(offset, _)| *offset);
            self.entries[index as usize].of = found.ok().map(|found| indices[found].1);
        }
        Ok(())
    }

    fn set(
        &mut self,
        entry: &mut Entry,
        name: gimli::DwAt,
        value: AttributeValue<Reader<'_>>,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
    ) -> gimli::Result<()> {
        match name {
            gimli::DW_AT_name => entry.name = self.keep(value, dwarf, unit)?,
            gimli::DW_AT_linkage_name => entry.linkage_name = self.keep(value, dwarf, unit)?,
            gimli::DW_AT_byte_size => {
                entry.size = number(&value).map_or(0, |size| size as u64);
            }
            gimli::DW_AT_alignment => {
                entry.alignment = number(&value).map(|alignment| alignment as u64);
            }
            gimli::DW_AT_data_member_location
            | gimli::DW_AT_discr_value
            | gimli::DW_AT_const_value
            | gimli::DW_AT_count => entry.value = entry.value.or(number(&value)),
            gimli::DW_AT_location => entry.address = address(unit, value),
            _ => {}
        }
        Ok(())
    }

    /// The place of a name in the text.
    fn keep(
        &mut self,
        value: AttributeValue<Reader<'_>>,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
    ) -> gimli::Result<Range<u32>> {
        let start = match value {
            AttributeValue::DebugStrRef(at) => at.0,
            elsewhere => {
                let start = self.text.len();
                let name = dwarf.attr_string(unit, elsewhere)?;
                self.text.push_str(&in_utf8(name.to_vec()));
                self.text.push('\0');
                start
            }
        };
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let len = memchr::memchr(0, rest).unwrap_or(rest.len());
        Ok(start as u32..(start + len) as u32)
    }

    fn path_of(&self, entry: &Entry) -> u64 {
        let around = entry.parent.map(|parent| &self.entries[parent as usize]);
        let around = around.filter(|around| around.tag != gimli::DW_TAG_compile_unit);
        path_hash(around.map_or(ROOT, |around| around.path), self.name(entry).as_bytes())
    }

    fn text(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    pub(super) fn entry(&self, index: Index) -> &Entry {
        &self.entries[index as usize]
    }

    pub(super) fn name(&self, entry: &Entry) -> &str {
        self.text(&entry.name)
    }

    /// The symbol of a function or static; rustc leaves the linkage name out where it is the name.
    pub(super) fn symbol(&self, entry: &Entry) -> Option<&str> {
        [&entry.linkage_name, &entry.name]
            .into_iter()
            .map(|range| self.text(range))
            .find(|name| !name.is_empty())
    }

    /// The entry's name with the namespaces around it.
    pub(super) fn path(&self, entry: &Entry) -> String {
        let around = entry.parent.map(|parent| self.entry(parent));
        match around.filter(|around| around.tag != gimli::DW_TAG_compile_unit) {
            Some(around) => format!("{}::{}", self.path(around), self.name(entry)),
            None => self.name(entry).to_owned(),
        }
    }

    pub(super) fn children(&self, entry: &Entry) -> impl Iterator<Item = &Entry> {
        let first = entry.first_child.map(|child| self.entry(child));
        std::iter::successors(first, |child| child.next_sibling.map(|next| self.entry(next)))
    }

    /// Reads the methods of each table: the debug information has its place and numbers them only.
    fn read_vtables(&mut self, file: &object::File<'_>) {
        let is_table = |entry: &Entry| {
            entry.tag == gimli::DW_TAG_variable && self.name(entry).contains("{vtable}")
        };
        let tables = self.entries.iter().enumerate().filter(|(_, entry)| is_table(entry));
        let places: HashMap<_, _> = tables
            .clone()
            .filter_map(|(_, entry)| Some((place_of(entry.address?), self.path(entry))))
            .collect();
        let mut functions = None;
        let tables: Vec<_> = tables
            .filter_map(|(index, entry)| {
                let (section, start) = place_of(entry.address?);
                let section = file.section_by_index(section).ok()?;
                let functions = functions.get_or_insert_with(|| functions_by_place(file));
                let words = section.relocations().filter(|(offset, _)| *offset >= start + HEADER);
                let methods = words.map(|(offset, relocation)| {
                    let name = method_path(file, &relocation, functions, &places);
                    ((offset - start - HEADER) / 8, name.unwrap_or_else(|| "a table".into()))
                });
                let mut methods: Vec<(u64, String)> = methods.collect();
                methods.sort();
                Some((index as Index, methods))
            })
            .collect();
        self.vtables = tables;
    }
}

impl Entry {
    fn new(tag: DwTag, parent: Option<Index>) -> Self {
        Self {
            tag,
            name: 0..0,
            linkage_name: 0..0,
            parent,
            path: ROOT,
            size: 0,
            of: None,
            value: None,
            alignment: None,
            address: None,
            first_child: None,
            next_sibling: None,
        }
    }
}

/// Whether an entry inside another says anything of types: what a function has inside, apart from
/// what it takes, is left out.
fn is_wanted(parent: DwTag, tag: DwTag) -> bool {
    parent != gimli::DW_TAG_subprogram
        || matches!(tag, gimli::DW_TAG_formal_parameter | gimli::DW_TAG_template_type_parameter)
}

/// The strings as they are; where they are not in UTF-8, with question marks for what is not ASCII,
/// so that each stays in its place.
fn in_utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let plain = |byte: u8| if byte.is_ascii() { char::from(byte) } else { '?' };
        error.into_bytes().into_iter().map(plain).collect()
    })
}

fn number(value: &AttributeValue<Reader<'_>>) -> Option<i128> {
    match value {
        AttributeValue::Sdata(value) => Some((*value).into()),
        other => other.udata_value().map(Into::into),
    }
}

/// Functions by section and offset.
fn functions_by_place<'a>(file: &object::File<'a>) -> HashMap<(usize, u64), &'a str> {
    let functions = file.symbols().filter(|symbol| symbol.kind() == object::SymbolKind::Text);
    functions
        .filter_map(|symbol| {
            Some(((symbol.section_index()?.0, symbol.address()), symbol.name().ok()?))
        })
        .collect()
}

/// The path of the method that a word of a table leads to, or of a supertrait's table.
fn method_path(
    file: &object::File<'_>,
    relocation: &object::Relocation,
    functions: &HashMap<(usize, u64), &str>,
    tables: &HashMap<(SectionIndex, u64), String>,
) -> Option<String> {
    let RelocationTarget::Symbol(index) = relocation.target() else { return None };
    let symbol = file.symbol_by_index(index).ok()?;
    let place = symbol.address().wrapping_add_signed(relocation.addend());
    if let Some(table) = symbol.section_index().and_then(|section| tables.get(&(section, place))) {
        return Some(table.clone());
    }
    // A function of the same unit may be named by its section only.
    let local = || functions.get(&(symbol.section_index()?.0, place)).copied();
    let name = symbol.name().ok().filter(|name| name.starts_with("_ZN") || name.starts_with("_R"));
    Some(of_trait(&crate::symbol_name::path(name.or_else(local)?)))
}

/// `Trait::method` of `<Type as Trait>::method`: whether the type or the trait gives the body makes
/// no other table.
pub fn of_trait(path: &str) -> String {
    let Some((inside, method)) = path.strip_prefix('<').and_then(|rest| rest.rsplit_once(">::"))
    else {
        return path.to_owned();
    };
    let mut depth = 0;
    for (at, c) in inside.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            ' ' if depth == 0 && inside[at..].starts_with(" as ") => {
                return format!("{}::{method}", &inside[at + 4..]);
            }
            _ => {}
        }
    }
    path.to_owned()
}

/// Where a variable is, if it has one place for ever.
fn address(unit: &gimli::Unit<Reader<'_>>, value: AttributeValue<Reader<'_>>) -> Option<u64> {
    let AttributeValue::Exprloc(expression) = value else { return None };
    match expression.operations(unit.encoding()).next() {
        Ok(Some(gimli::Operation::Address { address })) => Some(address),
        _ => None,
    }
}
