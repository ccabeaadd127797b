//! Which changed functions are watched for their first call, and of which it is certain that they
//! were not called.

use std::collections::BTreeSet;

use super::Workshop;
use crate::calls::Calls;
use crate::check::CheckedPatch;
use crate::graph::CrateId;
use crate::patch::PatchLibrary;
use crate::symbol_name;

impl Workshop {
    /// Names of all hot crates.
    pub(super) fn crate_names(&self) -> Vec<String> {
        let all: BTreeSet<CrateId> = (0..self.graph.crates.len()).collect();
        self.graph.names(&all)
    }

    /// Of changed functions (mangled names) those of the developer's crates.
    pub(super) fn watched(&self, functions: &[String]) -> Vec<String> {
        let crates = self.crate_names();
        let is_own = |name: &&String| symbol_name::belongs(&symbol_name::path(name), &crates);
        functions.iter().filter(is_own).cloned().collect()
    }

    /// What is to be heard of the calls of a patch's functions. `shown` are the paths that people
    /// are told.
    pub(super) fn calls(
        &self,
        patch: &CheckedPatch,
        library: &PatchLibrary,
        shown: &[String],
    ) -> Calls {
        // Code of one crate may be inlined into another.
        let is_plain = self.graph.crates.iter().all(|krate| !krate.invocation.optimized);
        // Both versions of a function that was kept apart run on, and not all of their callers are
        // led through the entry of this patch.
        let names = patch.functions.iter().filter(|name| self.program.is_apart(name, 0));
        let apart: BTreeSet<String> = names.map(|name| symbol_name::path(name)).collect();
        let sources = || self.newest.values().map(|output| &output.sources);
        let is_certain = |path: &str| {
            let name = path.split("::{").next().unwrap_or(path);
            let name = name.rsplit("::").next().unwrap_or(name);
            is_plain
                && !apart.contains(path)
                && !sources().any(|sources| sources.is_always_inlined(name))
        };
        Calls::new(&library.watched, &patch.functions, shown, is_certain)
    }
}
