//! Types, as the debug information of a unit has them: which have another shape than before, and
//! which functions take or give values that hold one of those.

mod dwarf;
mod function;
mod sections;
mod shape;
mod summary;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
pub use dwarf::{Types, of_trait};
pub use function::{Environment, Signature};
pub use shape::Shape;
pub use summary::{Changes, Summary, changes};

/// A type whose shape is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
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
    let changes = changes(&[&was], &[&now], &|_| None);
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
            differences.named.extend(pair.map(|(was, now)| describe(&name, was, now)));
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
    let part = |shape: &Shape, name: &str| {
        shape.parts.iter().find(|(part, _)| part == name).map(|(_, is)| is.clone())
    };
    let changed = |field: &str, was: Option<String>, now: Option<String>| Changed {
        name: format!("{name}.{field}"),
        was: was.unwrap_or_else(|| "not there".into()),
        now: now.unwrap_or_else(|| "gone".into()),
    };
    // A part that came or went says more than those that it moved.
    let gone = was.parts.iter().find(|(field, _)| part(now, field).is_none());
    let came = now.parts.iter().find(|(field, _)| part(was, field).is_none());
    let other = was.parts.iter().find(|(field, is)| part(now, field).as_ref() != Some(is));
    match (came, gone, other) {
        (Some((field, is)), None, _) => changed(field, None, Some(is.clone())),
        (_, Some((field, is)), _) => changed(field, Some(is.clone()), None),
        (None, None, Some((field, is))) if field == "alignment" => Changed {
            name: name.to_owned(),
            was: format!("aligned to {is}"),
            now: format!("aligned to {}", part(now, field).unwrap_or_default()),
        },
        (None, None, Some((field, is))) => changed(field, Some(is.clone()), part(now, field)),
        (None, None, None) => {
            let bytes = |size: u64| format!("{size} bytes");
            Changed { name: name.to_owned(), was: bytes(was.size), now: bytes(now.size) }
        }
    }
}

/// Reads the types of an object file.
///
/// # Errors
/// When its debug information is damaged.
pub fn read(object: &[u8]) -> Result<Types> {
    Types::read(object)
}

/// Finds where a type or trait is declared: the path's last plain name, or else the one before it
/// (the last may be a variant), looked for as a word.
pub fn declaration(file: &Path, path: &str) -> Option<(PathBuf, u32)> {
    let plain = path.split(['<', '.', '{']).next()?.trim_end_matches("::");
    let text = std::fs::read_to_string(file).ok()?;
    let line_of = |name: &str| {
        let declares = |line: &str| {
            let words: Vec<&str> =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            words.windows(2).any(|pair| {
                matches!(pair[0], "struct" | "enum" | "union" | "trait") && pair[1] == name
            })
        };
        text.lines().position(declares)
    };
    let line = plain.rsplit("::").take(2).find_map(line_of)?;
    Some((file.to_owned(), line as u32 + 1))
}
