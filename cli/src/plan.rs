//! The plan: which words bring a patch into use, as offsets in images.
//!
//! - every slot of the program that leads to a function the patch defines is led to the patch;
//! - the patch's own slots are led to the newest version of each function, and to the first copy
//!   of each static;
//! - where the patch's code reaches a static by distance, the distance is led to the first copy;
//!   the same for thread-locals, which are reached by module and offset.

use std::collections::BTreeSet;

use hotdev_protocol::{ContentHash, Patch, Place, Value, Word};
use object::elf;

use crate::check::{CheckedPatch, Refusal};
use crate::elf::image::{AppliedRelocation, Image, applied_relocations};
use crate::elf::{SymbolKind, is_static_name};
use crate::error::{Error, Kind, Result};
use crate::patch::PatchLibrary;
use crate::program::{Found, Program, place};
use crate::report::event::{Item, RefusalCode};
use crate::symbol_name;

/// A patch with its plan, ready to be delivered.
#[derive(Debug)]
pub struct Plan {
    /// What every process is told.
    pub patch: Patch,
    /// The patch as an image, to be taken into the program once it is live.
    pub image: Image,
    /// Words written outside the patch.
    pub slots: usize,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Unplanned {
    /// Mangled names that nothing in the program defines.
    Unresolved(Vec<String>),
    /// The patch cannot go in.
    Refused(Refusal),
    /// The patch is not what it has to be.
    Failed(Error),
}

impl From<Error> for Unplanned {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Unplanned {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Makes the plan for a linked patch that is to bring in what was checked.
///
/// # Errors
/// See [`Unplanned`].
pub fn plan(library: &PatchLibrary, checked: &CheckedPatch, program: &Program) -> Planned<Plan> {
    let mut image = Image::parse(&library.bytes)?;
    // Whoever calls a function that is watched comes through its entry, now and in later patches.
    library.watched.lead_in(&mut image);
    let missing = unresolved(&image, program);
    if !missing.is_empty() {
        return Err(Unplanned::Unresolved(missing));
    }
    holds_all(&image, &checked.functions, program)?;
    let mut words = program_slots(&image, checked, program);
    let slots = words.len();
    own_slots(&image, &checked.brought.fresh, program, &mut words);
    let mut relocations = applied_relocations(&library.bytes)?;
    relocations.sort_by_key(|relocation| relocation.place);
    let mut module = None;
    for relocation in &relocations {
        check_module(relocation, &image, &checked.brought.fresh, program, &mut module)?;
        words.extend(pinned(relocation, &image, &checked.brought.fresh, program)?);
    }
    let images =
        std::iter::once(image.build_id.clone()).chain(program.build_ids().map(<[u8]>::to_vec));
    let patch = Patch {
        generation: library.generation,
        library: library.path.to_string_lossy().into_owned(),
        hash: ContentHash::of(&library.bytes),
        images: images.collect(),
        words,
        records: library.watched.records,
    };
    Ok(Plan { patch, image, slots })
}

/// What planning gives.
pub type Planned<T> = std::result::Result<T, Unplanned>;

/// A place in the patch itself.
fn own(offset: i64) -> Place {
    Place { image: 0, offset }
}

/// Rust names that nothing defines. C names are left to the dynamic linker, which knows libraries
/// that hotdev does not.
fn unresolved(image: &Image, program: &Program) -> Vec<String> {
    let is_rust = |name: &&String| name.starts_with("_ZN") || name.starts_with("_R");
    let is_known =
        |name: &str| program.export(name).or_else(|| program.static_item(name)).is_some();
    let missing = image.imports.iter().filter(is_rust).filter(|name| !is_known(name));
    missing.cloned().collect()
}

/// The refusal of an edit that needs names which nothing defines.
pub fn refuse_unresolved(names: &[String]) -> Refusal {
    Refusal {
        code: RefusalCode::UnresolvedSymbol,
        items: names
            .iter()
            .map(|name| Item { name: symbol_name::path(name), ..Item::default() })
            .collect(),
        message:
            "the edit uses something that is not in the running program; a restart links it in"
                .into(),
    }
}

/// A function that other code reaches through slots must be one that the patch offers: else the
/// patch would load, and nothing would call it.
fn holds_all(image: &Image, changed: &[String], program: &Program) -> Result<()> {
    let hot = |name: &&String| program.export(name).is_some_and(|found| found.image > 0);
    match changed.iter().filter(hot).find(|name| !image.exports.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let cause = format!("the new {} is not in the patch", symbol_name::path(name));
            Err(Error::new(Kind::Image, "make a patch that holds the edit", cause)
                .hint("`hotdev restart` applies it; please report this"))
        }
    }
}

/// A sequence of code takes the module of its thread-locals once and may use several. All of them
/// must then live in one image.
fn check_module(
    relocation: &AppliedRelocation,
    image: &Image,
    fresh: &BTreeSet<String>,
    program: &Program,
    module: &mut Option<usize>,
) -> std::result::Result<(), Refusal> {
    if !matches!(relocation.kind, elf::R_X86_64_TLSLD | elf::R_X86_64_DTPOFF32)
        || !relocation.in_code
    {
        return Ok(());
    }
    let Some((name, _)) = static_target(relocation, image) else { return Ok(()) };
    let first = program.static_item(name).filter(|_| !fresh.contains(name));
    let home = first.map_or(program.len(), |found| found.image);
    if relocation.kind == elf::R_X86_64_TLSLD {
        *module = Some(home);
    } else if *module != Some(home) {
        return Err(Refusal {
            code: RefusalCode::StaticChanged,
            items: vec![Item { name: symbol_name::path(name), ..Item::default() }],
            message: "one function uses this thread-local together with one of another generation"
                .into(),
        });
    }
    Ok(())
}

/// Slots of the program that lead to functions the patch defines, except functions that are to
/// stay apart: older code goes on calling the versions that know its values.
fn program_slots(image: &Image, checked: &CheckedPatch, program: &Program) -> Vec<Word> {
    let mut words = Vec::new();
    let aliases = program.aliases(&checked.brought.aliases);
    for (name, definition) in &image.exports {
        if definition.kind != SymbolKind::Function || checked.brought.apart.contains(name) {
            continue;
        }
        let slots = aliases.names(name).flat_map(|name| {
            let all = program.slots(name).filter(|(index, _)| !program.is_apart(name, *index));
            all.map(move |(index, slot)| (name, index, slot))
        });
        for (name, index, slot) in slots {
            let Some((old_image, old_place)) = program.version(name, index) else { continue };
            let was = Some(place(old_image, old_place as i64 + slot.addend));
            let now = own(definition.place as i64 + slot.addend);
            words.push(Word {
                at: place(index, slot.place as i64),
                value: Value::Address { was, now },
            });
        }
    }
    words
}

/// The patch's own slots.
fn own_slots(image: &Image, fresh: &BTreeSet<String>, program: &Program, words: &mut Vec<Word>) {
    for (name, slots) in &image.slots {
        let Some(target) = own_slot_target(name, image, fresh, program) else { continue };
        for slot in slots {
            let now = Place { offset: target.offset + slot.addend, ..target };
            words.push(Word {
                at: own(slot.place as i64),
                value: Value::Address { was: None, now },
            });
        }
    }
}

/// What a name means to the patch; `None` where only the dynamic linker knows.
fn own_slot_target(
    name: &str,
    image: &Image,
    fresh: &BTreeSet<String>,
    program: &Program,
) -> Option<Place> {
    let defined = image.exports.get(name);
    if let Some(definition) = defined.filter(|definition| definition.kind == SymbolKind::Function) {
        return Some(own(definition.place as i64));
    }
    if let Some((image, offset)) = program.function(name) {
        return Some(place(image, offset as i64));
    }
    // A static may have been private before, or may have begun anew.
    let first = program.static_item(name).or_else(|| program.export(name));
    let first = first.filter(|found| found.definition.kind == SymbolKind::Data);
    let first = first.filter(|_| !(fresh.contains(name) && defined.is_some()));
    if let Some(found) = first {
        return Some(place(found.image, found.definition.place as i64));
    }
    defined
        .filter(|definition| definition.kind == SymbolKind::Data)
        .map(|definition| own(definition.place as i64))
}

/// The word that leads a use of a static or thread-local to its first copy; none where the patch's
/// own copy is the first, or where the use goes through a slot anyway.
fn pinned(
    relocation: &AppliedRelocation,
    image: &Image,
    fresh: &BTreeSet<String>,
    program: &Program,
) -> std::result::Result<Option<Word>, Refusal> {
    let Some((name, here)) = static_target(relocation, image) else { return Ok(None) };
    let first = program.static_item(name).filter(|_| !fresh.contains(name));
    let Some(first) = first else { return Ok(None) };
    if here.size != first.definition.size || here.kind != first.definition.kind {
        return Err(size_changed(name, here.size, first.definition.size));
    }
    let at = own(relocation.place as i64);
    // Where the linked field leads, moved by the distance between the two copies.
    let was = relocation.value as i64 + relocation.addend;
    let moved = was - here.place as i64 + first.definition.place as i64;
    let value = match relocation.kind {
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => {
            Value::Distance { was: own(was), now: place(first.image, moved) }
        }
        elf::R_X86_64_64 if !image.exports.contains_key(name) => {
            Value::Address { was: Some(own(was)), now: place(first.image, moved) }
        }
        elf::R_X86_64_DTPOFF32 => Value::Number { was: was as i32, now: moved as i32 },
        elf::R_X86_64_TLSLD => module_pair(relocation, image, program, first, name)?,
        // What the link of the patch has filled in already leaves no relocation.
        elf::R_X86_64_NONE => return Ok(None),
        elf::R_X86_64_64 | elf::R_X86_64_TLSGD | elf::R_X86_64_GOTTPOFF => return Ok(None),
        elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
            if image.exports.contains_key(name) =>
        {
            return Ok(None);
        }
        other => return Err(unknown_use(name, other)),
    };
    Ok(Some(Word { at, value }))
}

/// The static that a relocation means, with the patch's own copy of it.
fn static_target<'a>(
    relocation: &'a AppliedRelocation,
    image: &'a Image,
) -> Option<(&'a str, crate::elf::image::Definition)> {
    if !relocation.symbol.is_empty() {
        let definition = image.statics.get(&relocation.symbol)?;
        return is_static_name(&relocation.symbol).then_some((&relocation.symbol, *definition));
    }
    // Named by its section only: find the static whose bytes are meant.
    let bias = if relocation.in_code { 4 } else { 0 };
    let target = (relocation.value as i64 + relocation.addend + bias) as u64;
    let inside = |(_, d): &(&String, &crate::elf::image::Definition)| {
        d.kind == SymbolKind::Data && (d.place..d.place + d.size.max(1)).contains(&target)
    };
    image.statics.iter().find(inside).map(|(name, definition)| (name.as_str(), *definition))
}

fn module_pair(
    relocation: &AppliedRelocation,
    image: &Image,
    program: &Program,
    first: Found,
    name: &str,
) -> std::result::Result<Value, Refusal> {
    let pairs = image.thread_local_pair.zip(program.thread_local_pair(first.image));
    let (here, there) = pairs.ok_or_else(|| unknown_use(name, relocation.kind))?;
    let (was, now) = (here as i64 + relocation.addend, there as i64 + relocation.addend);
    Ok(Value::Distance { was: own(was), now: place(first.image, now) })
}

fn size_changed(name: &str, now: u64, was: u64) -> Refusal {
    let item = Item {
        name: symbol_name::path(name),
        was: format!("{was} bytes"),
        now: format!("{now} bytes"),
        ..Item::default()
    };
    Refusal {
        code: RefusalCode::StaticChanged,
        items: vec![item],
        message: "a static has another size now; the running program keeps the one it has".into(),
    }
}

fn unknown_use(name: &str, kind: u32) -> Refusal {
    Refusal {
        code: RefusalCode::StaticChanged,
        items: vec![Item { name: symbol_name::path(name), ..Item::default() }],
        message: format!(
            "the new code reaches this static in a way hotdev does not know (relocation type {kind})"
        ),
    }
}
