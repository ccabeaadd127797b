//! Compares the rebuilt crates with what is running and decides what goes into a patch.
//!
//! A patch holds every unit with a function that is new or other than the running one. What must
//! never go in is refused here, before anything is linked: see [`Refusal`].

use std::collections::{BTreeSet, HashMap};

use crate::elf::object_file::ObjectFile;
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::program::Program;
use crate::rebuild::{Output, Outputs};
use crate::report::event::{Item, RefusalCode};
use crate::symbol_name;
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
pub struct CheckedPatch {
    units: Vec<ChangedUnit>,
    /// The crates that the units belong to.
    pub crates: BTreeSet<CrateId>,
    /// Mangled names of the functions whose code changed.
    pub functions: Vec<String>,
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
    let mut patch = CheckedPatch {
        units: Vec::new(),
        crates: BTreeSet::new(),
        functions: Vec::new(),
        notes: Vec::new(),
    };
    let mut refused = Vec::new();
    for (id, output) in newest {
        let old = live.get(id);
        if old.is_some_and(|old| std::sync::Arc::ptr_eq(old, output)) {
            continue;
        }
        compare_crate(
            graph,
            *id,
            old.map(AsRef::as_ref),
            output,
            &mut patch,
            &mut refused,
            program,
        )?;
    }
    if !refused.is_empty() {
        let message =
            "a static has another size now; the running program keeps the one it has".to_owned();
        return Ok(Checked::Refused(Refusal {
            code: RefusalCode::StaticChanged,
            items: refused,
            message,
        }));
    }
    patch.functions.sort();
    patch.functions.dedup();
    Ok(if patch.functions.is_empty() { Checked::Unchanged } else { Checked::Patch(patch) })
}

fn compare_crate(
    graph: &Graph,
    id: CrateId,
    old: Option<&Output>,
    new: &Output,
    patch: &mut CheckedPatch,
    refused: &mut Vec<Item>,
    program: &Program,
) -> Result<()> {
    let old: HashMap<String, Unit> = match old {
        Some(old) => old.units()?.into_iter().map(|unit| (unit.name.clone(), unit)).collect(),
        None => HashMap::new(),
    };
    for unit in new.units()? {
        let before = old.get(&unit.name);
        if before.is_some_and(|before| before.bytes == unit.bytes) {
            continue;
        }
        let object = ObjectFile::parse(unit.bytes)?;
        let before = before.map(|before| ObjectFile::parse(before.bytes.clone())).transpose()?;
        let difference = units::compare(before.as_ref(), &object);
        for changed in &difference.statics {
            let name = symbol_name::path(&changed.name);
            if changed.was == changed.now {
                patch.notes.push(format!(
                    "{name} keeps its value; its new initializer takes effect at a restart"
                ));
            } else if program.static_item(&changed.name).is_some() {
                let (was, now) =
                    (format!("{} bytes", changed.was), format!("{} bytes", changed.now));
                refused.push(Item { name, was, now, ..Item::default() });
            }
        }
        if difference.functions.is_empty() {
            continue;
        }
        let optimized = graph.crates[id].invocation.optimized;
        patch.units.push(ChangedUnit { object, optimized });
        patch.crates.insert(id);
        patch.functions.extend(difference.functions);
    }
    Ok(())
}
