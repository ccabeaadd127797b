//! Types, as the debug information of a unit has them: which have another shape than before, and
//! which functions take or give values that hold one of those.

mod dwarf;
mod relocations;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use std::path::{Path, PathBuf};

use crate::error::Result;
pub use dwarf::Types;

/// What a type is to the code that was compiled with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Size in bytes.
    pub size: u64,
    /// Fields, variants and methods by name, each with its type and place, in declaration order.
    pub parts: Vec<(String, String)>,
    /// Where it is declared, if the debug information says so: file and 1-based line.
    pub declared: Option<(String, u32)>,
}

impl Shape {
    /// Whether values of one can be used as values of the other.
    fn is_like(&self, other: &Self) -> bool {
        self.size == other.size && self.parts == other.parts
    }
}

/// A type whose shape is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Path of the type, and of the part where one part says it all.
    pub name: String,
    /// What it was.
    pub was: String,
    /// What it is.
    pub now: String,
    /// See [`Shape::declared`].
    pub declared: Option<(String, u32)>,
}

/// Types that differ between two compilations of a unit.
#[derive(Debug, Default)]
pub struct Differences {
    /// Types that have a name in the source.
    pub named: Vec<Changed>,
    /// Closures, futures and what is made of them: full names. Old values of these stay with the
    /// old code.
    pub anonymous: BTreeSet<String>,
}

/// Whether a type's name is, or holds, that of a closure's or coroutine's environment.
fn is_anonymous(name: &str) -> bool {
    name.contains("_env#")
}

/// Compares the types that both compilations know.
pub fn compare(old: &Types, new: &Types) -> Differences {
    let mut differences = Differences::default();
    let (old, new) = (old.shapes(), new.shapes());
    for (name, now) in &new {
        let Some(was) = old.get(name) else { continue };
        let Some(unknown) = now.iter().find(|now| !was.iter().any(|was| was.is_like(now))) else {
            continue;
        };
        if is_anonymous(name) {
            differences.anonymous.insert(name.clone());
        } else {
            let gone = was.iter().find(|was| !now.iter().any(|now| was.is_like(now)));
            differences.named.extend(gone.or(was.first()).map(|was| describe(name, was, unknown)));
        }
    }
    differences.anonymous.extend(renumbered(&old, &new));
    differences
}

/// Closures of a function in which their number changed: each may have become another one.
fn renumbered(
    old: &BTreeMap<String, Vec<Shape>>,
    new: &BTreeMap<String, Vec<Shape>>,
) -> BTreeSet<String> {
    let (old, new) = (environments(old), environments(new));
    let changed = new
        .iter()
        .filter(|(function, now)| old.get(*function).is_some_and(|was| was.len() != now.len()));
    changed.flat_map(|(_, names)| names.iter().cloned()).collect()
}

/// The environments of each function's own closures and futures.
fn environments(shapes: &BTreeMap<String, Vec<Shape>>) -> HashMap<String, Vec<String>> {
    let mut environments: HashMap<String, Vec<String>> = HashMap::new();
    for name in shapes.keys() {
        if let Some((function, own)) = name.rsplit_once("::{")
            && own.contains("_env#")
            && !function.contains('<')
        {
            environments.entry(function.to_owned()).or_default().push(name.clone());
        }
    }
    environments
}

/// Says what differs in the fewest words: one part, or the size.
fn describe(name: &str, was: &Shape, now: &Shape) -> Changed {
    let declared = now.declared.clone();
    let part = |shape: &Shape, name: &str| {
        shape.parts.iter().find(|(part, _)| part == name).map(|(_, is)| is.clone())
    };
    for (field, is) in &was.parts {
        match part(now, field) {
            Some(other) if other != *is => {
                return Changed {
                    name: format!("{name}.{field}"),
                    was: is.clone(),
                    now: other,
                    declared,
                };
            }
            None => {
                return Changed {
                    name: format!("{name}.{field}"),
                    was: is.clone(),
                    now: "gone".into(),
                    declared,
                };
            }
            Some(_) => {}
        }
    }
    if let Some((field, is)) = now.parts.iter().find(|(field, _)| part(was, field).is_none()) {
        return Changed {
            name: format!("{name}.{field}"),
            was: "not there".into(),
            now: is.clone(),
            declared,
        };
    }
    let bytes = |size: u64| format!("{size} bytes");
    Changed { name: name.to_owned(), was: bytes(was.size), now: bytes(now.size), declared }
}

/// Reads the types of an object file.
///
/// # Errors
/// When its debug information is damaged.
pub fn read(object: &[u8]) -> Result<Types> {
    Types::read(object)
}

/// Finds where a type or trait is declared: the path's last plain name, looked for as a word.
pub fn declaration(file: &Path, path: &str) -> Option<(PathBuf, u32)> {
    let name = path.split(['<', '.', '{']).next()?.trim_end_matches("::").rsplit("::").next()?;
    let text = std::fs::read_to_string(file).ok()?;
    let declares = |line: &str| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        words
            .windows(2)
            .any(|pair| matches!(pair[0], "struct" | "enum" | "union" | "trait") && pair[1] == name)
    };
    let line = text.lines().position(declares)?;
    Some((file.to_owned(), line as u32 + 1))
}
