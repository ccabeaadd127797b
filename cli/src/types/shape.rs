//! What types are to the code that was compiled with them, in words and as hashes.

use std::collections::HashSet;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::dwarf::{Entry, Index, Types, path_hash};

/// What a type is to the code that was compiled with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Size in bytes.
    pub size: u64,
    /// Fields, variants and methods by name, each with its type and place, in declaration order.
    pub parts: Vec<(String, String)>,
}

/// A number that stands for nothing else in a hash.
fn mix(seed: u64, value: u64) -> u64 {
    xxh3_64_with_seed(&value.to_le_bytes(), seed)
}

impl Types {
    /// Hashes of path and shape of every type that has a path, and of every table of methods. Types
    /// may share a path, as those in blocks of one function do, or those of two versions of a crate;
    /// each stands for itself, though its twin may have the same shape.
    pub fn shape_hashes(&self) -> Vec<(u64, u64)> {
        let types = self.entries.iter().filter(|entry| self.is_named_type(entry));
        let types = types.map(|entry| (entry.path, self.shape_hash(entry)));
        let tables = self.vtables.iter().map(|(table, methods)| {
            let hash = methods.iter().fold(0, |hash, (number, name)| {
                xxh3_64_with_seed(name.as_bytes(), mix(hash, *number))
            });
            (self.entry(*table).path, hash)
        });
        let mut all: Vec<_> = types.chain(tables).collect();
        all.sort_unstable();
        all
    }

    /// The shapes of the types and tables with these hashes of paths: hash, path, shape.
    pub fn shapes(&self, wanted: &HashSet<u64>) -> Vec<(u64, String, Shape)> {
        let types = self.entries.iter();
        let types = types.filter(|entry| self.is_named_type(entry) && wanted.contains(&entry.path));
        let types = types.map(|entry| (entry.path, self.path(entry), self.shape(entry)));
        let tables = self.vtables.iter().map(|(table, methods)| (self.entry(*table), methods));
        let tables = tables.filter(|(table, _)| wanted.contains(&table.path));
        let tables = tables.map(|(table, methods)| {
            let part = |(number, name): &(u64, String)| (format!("method {number}"), name.clone());
            let shape = Shape { size: 0, parts: methods.iter().map(part).collect() };
            (table.path, self.path(table), shape)
        });
        types.chain(tables).collect()
    }

    fn is_named_type(&self, entry: &Entry) -> bool {
        is_type(entry.tag) && !self.name(entry).is_empty()
    }

    fn shape(&self, entry: &Entry) -> Shape {
        let alignment = entry.alignment.map(|bytes| ("alignment".to_owned(), bytes.to_string()));
        let mut parts: Vec<_> = alignment.into_iter().collect();
        self.add_parts(entry, &mut parts);
        Shape { size: entry.size, parts }
    }

    fn add_parts(&self, entry: &Entry, parts: &mut Vec<(String, String)>) {
        for child in self.children(entry) {
            let value = child.value.unwrap_or_default();
            match child.tag {
                gimli::DW_TAG_member => {
                    let name = match self.name(child) {
                        "" => "tag",
                        name => name,
                    };
                    parts.push((name.into(), format!("{} at {value}", self.type_name(child.of))));
                }
                gimli::DW_TAG_enumerator => {
                    parts.push((self.name(child).into(), format!("= {value}")));
                }
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

    /// The same as [`Types::shape`] as one number.
    fn shape_hash(&self, entry: &Entry) -> u64 {
        let hash = mix(mix(0, entry.size), entry.alignment.unwrap_or_default());
        self.parts_hash(entry, hash)
    }

    fn parts_hash(&self, entry: &Entry, mut hash: u64) -> u64 {
        for child in self.children(entry) {
            let value = child.value.unwrap_or_default() as u64;
            match child.tag {
                gimli::DW_TAG_member | gimli::DW_TAG_enumerator => {
                    hash = xxh3_64_with_seed(self.name(child).as_bytes(), mix(hash, value));
                    hash = mix(hash, self.type_hash(child.of));
                }
                gimli::DW_TAG_variant => {
                    let is = child.value.map_or(u64::MAX, |value| xxh3_64(&value.to_le_bytes()));
                    hash = self.parts_hash(child, mix(hash, is));
                }
                gimli::DW_TAG_variant_part => hash = self.parts_hash(child, mix(hash, 1)),
                _ => {}
            }
        }
        hash
    }

    pub(super) fn type_name(&self, index: Option<Index>) -> String {
        let Some(entry) = index.map(|index| self.entry(index)) else { return "()".into() };
        match entry.tag {
            gimli::DW_TAG_array_type => {
                format!("[{}; {}]", self.type_name(entry.of), self.count(entry))
            }
            // A function's type has no name; what it takes and gives is part of a pointer's name.
            gimli::DW_TAG_subroutine_type => "fn".into(),
            _ => self.path(entry),
        }
    }

    /// The same as [`Types::type_name`] as one number.
    pub(super) fn type_hash(&self, index: Option<Index>) -> u64 {
        let Some(entry) = index.map(|index| self.entry(index)) else { return 0 };
        match entry.tag {
            gimli::DW_TAG_array_type => {
                mix(path_hash(self.type_hash(entry.of), b"[]"), self.count(entry) as u64)
            }
            gimli::DW_TAG_subroutine_type => 1,
            _ => entry.path,
        }
    }

    fn count(&self, array: &Entry) -> i128 {
        self.children(array).find_map(|child| child.value).unwrap_or_default()
    }
}

pub(super) fn is_type(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_structure_type | gimli::DW_TAG_enumeration_type | gimli::DW_TAG_union_type
    )
}
