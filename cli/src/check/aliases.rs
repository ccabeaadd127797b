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
            let names = candidates.values().map(|name| last_name(&symbol_name::path(name)));
            let plain = sources.plain_functions(&names.collect());
            candidates.retain(|_, now| {
                let path = symbol_name::path(now);
                // What is not in the sources, a derive has made.
                let is_derived = path.contains(" as core::");
                plain.get(&last_name(&path)).copied().unwrap_or(is_derived)
            });
            self.patch.brought.aliases.extend(candidates);
        }
        Ok(())
    }

    /// Types whose `TypeId` is another now: a value behind `dyn Any` would not be found any more. It
    /// follows from what its symbol follows from.
    fn find_other_identities(
        &mut self,
        pair: &Pair,
        renamed: &BTreeMap<String, String>,
    ) -> Result<()> {
        for was in renamed.keys() {
            if symbol_name::path(was).ends_with(" as core::any::Any>::type_id") {
                let text = items::signature(pair.old.iter(), was)?;
                let name = text.trim_start_matches("(&").split(')').next().unwrap_or(&text);
                let name = name.to_owned();
                let (was, now) = ("one TypeId".into(), "another TypeId".into());
                self.found.named.push((pair.id, Changed { path: 0, name, was, now }));
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
            let Some(Signature { gives, takes, count, names, arguments, is_body: false }) =
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
