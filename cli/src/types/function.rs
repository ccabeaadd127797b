//! What functions take and give, and which closures and futures there are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::dwarf::{Entry, Index, Types, path_hash};
use super::shape::is_type;
use crate::symbol_name;

/// What a function takes and gives, in hashes of types' paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Hash of the type it gives.
    pub gives: u64,
    /// Hash of the types of the parameters that have a name of their own. A parameter that is a
    /// pattern (`_`, `(a, b)`) is not in the debug information.
    pub takes: u64,
    /// Number of those.
    pub count: u32,
    /// Hash of their names, and the same in whatever order they stand.
    pub names: (u64, u64),
    /// Hash of the first parameter's type: of a method, what it is called on.
    pub receiver: u64,
    /// Hash of the name with its type arguments.
    pub arguments: u64,
    /// Hash of the path. Functions of one name in blocks of one function share it.
    pub path: u64,
    /// Whether it is the body of a closure or future.
    pub is_body: bool,
}

/// The environment of a closure or future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Environment {
    /// The function in which it stands, at whatever depth: hash of the path.
    pub function: u64,
    /// Its number in that function, type arguments left out: hash of the path.
    pub number: u64,
    /// Hash of its path.
    pub path: u64,
    /// The `impl` around the function, if there is one: hash of the path. Paths number them.
    pub block: Option<u64>,
    /// Hash of the name of the module or crate around the `impl`.
    pub module: u64,
}

impl Types {
    /// Signatures of the functions, by hash of the symbol.
    pub fn signatures(&self) -> HashMap<u64, Signature> {
        let functions = self.entries.iter().filter(|entry| is_function(entry));
        let named = functions.filter_map(|entry| Some((self.symbol(entry)?, entry)));
        named.map(|(symbol, entry)| (xxh3_64(symbol.as_bytes()), self.signature(entry))).collect()
    }

    fn signature(&self, function: &Entry) -> Signature {
        let mut signature = Signature {
            gives: self.type_hash(function.of),
            takes: 0,
            count: 0,
            names: (0, 0),
            receiver: 0,
            arguments: xxh3_64(self.name(function).as_bytes()),
            path: function.path,
            is_body: self.environment_of(function).is_some(),
        };
        for child in self.children(function) {
            let is = self.type_hash(child.of).to_le_bytes();
            if child.tag == gimli::DW_TAG_formal_parameter {
                signature.takes = xxh3_64_with_seed(&is, signature.takes);
                if signature.count == 0 {
                    signature.receiver = self.type_hash(child.of);
                }
                signature.count += 1;
                let name = xxh3_64(self.name(child).as_bytes());
                let (ordered, set) = signature.names;
                let ordered = xxh3_64_with_seed(&name.to_le_bytes(), ordered);
                signature.names = (ordered, set.wrapping_add(name));
            } else {
                signature.arguments = xxh3_64_with_seed(&is, signature.arguments);
            }
        }
        signature
    }

    /// The path of the environment that the body of a closure or future takes, though its debug
    /// information does not name it among the parameters.
    fn environment_of(&self, function: &Entry) -> Option<u64> {
        let name = self.name(function);
        let (kind, rest) = name.strip_prefix('{')?.split_once('#')?;
        let parent = self.entry(function.parent?);
        (kind != "impl").then(|| path_hash(parent.path, format!("{{{kind}_env#{rest}").as_bytes()))
    }

    /// The bodies of closures and futures: hash of the environment's path, symbol, and whether it
    /// is a future or another coroutine.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (u64, &str, bool)> {
        let functions = self.entries.iter().filter(|entry| is_function(entry));
        functions.filter_map(|entry| {
            let environment = self.environment_of(entry)?;
            Some((environment, self.symbol(entry)?, !self.name(entry).starts_with("{closure#")))
        })
    }

    /// The variables in which the standard library's macro keeps thread-locals: hash of the path,
    /// hash of the type, entry.
    pub(super) fn thread_locals(&self) -> impl Iterator<Item = (u64, u64, &Entry)> {
        let kept =
            |entry: &&Entry| is_variable(entry) && self.name(entry) == "__RUST_STD_INTERNAL_VAL";
        let kept = self.entries.iter().filter(kept);
        kept.map(|entry| (entry.path, self.type_hash(entry.of), entry))
    }

    /// The same in words: hash of the path, name of the thread-local, type.
    pub fn thread_local_names(&self) -> impl Iterator<Item = (u64, String, String)> {
        self.thread_locals().map(|(hash, _, entry)| {
            let path = self.path(entry);
            let name = path.split("::{").next().unwrap_or(&path).to_owned();
            // The macro puts the type into one of its own: `Storage<type, …>`.
            let kept = self.type_name(entry.of);
            let inner = kept.split_once("::Storage<").map(|(_, rest)| rest);
            let inner = inner.and_then(|rest| rest.rsplit_once(", ")).map(|(inner, _)| inner);
            (hash, name, inner.unwrap_or(&kept).to_owned())
        })
    }

    /// What a type is declared in: hash of the path, and whether it stands in an `impl`, where there
    /// are functions only.
    pub fn place_of_type(&self, path: u64) -> Option<(u64, bool)> {
        let mut types = self.entries.iter().filter(|entry| is_type(entry.tag));
        let around = self.entry(types.find(|entry| entry.path == path)?.parent?);
        let block = self.block_around(around);
        Some((around.path, block.is_some_and(|block| block.path != around.path)))
    }

    /// Hashes of the paths of all functions, sorted.
    pub(super) fn function_paths(&self) -> Vec<u64> {
        let functions = self.entries.iter().filter(|entry| is_function(entry));
        let mut paths: Vec<u64> = functions.map(|function| function.path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Whether a static or thread-local holds a value through which one of `types` can be reached.
    pub fn has_static_with(&self, types: &HashSet<u64>) -> bool {
        let holders = self.holders(types);
        self.entries
            .iter()
            .any(|entry| is_variable(entry) && entry.of.is_some_and(|of| holders.contains(&of)))
    }

    /// The path of a type by its own name and that of the module around it.
    pub fn path_of_type(&self, module: &str, name: &str) -> Option<String> {
        let mut types = self.entries.iter().filter(|entry| is_type(entry.tag));
        let is_it = |entry: &&Entry| {
            let around = entry.parent.map(|parent| self.name(self.entry(parent)));
            self.name(entry) == name && around == Some(module)
        };
        types.find(is_it).map(|entry| self.path(entry))
    }

    /// Environments of closures and futures.
    pub fn environments(&self) -> Vec<Environment> {
        let types = self.entries.iter().filter(|entry| is_type(entry.tag));
        let mut all: Vec<_> = types.filter_map(|entry| self.environment(entry)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn environment(&self, entry: &Entry) -> Option<Environment> {
        let name = self.name(entry);
        if !name.starts_with('{') || !name.contains("_env#") {
            return None;
        }
        let number = name.split_inclusive('}').next().unwrap_or(name);
        let parent = self.entry(entry.parent?);
        let number = path_hash(parent.path, number.as_bytes());
        // Bodies of closures around it are part of the same function.
        let mut function = parent;
        while self.name(function).starts_with('{') && !self.name(function).starts_with("{impl#") {
            function = self.entry(function.parent?);
        }
        let block = self.block_around(function);
        let module = block.and_then(|block| Some(self.entry(block.parent?)));
        let module = module.map_or(0, |module| xxh3_64(self.name(module).as_bytes()));
        let block = block.map(|block| block.path);
        Some(Environment { function: function.path, number, path: entry.path, block, module })
    }

    fn block_around<'a>(&'a self, entry: &'a Entry) -> Option<&'a Entry> {
        let around = std::iter::successors(Some(entry), |entry| Some(self.entry(entry.parent?)));
        around.into_iter().find(|entry| self.name(entry).starts_with("{impl#"))
    }

    /// Whose `impl` each numbered one is: hashes of the paths that symbols have for it, which name
    /// type and trait. Only of those with closures in them.
    pub fn blocks(&self, environments: &[Environment]) -> Vec<(u64, u64)> {
        let wanted: HashSet<u64> =
            environments.iter().filter_map(|environment| environment.block).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let functions = self.entries.iter().filter(|entry| is_function(entry));
        let named = functions.filter_map(|entry| {
            let block = self.block_around(entry).filter(|block| wanted.contains(&block.path))?;
            let path = symbol_name::path(self.symbol(entry)?);
            let method = path.split("::{{").next().unwrap_or(&path);
            let owner = method.rsplit_once("::").map_or(method, |(owner, _)| owner);
            Some((block.path, xxh3_64(owner.as_bytes())))
        });
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The type of the static with this symbol; empty where it is not described.
    pub fn type_of_static(&self, symbol: &str) -> String {
        let is_it = |entry: &&Entry| is_variable(entry) && self.symbol(entry) == Some(symbol);
        self.entries.iter().find(is_it).map(|entry| self.type_name(entry.of)).unwrap_or_default()
    }

    /// Hashes of the types of the variables that have a symbol, statics among them, by hash of the
    /// symbol.
    pub fn statics(&self) -> BTreeMap<u64, u64> {
        let variables = self.entries.iter().filter(|entry| is_variable(entry));
        let named = variables.filter_map(|entry| Some((self.symbol(entry)?, entry)));
        named
            .map(|(symbol, entry)| (xxh3_64(symbol.as_bytes()), self.type_hash(entry.of)))
            .collect()
    }

    /// The name of a function with its type arguments.
    pub fn name_of(&self, symbol: &str) -> Option<&str> {
        let is_it = |entry: &&Entry| is_function(entry) && self.symbol(entry) == Some(symbol);
        self.entries.iter().find(is_it).map(|function| self.name(function))
    }

    /// What a function takes and gives, in words: `(u32, &str) -> u64`.
    pub fn signature_text(&self, symbol: &str) -> Option<String> {
        let is_it = |entry: &&Entry| is_function(entry) && self.symbol(entry) == Some(symbol);
        let function = self.entries.iter().find(is_it)?;
        let takes = self.children(function).filter(|c| c.tag == gimli::DW_TAG_formal_parameter);
        let takes: Vec<String> = takes.map(|child| self.type_name(child.of)).collect();
        let gives = function.of.map(|of| format!(" -> {}", self.type_name(Some(of))));
        Some(format!("({}){}", takes.join(", "), gives.unwrap_or_default()))
    }

    /// Symbols of the functions that take or give a value through which one of `types` (hashes of
    /// paths) can be reached.
    pub fn functions_with(&self, types: &HashSet<u64>) -> BTreeSet<String> {
        let holders = self.holders(types);
        let held: HashSet<u64> = holders.iter().map(|index| self.entry(*index).path).collect();
        let mut found = BTreeSet::new();
        for function in self.entries.iter().filter(|entry| is_function(entry)) {
            let Some(symbol) = self.symbol(function) else { continue };
            // A type argument counts as well: such a function may get the value behind a pointer
            // that says nothing of it, as the tables of async runtimes do.
            let takes = self.children(function).filter_map(|child| child.of);
            let environment = self.environment_of(function);
            if takes.chain(function.of).any(|value| holders.contains(&value))
                || environment.is_some_and(|path| types.contains(&path) || held.contains(&path))
            {
                found.insert(symbol.to_owned());
            }
        }
        found
    }

    /// Entries of the types that are, hold or point to one of `types`: found from the inside out,
    /// because types may hold each other in circles.
    fn holders(&self, types: &HashSet<u64>) -> HashSet<Index> {
        let made_of = self.made_of();
        let is_sought = |entry: &Entry| is_type(entry.tag) && types.contains(&entry.path);
        let sought = (0..).zip(&self.entries).filter(|(_, entry)| is_sought(entry));
        let mut queue: Vec<Index> = sought.map(|(index, _)| index).collect();
        let mut found = HashSet::new();
        while let Some(index) = queue.pop() {
            if found.insert(index) {
                let first = made_of.partition_point(|(part, _)| *part < index);
                let holders = made_of[first..].iter().take_while(|(part, _)| *part == index);
                queue.extend(holders.map(|(_, holder)| *holder));
            }
        }
        found
    }

    /// Pairs of an entry and one that is made of it, sorted.
    fn made_of(&self) -> Vec<(Index, Index)> {
        let mut pairs = Vec::with_capacity(self.entries.len());
        for (index, entry) in (0..).zip(&self.entries) {
            if entry.tag != gimli::DW_TAG_subroutine_type && !is_function(entry) {
                pairs.extend(entry.of.map(|of| (of, index)));
            }
            pairs.extend(entry.parent.filter(|_| is_part(entry)).map(|parent| (index, parent)));
        }
        pairs.sort_unstable();
        pairs
    }
}

fn is_function(entry: &Entry) -> bool {
    entry.tag == gimli::DW_TAG_subprogram
}

fn is_variable(entry: &Entry) -> bool {
    entry.tag == gimli::DW_TAG_variable
}

fn is_part(entry: &Entry) -> bool {
    matches!(entry.tag, gimli::DW_TAG_member | gimli::DW_TAG_variant | gimli::DW_TAG_variant_part)
}
