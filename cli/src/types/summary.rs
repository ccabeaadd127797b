//! What has to be remembered of a unit's types, in hashes, and what changed between two summaries.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Environment, Signature, Types};

/// The types and functions of a unit. Paths, shapes, symbols and types are hashes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// See [`Types::shape_hashes`].
    pub shapes: Vec<(u64, u64)>,
    /// Closures and futures.
    pub environments: Vec<Environment>,
    /// Path of each numbered `impl`, and whose it is.
    pub blocks: Vec<(u64, u64)>,
    /// Types of statics by symbol.
    pub statics: BTreeMap<u64, u64>,
    /// Thread-locals of the standard library's macro: path and type, sorted.
    pub thread_locals: Vec<(u64, u64)>,
    /// Paths of functions, sorted.
    pub functions: Vec<u64>,
    /// Functions by symbol.
    pub signatures: HashMap<u64, Signature>,
    /// Code of closures and futures, by the path of the environment.
    pub bodies: HashMap<u64, Body>,
}

/// The code of a closure or future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Hash of the code.
    pub code: u64,
    /// For a future: hash of what it calls, in order. Its state says at which
    /// await it waits, and the code what there is to do from there on.
    pub skeleton: Option<u64>,
}

impl Summary {
    /// Sums up the types of one unit; `code` gives hash and skeleton of a function's code.
    pub fn of(types: &Types, code: &dyn Fn(&str) -> Option<(u64, u64)>) -> Self {
        let environments = types.environments();
        let bodies = types.bodies().filter_map(|(environment, symbol, is_future)| {
            let (code, skeleton) = code(symbol)?;
            Some((environment, Body { code, skeleton: is_future.then_some(skeleton) }))
        });
        Self {
            bodies: bodies.collect(),
            functions: types.function_paths(),
            thread_locals: types.thread_locals().map(|(path, is, _)| (path, is)).collect(),
            shapes: types.shape_hashes(),
            blocks: types.blocks(&environments),
            environments,
            statics: types.statics(),
            signatures: types.signatures(),
        }
    }
}

impl Summary {
    /// Whether the unit describes one of these types, by hashes of their paths, or has the body of
    /// a closure whose environment is one: an environment without captures may stand nowhere.
    pub fn knows_any(&self, paths: &HashSet<u64>) -> bool {
        paths.iter().any(|path| {
            let first = self.shapes.partition_point(|(known, _)| known < path);
            self.shapes.get(first).is_some_and(|(known, _)| known == path)
                || self.bodies.contains_key(path)
        })
    }
}

/// What changed, in hashes of paths.
#[derive(Debug, Default)]
pub struct Changes {
    /// Types and tables of another shape.
    pub shapes: HashSet<u64>,
    /// Closures and futures that may be others than those that had their paths.
    pub moved: HashSet<u64>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.moved.is_empty()
    }

    /// Both.
    pub fn all(&self) -> HashSet<u64> {
        self.shapes.union(&self.moved).copied().collect()
    }
}

/// Compares the units of a crate that changed, before and after. `known` gives the shapes that a
/// path had earlier, where no unit of `old` has it. In the modules with these hashes of names
/// (`shifted`), `impl`s have other numbers than before.
pub fn changes(
    old: &[&Summary],
    new: &[&Summary],
    known: &dyn Fn(u64) -> Option<Vec<u64>>,
    shifted: &HashSet<u64>,
) -> Changes {
    let was = by_path(old);
    // Where a twin came and none has left, it is a new type.
    let differs = |path: &u64, now: &Twins| match was.get(path) {
        Some(was) => has_more(now, was) && has_more(was, now),
        None => known(*path).is_some_and(|was| !now.keys().all(|now| was.contains(now))),
    };
    let now = by_path(new);
    let shapes = now.iter().filter(|(path, now)| differs(path, now)).map(|(path, _)| *path);
    let mut moved = moved(old, new, shifted);
    moved.extend(resumed_elsewhere(old, new));
    Changes { shapes: shapes.collect(), moved }
}

/// How many types of one path have each shape.
type Twins = BTreeMap<u64, usize>;

/// The types of all units; what several units describe is the same type.
fn by_path(units: &[&Summary]) -> HashMap<u64, Twins> {
    let mut all: HashMap<u64, Twins> = HashMap::new();
    for unit in units {
        for twins in unit.shapes.chunk_by(|a, b| a == b) {
            let (path, shape) = twins[0];
            let count = all.entry(path).or_default().entry(shape).or_default();
            *count = twins.len().max(*count);
        }
    }
    all
}

fn has_more(twins: &Twins, others: &Twins) -> bool {
    twins.iter().any(|(shape, count)| others.get(shape).is_none_or(|other| other < count))
}

/// The bodies in all units.
fn bodies(units: &[&Summary]) -> HashMap<u64, Body> {
    units.iter().flat_map(|unit| &unit.bodies).map(|(path, body)| (*path, *body)).collect()
}

/// Futures whose code calls other things than before: one under way would go on in the middle of
/// it, with some steps done twice and others never.
fn resumed_elsewhere(old: &[&Summary], new: &[&Summary]) -> HashSet<u64> {
    let was = bodies(old);
    let mut now = bodies(new);
    now.retain(|path, now| was.get(path).is_some_and(|was| was.skeleton != now.skeleton));
    now.into_keys().collect()
}

/// Whether some closure of a function now has the code that another one had.
fn change_places(paths: &[u64], was: &HashMap<u64, Body>, now: &HashMap<u64, Body>) -> bool {
    let code = |bodies: &HashMap<u64, Body>, path: &u64| bodies.get(path).map(|body| body.code);
    paths.iter().any(|path| {
        let new = code(now, path);
        new.is_some()
            && new != code(was, path)
            && paths.iter().any(|other| other != path && code(was, other) == new)
    })
}

/// Closures and futures are numbered within their function, and `impl`s within their module. Where
/// the numbers of a function are not the same ones as before, or its `impl` is another one, each
/// number may stand for another closure.
fn moved(old: &[&Summary], new: &[&Summary], shifted: &HashSet<u64>) -> HashSet<u64> {
    let environments = |units: &[&Summary]| -> Vec<Environment> {
        units.iter().flat_map(|unit| unit.environments.iter().copied()).collect()
    };
    let (before, after) = (environments(old), environments(new));
    let numbers = |environments: &[Environment]| {
        let mut numbers: HashMap<u64, BTreeSet<u64>> = HashMap::new();
        for environment in environments {
            numbers.entry(environment.function).or_default().insert(environment.number);
        }
        numbers
    };
    let (was, now) = (numbers(&before), numbers(&after));
    let (old_code, new_code) = (bodies(old), bodies(new));
    let mut paths: HashMap<u64, Vec<u64>> = HashMap::new();
    for environment in &after {
        paths.entry(environment.function).or_default().push(environment.path);
    }
    let renumbered = |function: &u64| {
        was.get(function).is_some_and(|was| *was != now[function])
            || change_places(&paths[function], &old_code, &new_code)
    };
    let (old_owners, new_owners) = (owners(old), owners(new));
    let another = |block: &u64, module: &u64| {
        let both = old_owners.get(block).zip(new_owners.get(block));
        both.map_or_else(|| shifted.contains(module), |(was, is)| was.is_disjoint(is))
    };
    let moved = after.iter().filter(|Environment { function, block, module, .. }| {
        renumbered(function) || block.as_ref().is_some_and(|block| another(block, module))
    });
    moved.map(|environment| environment.path).collect()
}

fn owners(units: &[&Summary]) -> HashMap<u64, HashSet<u64>> {
    let mut owners: HashMap<u64, HashSet<u64>> = HashMap::new();
    for (block, owner) in units.iter().flat_map(|unit| &unit.blocks) {
        owners.entry(*block).or_default().insert(*owner);
    }
    owners
}
