//! Compares the rebuilt crates with what is running and decides what goes into a patch.
//!
//! A patch holds every unit with a function that is new or other than the running one. What must
//! never go in is refused here, before anything is linked:
//!
//! - a type that the running program knows has another shape: old values would be read wrongly;
//! - a trait object's table of methods has another shape: existing objects have the old table;
//! - a static has another size.
//!
//! Closures and futures are types too, and change with the code around them. Their old values
//! stay with the old code: the functions that take or give them are put *apart*, so that older
//! images go on calling the old versions, and every unit that uses such a function joins the
//! patch, so that the new code has only new values.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::Program;
use crate::rebuild::{Output, Outputs};
use crate::report::event::{Item, RefusalCode};
use crate::symbol_name;
use crate::types::{self, Changed, Differences, Types};
use crate::units::{self, Unit};

/// A unit that goes into a patch.
#[derive(Clone)]
pub struct ChangedUnit {
    /// Its object, as rustc made it.
    pub object: ObjectFile,
    /// Whether it was compiled above opt-level 0.
    pub optimized: bool,
}

/// Units that passed every check. Only this can be linked.
#[derive(Default)]
pub struct CheckedPatch {
    units: Vec<ChangedUnit>,
    /// The crates that the units belong to.
    pub crates: BTreeSet<CrateId>,
    /// Mangled names of the functions whose code changed.
    pub functions: Vec<String>,
    /// Mangled names of the functions that older images must not be led to.
    pub apart: BTreeSet<String>,
    /// What the developer should know although nothing is wrong.
    pub notes: Vec<String>,
}

impl CheckedPatch {
    /// The units.
    pub fn units(&self) -> &[ChangedUnit] {
        &self.units
    }
}

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

/// What the comparison came to.
pub enum Checked {
    /// The running program has all of it.
    Unchanged,
    /// This can go in.
    Patch(CheckedPatch),
    /// This cannot.
    Refused(Refusal),
}

/// Compares the newest outputs with those that are live.
///
/// # Errors
/// When an object cannot be read.
pub fn check(
    graph: &Graph,
    newest: &Outputs,
    live: &Outputs,
    program: &Program,
) -> Result<Checked> {
    let mut check =
        Check { graph, program, patch: CheckedPatch::default(), found: Found::default() };
    let mut taken = BTreeSet::new();
    for (id, output) in newest {
        let old = live.get(id);
        if !old.is_some_and(|old| Arc::ptr_eq(old, output)) {
            check.compare_crate(*id, old.map(AsRef::as_ref), output, &mut taken)?;
        }
    }
    if let Some(refusal) = check.refusal() {
        return Ok(Checked::Refused(refusal));
    }
    if check.patch.functions.is_empty() {
        return Ok(Checked::Unchanged);
    }
    if !check.found.anonymous.is_empty() {
        check.put_apart(newest, &mut taken)?;
    }
    let mut patch = check.patch;
    patch.functions.sort();
    patch.functions.dedup();
    Ok(Checked::Patch(patch))
}

/// Units by crate and name.
type Taken = BTreeSet<(CrateId, String)>;

/// What stands against the edit, or has to be minded.
#[derive(Default)]
struct Found {
    named: Vec<(CrateId, Changed)>,
    anonymous: BTreeSet<String>,
    statics: Vec<Item>,
    types: Vec<Types>,
}

struct Check<'a> {
    graph: &'a Graph,
    program: &'a Program,
    patch: CheckedPatch,
    found: Found,
}

impl Check<'_> {
    fn compare_crate(
        &mut self,
        id: CrateId,
        old: Option<&Output>,
        new: &Output,
        taken: &mut Taken,
    ) -> Result<()> {
        let old = old.map(Output::units).transpose()?.unwrap_or_default();
        let old: HashMap<String, Unit> =
            old.into_iter().map(|unit| (unit.name.clone(), unit)).collect();
        for unit in new.units()? {
            let before = old.get(&unit.name);
            if before.is_some_and(|before| before.bytes == unit.bytes) {
                continue;
            }
            let before =
                before.map(|before| ObjectFile::parse(before.bytes.clone())).transpose()?;
            let object = ObjectFile::parse(unit.bytes)?;
            let difference = units::compare(before.as_ref(), &object);
            self.compare_statics(&difference);
            if !difference.retyped.is_empty() {
                self.retyped(&difference, before.as_ref(), &object)?;
            }
            if difference.functions.is_empty() {
                continue;
            }
            let types = types::read(object.bytes())?;
            if let Some(before) = &before {
                let Differences { named, anonymous } =
                    types::compare(&types::read(before.bytes())?, &types);
                self.found.named.extend(named.into_iter().map(|changed| (id, changed)));
                self.found.anonymous.extend(anonymous);
            }
            self.found.types.push(types);
            self.patch.functions.extend(difference.functions);
            self.take(id, unit.name, object, taken);
        }
        Ok(())
    }

    fn take(&mut self, id: CrateId, name: String, object: ObjectFile, taken: &mut Taken) {
        let optimized = self.graph.crates[id].invocation.optimized;
        self.patch.units.push(ChangedUnit { object, optimized });
        self.patch.crates.insert(id);
        taken.insert((id, name));
    }

    fn compare_statics(&mut self, difference: &units::Difference) {
        for changed in &difference.statics {
            let name = symbol_name::path(&changed.name);
            if changed.was == changed.now {
                let note = format!(
                    "{name} keeps its value; its new initializer takes effect at a restart"
                );
                self.patch.notes.push(note);
            } else if self.program.static_item(&changed.name).is_some() {
                let (was, now) =
                    (format!("{} bytes", changed.was), format!("{} bytes", changed.now));
                self.found.statics.push(Item { name, was, now, ..Item::default() });
            }
        }
    }

    fn retyped(
        &mut self,
        difference: &units::Difference,
        old: Option<&ObjectFile>,
        new: &ObjectFile,
    ) -> Result<()> {
        let old = old.map(|old| types::read(old.bytes())).transpose()?.unwrap_or_default();
        let new = types::read(new.bytes())?;
        for (was, now) in &difference.retyped {
            if self.program.static_item(was).is_none() {
                continue;
            }
            let name = symbol_name::path(was);
            let (was, now) = (old.type_of_static(was), new.type_of_static(now));
            self.found.statics.push(Item { name, was, now, ..Item::default() });
        }
        Ok(())
    }

    fn refusal(&mut self) -> Option<Refusal> {
        let statics = std::mem::take(&mut self.found.statics);
        if !statics.is_empty() {
            let message =
                "a static has another type now, and the running program keeps the one it has";
            return Some(Refusal {
                code: RefusalCode::StaticChanged,
                items: statics,
                message: message.into(),
            });
        }
        let named = std::mem::take(&mut self.found.named);
        let (tables, layouts): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(_, changed)| is_vtable(&changed.name));
        let (code, changed, message) = if !tables.is_empty() {
            let message = "a trait has other methods now, and objects that exist have the old table of methods";
            (RefusalCode::VtableChanged, tables, message)
        } else if !layouts.is_empty() {
            let message = "a type has another layout now, and values that exist have the old one";
            (RefusalCode::LayoutChanged, layouts, message)
        } else {
            return None;
        };
        let mut items: Vec<Item> =
            changed.into_iter().map(|(id, changed)| self.item(id, changed)).collect();
        items.sort_by(|a, b| a.name.cmp(&b.name));
        items.dedup();
        // A type that holds a changed one has changed with it; the reader wants the cause.
        items.sort_by_key(|item| item.file.is_none());
        Some(Refusal { code, items, message: message.into() })
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

    /// See the head of this module. Ends when no unit outside the patch uses a function apart.
    fn put_apart(&mut self, newest: &Outputs, taken: &mut Taken) -> Result<()> {
        let mut rest = Vec::new();
        for (id, output) in newest {
            for unit in output.units()? {
                if !taken.contains(&(*id, unit.name.clone())) {
                    rest.push((*id, unit.name, ObjectFile::parse(unit.bytes)?));
                }
            }
        }
        loop {
            for types in std::mem::take(&mut self.found.types) {
                self.patch.apart.extend(types.functions_with(&self.found.anonymous));
            }
            let uses = |object: &ObjectFile| {
                object.symbols.iter().any(|symbol| self.patch.apart.contains(&symbol.name))
            };
            let (users, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|(_, _, object)| uses(object));
            rest = others;
            if users.is_empty() {
                return Ok(());
            }
            for (id, name, object) in users {
                self.found.types.push(types::read(object.bytes())?);
                self.take(id, name, object, taken);
            }
        }
    }
}

fn is_vtable(name: &str) -> bool {
    name.contains("{vtable_type}") || name.contains("{vtable}")
}

/// The trait in `<Type as Trait>::{vtable_type}.part`.
fn trait_of(name: &str) -> String {
    let rest = name.rsplit_once(" as ").map_or(name, |(_, rest)| rest);
    rest.split(">::{vtable").next().unwrap_or(rest).to_owned()
}
