//! What the sources declare and the debug information does not have: how values are handed over,
//! hidden parameters, tables of methods that the new code does not make any more.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::Check;
use super::select::Pair;
use crate::graph::CrateId;
use crate::report::event::Item;
use crate::source::Declarations;
use crate::symbol_name;
use crate::types::{self, Changed, Types};

impl Check<'_> {
    /// What the files that changed declare, before and now.
    pub(super) fn changed_declarations(&self, pair: &Pair) -> (Declarations, Declarations) {
        let (newest, live) = (&self.context.newest[&pair.id], &self.context.live[&pair.id]);
        newest.sources.changed_declarations(&live.sources)
    }

    pub(super) fn compare_declarations(
        &mut self,
        pair: &Pair,
        (was, now): &(Declarations, Declarations),
        new: &[Types],
    ) {
        for (name, now) in &now.reprs {
            let Some(was) = was.reprs.get(name).filter(|was| *was != now) else { continue };
            let (module, name) = self.in_module(pair.id, name);
            let path = new.iter().find_map(|types| types.path_of_type(module, name));
            let told = |repr: &String| match repr.as_str() {
                "" => "repr(Rust)".to_owned(),
                repr => repr.to_owned(),
            };
            let name = path.unwrap_or_else(|| name.to_owned());
            let changed = Changed { path: 0, name, was: told(was), now: told(now) };
            self.found.named.push((pair.id, changed));
        }
        for (name, now) in &now.numbers {
            let Some(was) = was.numbers.get(name).filter(|was| *was != now) else { continue };
            let (module, name) = self.in_module(pair.id, name);
            let crate_name = self.crate_name(pair.id);
            let path = if module == crate_name {
                format!("{crate_name}::{name}")
            } else {
                format!("{crate_name}::{module}::{name}")
            };
            let changed = Changed { path: 0, name: path, was: was.clone(), now: now.clone() };
            self.found.numbers.push((pair.id, changed));
        }
        let differs = |(name, now): &(&String, &String)| {
            was.conventions.get(*name).is_some_and(|was| was != *now)
        };
        let other: Vec<_> = now.conventions.iter().filter(differs).map(|(name, _)| name).collect();
        let is_other = |symbol: &&String| {
            let path = symbol_name::path(symbol);
            other.iter().any(|name| path.rsplit("::").next() == Some(name))
        };
        let functions = self.patch.functions.iter().filter(is_other).cloned();
        self.patch.brought.apart.extend(functions);
        for (name, now) in &now.traits {
            let Some(was) = was.traits.get(name).filter(|was| *was != now) else { continue };
            let (module, name) = self.in_module(pair.id, name);
            if let Some(name) = self.with_tables(module, name) {
                let (was, now) = (was.clone(), now.clone());
                self.found.traits.push(Item { name, was, now, ..Item::default() });
            }
        }
    }

    /// The path of a trait of this name, if the running program has methods of it in tables.
    fn with_tables(&self, module: &str, name: &str) -> Option<String> {
        let end = format!("{module}::{name}");
        self.context.program.in_tables().find_map(|symbol| {
            let method = types::of_trait(&symbol_name::path(symbol));
            let (path, _) = method.rsplit_once("::")?;
            let plain = path.split('<').next().unwrap_or(path);
            let before = plain.strip_suffix(end.as_str())?;
            (before.is_empty() || before.ends_with("::")).then(|| plain.to_owned())
        })
    }

    /// The names of the module, or crate, and of the item.
    fn in_module<'a>(&'a self, id: CrateId, name: &'a str) -> (&'a str, &'a str) {
        match name.rsplit_once("::") {
            Some(("", name)) => (self.crate_name(id), name),
            Some(names) => names,
            None => (self.crate_name(id), name),
        }
    }
}

/// Hashes of the names of the modules in which some `impl` has another number than before.
pub fn shifted((was, now): &(Declarations, Declarations), crate_name: &str) -> HashSet<u64> {
    let is_shifted = |(module, was): &(&String, &Vec<String>)| {
        let now = now.blocks.get(*module).map(Vec::as_slice).unwrap_or_default();
        (0..).zip(*was).any(|(number, block)| now.get(number) != Some(block))
    };
    let shifted = was.blocks.iter().filter(is_shifted).map(|(module, _)| module.as_str());
    let names = shifted.map(|module| if module.is_empty() { crate_name } else { module });
    names.map(|name| xxh3_64(name.as_bytes())).collect()
}
