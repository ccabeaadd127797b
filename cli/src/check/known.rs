//! What has left the code and may still be in the program's memory: a type that comes back has to be
//! the one that it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Result;
use crate::rebuild::Output;
use crate::types::Signature;
use crate::units::Unit;

/// Types, statics and functions of earlier generations that the code of the newest does not have.
/// Where not said otherwise, keys are hashes, as in [`crate::types::Summary`].
#[derive(Debug, Default)]
pub struct Known {
    /// Shapes by path, each with a unit that describes it.
    shapes: HashMap<u64, Vec<(u64, Arc<Unit>)>>,
    /// Types of statics by symbol.
    statics: HashMap<u64, (u64, Arc<Unit>)>,
    /// What functions took and gave, by symbol.
    signatures: HashMap<String, Signature>,
}

impl Known {
    /// Takes note of what `old` had and `new` does not have.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn remember(&mut self, old: &Output, new: &Output) -> Result<()> {
        let (before, after) = new.changed(old);
        let mut has = HashSet::new();
        for unit in after {
            let types = &unit.facts()?.types;
            has.extend(types.shapes.iter().map(|(path, _)| *path));
            has.extend(types.statics.keys().chain(types.signatures.keys()));
        }
        for unit in before {
            let types = &unit.facts()?.types;
            for (path, shape) in types.shapes.iter().filter(|(path, _)| !has.contains(path)) {
                let shapes = self.shapes.entry(*path).or_default();
                if !shapes.iter().any(|(known, _)| known == shape) {
                    shapes.push((*shape, Arc::clone(unit)));
                }
            }
            for (symbol, is) in types.statics.iter().filter(|(symbol, _)| !has.contains(*symbol)) {
                self.statics.entry(*symbol).or_insert_with(|| (*is, Arc::clone(unit)));
            }
            for name in unit.facts()?.digest.functions() {
                let symbol = xxh3_64(name.as_bytes());
                let signature = types.signatures.get(&symbol);
                if let Some(signature) = signature.filter(|_| !has.contains(&symbol)) {
                    self.signatures.insert(name.clone(), *signature);
                }
            }
        }
        Ok(())
    }

    /// The shapes that a path had.
    pub(super) fn shapes(&self, path: u64) -> Option<Vec<u64>> {
        let shapes = self.shapes.get(&path)?;
        Some(shapes.iter().map(|(shape, _)| *shape).collect())
    }

    /// Units that describe these paths.
    pub(super) fn units<'a>(
        &'a self,
        paths: impl Iterator<Item = &'a u64> + 'a,
    ) -> impl Iterator<Item = &'a Arc<Unit>> + 'a {
        paths.filter_map(|path| self.shapes.get(path)).flatten().map(|(_, unit)| unit)
    }

    /// The type of a static, and a unit that describes it.
    pub(super) fn static_type(&self, symbol: u64) -> Option<&(u64, Arc<Unit>)> {
        self.statics.get(&symbol)
    }

    /// What a function took and gave.
    pub(super) fn signature(&self, symbol: &str) -> Option<Signature> {
        self.signatures.get(symbol).copied()
    }

    /// Functions that the newest code may not have any more.
    pub(super) fn functions(&self) -> impl Iterator<Item = &String> {
        self.signatures.keys()
    }
}
