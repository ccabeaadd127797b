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

use rayon::prelude::*;

use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::Program;
use crate::rebuild::{Output, Outputs};
use crate::report::event::{Item, RefusalCode};
use crate::symbol_name;
use crate::types::{self, Changed, Differences, Types};
use crate::units::{self, Difference, Digest, Unit};

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
    /// Mangled names of statics that begin anew: see [`Difference::fresh`].
    pub fresh: BTreeSet<String>,
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
    /// The running program has all of the code; what the developer should know nevertheless.
    Unchanged(Vec<String>),
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
        return Ok(Checked::Unchanged(check.patch.notes));
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
    methods: Vec<Item>,
    restart: Vec<Item>,
    types: Vec<Types>,
}

struct Check<'a> {
    graph: &'a Graph,
    program: &'a Program,
    patch: CheckedPatch,
    found: Found,
}

/// A unit that rustc compiled anew.
struct Compiled {
    name: String,
    object: ObjectFile,
    digest: Digest,
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
        let mut old: HashMap<String, Unit> =
            old.into_iter().map(|unit| (unit.name.clone(), unit)).collect();
        let mut units = Vec::new();
        for unit in new.units()? {
            let same = old.get(&unit.name).is_some_and(|before| before.bytes == unit.bytes);
            if same {
                old.remove(&unit.name);
            } else {
                units.push(unit);
            }
        }
        let old = compile_all(old.into_values())?;
        let units = compile_all(units.into_iter())?;
        self.compare_units(id, &old, units, taken)
    }

    fn compare_units(
        &mut self,
        id: CrateId,
        old: &[Compiled],
        new: Vec<Compiled>,
        taken: &mut Taken,
    ) -> Result<()> {
        let (before, after) = (all(old), all(&new));
        let difference = units::compare(&before, &after);
        self.compare_statics(&difference);
        let changed: Vec<(Compiled, Vec<String>)> = new
            .into_iter()
            .map(|unit| {
                let functions = before.missing_in(&unit.digest);
                (unit, functions)
            })
            .collect();
        let any = changed.iter().any(|(_, functions)| !functions.is_empty());
        if !any && difference.retyped.is_empty() {
            return Ok(());
        }
        // Whoever uses a static that begins anew has to use the new one.
        let begins_anew = |unit: &Compiled| {
            unit.object.symbols.iter().any(|symbol| difference.fresh.contains(&symbol.name))
        };
        let changed = changed
            .into_iter()
            .filter(|(unit, functions)| !functions.is_empty() || begins_anew(unit));
        let changed: Vec<_> = changed.collect();
        let old_types = read_types(old.iter().map(|unit| &unit.object))?;
        self.compare_signatures(&difference);
        for (unit, functions) in changed {
            let types = types::read(unit.object.bytes())?;
            let Differences { named, anonymous } = types::compare(&old_types, &types);
            self.found.named.extend(named.into_iter().map(|changed| (id, changed)));
            self.found.anonymous.extend(anonymous);
            self.retyped(&difference, &old_types, &types);
            self.compare_static_types(&old_types, &types);
            self.found.types.push(types);
            self.patch.functions.extend(functions);
            self.take(id, unit.name, unit.object, taken);
        }
        self.patch.fresh.extend(difference.fresh);
        Ok(())
    }

    fn take(&mut self, id: CrateId, name: String, object: ObjectFile, taken: &mut Taken) {
        let bounds = object.symbols.iter().find(|symbol| {
            !symbol.is_defined()
                && (symbol.name.starts_with("__start_") || symbol.name.starts_with("__stop_"))
        });
        if let Some(symbol) = bounds {
            let name = format!("a list gathered by the linker ({})", symbol.name);
            self.found.restart.push(Item { name, ..Item::default() });
        }
        let optimized = self.graph.crates[id].invocation.optimized;
        self.patch.units.push(ChangedUnit { object, optimized });
        self.patch.crates.insert(id);
        taken.insert((id, name));
    }

    fn compare_statics(&mut self, difference: &Difference) {
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
    fn compare_static_types(&mut self, old: &Types, new: &Types) {
        let old = old.types_of_statics();
        for (symbol, now) in new.types_of_statics() {
            let Some(was) = old.get(symbol).filter(|was| **was != now) else { continue };
            if self.program.static_item(symbol).is_some() {
                let name = symbol_name::path(symbol);
                self.found.statics.push(Item { name, was: was.clone(), now, ..Item::default() });
            }
        }
    }

    fn retyped(&mut self, difference: &Difference, old: &Types, new: &Types) {
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
    fn compare_signatures(&mut self, difference: &Difference) {
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

    fn refusal(&mut self) -> Option<Refusal> {
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

/// Each item once; those with a place first: a type that holds a changed one has changed with it,
/// and the reader wants the cause.
fn sorted(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut items: Vec<Item> = items.collect();
    items.sort_by(|a, b| (a.file.is_none(), &a.name).cmp(&(b.file.is_none(), &b.name)));
    items.dedup();
    items
}

fn compile_all(units: impl Iterator<Item = Unit>) -> Result<Vec<Compiled>> {
    let units: Vec<Unit> = units.collect();
    let compiled = units.into_par_iter().map(|unit| {
        let object = ObjectFile::parse(unit.bytes)?;
        let mut digest = Digest::default();
        digest.add(&object);
        Ok(Compiled { name: unit.name, object, digest })
    });
    compiled.collect()
}

fn all(units: &[Compiled]) -> Digest {
    let mut digest = Digest::default();
    units.iter().for_each(|unit| digest.add(&unit.object));
    digest
}

fn read_types<'a>(objects: impl Iterator<Item = &'a ObjectFile>) -> Result<Types> {
    let mut all = Types::default();
    for object in objects {
        all.add(types::read(object.bytes())?);
    }
    Ok(all)
}

/// Whether a static is one that a macro made for itself; a reader knows nothing of it.
fn is_of_macro(path: &str) -> bool {
    path.contains("::__") || path.ends_with("::META")
}

fn is_vtable(name: &str) -> bool {
    name.contains("{vtable_type}") || name.contains("{vtable}")
}

/// The trait in `<Type as Trait>::{vtable_type}.part`.
fn trait_of(name: &str) -> String {
    let rest = name.rsplit_once(" as ").map_or(name, |(_, rest)| rest);
    rest.split(">::{vtable").next().unwrap_or(rest).to_owned()
}
