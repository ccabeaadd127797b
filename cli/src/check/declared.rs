//! What the sources declare and the debug information does not have: how values are handed over,
//! hidden parameters, tables of methods that the new code does not make any more.

use super::select::Pair;
use super::Check;
use crate::report::event::Item;
use crate::symbol_name;
use crate::types::{Changed, Types};

impl Check<'_> {
    pub(super) fn compare_declarations(&mut self, pair: &Pair, new: &[Types]) {
        let (newest, live) = (&self.context.newest[&pair.id], &self.context.live[&pair.id]);
        let (was, now) = newest.sources.changed_declarations(&live.sources);
        for (name, now) in &now.reprs {
            let Some(was) = was.reprs.get(name).filter(|was| *was != now) else { continue };
            let path = new.iter().find_map(|types| types.path_of_type(name));
            let told = |repr: &String| match repr.as_str() {
                "" => "repr(Rust)".to_owned(),
                repr => repr.to_owned(),
            };
            let name = path.unwrap_or_else(|| name.clone());
            let changed = Changed { name, was: told(was), now: told(now) };
            self.found.named.push((pair.id, changed));
        }
        let tracked: Vec<&String> = was.tracked.symmetric_difference(&now.tracked).collect();
        if !tracked.is_empty() {
            let is_tracked = |symbol: &&String| {
                let path = symbol_name::path(symbol);
                tracked.iter().any(|name| path.rsplit("::").next() == Some(name))
            };
            let functions = self.patch.functions.iter().filter(is_tracked).cloned();
            self.patch.brought.apart.extend(functions);
        }
        for (name, now) in &now.traits {
            let Some(was) = was.traits.get(name).filter(|was| *was != now) else { continue };
            if self.has_tables_of(name) {
                let crate_name = &self.context.graph.crates[pair.id].invocation.crate_name;
                let item = Item {
                    name: format!("{crate_name}::{name}"),
                    was: was.clone(),
                    now: now.clone(),
                    ..Item::default()
                };
                self.found.traits.push(item);
            }
        }
    }

    /// Whether the running program has methods of a trait of this name in tables.
    fn has_tables_of(&self, name: &str) -> bool {
        let of_type = format!("::{name}>::");
        let provided = format!("::{name}::");
        self.context.program.in_tables().any(|symbol| {
            let path = symbol_name::path(symbol);
            path.contains(&of_type) || path.contains(&provided)
        })
    }
}
