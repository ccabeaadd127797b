//! Types, as the debug information of a unit has them: which have another shape than before, and
//! which functions take or give values that hold one of those.

mod dwarf;
mod function;
mod place;
mod sections;
mod shape;
mod summary;

use std::collections::{BTreeMap, HashSet};

use crate::error::Result;
pub use dwarf::{Types, of_trait};
pub use function::{Environment, Signature};
pub use place::declaration;
pub use shape::Shape;
pub use summary::{Changes, Summary, changes};

/// A type whose shape is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Hash of the type's path.
    pub path: u64,
    /// Path of the type, and of the part where one part says it all.
    pub name: String,
    /// What it was.
    pub was: String,
    /// What it is.
    pub now: String,
}

/// Types that differ between two compilations of a crate.
#[derive(Debug, Default)]
pub struct Differences {
    /// Types that have a name in the source.
    pub named: Vec<Changed>,
    /// Closures, futures and what is made of them: paths by their hashes. Old values of these stay
    /// with the old code.
    pub anonymous: BTreeMap<u64, String>,
}

/// Whether a type's name is, or holds, that of a closure's or coroutine's environment.
fn is_anonymous(name: &str) -> bool {
    name.contains("_env#")
}

/// Compares the types that two objects know.
pub fn compare(old: &Types, new: &Types) -> Differences {
    let (was, now) = (Summary::of(old, &|_| None), Summary::of(new, &|_| None));
    let changes = changes(&[&was], &[&now], &|_| None, &HashSet::new());
    differences(&changes, &[old], &[new])
}

/// Puts into words what [`changes`] found.
pub fn differences(changes: &Changes, old: &[&Types], new: &[&Types]) -> Differences {
    let (old, new) = (shapes(old, &changes.shapes), (shapes(new, &changes.all())));
    let mut differences = Differences::default();
    for (hash, (name, now)) in new {
        if is_anonymous(&name) {
            differences.anonymous.insert(hash, name);
        } else if let Some((_, was)) = old.get(&hash) {
            let unknown = now.iter().find(|now| !was.contains(now));
            let gone = was.iter().find(|was| !now.contains(was)).or(was.first());
            let pair = gone.zip(unknown);
            let changed = pair.map(|(was, now)| describe(&name, was, now));
            differences.named.extend(changed.map(|changed| Changed { path: hash, ..changed }));
        }
    }
    differences
}

/// Shapes by hash of the path, with the path.
type Shapes = BTreeMap<u64, (String, Vec<Shape>)>;

fn shapes(types: &[&Types], wanted: &HashSet<u64>) -> Shapes {
    let mut all = Shapes::new();
    for (hash, path, shape) in types.iter().flat_map(|types| types.shapes(wanted)) {
        let (_, twins) = all.entry(hash).or_insert_with(|| (path, Vec::new()));
        if !twins.contains(&shape) {
            twins.push(shape);
        }
    }
    all
}

/// Says what differs in the fewest words: one part, or the size.
fn describe(name: &str, was: &Shape, now: &Shape) -> Changed {
    if name.contains("{vtable}") {
        let methods = |shape: &Shape| {
            let names = shape.parts.iter().map(|(_, path)| method_name(path));
            names.collect::<Vec<_>>().join(", ")
        };
        return Changed { path: 0, name: name.to_owned(), was: methods(was), now: methods(now) };
    }
    let part = |shape: &Shape, name: &str| {
        shape.parts.iter().find(|(part, _)| part == name).map(|(_, is)| is.clone())
    };
    let changed = |field: &str| Changed {
        path: 0,
        name: format!("{name}.{field}"),
        was: part(was, field).unwrap_or_else(|| "not there".into()),
        now: part(now, field).unwrap_or_else(|| "gone".into()),
    };
    // A part of another type says more than one that came or went, and that more than those that
    // it has moved.
    let is_field = |(field, _): &&(String, String)| field != "alignment";
    let retyped = |(field, is): &&(String, String)| {
        let now = part(now, field).unwrap_or_default();
        !type_in(is).is_empty() && !type_in(&now).is_empty() && type_in(&now) != type_in(is)
    };
    let all = || was.parts.iter().chain(&now.parts).filter(is_field);
    let one_sided =
        |(field, _): &&(String, String)| part(was, field).is_none() || part(now, field).is_none();
    let moved = |(field, _): &&(String, String)| part(was, field) != part(now, field);
    let first = was.parts.iter().filter(is_field).find(retyped);
    if let Some((field, _)) = first.or(all().find(one_sided)).or(all().find(moved)) {
        return changed(field);
    }
    let told = |shape: &Shape| match part(shape, "alignment") {
        Some(bytes) if part(was, "alignment") != part(now, "alignment") => {
            format!("aligned to {bytes}")
        }
        _ => format!("{} bytes", shape.size),
    };
    Changed { path: 0, name: name.to_owned(), was: told(was), now: told(now) }
}

/// The type in `type at place`; nothing where there is none.
fn type_in(part: &str) -> &str {
    part.split_once(" at ").map_or("", |(is, _)| is)
}

/// A method's own name, or the trait of another table.
fn method_name(path: &str) -> String {
    match path.strip_suffix("::{vtable}") {
        Some(table) => {
            let trait_path = table.rsplit_once(" as ").map_or(table, |(_, rest)| rest);
            format!("dyn {}", trait_path.trim_end_matches('>'))
        }
        None => path.rsplit("::").next().unwrap_or(path).to_owned(),
    }
}

/// Reads the types of an object file.
///
/// # Errors
/// When its debug information is damaged.
pub fn read(object: &[u8]) -> Result<Types> {
    Types::read(object)
}
