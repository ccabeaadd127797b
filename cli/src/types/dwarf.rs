//! Reads types and function signatures from DWARF, as rustc writes it.
//!
//! A type is known by its path: the namespaces around it and its name, which has its type
//! arguments in it. Facts on the form: `compiler/rustc_codegen_llvm/src/debuginfo/metadata` of
//! rustc; enums are structures with a variant part.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gimli::{
    AttributeValue, DebuggingInformationEntry, DwTag, EndianSlice, LittleEndian, RelocateReader,
    UnitOffset,
};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};

use super::Shape;
use super::relocations::{Relocations, section_of};
use crate::error::{Error, Kind, Result};

type Reader<'a> = RelocateReader<EndianSlice<'a, LittleEndian>, &'a Relocations>;

/// One entry of the debug information.
#[derive(Debug)]
struct Entry {
    tag: DwTag,
    /// With the namespaces around it.
    path: String,
    name: String,
    linkage_name: Option<String>,
    size: u64,
    /// `DW_AT_type`: index of an entry.
    of: Option<usize>,
    /// Offset in its parent, discriminant, or number of elements.
    value: Option<i128>,
    /// `DW_AT_alignment`, where the source asks for one.
    alignment: Option<u64>,
    /// Where a variable is.
    address: Option<u64>,
    declared: Option<(u64, u32)>,
    children: Vec<usize>,
}

impl Entry {
    /// The symbol of a function or static; rustc leaves the linkage name out where it is the name.
    fn symbol(&self) -> Option<&str> {
        self.linkage_name.as_deref().or_else(|| (!self.name.is_empty()).then_some(&*self.name))
    }
}

/// The types and functions of one object file.
#[derive(Debug, Default)]
pub struct Types {
    entries: Vec<Entry>,
    files: HashMap<u64, String>,
    /// Tables of methods: path, and the methods' names in order.
    vtables: Vec<(String, Vec<String>)>,
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

    /// Takes in the types of another object.
    pub fn add(&mut self, other: Self) {
        let first = self.entries.len();
        let moved = other.entries.into_iter().map(|mut entry| {
            entry.of = entry.of.map(|of| of + first);
            entry.children.iter_mut().for_each(|child| *child += first);
            // Numbers of files mean something within one object only.
            entry.declared = None;
            entry
        });
        self.entries.extend(moved);
        self.vtables.extend(other.vtables);
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let file = object::File::parse(bytes)?;
        let load = |id: gimli::SectionId| -> std::result::Result<(Cow<'_, [u8]>, Relocations), object::Error> {
            let Some(section) = file.section_by_name(id.name()) else { return Ok(Default::default()) };
            Ok((section.uncompressed_data()?, Relocations::of(&file, &section)))
        };
        let sections = gimli::DwarfSections::load(load)?;
        let dwarf = sections.borrow(|(data, relocations)| {
            RelocateReader::new(EndianSlice::new(data, LittleEndian), relocations)
        });
        let mut types = Self::default();
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
        let mut indices: HashMap<UnitOffset, usize> = HashMap::new();
        let mut references: Vec<(usize, UnitOffset)> = Vec::new();
        let mut stack: Vec<usize> = Vec::new();
        let mut depth = 0isize;
        let mut cursor = unit.entries();
        while let Some((delta, die)) = cursor.next_dfs()? {
            depth += delta;
            stack.truncate(usize::try_from(depth).unwrap_or_default());
            let index = self.entries.len();
            let parent = stack.last().copied();
            let entry = self.read_entry(dwarf, unit, die, parent)?;
            if let Some(AttributeValue::UnitRef(offset)) = die.attr_value(gimli::DW_AT_type)? {
                references.push((index, offset));
            }
            indices.insert(die.offset(), index);
            self.entries.push(entry);
            if let Some(parent) = parent {
                self.entries[parent].children.push(index);
            }
            stack.push(index);
        }
        for (index, offset) in references {
            self.entries[index].of = indices.get(&offset).copied();
        }
        self.read_files(dwarf, unit)
    }

    fn read_entry(
        &self,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
        die: &DebuggingInformationEntry<'_, '_, Reader<'_>>,
        parent: Option<usize>,
    ) -> gimli::Result<Entry> {
        let text = |attribute| -> gimli::Result<Option<String>> {
            let Some(value) = die.attr_value(attribute)? else { return Ok(None) };
            let text = dwarf.attr_string(unit, value)?;
            Ok(Some(gimli::Reader::to_string_lossy(&text)?.into_owned()))
        };
        let number = |attribute| -> gimli::Result<Option<i128>> {
            Ok(die.attr_value(attribute)?.and_then(|value| match value {
                AttributeValue::Sdata(value) => Some(value.into()),
                other => other.udata_value().map(Into::into),
            }))
        };
        let name = text(gimli::DW_AT_name)?.unwrap_or_default();
        let around = parent.map(|parent| &self.entries[parent]);
        let around = around
            .filter(|entry| entry.tag != gimli::DW_TAG_compile_unit)
            .map_or("", |entry| &entry.path);
        let path = if around.is_empty() { name.clone() } else { format!("{around}::{name}") };
        let place = [
            gimli::DW_AT_data_member_location,
            gimli::DW_AT_discr_value,
            gimli::DW_AT_const_value,
            gimli::DW_AT_count,
        ];
        let mut value = None;
        for attribute in place {
            value = value.or(number(attribute)?);
        }
        let file = match die.attr_value(gimli::DW_AT_decl_file)? {
            Some(AttributeValue::FileIndex(file)) => Some(file),
            other => other.and_then(|value| value.udata_value()),
        };
        let line = number(gimli::DW_AT_decl_line)?.and_then(|line| u32::try_from(line).ok());
        Ok(Entry {
            tag: die.tag(),
            path,
            name,
            linkage_name: text(gimli::DW_AT_linkage_name)?,
            size: number(gimli::DW_AT_byte_size)?.map_or(0, |size| size as u64),
            of: None,
            value,
            alignment: number(gimli::DW_AT_alignment)?.map(|alignment| alignment as u64),
            address: address(unit, die)?,
            declared: file.zip(line),
            children: Vec::new(),
        })
    }

    /// Reads the methods of each table: the debug information has its place and numbers them only.
    fn read_vtables(&mut self, file: &object::File<'_>) {
        let tables = self
            .entries
            .iter()
            .filter(|entry| entry.tag == gimli::DW_TAG_variable && entry.name.contains("{vtable}"));
        let tables = tables.filter_map(|entry| {
            let section = file.section_by_index(section_of(entry.address?)).ok()?;
            let mut methods: Vec<(u64, String)> = section
                .relocations()
                .filter(|(offset, _)| *offset >= 24)
                .filter_map(|(offset, relocation)| {
                    Some((offset, method_name(file, relocation.target())?))
                })
                .collect();
            methods.sort();
            Some((entry.path.clone(), methods.into_iter().map(|(_, name)| name).collect()))
        });
        self.vtables = tables.collect();
    }

    fn read_files(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
    ) -> gimli::Result<()> {
        let Some(program) = &unit.line_program else { return Ok(()) };
        for (index, file) in program.header().file_names().iter().enumerate() {
            let name = dwarf.attr_string(unit, file.path_name())?;
            let first = if program.header().version() < 5 { 1 } else { 0 };
            self.files
                .insert(index as u64 + first, gimli::Reader::to_string_lossy(&name)?.into_owned());
        }
        Ok(())
    }

    /// Every type that has a path, with its shape; several where types share a path, as those in
    /// blocks of one function do, or those of two versions of a crate.
    pub fn shapes(&self) -> BTreeMap<String, Vec<Shape>> {
        let mut shapes = BTreeMap::new();
        for entry in
            self.entries.iter().filter(|entry| is_type(entry.tag) && !entry.name.is_empty())
        {
            let declared = entry
                .declared
                .and_then(|(file, line)| Some((self.files.get(&file)?.clone(), line)));
            let mut parts: Vec<_> = entry
                .alignment
                .map(|bytes| ("alignment".to_owned(), bytes.to_string()))
                .into_iter()
                .collect();
            self.add_parts(entry, &mut parts);
            let shape = Shape { size: entry.size, parts, declared };
            let twins: &mut Vec<Shape> = shapes.entry(entry.path.clone()).or_default();
            if !twins.iter().any(|twin| twin.is_like(&shape)) {
                twins.push(shape);
            }
        }
        for (path, methods) in &self.vtables {
            let methods = methods.iter().enumerate();
            let parts =
                methods.map(|(number, name)| (format!("method {number}"), name.clone())).collect();
            let table = Shape { size: 0, parts, declared: None };
            shapes.entry(path.clone()).or_default().push(table);
        }
        shapes
    }

    fn add_parts(&self, entry: &Entry, parts: &mut Vec<(String, String)>) {
        for child in entry.children.iter().map(|child| &self.entries[*child]) {
            let value = child.value.unwrap_or_default();
            match child.tag {
                gimli::DW_TAG_member => parts
                    .push((child.name.clone(), format!("{} at {value}", self.type_name(child.of)))),
                gimli::DW_TAG_enumerator => parts.push((child.name.clone(), format!("= {value}"))),
                gimli::DW_TAG_variant => {
                    let before = parts.len();
                    self.add_parts(child, parts);
                    let is = child
                        .value
                        .map_or("any other value".to_owned(), |value| format!("tag {value}"));
                    parts[before..]
                        .iter_mut()
                        .for_each(|part| part.1.push_str(&format!(" for {is}")));
                }
                gimli::DW_TAG_variant_part => self.add_parts(child, parts),
                _ => {}
            }
        }
    }

    fn type_name(&self, index: Option<usize>) -> String {
        let Some(entry) = index.map(|index| &self.entries[index]) else { return "()".into() };
        match entry.tag {
            gimli::DW_TAG_array_type => {
                let range = entry.children.iter().map(|child| &self.entries[*child]);
                let count = range.filter_map(|child| child.value).next().unwrap_or_default();
                format!("[{}; {count}]", self.type_name(entry.of))
            }
            // A function's type has no name; what it takes and gives is part of a pointer's name.
            gimli::DW_TAG_subroutine_type => "fn".into(),
            _ => entry.path.clone(),
        }
    }

    /// The type of the static with this symbol; empty where it is not described.
    pub fn type_of_static(&self, symbol: &str) -> String {
        let is_it =
            |entry: &&Entry| entry.tag == gimli::DW_TAG_variable && entry.symbol() == Some(symbol);
        self.entries.iter().find(is_it).map(|entry| self.type_name(entry.of)).unwrap_or_default()
    }

    /// Types of the variables that have a symbol, statics among them, by symbol.
    pub fn types_of_statics(&self) -> BTreeMap<&str, String> {
        let variables = self.entries.iter().filter(|entry| entry.tag == gimli::DW_TAG_variable);
        variables.filter_map(|entry| Some((entry.symbol()?, self.type_name(entry.of)))).collect()
    }

    /// Symbols of the functions that take or give a value through which one of `types` (paths) can
    /// be reached.
    pub fn functions_with(&self, types: &BTreeSet<String>) -> BTreeSet<String> {
        let holders = self.holders(types);
        let functions = self.entries.iter().filter(|entry| entry.tag == gimli::DW_TAG_subprogram);
        let mut found = BTreeSet::new();
        for function in functions {
            let Some(symbol) = function.symbol() else { continue };
            let parameters = function.children.iter().map(|child| &self.entries[*child]);
            // A type argument counts as well: such a function may get the value behind a pointer
            // that says nothing of it, as the tables of async runtimes do.
            let parameters = parameters.filter(|child| {
                matches!(
                    child.tag,
                    gimli::DW_TAG_formal_parameter | gimli::DW_TAG_template_type_parameter
                )
            });
            let mut values = parameters.filter_map(|child| child.of).chain(function.of);
            if values.any(|value| holders.contains(&value)) {
                found.insert(symbol.to_owned());
            }
        }
        found
    }

    /// Entries of the types that are, hold or point to one of `types`: found from the inside out,
    /// because types may hold each other in circles.
    fn holders(&self, types: &BTreeSet<String>) -> HashSet<usize> {
        let mut holders_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.tag != gimli::DW_TAG_subroutine_type && entry.tag != gimli::DW_TAG_subprogram {
                entry.of.iter().for_each(|of| holders_of.entry(*of).or_default().push(index));
            }
            for child in entry.children.iter().filter(|child| is_part(self.entries[**child].tag)) {
                holders_of.entry(*child).or_default().push(index);
            }
        }
        let is_sought = |entry: &Entry| is_type(entry.tag) && types.contains(&entry.path);
        let sought = self.entries.iter().enumerate().filter(|(_, entry)| is_sought(entry));
        let mut queue: Vec<usize> = sought.map(|(index, _)| index).collect();
        let mut found = HashSet::new();
        while let Some(index) = queue.pop() {
            if found.insert(index) {
                queue.extend(holders_of.get(&index).into_iter().flatten());
            }
        }
        found
    }
}

fn is_part(tag: DwTag) -> bool {
    matches!(tag, gimli::DW_TAG_member | gimli::DW_TAG_variant | gimli::DW_TAG_variant_part)
}

fn is_type(tag: DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_structure_type | gimli::DW_TAG_enumeration_type | gimli::DW_TAG_union_type
    )
}

/// The last part of a method's path.
fn method_name(file: &object::File<'_>, target: RelocationTarget) -> Option<String> {
    let RelocationTarget::Symbol(index) = target else { return None };
    let path = crate::symbol_name::path(file.symbol_by_index(index).ok()?.name().ok()?);
    Some(path.rsplit("::").next().unwrap_or(&path).to_owned())
}

/// Where a variable is, if it has one place for ever.
fn address(
    unit: &gimli::Unit<Reader<'_>>,
    die: &DebuggingInformationEntry<'_, '_, Reader<'_>>,
) -> gimli::Result<Option<u64>> {
    let Some(AttributeValue::Exprloc(expression)) = die.attr_value(gimli::DW_AT_location)? else {
        return Ok(None);
    };
    match expression.operations(unit.encoding()).next() {
        Ok(Some(gimli::Operation::Address { address })) => Ok(Some(address)),
        _ => Ok(None),
    }
}
