//! The hot crates of a program: which depends on which, and which file belongs to which.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::images::ImageRecord;
use crate::invocation::Invocation;
use crate::layout::Layout;

/// Index of a crate in [`Graph::crates`].
pub type CrateId = usize;

/// The hot crates, each after those it depends on. The last one is the binary crate.
#[derive(Debug, Default)]
pub struct Graph {
    /// The crates.
    pub crates: Vec<HotCrate>,
}

/// A crate whose code can be replaced.
#[derive(Debug)]
pub struct HotCrate {
    /// See [`Invocation::key`].
    pub key: String,
    /// How it is compiled.
    pub invocation: Invocation,
    /// Hot crates that it names with `--extern`.
    pub dependencies: Vec<CrateId>,
    /// Every file that its last compilation read.
    pub sources: BTreeSet<PathBuf>,
}

impl Graph {
    /// Reads the hot crates of a linked program.
    ///
    /// # Errors
    /// When a record is missing.
    pub fn read(layout: &Layout, record: &ImageRecord) -> Result<Self> {
        let folder = layout.invocations();
        let mut invocations = HashMap::new();
        for key in record.libraries.iter().chain([&record.binary]) {
            invocations.insert(key.clone(), Invocation::read(&folder, key)?);
        }
        let mut graph = Self::default();
        graph.add(&record.binary, &mut invocations, &mut HashMap::new());
        // Libraries that nothing hot names: only a crate outside the workspace uses them.
        for key in &record.libraries {
            if let Some(invocation) = invocations.remove(key) {
                let at = graph.crates.len().saturating_sub(1);
                let dependencies = Vec::new();
                let sources =
                    sources(&invocation.out_dir().join(format!("{key}.d")), &invocation.directory);
                graph.crates.iter_mut().for_each(|c| {
                    c.dependencies.iter_mut().for_each(|d| *d += usize::from(*d >= at))
                });
                graph
                    .crates
                    .insert(at, HotCrate { key: key.clone(), invocation, dependencies, sources });
            }
        }
        Ok(graph)
    }

    /// Reads the crates of a program that was linked plainly: which of them it holds is not
    /// known, so all that were compiled count.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn read_all(layout: &Layout, record: &ImageRecord) -> Result<Self> {
        let names = fs::read_dir(layout.invocations()).into_iter().flatten().flatten();
        let keys = names
            .filter_map(|name| Some(name.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
        let libraries = keys.filter(|key| *key != record.binary).collect();
        Self::read(layout, &ImageRecord { libraries, ..record.clone() })
    }

    fn add(
        &mut self,
        key: &str,
        rest: &mut HashMap<String, Invocation>,
        known: &mut HashMap<String, CrateId>,
    ) -> Option<CrateId> {
        if let Some(id) = known.get(key) {
            return Some(*id);
        }
        let invocation = rest.remove(key)?;
        let named: Vec<String> = externs(&invocation).map(|(_, path)| library_key(path)).collect();
        let dependencies = named.iter().filter_map(|key| self.add(key, rest, known)).collect();
        let sources =
            sources(&invocation.out_dir().join(format!("{key}.d")), &invocation.directory);
        self.crates.push(HotCrate { key: key.to_owned(), invocation, dependencies, sources });
        known.insert(key.to_owned(), self.crates.len() - 1);
        known.get(key).copied()
    }

    /// The crates that read `path` in their last compilation.
    pub fn readers<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = CrateId> + 'a {
        let reads = move |(_, hot): &(CrateId, &HotCrate)| hot.sources.contains(path);
        self.crates.iter().enumerate().filter(reads).map(|(id, _)| id)
    }

    /// Every crate that depends on this one, directly or not, in building order.
    pub fn dependents(&self, id: CrateId) -> BTreeSet<CrateId> {
        let mut all = BTreeSet::from([id]);
        for (id, hot) in self.crates.iter().enumerate() {
            if hot.dependencies.iter().any(|dependency| all.contains(dependency)) {
                all.insert(id);
            }
        }
        all.remove(&id);
        all
    }

    /// Names of crates, for people.
    pub fn names(&self, crates: &BTreeSet<CrateId>) -> Vec<String> {
        crates.iter().map(|id| self.crates[*id].invocation.crate_name.clone()).collect()
    }
}

/// Name and path of each `--extern`.
pub fn externs(invocation: &Invocation) -> impl Iterator<Item = (&str, &str)> {
    let follows = invocation.args.windows(2).filter(|pair| pair[0] == "--extern");
    follows.filter_map(|pair| pair[1].split_once('='))
}

/// The key in `lib<key>.rmeta` or `lib<key>.rlib`.
pub fn library_key(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("lib").unwrap_or(&stem).to_owned()
}

/// The files that a dep-info file names, made absolute from `directory`; empty where there is none.
pub fn sources(dep_info: &Path, directory: &Path) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(dep_info).unwrap_or_default();
    parse_dep_info(&text).into_iter().map(|path| absolute(directory, &path)).collect()
}

/// `directory/path` without `.` and `..`, as the watcher will name it.
fn absolute(directory: &Path, path: &str) -> PathBuf {
    let joined = directory.join(path);
    joined.canonicalize().unwrap_or(joined)
}

/// Right-hand sides of the rules in a dep-info file (Makefile syntax, spaces escaped by `\`).
fn parse_dep_info(text: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, list)) = line.split_once(": ") else { continue };
        let mut path = String::new();
        let mut chars = list.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if chars.peek() == Some(&' ') => path.extend(chars.next()),
                ' ' => drop(paths.insert(std::mem::take(&mut path))),
                c => path.push(c),
            }
        }
        paths.insert(path);
    }
    paths.remove("");
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dep_info_names_files_with_spaces() {
        let text = "out/a.d: src/main.rs src/a\\ b.rs\n\nout/a: src/main.rs /x/y.txt\n\nsrc/main.rs:\n# env-dep:A=b: c\n";
        let paths: Vec<String> = parse_dep_info(text).into_iter().collect();
        assert_eq!(paths, ["/x/y.txt", "src/a b.rs", "src/main.rs"]);
    }

    #[test]
    fn dependents_follow_through_the_whole_chain() {
        let hot = |dependencies: &[CrateId]| HotCrate {
            key: String::new(),
            invocation: Invocation {
                program: PathBuf::new(),
                args: Vec::new(),
                env: Vec::new(),
                directory: PathBuf::new(),
                package: String::new(),
                crate_name: String::new(),
                is_binary: false,
                optimized: false,
            },
            dependencies: dependencies.to_vec(),
            sources: BTreeSet::new(),
        };
        let graph = Graph { crates: vec![hot(&[]), hot(&[0]), hot(&[]), hot(&[1, 2])] };
        assert_eq!(graph.dependents(0), BTreeSet::from([1, 3]));
        assert_eq!(graph.dependents(2), BTreeSet::from([3]));
        assert!(graph.dependents(3).is_empty());
    }
}
