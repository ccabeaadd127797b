//! Functions that have another symbol and are the same to their callers.
//!
//! A symbol's hash has the number of the `impl` that the function stands in, and the visibilities of
//! the fields of what it takes. A derive typed above it, or a `pub`, and running code that calls the
//! old symbol would never see another edit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::select::Pair;
use super::{Check, items};
use crate::error::Result;
use crate::graph::CrateId;
use crate::rebuild::Outputs;
use crate::source::Written;
use crate::symbol_name;
use crate::types::{Changed, Signature, Summary};
use crate::units::Unit;

/// What has to be the same: path, and hashes of what the function takes and gives.
type Key = (String, [u64; 5]);

impl Check<'_> {
    pub(super) fn find_aliases(&mut self, pairs: &[Pair]) -> Result<()> {
        let (mut old, mut new) = (HashMap::new(), HashMap::new());
        for pair in pairs {
            let before = summaries(pair.old.iter())?;
            let after = summaries(pair.new.iter().map(|unit| &unit.unit))?;
            let is_gone = |name: &&String| !self.is_defined(name);
            self.add(pair.difference.gone.iter().filter(is_gone), &before, &mut old);
            self.add(pair.difference.came.iter(), &after, &mut new);
        }
        if new.is_empty() {
            return Ok(());
        }
        // An instance of a generic function may have left its crate some saves ago.
        let mut earlier = HashMap::new();
        self.add(self.context.known.functions(), &[], &mut earlier);
        let mut candidates = BTreeMap::new();
        for (key, names) in &new {
            let gone = old.get(key).cloned();
            let earlier = || {
                let mut names = earlier.get(key).cloned().unwrap_or_default();
                names.retain(|name| !self.is_defined(name));
                names
            };
            if let ([was], [now]) = (gone.unwrap_or_else(earlier).as_slice(), names.as_slice()) {
                candidates.insert((*was).clone(), (*now).clone());
            }
        }
        for pair in pairs {
            self.find_other_identities(pair, &candidates)?;
        }
        if !candidates.is_empty() {
            self.retain_written_alike(&mut candidates);
            self.patch.brought.aliases.extend(candidates);
        }
        Ok(())
    }

    /// Whether the newest code of any crate has this function.
    fn is_defined(&self, name: &str) -> bool {
        let mut units = self.context.newest.values().flat_map(|output| &output.units);
        units.any(|unit| unit.facts().is_ok_and(|facts| facts.digest.defines(name)))
    }

    /// A parameter that is a pattern is not in the debug information: the sources have to tell that
    /// it is the same.
    pub(super) fn retain_written_alike(&self, candidates: &mut BTreeMap<String, String>) {
        let name = |symbol: &String| last_name(&symbol_name::path(symbol));
        let names = candidates.values().map(name).collect();
        type ByCrate = BTreeMap<CrateId, BTreeMap<String, Written>>;
        let written = |outputs: &Outputs| -> ByCrate {
            outputs.iter().map(|(id, output)| (*id, output.sources.signatures(&names))).collect()
        };
        let (was, now) = (written(self.context.live), written(self.context.newest));
        let of = |all: &ByCrate, name: &str| -> BTreeMap<CrateId, Written> {
            let named = all.iter().filter_map(|(id, written)| Some((*id, written.get(name)?)));
            named.map(|(id, written)| (id, written.clone())).collect()
        };
        candidates.retain(|_, symbol| {
            let path = symbol_name::path(symbol);
            let (was, now) = (of(&was, &last_name(&path)), of(&now, &last_name(&path)));
            // What is not in the sources, a derive has made.
            let is_derived = now.is_empty() && path.contains(" as core::");
            let is_plain = !now.is_empty() && now.values().all(|written| written.is_plain);
            is_derived || is_plain || (!now.is_empty() && was == now)
        });
    }

    /// Types whose `TypeId` is another now, or that another type may have taken the place of: a value
    /// behind `dyn Any` would not be found any more. It follows from what its symbol follows from.
    fn find_other_identities(
        &mut self,
        pair: &Pair,
        renamed: &BTreeMap<String, String>,
    ) -> Result<()> {
        let is_identity = |name: &&String| {
            let path = symbol_name::path(name);
            path.ends_with(" as core::any::Any>::type_id") || path == "core::any::TypeId::of"
        };
        let units = || pair.new.iter().map(|unit| &unit.unit);
        let came = pair.difference.came.iter().filter(is_identity);
        let came = came.map(|name| identified(units(), name));
        let came: Vec<String> = came.collect::<Result<_>>()?;
        for was in pair.difference.gone.iter().filter(is_identity) {
            let is_renamed = renamed.contains_key(was);
            let outputs = self.context.newest.values();
            let is_used = outputs
                .flat_map(|output| &output.units)
                .any(|unit| unit.facts().is_ok_and(|facts| facts.digest.defines(was)));
            if is_used && !is_renamed {
                continue;
            }
            let name = identified(pair.old.iter(), was)?;
            let successor = came.iter().find(|came| last_name(came) == last_name(&name));
            let now = if is_renamed { Some(&name) } else { successor };
            if let Some(now) = now {
                let (was, now) = (format!("TypeId of {name}"), format!("another TypeId ({now})"));
                self.found.named.push((pair.id, Changed { path: 0, name, was, now }));
            } else if symbol_name::belongs(&name, &self.crate_names())
                && !symbol_name::path(was).starts_with("core::any::TypeId")
            {
                self.patch.notes.push(format!(
                    "{name} is no longer made into `dyn Any`; values that were stay"
                ));
            }
        }
        Ok(())
    }

    /// Adds functions by path and signature; without those that have to be kept apart anyway.
    fn add<'a>(
        &self,
        names: impl Iterator<Item = &'a String>,
        types: &[&Summary],
        found: &mut HashMap<Key, Vec<&'a String>>,
    ) {
        for name in names.filter(|name| !self.patch.brought.apart.contains(*name)) {
            let symbol = xxh3_64(name.as_bytes());
            let signature = types.iter().find_map(|unit| unit.signatures.get(&symbol).copied());
            let signature = signature.or_else(|| self.context.known.signature(name));
            let Some(Signature { gives, takes, count, names, arguments, is_body: false, .. }) =
                signature
            else {
                continue;
            };
            let key =
                (symbol_name::path(name), [gives, takes, u64::from(count), names.0, arguments]);
            let same = found.entry(key).or_default();
            if !same.contains(&name) {
                same.push(name);
            }
        }
    }
}

fn summaries<'a>(units: impl Iterator<Item = &'a Arc<Unit>>) -> Result<Vec<&'a Summary>> {
    units.map(|unit| Ok(&unit.facts()?.types)).collect()
}

/// The type whose identity a function gives: its type argument, or what it is called on.
fn identified<'a>(
    units: impl Iterator<Item = &'a Arc<Unit>> + Clone,
    symbol: &str,
) -> Result<String> {
    let argument = items::type_arguments(units.clone(), symbol)?;
    if !argument.is_empty() {
        return Ok(argument);
    }
    // `(&Type) -> TypeId`
    let text = items::signature(units, symbol)?;
    let rest = text.trim_start_matches("(&");
    Ok(rest.split(") -> ").next().unwrap_or(rest).to_owned())
}

fn last_name(path: &str) -> String {
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
