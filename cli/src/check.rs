//! Compares the rebuilt crates with what is running and decides what goes into a patch.
//!
//! A patch holds every unit with a function that is new or other than the running one. What must
//! never go in is refused here:
//!
//! - a type that the running program knows has another shape: old values would be read wrongly;
//! - a trait object's table of methods has another shape: existing objects have the old table;
//! - a static has another type.
//!
//! Closures and futures are types too, and change with the code around them. Their old values
//! stay with the old code: the functions that take or give them are put *apart*, so that older
//! images go on calling the old versions, and every unit that uses such a function joins the
//! patch, so that the new code has only new values. The same goes for a function that takes or
//! gives something else under an unchanged symbol, as with `impl Trait`.
//!
//! The other way about, a function may have another symbol and be the same to its callers: an
//! `impl` or a `pub` before it is enough. Callers of the old symbol are led to the new one.
//!
//! [`select`] looks at the code, [`check`] at the types. Linking needs the first only, so that it
//! runs beside the second.

mod aliases;
mod apart;
mod declared;
mod items;
mod known;
mod refusal;
mod select;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::{Brought, Program};
use crate::rebuild::Outputs;
use crate::report::event::{Item, Older};
use crate::symbol_name;
use crate::types::{self, Changed, Changes, Differences, Signature, Summary, Types};
use crate::units::{Facts, Unit};

pub use known::Known;
pub use refusal::Refusal;
use select::Pair;
pub use select::{Selected, Selection, select};

/// A unit that goes into a patch.
#[derive(Clone)]
pub struct ChangedUnit {
    /// Which one.
    pub id: Arc<Unit>,
    /// Its object, as rustc made it.
    pub object: Arc<ObjectFile>,
    /// Whether it was compiled above opt-level 0.
    pub optimized: bool,
}

/// Units that passed every check. Only this can be delivered.
#[derive(Default)]
pub struct CheckedPatch {
    units: Vec<ChangedUnit>,
    /// The crates that the units belong to.
    pub crates: BTreeSet<CrateId>,
    /// Mangled names of the functions whose code changed.
    pub functions: Vec<String>,
    /// What is to be known of mangled names.
    pub brought: Brought,
    /// What the developer should know although nothing is wrong.
    pub notes: Vec<String>,
    /// Which values that exist go on with the code that made them.
    pub older: Older,
}

impl CheckedPatch {
    /// The units.
    pub fn units(&self) -> &[ChangedUnit] {
        &self.units
    }

    /// Takes in the units that define these names, which nothing defines so far: statics in units
    /// without other changes, for instance. Whether there were any.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn add_defining(&mut self, names: &[String], context: Context<'_>) -> Result<bool> {
        let mut found = false;
        for (id, unit) in context
            .newest
            .iter()
            .flat_map(|(id, output)| output.units.iter().map(|unit| (*id, unit)))
        {
            let is_inside = self.units.iter().any(|inside| Arc::ptr_eq(&inside.id, unit));
            if !is_inside
                && names
                    .iter()
                    .any(|name| unit.facts().is_ok_and(|facts| facts.digest.defines(name)))
            {
                let object = Arc::new(ObjectFile::parse(unit.read()?)?);
                let optimized = context.graph.crates[id].invocation.optimized;
                self.units.push(ChangedUnit { id: Arc::clone(unit), object, optimized });
                self.crates.insert(id);
                found = true;
            }
        }
        Ok(found)
    }
}

/// What the check came to.
pub enum Checked {
    /// This can go in. With `false`, units have joined that [`Selection::units`] did not have.
    Patch(CheckedPatch, bool),
    /// This cannot.
    Refused(Refusal),
}

/// What a check looks at besides the code.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The hot crates.
    pub graph: &'a Graph,
    /// Their newest outputs.
    pub newest: &'a Outputs,
    /// Those that are live.
    pub live: &'a Outputs,
    /// The running program.
    pub program: &'a Program,
    /// What it knows besides its newest code.
    pub known: &'a Known,
}

/// Looks at the types of what was selected.
///
/// # Errors
/// When an object cannot be read.
pub fn check(selection: &Selection, context: Context<'_>) -> Result<Checked> {
    let mut check = Check {
        context,
        patch: CheckedPatch {
            units: selection.units.clone(),
            crates: selection.crates.clone(),
            functions: selection.functions.clone(),
            brought: selection.brought(),
            notes: selection.notes.clone(),
            older: Older::default(),
        },
        found: Found { statics: selection.statics.clone(), ..Found::default() },
        types: Vec::new(),
    };
    for pair in &selection.pairs {
        check.compare_pair(pair)?;
    }
    if let Some(refusal) = check.refusal() {
        return Ok(Checked::Refused(refusal));
    }
    let is_complete = check.put_apart()? && check.patch.brought.statics.is_empty();
    check.keep_stubs();
    check.find_aliases(&selection.pairs)?;
    check.compare_methods(&selection.pairs)?;
    if let Some(refusal) = check.refusal() {
        return Ok(Checked::Refused(refusal));
    }
    check.note_old_values();
    Ok(Checked::Patch(check.patch, is_complete))
}

/// What stands against the edit, or has to be minded.
#[derive(Default)]
struct Found {
    named: Vec<(CrateId, Changed)>,
    anonymous: BTreeMap<u64, String>,
    /// Enums that the debug information may not have, because code only keeps their numbers.
    numbers: Vec<(CrateId, Changed)>,
    statics: Vec<Item>,
    methods: Vec<Item>,
    traits: Vec<Item>,
    restart: Vec<Item>,
}

struct Check<'a> {
    context: Context<'a>,
    patch: CheckedPatch,
    found: Found,
    /// Types of the units in the patch, of those whose functions have to be looked through yet.
    types: Vec<Types>,
}

impl Check<'_> {
    fn compare_pair(&mut self, pair: &Pair) -> Result<()> {
        let new: Vec<Types> = pair
            .new
            .par_iter()
            .map(|unit| types::read(unit.object.bytes()))
            .collect::<Result<_>>()?;
        pair.new.par_iter().zip(&new).for_each(|(unit, types)| {
            if !unit.unit.has_facts() {
                unit.unit.set_facts(Facts::of(&unit.object, unit.digest.clone(), types));
            }
        });
        let before = pair.old.iter().map(|unit| Ok(&unit.facts()?.types));
        let before: Vec<&Summary> = before.collect::<Result<_>>()?;
        let after = pair.new.iter().map(|unit| Ok(&unit.unit.facts()?.types));
        let after: Vec<&Summary> = after.collect::<Result<_>>()?;
        let known = self.context.known;
        let declared = self.changed_declarations(pair);
        let shifted = declared::shifted(&declared, self.crate_name(pair.id));
        let changes = types::changes(&before, &after, &|path| known.shapes(path), &shifted);
        if !changes.is_empty() {
            self.name_changes(pair, &changes, &new)?;
        }
        self.compare_static_types(pair, &before, &new)?;
        self.compare_thread_locals(pair, &before, &new)?;
        self.compare_declarations(pair, &declared, &new);
        self.compare_signatures(pair, &before, &new)?;
        let in_patch: BTreeSet<*const Unit> =
            self.patch.units.iter().map(|unit| Arc::as_ptr(&unit.id)).collect();
        let kept = pair.new.iter().zip(new);
        let kept = kept.filter(|(unit, _)| in_patch.contains(&Arc::as_ptr(&unit.unit)));
        self.types.extend(kept.map(|(_, types)| types));
        Ok(())
    }

    fn name_changes(&mut self, pair: &Pair, changes: &Changes, new: &[Types]) -> Result<()> {
        let known = self.context.known.units(changes.shapes.iter());
        let knows = |unit: &&Arc<Unit>| {
            unit.facts().is_ok_and(|facts| facts.types.knows_any(&changes.shapes))
        };
        let old = pair.old.iter().chain(known).filter(knows);
        let old: BTreeMap<*const Unit, &Arc<Unit>> =
            old.map(|unit| (Arc::as_ptr(unit), unit)).collect();
        let old: Vec<&Arc<Unit>> = old.into_values().collect();
        let old: Vec<Types> =
            old.par_iter().map(|unit| types::read(&unit.read()?)).collect::<Result<_>>()?;
        let (old, new): (Vec<&Types>, Vec<&Types>) = (old.iter().collect(), new.iter().collect());
        let Differences { named, mut anonymous } = types::differences(changes, &old, &new);
        let (local, named) = self.split_local(pair.id, named, &old);
        anonymous.extend(local);
        let crates = self.crate_names();
        // A dependency's types change only where they hold the developer's.
        let own = |changed: &Changed| {
            crates.iter().any(|name| changed.name.contains(&format!("{name}::")))
        };
        self.found.named.extend(named.into_iter().filter(own).map(|changed| (pair.id, changed)));
        self.found.anonymous.extend(anonymous);
        Ok(())
    }

    fn crate_name(&self, id: CrateId) -> &str {
        &self.context.graph.crates[id].invocation.crate_name
    }

    fn crate_names(&self) -> Vec<String> {
        self.context.graph.names(&(0..self.context.graph.crates.len()).collect())
    }

    /// Functions that take or give something else under one symbol: callers that run already must
    /// not reach the new ones.
    fn compare_signatures(
        &mut self,
        pair: &Pair,
        before: &[&Summary],
        new: &[Types],
    ) -> Result<()> {
        let (twins, crates) = (Twins::of(pair, before)?, self.crate_names());
        for (unit, types) in pair.new.iter().zip(new) {
            let after = &unit.unit.facts()?.types.signatures;
            for name in unit.digest.functions() {
                let symbol = xxh3_64(name.as_bytes());
                let was = before.iter().find_map(|unit| unit.signatures.get(&symbol).copied());
                let was = was.or_else(|| self.context.known.signature(name));
                let Some((was, now)) = was.zip(after.get(&symbol)) else { continue };
                let may_be_other = || {
                    twins.may_be_other(now)
                        && symbol_name::belongs(&symbol_name::path(name), &crates)
                };
                let is_other = is_other(name, was, *now) || may_be_other();
                if self.context.program.export(name).is_none() || !is_other {
                    continue;
                }
                self.patch.brought.apart.insert(name.clone());
                if self.context.program.is_in_vtable(name) {
                    let now = types.signature_text(name).unwrap_or_default();
                    let was = items::signature(pair.old.iter(), name)?;
                    let name = symbol_name::path(name);
                    self.found.methods.push(Item { name, was, now, ..Item::default() });
                }
            }
        }
        Ok(())
    }
}

/// Functions of one name in blocks of one function, told apart by number only.
struct Twins {
    was: HashMap<(u64, u64), BTreeSet<u64>>,
    now: HashMap<(u64, u64), BTreeSet<u64>>,
}

impl Twins {
    fn of(pair: &Pair, before: &[&Summary]) -> Result<Self> {
        let by_path = |summaries: &[&Summary]| {
            let mut paths: HashMap<_, BTreeSet<u64>> = HashMap::new();
            for (symbol, signature) in summaries.iter().flat_map(|unit| &unit.signatures) {
                let path = (signature.path, signature.arguments);
                paths.entry(path).or_default().insert(*symbol);
            }
            paths
        };
        let after = pair.new.iter().map(|unit| Ok(&unit.unit.facts()?.types));
        Ok(Self { was: by_path(before), now: by_path(&after.collect::<Result<Vec<_>>>()?) })
    }

    /// Whether the numbers of the function's twins are not those that they were, so that each may
    /// stand for another one.
    fn may_be_other(&self, now: &Signature) -> bool {
        let path = (now.path, now.arguments);
        let (Some(was), Some(now)) = (self.was.get(&path), self.now.get(&path)) else {
            return false;
        };
        was.len().max(now.len()) > 1 && was != now
    }
}

/// Whether a function is another one to those who call its symbol.
fn is_other(symbol: &str, was: Signature, now: Signature) -> bool {
    // Legacy symbols have a hash of the parameters as they are written. Only their number is not
    // in the debug information for sure: a parameter that is a pattern has no entry there.
    let is_pattern = was.count != now.count && symbol.starts_with("_ZN");
    // Two parameters of one type that changed places.
    let is_swapped = was.names.1 == now.names.1 && was.names.0 != now.names.0;
    was.gives != now.gives || is_swapped || (was.takes != now.takes && !is_pattern)
}
