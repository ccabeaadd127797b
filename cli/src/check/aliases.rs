//! Functions that have another symbol and are the same to their callers.
//!
//! A symbol's hash has the number of the `impl` that the function stands in, and the visibilities of
//! the fields of what it takes. A derive typed above it, or a `pub`, and running code that calls the
//! old symbol would never see another edit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use super::select::Pair;
use super::{Check, items};
use crate::error::Result;
use crate::source::Written;
use crate::symbol_name;
use crate::types::{Changed, Signature, Summary};

impl Check<'_> {
    pub(super) fn find_aliases(&mut self, pairs: &[Pair]) -> Result<()> {
        for pair in pairs {
            let before = pair.old.iter().map(|unit| Ok(&unit.facts()?.types));
            let before: Vec<&Summary> = before.collect::<Result<_>>()?;
            let after = pair.new.iter().map(|unit| Ok(&unit.unit.facts()?.types));
            let after: Vec<&Summary> = after.collect::<Result<_>>()?;
            let old = self.by_path(&pair.difference.gone, &before);
            let new = self.by_path(&pair.difference.came, &after);
            let mut candidates = BTreeMap::new();
            for (key, names) in &new {
                if let (Some([was]), [now]) = (old.get(key).map(Vec::as_slice), names.as_slice()) {
                    candidates.insert((*was).clone(), (*now).clone());
                }
            }
            self.find_other_identities(pair, &candidates)?;
            if candidates.is_empty() {
                continue;
            }
            let sources = &self.context.newest[&pair.id].sources;
            let live = &self.context.live[&pair.id].sources;
            let names = candidates.values().map(|name| last_name(&symbol_name::path(name)));
            let names = names.collect();
            let (was, now_is) = (live.signatures(&names), sources.signatures(&names));
            candidates.retain(|_, now| {
                let path = symbol_name::path(now);
                // What is not in the sources, a derive has made.
                let is_derived = path.contains(" as core::");
                let name = last_name(&path);
                // A parameter that is a pattern is not in the debug information.
                let is_same = |now: &Written| now.is_plain || was.get(&name) == Some(now);
                now_is.get(&name).map_or(is_derived, is_same)
            });
            self.patch.brought.aliases.extend(candidates);
        }
        Ok(())
    }

    /// Types whose `TypeId` is another now, or that another type may have taken the place of: a value
    /// behind `dyn Any` would not be found any more. It follows from what its symbol follows from.
    fn find_other_identities(
        &mut self,
        pair: &Pair,
        renamed: &BTreeMap<String, String>,
    ) -> Result<()> {
        let is_identity =
            |name: &&String| symbol_name::path(name).ends_with(" as core::any::Any>::type_id");
        let came = pair.difference.came.iter().any(|name| is_identity(&name));
        for was in pair.difference.gone.iter().filter(is_identity) {
            let is_renamed = renamed.contains_key(was);
            let outputs = self.context.newest.values();
            let is_used = outputs
                .flat_map(|output| &output.units)
                .any(|unit| unit.facts().is_ok_and(|facts| facts.digest.defines(was)));
            if is_renamed || (came && !is_used) {
                let text = items::signature(pair.old.iter(), was)?;
                let name = text.trim_start_matches("(&").split(')').next().unwrap_or(&text);
                let now = if is_renamed { "another TypeId" } else { "gone; another type came" };
                let (name, was) = (name.to_owned(), "one TypeId".to_owned());
                let changed = Changed { path: 0, name, was, now: now.to_owned() };
                self.found.named.push((pair.id, changed));
            }
        }
        Ok(())
    }

    /// Functions by path and signature; without those that have to be kept apart anyway.
    fn by_path<'a>(
        &self,
        names: &'a BTreeSet<String>,
        types: &[&Summary],
    ) -> HashMap<(String, [u64; 5]), Vec<&'a String>> {
        let mut found: HashMap<_, Vec<&String>> = HashMap::new();
        for name in names.iter().filter(|name| !self.patch.brought.apart.contains(*name)) {
            let symbol = xxh3_64(name.as_bytes());
            let signature = types.iter().find_map(|unit| unit.signatures.get(&symbol));
            let Some(Signature { gives, takes, count, names, arguments, is_body: false, .. }) =
                signature
            else {
                continue;
            };
            let key =
                (symbol_name::path(name), [*gives, *takes, u64::from(*count), names.0, *arguments]);
            found.entry(key).or_default().push(name);
        }
        found
    }
}

fn last_name(path: &str) -> String {
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
