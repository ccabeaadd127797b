//! Statics, methods and the allocator: what of them stands against an edit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::Check;
use super::select::{Pair, Selection};
use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::program::Program;
use crate::report::event::Item;
use crate::symbol_name;
use crate::types::{self, Signature, Summary, Types};
use crate::units::{Difference, Unit};

/// What only a restart can change: the whole program is linked around it.
pub fn needs_restart(selection: &Selection) -> Vec<Item> {
    let allocator = |name: &String| {
        ["__rust_alloc", "__rust_dealloc", "__rust_realloc"].iter().any(|part| name.contains(part))
    };
    let named =
        |pair: &Pair| pair.difference.gone.iter().chain(&pair.difference.came).any(allocator);
    let mut items = Vec::new();
    if selection.pairs.iter().any(named) {
        items.push(Item { name: "the global allocator".into(), ..Item::default() });
    }
    items.extend(selection.units.iter().filter_map(|unit| gathered_list(&unit.object)));
    items
}

/// A use of a list that the linker gathers over the whole program.
pub fn gathered_list(object: &ObjectFile) -> Option<Item> {
    let is_bound = |name: &str| name.starts_with("__start_") || name.starts_with("__stop_");
    let mut undefined = object.symbols.iter().filter(|symbol| !symbol.is_defined());
    let symbol = undefined.find(|symbol| is_bound(&symbol.name))?;
    let name = format!("a list gathered by the linker ({})", symbol.name);
    Some(Item { name, ..Item::default() })
}

impl Selection {
    pub(super) fn compare_statics(&mut self, difference: &Difference, program: &Program) {
        for (name, was, now) in &difference.statics {
            let path = symbol_name::path(name);
            if difference.fresh.contains(name) {
                if !is_of_macro(&path) && was.value != now.value {
                    self.notes.push(format!(
                        "{path} has another first value; it counts from when code around it changes"
                    ));
                }
            } else if was.size == now.size {
                self.notes.push(format!(
                    "{path} keeps its value; its new initializer takes effect at a restart"
                ));
            } else if program.static_item(name).is_some() {
                let (was, now) = (format!("{} bytes", was.size), format!("{} bytes", now.size));
                self.statics.push(Item { name: path, was, now, ..Item::default() });
            }
        }
        for (was, now) in &difference.moved {
            let (was, now) = (symbol_name::path(was), symbol_name::path(now));
            if !is_of_macro(&now) {
                self.notes.push(format!(
                    "{now} begins anew: it is another static than {was}, which is gone"
                ));
            }
        }
        // What macros make for themselves says nothing to a reader.
        let paths: BTreeSet<String> =
            difference.fresh.iter().map(|name| symbol_name::path(name)).collect();
        for path in paths.iter().filter(|path| !is_of_macro(path)) {
            self.notes.push(format!(
                "{path} begins anew: there are several of that name in one place, and their number changed"
            ));
        }
    }
}

impl Check<'_> {
    /// Statics of another type, under one symbol (as `#[no_mangle]` and v0 mangling have them) or
    /// under one path.
    pub(super) fn compare_static_types(
        &mut self,
        pair: &Pair,
        before: &[&Summary],
        new: &[Types],
    ) -> Result<()> {
        for unit in &pair.new {
            for (symbol, now) in &unit.unit.facts()?.types.statics {
                let was = before.iter().position(|unit| unit.statics.contains_key(symbol));
                let was = was.map(|at| (before[at].statics[symbol], &pair.old[at]));
                let known =
                    || self.context.known.static_type(*symbol).map(|(is, unit)| (*is, unit));
                let Some((was, old)) = was.or_else(known) else { continue };
                let is_it = |name: &&String| xxh3_64(name.as_bytes()) == *symbol;
                if was == *now {
                    continue;
                }
                if let Some(name) = unit.digest.statics().find(is_it) {
                    self.retyped(name, name, old, new)?;
                }
            }
        }
        for (was, now) in &pair.difference.retyped {
            for old in &pair.old {
                if old.facts()?.digest.statics().any(|name| name == was) {
                    self.retyped(was, now, old, new)?;
                }
            }
        }
        Ok(())
    }

    /// Thread-locals of another type: the standard library's macro gives each a new symbol then.
    pub(super) fn compare_thread_locals(
        &mut self,
        pair: &Pair,
        before: &[&Summary],
        new: &[Types],
    ) -> Result<()> {
        let is_known = |path: u64, is: u64| {
            let mut before = before.iter().flat_map(|unit| &unit.thread_locals);
            before.any(|(known, was)| (*known, *was) == (path, is))
        };
        let mut changed = BTreeMap::new();
        for (path, is) in pair
            .new
            .iter()
            .map(|unit| unit.unit.facts())
            .collect::<Result<Vec<_>>>()?
            .iter()
            .flat_map(|facts| &facts.types.thread_locals)
        {
            let was_there =
                before.iter().any(|unit| unit.thread_locals.iter().any(|(known, _)| known == path));
            if was_there && !is_known(*path, *is) {
                changed.insert(*path, *is);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let old =
            pair.old.iter().map(|unit| types::read(&unit.read()?)).collect::<Result<Vec<_>>>()?;
        for path in changed.keys() {
            let named = |types: &[Types]| {
                types
                    .iter()
                    .flat_map(|types| types.thread_local_names().collect::<Vec<_>>())
                    .find(|(hash, ..)| hash == path)
            };
            if let (Some((_, name, now)), Some((_, _, was))) = (named(new), named(&old)) {
                self.found.statics.retain(|item| !item.name.starts_with(&format!("{name}::")));
                self.found.statics.push(Item { name, was, now, ..Item::default() });
            }
        }
        Ok(())
    }

    fn retyped(&mut self, was: &str, now: &str, old: &Arc<Unit>, new: &[Types]) -> Result<()> {
        if self.context.program.static_item(was).is_none() {
            return Ok(());
        }
        let (name, symbols) = (symbol_name::path(was), (was, now));
        let was = types::read(&old.read()?)?.type_of_static(was);
        let now = new.iter().map(|types| types.type_of_static(now)).find(|now| !now.is_empty());
        if now.as_ref() == Some(&was) && !was.is_empty() {
            self.patch.brought.statics.insert(symbols.1.to_owned(), symbols.0.to_owned());
        } else if let Some(now) = now {
            self.found.statics.push(Item { name, was, now, ..Item::default() });
        }
        Ok(())
    }

    /// Methods in tables that exist have to keep their signatures.
    pub(super) fn compare_methods(&mut self, pairs: &[Pair]) -> Result<()> {
        let crates = self.crate_names();
        for pair in pairs {
            let new: Vec<&Arc<Unit>> = pair.new.iter().map(|unit| &unit.unit).collect();
            let old: Vec<&Arc<Unit>> = pair.old.iter().collect();
            let came = pair.difference.came.iter();
            let came: BTreeMap<(String, u64), &String> =
                came.map(|name| ((method(name), receiver(&new, name)), name)).collect();
            for was in &pair.difference.gone {
                // Another type's method is in another table.
                let Some(now) = came.get(&(method(was), receiver(&old, was))) else { continue };
                let name = symbol_name::path(was);
                let own = symbol_name::belongs(&name, &crates) && !name.contains("{closure");
                let is_same = self.patch.brought.aliases.contains_key(was);
                if !own || is_same || !self.context.program.is_in_vtable(was) {
                    continue;
                }
                // The same method, given by the type instead of the trait or the other way about.
                let mut moved = BTreeMap::from([(was.clone(), (*now).clone())]);
                let signatures = (takes_and_gives(&old, was), takes_and_gives(&new, now));
                moved.retain(|_, _| signatures.0.is_some() && signatures.0 == signatures.1);
                self.retain_written_alike(&mut moved);
                if moved.is_empty() {
                    let was = signature(pair.old.iter(), was)?;
                    let now = signature(pair.new.iter().map(|unit| &unit.unit), now)?;
                    self.found.methods.push(Item { name, was, now, ..Item::default() });
                }
                self.patch.brought.aliases.extend(moved);
            }
        }
        Ok(())
    }
}

fn found_signature(units: &[&Arc<Unit>], symbol: &str) -> Option<Signature> {
    let symbol = xxh3_64(symbol.as_bytes());
    let facts = units.iter().filter_map(|unit| unit.facts().ok());
    facts.filter_map(|facts| facts.types.signatures.get(&symbol).copied()).next()
}

/// What a method is called on: hash of the type.
fn receiver(units: &[&Arc<Unit>], symbol: &str) -> u64 {
    found_signature(units, symbol).map_or(0, |signature| signature.receiver)
}

fn takes_and_gives(units: &[&Arc<Unit>], symbol: &str) -> Option<(u64, u64, u32)> {
    let signature = found_signature(units, symbol)?;
    Some((signature.takes, signature.gives, signature.count))
}

/// A method's name in its table.
fn method(symbol: &str) -> String {
    types::of_trait(&symbol_name::path(symbol))
}

/// What a function takes and gives, in words.
pub fn signature<'a>(units: impl Iterator<Item = &'a Arc<Unit>>, symbol: &str) -> Result<String> {
    let types = types_with(units, symbol)?;
    let text = types.map(|types| types.signature_text(symbol).unwrap_or_default());
    Ok(text.unwrap_or_else(|| "another signature".into()))
}

/// The type arguments of a function, in words.
pub fn type_arguments<'a>(
    units: impl Iterator<Item = &'a Arc<Unit>>,
    symbol: &str,
) -> Result<String> {
    let types = types_with(units, symbol)?;
    let name = types.as_ref().and_then(|types| types.name_of(symbol)).unwrap_or_default();
    let arguments = name.split_once('<').map_or("", |(_, rest)| rest);
    Ok(arguments.strip_suffix('>').unwrap_or(arguments).to_owned())
}

fn types_with<'a>(
    mut units: impl Iterator<Item = &'a Arc<Unit>>,
    symbol: &str,
) -> Result<Option<Types>> {
    let defines = |unit: &&Arc<Unit>| unit.facts().is_ok_and(|facts| facts.digest.defines(symbol));
    units.find(defines).map(|unit| types::read(&unit.read()?)).transpose()
}

/// Whether a static is one that a macro made for itself; a reader knows nothing of it.
fn is_of_macro(path: &str) -> bool {
    path.contains("::__") || path.ends_with("::META")
}
