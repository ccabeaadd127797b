//! What has to be known of a unit to compare another with it, or to find who uses a function.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Digest;
use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::types::{Summary, Types};

/// All that is remembered of a unit.
#[derive(Debug, Serialize, Deserialize)]
pub struct Facts {
    /// What it defines.
    pub digest: Digest,
    /// Its types and signatures.
    pub types: Summary,
    /// Hashes of the names that it defines or uses, sorted.
    names: Vec<u64>,
}

/// Names to look for in many units: their hashes, sorted.
#[derive(Debug)]
pub struct Names(Vec<u64>);

impl<'a> FromIterator<&'a String> for Names {
    fn from_iter<I: IntoIterator<Item = &'a String>>(names: I) -> Self {
        let mut hashes: Vec<u64> = names.into_iter().map(|name| xxh3_64(name.as_bytes())).collect();
        hashes.sort_unstable();
        Self(hashes)
    }
}

impl Facts {
    /// Reads them from an object file.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read(bytes: Vec<u8>) -> Result<Self> {
        let object = ObjectFile::parse(bytes)?;
        let mut digest = Digest::default();
        digest.add(&object);
        Ok(Self::of(&object, digest, &Types::read(object.bytes())?))
    }

    /// Puts them together.
    pub fn of(object: &ObjectFile, digest: Digest, types: &Types) -> Self {
        let types = Summary::of(types, &|symbol| digest.code(symbol));
        Self { digest, types, names: super::names(object) }
    }

    /// Whether the unit defines or uses one of these names.
    pub fn names_any(&self, names: &Names) -> bool {
        let mut rest = &self.names[..];
        names.0.iter().any(|name| {
            rest = &rest[rest.partition_point(|own| own < name)..];
            rest.first() == Some(name)
        })
    }
}
