//! Compares the rebuilt crates with what is running and decides what goes into a patch.
//!
//! A patch holds every unit with a function that is new or other than the running one. What must
//! never go in is refused here, before anything is linked:
//!
//! - a type that the running program knows has another shape: old values would be read wrongly;
//! - a trait object's table of methods has another shape: existing objects have the old table;
//! - a static has another size.
//!
//! Closures and futures are types too, and change with the code around them. Their old values
//! stay with the old code: the functions that take or give them are put *apart*, so that older
//! images go on calling the old versions, and every unit that uses such a function joins the
//! patch, so that the new code has only new values.

mod items;
mod refusal;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use hotdev_protocol::ContentHash;
use rayon::prelude::*;

use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::Program;
use crate::rebuild::{Output, Outputs};
use crate::report::event::Item;
use crate::types::{self, Changed, Differences, Types};
use crate::units::{self, Digest, Unit};

pub use refusal::Refusal;

/// A unit that goes into a patch.
#[derive(Clone)]
pub struct ChangedUnit {
    /// Its object, as rustc made it.
    pub object: ObjectFile,
    /// Whether it was compiled above opt-level 0.
    pub optimized: bool,
}

/// Units that passed every check. Only this can be linked.
#[derive(Default)]
pub struct CheckedPatch {
    units: Vec<ChangedUnit>,
    /// The crates that the units belong to.
    pub crates: BTreeSet<CrateId>,
    /// Mangled names of the functions whose code changed.
    pub functions: Vec<String>,
    /// Mangled names of the functions that older images must not be led to.
    pub apart: BTreeSet<String>,
    /// Mangled names of statics that begin anew: see [`units::Difference::fresh`].
    pub fresh: BTreeSet<String>,
    /// What the developer should know although nothing is wrong.
    pub notes: Vec<String>,
}

impl CheckedPatch {
    /// The units.
    pub fn units(&self) -> &[ChangedUnit] {
        &self.units
    }
}

/// What the comparison came to.
pub enum Checked {
    /// The running program has all of the code; what the developer should know nevertheless.
    Unchanged(Vec<String>),
    /// This can go in.
    Patch(CheckedPatch),
    /// This cannot.
    Refused(Refusal),
}

/// Compares the newest outputs with those that are live.
///
/// # Errors
/// When an object cannot be read.
pub fn check(
    graph: &Graph,
    newest: &Outputs,
    live: &Outputs,
    program: &Program,
) -> Result<Checked> {
    let mut check =
        Check { graph, program, patch: CheckedPatch::default(), found: Found::default() };
    let mut taken = BTreeSet::new();
    for (id, output) in newest {
        let old = live.get(id);
        if !old.is_some_and(|old| Arc::ptr_eq(old, output)) {
            check.compare_crate(*id, old.map(AsRef::as_ref), output, &mut taken)?;
        }
    }
    if let Some(refusal) = check.refusal() {
        return Ok(Checked::Refused(refusal));
    }
    if check.patch.functions.is_empty() {
        return Ok(Checked::Unchanged(check.patch.notes));
    }
    if !check.found.anonymous.is_empty() {
        check.put_apart(newest, &mut taken)?;
    }
    check.note_old_values();
    let mut patch = check.patch;
    patch.functions.sort();
    patch.functions.dedup();
    Ok(Checked::Patch(patch))
}

/// Units by crate and name.
type Taken = BTreeSet<(CrateId, String)>;

/// What stands against the edit, or has to be minded.
#[derive(Default)]
struct Found {
    named: Vec<(CrateId, Changed)>,
    anonymous: BTreeSet<String>,
    statics: Vec<Item>,
    methods: Vec<Item>,
    restart: Vec<Item>,
    types: Vec<Types>,
}

struct Check<'a> {
    graph: &'a Graph,
    program: &'a Program,
    patch: CheckedPatch,
    found: Found,
}

/// A unit that rustc compiled anew.
struct Compiled {
    name: String,
    object: ObjectFile,
    digest: Digest,
}

impl Check<'_> {
    fn compare_crate(
        &mut self,
        id: CrateId,
        old: Option<&Output>,
        new: &Output,
        taken: &mut Taken,
    ) -> Result<()> {
        let old = old.map(Output::units).transpose()?.unwrap_or_default();
        let mut old: HashMap<String, Unit> =
            old.into_iter().map(|unit| (unit.name.clone(), unit)).collect();
        let mut units = Vec::new();
        for unit in new.units()? {
            let same = old.get(&unit.name).is_some_and(|before| before.bytes == unit.bytes);
            if same {
                old.remove(&unit.name);
            } else {
                units.push(unit);
            }
        }
        let old = compile_all(old.into_values())?;
        let units = compile_all(units.into_iter())?;
        self.compare_units(id, &old, units, taken)
    }

    fn compare_units(
        &mut self,
        id: CrateId,
        old: &[Compiled],
        new: Vec<Compiled>,
        taken: &mut Taken,
    ) -> Result<()> {
        let (before, after) = (all(old), all(&new));
        let difference = units::compare(&before, &after);
        self.compare_statics(&difference);
        let changed: Vec<(Compiled, Vec<String>)> = new
            .into_iter()
            .map(|unit| {
                let functions = before.missing_in(&unit.digest);
                (unit, functions)
            })
            .collect();
        let any = changed.iter().any(|(_, functions)| !functions.is_empty());
        if !any && difference.retyped.is_empty() {
            return Ok(());
        }
        // All units of both sides: a closure may be described in another unit than it was.
        let old_types = read_types(old.iter().map(|unit| &unit.object))?;
        let new_types = read_types(changed.iter().map(|(unit, _)| &unit.object))?;
        let Differences { named, anonymous } = types::compare(&old_types, &new_types);
        let crates = self.graph.names(&(0..self.graph.crates.len()).collect());
        // A dependency's types change only where they hold the developer's.
        let own = |changed: &Changed| {
            crates.iter().any(|name| changed.name.contains(&format!("{name}::")))
        };
        self.found.named.extend(named.into_iter().filter(own).map(|changed| (id, changed)));
        self.found.anonymous.extend(anonymous);
        // Whoever uses a static that begins anew has to use the new one.
        let begins_anew = |unit: &Compiled| {
            unit.object.symbols.iter().any(|symbol| difference.fresh.contains(&symbol.name))
        };
        let changed = changed
            .into_iter()
            .filter(|(unit, functions)| !functions.is_empty() || begins_anew(unit));
        let changed: Vec<_> = changed.collect();
        self.compare_signatures(&difference);
        for (unit, functions) in changed {
            let types = types::read(unit.object.bytes())?;
            self.retyped(&difference, &old_types, &types);
            self.compare_static_types(&old_types, &types);
            self.found.types.push(types);
            self.patch.functions.extend(functions);
            self.take(id, unit.name, unit.object, taken);
        }
        self.patch.fresh.extend(difference.fresh);
        Ok(())
    }

    fn take(&mut self, id: CrateId, name: String, object: ObjectFile, taken: &mut Taken) {
        let bounds = object.symbols.iter().find(|symbol| {
            !symbol.is_defined()
                && (symbol.name.starts_with("__start_") || symbol.name.starts_with("__stop_"))
        });
        if let Some(symbol) = bounds {
            let name = format!("a list gathered by the linker ({})", symbol.name);
            self.found.restart.push(Item { name, ..Item::default() });
        }
        let optimized = self.graph.crates[id].invocation.optimized;
        self.patch.units.push(ChangedUnit { object, optimized });
        self.patch.crates.insert(id);
        taken.insert((id, name));
    }

    /// Says whose closures and futures go on with the old code, in this patch or since an earlier one.
    fn note_old_values(&mut self) {
        let owner = |name: &String| name.rsplit_once("::{").map(|(owner, _)| owner.to_owned());
        let now = self.found.anonymous.iter().filter(|name| name.ends_with('}')).filter_map(owner);
        let earlier = self.patch.functions.iter().filter(|name| self.program.is_apart(name, 1));
        let owners: BTreeSet<String> =
            now.chain(earlier.map(|name| crate::symbol_name::path(name))).collect();
        self.patch.notes.extend(owners.into_iter().take(5).map(|owner| {
            format!("{owner}: closures and futures made before go on with the old code, new ones get the new")
        }));
    }

    /// See the head of this module. Ends when no unit outside the patch uses a function apart.
    fn put_apart(&mut self, newest: &Outputs, taken: &mut Taken) -> Result<()> {
        let mut rest = uses_of(newest, taken)?;
        loop {
            for types in std::mem::take(&mut self.found.types) {
                self.patch.apart.extend(types.functions_with(&self.found.anonymous));
            }
            let apart: HashSet<u64> =
                self.patch.apart.iter().map(|name| ContentHash::of(name.as_bytes())).collect();
            let (users, others): (Uses, Uses) =
                rest.into_iter().partition(|(_, names)| !names.is_disjoint(&apart));
            rest = others;
            if users.is_empty() {
                return Ok(());
            }
            let crates: BTreeSet<CrateId> = users.keys().map(|(id, _)| *id).collect();
            for id in crates {
                for unit in newest[&id].units()? {
                    if users.contains_key(&(id, unit.name.clone())) {
                        let object = ObjectFile::parse(unit.bytes)?;
                        self.found.types.push(types::read(object.bytes())?);
                        self.take(id, unit.name, object, taken);
                    }
                }
            }
        }
    }
}

/// Hashes of the names that units use or define: all that is kept of a crate's many objects.
type Uses = BTreeMap<(CrateId, String), HashSet<u64>>;

fn uses_of(outputs: &Outputs, except: &Taken) -> Result<Uses> {
    let mut uses = Uses::new();
    for (id, output) in outputs {
        let units = output.units()?.into_par_iter();
        let units = units.filter(|unit| !except.contains(&(*id, unit.name.clone()))).map(|unit| {
            let object = ObjectFile::parse(unit.bytes)?;
            let names = object.symbols.iter().map(|symbol| ContentHash::of(symbol.name.as_bytes()));
            Ok(((*id, unit.name), names.collect()))
        });
        uses.extend(units.collect::<Result<Vec<_>>>()?);
    }
    Ok(uses)
}

fn compile_all(units: impl Iterator<Item = Unit>) -> Result<Vec<Compiled>> {
    let units: Vec<Unit> = units.collect();
    let compiled = units.into_par_iter().map(|unit| {
        let object = ObjectFile::parse(unit.bytes)?;
        let mut digest = Digest::default();
        digest.add(&object);
        Ok(Compiled { name: unit.name, object, digest })
    });
    compiled.collect()
}

fn all(units: &[Compiled]) -> Digest {
    let mut digest = Digest::default();
    units.iter().for_each(|unit| digest.extend(&unit.digest));
    digest
}

fn read_types<'a>(objects: impl Iterator<Item = &'a ObjectFile>) -> Result<Types> {
    let mut all = Types::default();
    for object in objects {
        all.add(types::read(object.bytes())?);
    }
    Ok(all)
}
