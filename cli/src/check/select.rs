//! Which code changed: the units that go into a patch, as far as their code says it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::items;
use super::{ChangedUnit, Refusal, refusal};
use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::{Brought, Program};
use crate::rebuild::{Output, Outputs};
use crate::report::event::Item;
use crate::units::{self, Difference, Digest, Unit};

/// Units with changed code, whose types nobody has looked at. They can be linked to save time, but
/// only a [`super::CheckedPatch`] goes further.
#[derive(Default)]
pub struct Selection {
    /// The units.
    pub units: Vec<ChangedUnit>,
    /// The crates that the units belong to.
    pub crates: BTreeSet<CrateId>,
    /// Mangled names of the functions whose code changed.
    pub functions: Vec<String>,
    pub(super) fresh: BTreeSet<String>,
    /// What the developer should know although nothing is wrong.
    pub notes: Vec<String>,
    pub(super) pairs: Vec<Pair>,
    pub(super) statics: Vec<Item>,
}

/// A crate before and after.
pub(super) struct Pair {
    pub id: CrateId,
    /// Units that `new` does not have as they are.
    pub old: Vec<Arc<Unit>>,
    pub new: Vec<Compiled>,
    pub difference: Difference,
}

/// A unit that rustc compiled anew.
pub(super) struct Compiled {
    pub unit: Arc<Unit>,
    pub object: Arc<ObjectFile>,
    pub digest: Digest,
}

impl Compiled {
    pub fn read(unit: &Arc<Unit>) -> Result<Self> {
        let object = ObjectFile::parse(unit.read()?)?;
        let mut digest = Digest::default();
        digest.add(&object);
        Ok(Self { unit: Arc::clone(unit), object: Arc::new(object), digest })
    }
}

/// What a look at the code came to.
pub enum Selected {
    /// The running program has all of the code; what the developer should know nevertheless.
    Unchanged(Vec<String>),
    /// This code is new.
    Units(Box<Selection>),
    /// It cannot go in.
    Refused(Refusal),
}

/// Compares the code of the newest outputs with that of those that are live.
///
/// # Errors
/// When an object cannot be read.
pub fn select(
    graph: &Graph,
    newest: &Outputs,
    live: &Outputs,
    program: &Program,
) -> Result<Selected> {
    let mut selection = Selection::default();
    let mut ids: Vec<&CrateId> = newest.keys().collect();
    ids.sort();
    for id in ids {
        let (old, new) = (&live[id], &newest[id]);
        if !Arc::ptr_eq(old, new) {
            selection.compare(*id, old, new, graph, program)?;
        }
    }
    let restart = items::needs_restart(&selection);
    if !restart.is_empty() {
        return Ok(Selected::Refused(refusal::needs_restart(restart)));
    }
    selection.functions.sort();
    selection.functions.dedup();
    selection.add_defining(graph, newest, program)?;
    if selection.pairs.is_empty() {
        return Ok(Selected::Unchanged(selection.notes));
    }
    Ok(Selected::Units(Box::new(selection)))
}

impl Selection {
    /// What a patch of these units says of names, as far as the code tells it.
    pub fn brought(&self) -> Brought {
        Brought { fresh: self.fresh.clone(), ..Brought::default() }
    }

    /// Takes in units that define what those in the selection use and the program does not have:
    /// new statics in units without a new function.
    fn add_defining(&mut self, graph: &Graph, newest: &Outputs, program: &Program) -> Result<()> {
        loop {
            let missing = self.missing(program);
            let mut units = newest
                .iter()
                .flat_map(|(id, output)| output.units.iter().map(move |unit| (*id, unit)));
            let is_outside =
                |unit: &Arc<Unit>| !self.units.iter().any(|inside| Arc::ptr_eq(&inside.id, unit));
            let defines = |unit: &Arc<Unit>| {
                let compiled = self.pairs.iter().flat_map(|pair| &pair.new);
                let digest = compiled
                    .filter(|new| Arc::ptr_eq(&new.unit, unit))
                    .map(|new| &new.digest)
                    .next();
                let digest = digest.or_else(|| Some(&unit.facts().ok()?.digest));
                digest.is_some_and(|digest| missing.iter().any(|name| digest.defines(name)))
            };
            let found =
                units.find(|(_, unit)| !missing.is_empty() && is_outside(unit) && defines(unit));
            let Some((id, unit)) = found else { return Ok(()) };
            let object = Arc::new(ObjectFile::parse(unit.read()?)?);
            let optimized = graph.crates[id].invocation.optimized;
            self.units.push(ChangedUnit { id: Arc::clone(unit), object, optimized });
            self.crates.insert(id);
        }
    }

    /// Rust names that the units use and neither they nor the program define.
    fn missing(&self, program: &Program) -> BTreeSet<String> {
        let symbols = || self.units.iter().flat_map(|unit| &unit.object.symbols);
        let defined: HashSet<&str> =
            symbols().filter(|symbol| symbol.is_defined()).map(|symbol| &*symbol.name).collect();
        let is_rust = |name: &str| name.starts_with("_ZN") || name.starts_with("_R");
        let is_missing = |name: &str| {
            is_rust(name)
                && !defined.contains(name)
                && program.export(name).or_else(|| program.static_item(name)).is_none()
        };
        let undefined = symbols().filter(|symbol| !symbol.is_defined());
        undefined
            .filter(|symbol| is_missing(&symbol.name))
            .map(|symbol| symbol.name.clone())
            .collect()
    }

    fn compare(
        &mut self,
        id: CrateId,
        old: &Output,
        new: &Output,
        graph: &Graph,
        program: &Program,
    ) -> Result<()> {
        let (old, new) = new.changed(old);
        let old: Vec<Arc<Unit>> = old.into_iter().cloned().collect();
        let (before, new) = rayon::join(
            || old.par_iter().map(|unit| Ok(&unit.facts()?.digest)).collect::<Result<Vec<_>>>(),
            || new.par_iter().map(|unit| Compiled::read(unit)).collect::<Result<Vec<_>>>(),
        );
        let (before, new) = (merged(before?.into_iter()), new?);
        let difference = units::compare(&before, &merged(new.iter().map(|unit| &unit.digest)));
        self.compare_statics(&difference, program);
        let functions: Vec<_> = new.iter().map(|unit| before.missing_in(&unit.digest)).collect();
        let any = functions.iter().any(|functions| !functions.is_empty());
        for (unit, functions) in new.iter().zip(functions).filter(|_| any) {
            // Whoever uses a static that begins anew has to use the new one.
            let begins_anew =
                unit.object.symbols.iter().any(|symbol| difference.fresh.contains(&symbol.name));
            if !functions.is_empty() || begins_anew {
                self.functions.extend(functions);
                self.units.push(ChangedUnit {
                    id: Arc::clone(&unit.unit),
                    object: Arc::clone(&unit.object),
                    optimized: graph.crates[id].invocation.optimized,
                });
                self.crates.insert(id);
            }
        }
        if any {
            self.fresh.extend(difference.fresh.iter().cloned());
        }
        if !new.is_empty() || !old.is_empty() {
            self.pairs.push(Pair { id, old, new, difference });
        }
        Ok(())
    }
}

fn merged<'a>(digests: impl Iterator<Item = &'a Digest>) -> Digest {
    let mut all = Digest::default();
    digests.for_each(|digest| all.extend(digest));
    all
}
