//! Statics, methods and the allocator: what of them stands against an edit.

use std::collections::BTreeSet;

use super::Check;
use crate::report::event::Item;
use crate::symbol_name;
use crate::types::Types;
use crate::units::Difference;

impl Check<'_> {
    pub(super) fn compare_statics(&mut self, difference: &Difference) {
        for (name, was, now) in &difference.statics {
            let path = symbol_name::path(name);
            let macros_own = is_of_macro(&path);
            if difference.fresh.contains(name) {
                if !macros_own && was.value != now.value {
                    let note = format!(
                        "{path} has another first value; it counts from when code around it changes"
                    );
                    self.patch.notes.push(note);
                }
            } else if was.size == now.size {
                let note = format!(
                    "{path} keeps its value; its new initializer takes effect at a restart"
                );
                self.patch.notes.push(note);
            } else if self.program.static_item(name).is_some() {
                let (was, now) = (format!("{} bytes", was.size), format!("{} bytes", now.size));
                self.found.statics.push(Item { name: path, was, now, ..Item::default() });
            }
        }
        // What macros make for themselves says nothing to a reader.
        let paths: BTreeSet<String> =
            difference.fresh.iter().map(|name| symbol_name::path(name)).collect();
        for path in paths.iter().filter(|path| !is_of_macro(path)) {
            let note = format!(
                "{path} begins anew: there are several of that name in one place, and their number changed"
            );
            self.patch.notes.push(note);
        }
    }

    /// Statics of one symbol and another type, as `#[no_mangle]` and v0 mangling have them.
    pub(super) fn compare_static_types(&mut self, old: &Types, new: &Types) {
        let old = old.types_of_statics();
        for (symbol, now) in new.types_of_statics() {
            let Some(was) = old.get(symbol).filter(|was| **was != now) else { continue };
            if self.program.static_item(symbol).is_some() {
                let name = symbol_name::path(symbol);
                self.found.statics.push(Item { name, was: was.clone(), now, ..Item::default() });
            }
        }
    }

    pub(super) fn retyped(&mut self, difference: &Difference, old: &Types, new: &Types) {
        for (was, now) in &difference.retyped {
            if self.program.static_item(was).is_none() {
                continue;
            }
            let name = symbol_name::path(was);
            let (was, now) = (old.type_of_static(was), new.type_of_static(now));
            if !now.is_empty() {
                self.found.statics.push(Item { name, was, now, ..Item::default() });
            }
        }
    }

    /// Methods in tables that exist have to keep their signatures, and the allocator its callers.
    pub(super) fn compare_signatures(&mut self, difference: &Difference) {
        let crates = self.graph.names(&(0..self.graph.crates.len()).collect());
        for (was, _) in &difference.renamed {
            let name = symbol_name::path(was);
            let own = symbol_name::belongs(&name, &crates);
            if own && !name.contains("{{closure}}") && self.program.is_in_vtable(was) {
                let (was, now) =
                    ("in tables of methods that exist".into(), "another signature".into());
                self.found.methods.push(Item { name, was, now, ..Item::default() });
            }
        }
        let allocator = |name: &&String| {
            ["__rust_alloc", "__rust_dealloc", "__rust_realloc"]
                .iter()
                .any(|part| name.contains(part))
        };
        if difference.one_sided.iter().any(|name| allocator(&name)) {
            self.found
                .restart
                .push(Item { name: "the global allocator".into(), ..Item::default() });
        }
    }
}

/// Whether a static is one that a macro made for itself; a reader knows nothing of it.
fn is_of_macro(path: &str) -> bool {
    path.contains("::__") || path.ends_with("::META")
}
