//! Keeps old closures and futures with the old code: see the head of [`super`].

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{ChangedUnit, Check, items};
use crate::elf::object_file::ObjectFile;
use crate::elf::stub;
use crate::error::Result;
use crate::graph::CrateId;
use crate::report::event::Older;
use crate::symbol_name;
use crate::types::{self, Changed, Types};
use crate::units::{Names, Unit};

impl Check<'_> {
    /// Those of the changed types that are declared in the body of a function, if their values stay
    /// in calls of it: paths by their hashes. They are like closures. And the rest.
    pub(super) fn split_local(
        &self,
        id: CrateId,
        named: Vec<Changed>,
        old: &[&Types],
    ) -> (BTreeMap<u64, String>, Vec<Changed>) {
        let is_function = |path: u64| {
            let mut live = self.context.live[&id].units.iter().filter_map(|unit| unit.facts().ok());
            live.any(|facts| facts.types.functions.binary_search(&path).is_ok())
        };
        let is_local = |changed: &Changed| {
            let place = old.iter().find_map(|types| types.place_of_type(changed.path));
            place.is_some_and(|(around, in_method)| in_method || is_function(around))
        };
        let roots: Vec<String> = named
            .iter()
            .filter(|changed| is_local(changed))
            .filter_map(|changed| changed.name.rsplit_once('.'))
            .map(|(name, _)| name.to_owned())
            .collect();
        // With what is made of them: `Option<f::Local>`.
        let (local, rest): (Vec<_>, Vec<_>) = named.into_iter().partition(|changed| {
            is_local(changed) || roots.iter().any(|root| changed.name.contains(root.as_str()))
        });
        let paths: HashSet<u64> = local.iter().map(|changed| changed.path).collect();
        let program = self.context.program;
        let escapes = |types: &&Types| {
            let is_pointed_at = |symbol: &String| {
                program.is_in_vtable(symbol) || program.export(&stub::name(symbol)).is_some()
            };
            types.has_static_with(&paths) || types.functions_with(&paths).iter().any(is_pointed_at)
        };
        if old.iter().any(escapes) {
            tracing::info!(?paths, "values of a local type may be kept");
            return (BTreeMap::new(), local.into_iter().chain(rest).collect());
        }
        (local.into_iter().map(|changed| (changed.path, changed.name)).collect(), rest)
    }

    /// Takes every unit into the patch that uses a function apart, until no unit outside does.
    /// Whether no function is apart.
    pub(super) fn put_apart(&mut self) -> Result<bool> {
        let anonymous: HashSet<u64> = self.found.anonymous.keys().copied().collect();
        let mut rest = self.outside();
        loop {
            if !anonymous.is_empty() {
                for types in std::mem::take(&mut self.types) {
                    self.patch.brought.apart.extend(types.functions_with(&anonymous));
                }
            }
            let apart = &self.patch.brought.apart;
            if apart.is_empty() {
                return Ok(true);
            }
            let apart: Names = apart.iter().collect();
            let uses = |(_, unit): &&(CrateId, Arc<Unit>)| Ok(unit.facts()?.names_any(&apart));
            let users: Vec<bool> =
                rest.par_iter().map(|unit| uses(&unit)).collect::<Result<_>>()?;
            let (users, others): (Vec<_>, Vec<_>) =
                rest.into_iter().zip(users).partition(|(_, uses)| *uses);
            rest = others.into_iter().map(|(unit, _)| unit).collect();
            if users.is_empty() {
                return Ok(false);
            }
            let joining = users.into_par_iter().map(|((id, unit), _)| {
                let object = ObjectFile::parse(unit.read()?)?;
                // Nothing else takes or gives one.
                let types = if unit.facts()?.types.knows_any(&anonymous) {
                    types::read(object.bytes())?
                } else {
                    Types::default()
                };
                Ok((id, unit, object, types))
            });
            for (id, unit, object, types) in joining.collect::<Result<Vec<_>>>()? {
                self.join(id, unit, object, types);
            }
        }
    }

    /// A pointer to a function is one to its stub: functions apart have stubs of their own.
    pub(super) fn keep_stubs(&mut self) {
        let apart = &mut self.patch.brought.apart;
        let stubs: Vec<String> = apart.iter().map(|name| stub::name(name)).collect();
        apart.extend(stubs);
    }

    fn join(&mut self, id: CrateId, unit: Arc<Unit>, object: ObjectFile, types: Types) {
        self.found.restart.extend(items::gathered_list(&object));
        let optimized = self.context.graph.crates[id].invocation.optimized;
        self.patch.units.push(ChangedUnit { id: unit, object: Arc::new(object), optimized });
        self.patch.crates.insert(id);
        self.types.push(types);
    }

    /// The units that are not in the patch.
    fn outside(&self) -> Vec<(CrateId, Arc<Unit>)> {
        let inside: HashSet<*const Unit> =
            self.patch.units.iter().map(|unit| Arc::as_ptr(&unit.id)).collect();
        let all = self.context.newest.iter();
        let all = all.flat_map(|(id, output)| output.units.iter().map(|unit| (*id, unit)));
        all.filter(|(_, unit)| !inside.contains(&Arc::as_ptr(unit)))
            .map(|(id, unit)| (id, Arc::clone(unit)))
            .collect()
    }

    /// Says whose closures and futures go on with the old code, in this patch or since an earlier one.
    pub(super) fn note_old_values(&mut self) {
        let program = self.context.program;
        let now = self.found.anonymous.values().filter_map(|name| Some((owner(name)?, kind(name))));
        // What put a function apart in an earlier generation is not known any more.
        let both = Older { closures: true, futures: true, notes: 0 };
        let earlier = self.patch.functions.iter().filter(|name| program.is_apart(name, 1));
        let earlier = earlier.map(|name| (symbol_name::path(name), both));
        let crates = self.crate_names();
        let mut owners: BTreeMap<String, Older> = BTreeMap::new();
        for (owner, kind) in now.chain(earlier) {
            if symbol_name::belongs(&owner, &crates) {
                let known = owners.entry(owner).or_default();
                known.closures |= kind.closures;
                known.futures |= kind.futures;
            }
        }
        let older = &mut self.patch.older;
        for (owner, kind) in owners.into_iter().take(5) {
            older.closures |= kind.closures;
            older.futures |= kind.futures;
            older.notes += 1;
            self.patch.notes.push(format!("{owner}: closures and futures made before go on with the old code, new ones get the new"));
        }
    }
}

/// What an environment is of, by its name.
fn kind(name: &str) -> Older {
    let futures = name.contains("{async_");
    Older { closures: !futures, futures, notes: 0 }
}

/// The function in which a closure or future stands; none for what merely holds one.
fn owner(path: &str) -> Option<String> {
    let mut own = path.match_indices("::{").filter(|(at, _)| !path[*at..].starts_with("::{impl#"));
    let (at, _) = own.next()?;
    let function = &path[..at];
    let parts = function.split("::").filter(|part| !part.starts_with("{impl#"));
    (!function.contains('<')).then(|| parts.collect::<Vec<_>>().join("::"))
}
