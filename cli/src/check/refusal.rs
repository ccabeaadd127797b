//! From what was found to what is said.

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

impl Check<'_> {
    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        let mut found = std::mem::take(&mut self.found);
        let refuse =
            |code, items, message: &str| Some(Refusal { code, items, message: message.into() });
        if !found.restart.is_empty() {
            let message = "only a restart can apply a change here, because the whole program is linked around it";
            return refuse(RefusalCode::NeedsRestart, found.restart, message);
        }
        if !found.statics.is_empty() {
            let message =
                "a static has another type now, and the running program keeps the one it has";
            return refuse(RefusalCode::StaticChanged, found.statics, message);
        }
        let named = std::mem::take(&mut found.named);
        let (tables, layouts): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(_, changed)| is_vtable(&changed.name));
        let tables: Vec<Item> =
            tables.into_iter().map(|(id, changed)| self.item(id, changed)).collect();
        let tables = sorted(tables.into_iter().chain(found.methods.drain(..)));
        if !tables.is_empty() {
            let message = "a trait has other methods now, and objects that exist have the old table of methods";
            return refuse(RefusalCode::VtableChanged, tables, message);
        }
        let layouts = sorted(layouts.into_iter().map(|(id, changed)| self.item(id, changed)));
        if !layouts.is_empty() {
            let message = "a type has another layout now, and values that exist have the old one";
            return refuse(RefusalCode::LayoutChanged, layouts, message);
        }
        self.found = found;
        None
    }

    fn item(&self, id: CrateId, changed: Changed) -> Item {
        let name = if is_vtable(&changed.name) { trait_of(&changed.name) } else { changed.name };
        let declared = self.graph.crates[id..].iter().chain(&self.graph.crates[..id]);
        let place =
            declared.filter(|hot| name.starts_with(&format!("{}::", hot.invocation.crate_name)));
        let place =
            place.flat_map(|hot| &hot.sources).find_map(|file| types::declaration(file, &name));
        let (file, line) = place.unzip();
        Item { name, was: changed.was, now: changed.now, file, line }
    }
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
