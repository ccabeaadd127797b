//! Which functions of a patch anything can call: a function that only `main` calls, say, where
//! `main` is in its loop for ever, is in the program and never runs.
//!
//! Slots of the program lead into the patch; from there it goes on along the patch's own calls.
//! Where this cannot be told (a function's address in data), the function counts as called. What is
//! called once, from `main` or from what `main` calls once, runs already; the sources tell.

use std::collections::{BTreeMap, BTreeSet};

use object::elf;

use crate::check::CheckedPatch;
use crate::elf::image::Image;
use crate::elf::object_file::ObjectFile;
use crate::program::Program;
use crate::rebuild::Outputs;
use crate::source::Call;
use crate::symbol_name;
use crate::types;

/// The changed functions of a patch that nothing calls unless one of their callers, which run
/// already, is called again. Mangled names.
pub fn waiting(
    checked: &CheckedPatch,
    image: &Image,
    program: &Program,
    newest: &Outputs,
) -> BTreeSet<String> {
    let calls = Calls::of(checked);
    let aliases = program.aliases(&checked.brought.aliases);
    // Code that runs already goes on with the old version of a function apart.
    let is_entered = |name: &&str| {
        !checked.brought.apart.contains(*name)
            && aliases.names(name).any(|name| is_entered(name, program))
            && !is_running(name, newest)
    };
    let mut queue: Vec<&str> =
        image.exports.keys().map(String::as_str).filter(is_entered).collect();
    queue.extend(calls.from_data.iter().copied());
    let mut reached = BTreeSet::new();
    while let Some(name) = queue.pop() {
        if reached.insert(name) {
            queue.extend(calls.by_function.get(name).into_iter().flatten());
        }
    }
    checked.functions.iter().filter(|name| !reached.contains(name.as_str())).cloned().collect()
}

/// Whether code of the running program calls the function through a slot.
fn is_entered(name: &str, program: &Program) -> bool {
    !program.is_waiting(name) && program.slots(name).next().is_some()
}

/// Whether the function is running for good, or has run. A trait's method may be called by code
/// that nobody sees.
fn is_running(symbol: &str, newest: &Outputs) -> bool {
    let path = symbol_name::path(symbol);
    if types::of_trait(&path) != path {
        return false;
    }
    // A closure that a thread was started with, and nothing else.
    let function = path.split("::{").next().unwrap_or(&path);
    let name = function.rsplit("::").next().unwrap_or(function);
    // Where the sources show none, it is written in a macro: a future, perhaps.
    let mut closures =
        newest.values().flat_map(|output| output.sources.closures_in(name)).peekable();
    let is_thread = function == path
        || (closures.peek().is_some() && closures.all(|closure| !closure.is_repeated));
    is_thread && is_called_once(name, newest, &mut BTreeSet::new())
}

/// Whether a function of this name is `main`, or called once in all: every use of the name is a
/// call, outside of loops, in a function that is called once.
fn is_called_once(name: &str, newest: &Outputs, seen: &mut BTreeSet<String>) -> bool {
    if name == "main" {
        return true;
    }
    let calls: Vec<&Call> = newest.values().flat_map(|output| output.sources.calls(name)).collect();
    seen.insert(name.to_owned())
        && !calls.is_empty()
        && calls.iter().all(|call| !call.is_repeated && is_called_once(&call.within, newest, seen))
}

/// Who uses whom in a patch.
#[derive(Default)]
struct Calls<'a> {
    by_function: BTreeMap<&'a str, BTreeSet<&'a str>>,
    from_data: BTreeSet<&'a str>,
}

impl<'a> Calls<'a> {
    fn of(checked: &'a CheckedPatch) -> Self {
        let mut calls = Self::default();
        for unit in checked.units() {
            calls.add(&unit.object);
        }
        calls
    }

    fn add(&mut self, object: &'a ObjectFile) {
        let functions = functions(object);
        for table in &object.relocations {
            let section = &object.sections[table.target];
            if !section.is_code() && !section.is_data() {
                continue;
            }
            for entry in &table.entries {
                let Some(target) = target(object, entry.symbol, entry.addend, &functions) else {
                    continue;
                };
                let within = functions.range(..=(table.target, entry.offset)).next_back();
                let caller = within
                    .filter(|((within, _), _)| section.is_code() && *within == table.target)
                    .map(|(_, caller)| *caller);
                if let Some(caller) = caller {
                    self.by_function.entry(caller).or_default().insert(target);
                } else {
                    self.from_data.insert(target);
                }
            }
        }
    }
}

/// Functions by section and offset.
fn functions(object: &ObjectFile) -> BTreeMap<(usize, u64), &str> {
    let defined =
        object.symbols.iter().filter(|symbol| symbol.kind == elf::STT_FUNC && symbol.is_defined());
    defined
        .map(|symbol| ((usize::from(symbol.section), symbol.value), symbol.name.as_str()))
        .collect()
}

fn target<'a>(
    object: &'a ObjectFile,
    symbol: u32,
    addend: i64,
    functions: &BTreeMap<(usize, u64), &'a str>,
) -> Option<&'a str> {
    let symbol = &object.symbols[symbol as usize];
    if symbol.kind != elf::STT_SECTION {
        return Some(&symbol.name);
    }
    // A call by distance has the length of its field in the addend; a pointer in data has not.
    let section = usize::from(symbol.section);
    let at = |offset: i64| functions.get(&(section, u64::try_from(offset).ok()?)).copied();
    at(addend + 4).or_else(|| at(addend))
}
