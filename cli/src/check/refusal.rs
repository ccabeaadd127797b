//! From what was found to what is said.

use std::path::{Path, PathBuf};

use super::Check;
use crate::graph::CrateId;
use crate::report::event::{Item, RefusalCode};
use crate::types::{self, Changed};

/// Why an edit does not go into the running program.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What kind of reason.
    pub code: RefusalCode,
    /// What it is about.
    pub items: Vec<Item>,
    /// One sentence.
    pub message: String,
}

/// The refusal of what only a restart can change.
pub fn needs_restart(items: Vec<Item>) -> Refusal {
    let message =
        "only a restart can apply a change here, because the whole program is linked around it";
    Refusal { code: RefusalCode::NeedsRestart, items, message: message.into() }
}

impl Check<'_> {
    /// Why the edit cannot go in, as far as it is known yet.
    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        let found = std::mem::take(&mut self.found);
        let refuse = |code, items, message: &str| {
            let items = sorted(Vec::into_iter(items).map(|item| self.placed(item)));
            Some(Refusal { code, items, message: message.into() })
        };
        if !found.restart.is_empty() {
            return Some(needs_restart(found.restart));
        }
        let numbers = found.numbers.iter().filter(|_| found.named.is_empty());
        let named =
            found.named.iter().chain(numbers).map(|(id, changed)| self.item(*id, changed.clone()));
        let (tables, layouts): (Vec<_>, Vec<_>) = named.partition(|(_, is_table)| *is_table);
        // A static of a type that has changed says less than the type.
        let statics =
            found.statics.iter().filter(|item| layouts.is_empty() || item.was != item.now);
        let statics: Vec<Item> = statics.cloned().collect();
        // Its size follows from its type.
        let (sizes, types): (Vec<_>, Vec<_>) =
            statics.into_iter().partition(|item| item.now.ends_with(" bytes"));
        let typed = |size: &Item| types.iter().any(|item| item.name == size.name);
        let sizes: Vec<Item> = sizes.into_iter().filter(|size| !typed(size)).collect();
        let statics: Vec<Item> = types.into_iter().chain(sizes).collect();
        if !statics.is_empty() {
            let message =
                "a static has another type now, and the running program keeps the one it has";
            return refuse(RefusalCode::StaticChanged, statics, message);
        }
        let refuse_tables = |items| {
            let message = "a trait has other methods now, and objects that exist have the old table of methods";
            refuse(RefusalCode::VtableChanged, items, message)
        };
        let tables = told_once(tables.into_iter().map(|(item, _)| item));
        if !tables.is_empty() {
            return refuse_tables(tables);
        }
        let layouts: Vec<Item> = layouts.into_iter().map(|(item, _)| item).collect();
        if !layouts.is_empty() {
            let message = "a type has another layout now, and values that exist have the old one";
            return refuse(RefusalCode::LayoutChanged, layouts, message);
        }
        // A method has another symbol, too, where the type that it takes has another layout.
        let methods = if found.methods.is_empty() { &found.traits } else { &found.methods };
        if !methods.is_empty() {
            return refuse_tables(methods.clone());
        }
        self.found = found;
        None
    }

    /// What to say of a type or table, and whether it is a table.
    fn item(&self, id: CrateId, changed: Changed) -> (Item, bool) {
        let is_table = is_vtable(&changed.name);
        let name = if is_table { trait_of(&changed.name) } else { changed.name };
        let (file, line) = self.declaration(id, &name).unzip();
        (Item { name, was: changed.was, now: changed.now, file, line }, is_table)
    }

    /// The item with the place where it is declared, if that is not known yet.
    fn placed(&self, item: Item) -> Item {
        if item.file.is_some() {
            return item;
        }
        let name = types::of_trait(item.name.trim_start_matches('&'));
        let (file, line) = self.declaration(0, &name).unzip();
        Item { file, line, ..item }
    }

    /// Where an item is declared. Of several files that declare one of its name, the one is
    /// meant whose path has most of the modules in it.
    fn declaration(&self, id: CrateId, name: &str) -> Option<(PathBuf, u32)> {
        let crates = &self.context.graph.crates;
        let own = crates[id..].iter().chain(&crates[..id]);
        // A name that is not mangled stands alone.
        let mut own = own.filter(|hot| {
            !name.contains("::") || name.starts_with(&format!("{}::", hot.invocation.crate_name))
        });
        let fits = |file: &PathBuf| {
            let modules = name.split("::").skip(1);
            let has = |module: &str| {
                file.components().any(|part| {
                    Path::new(part.as_os_str()).file_stem().is_some_and(|stem| stem == module)
                })
            };
            modules.filter(|module| has(module)).count()
        };
        own.find_map(|hot| {
            let mut files: Vec<&PathBuf> = hot.sources.iter().collect();
            files.sort_by_key(|file| std::cmp::Reverse(fits(file)));
            files.into_iter().find_map(|file| types::declaration(file, name))
        })
    }
}

/// A table's type says less than the table itself.
fn told_once(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let items: Vec<Item> = items.collect();
    let is_type = |item: &Item| item.was.contains("*const ()") || item.now.contains("*const ()");
    let (types, mut tables): (Vec<_>, Vec<_>) = items.into_iter().partition(is_type);
    let rest = types.into_iter().filter(|item| !tables.iter().any(|table| table.name == item.name));
    let rest: Vec<Item> = rest.collect();
    tables.extend(rest);
    tables
}

/// Each item once; those with a place first: a type that holds a changed one has changed with it,
/// and the reader wants the cause.
fn sorted(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut items: Vec<Item> = items.collect();
    items.sort_by(|a, b| (a.file.is_none(), &a.name).cmp(&(b.file.is_none(), &b.name)));
    items.dedup();
    items
}

fn is_vtable(name: &str) -> bool {
    name.contains("{vtable_type}") || name.contains("{vtable}")
}

/// The trait in `<Type as Trait>::{vtable_type}.part`.
fn trait_of(name: &str) -> String {
    let rest = name.rsplit_once(" as ").map_or(name, |(_, rest)| rest);
    rest.split(">::{vtable").next().unwrap_or(rest).to_owned()
}
