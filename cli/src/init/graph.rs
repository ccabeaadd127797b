//! What a program is made of: the workspace's packages that it uses, and what these use.
//!
//! cargo resolves that from `Cargo.lock`, without the network and without writing one. Where it
//! cannot, the manifests of the workspace say what they depend on, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{
    Dependency, DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId, TargetKind,
};

/// The only target that hotdev patches.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What a program is made of.
#[derive(Debug, Default)]
pub struct Parts {
    /// Packages of the workspace, by name.
    pub members: BTreeSet<String>,
    /// Packages from elsewhere that those use themselves, with their versions.
    pub direct: BTreeMap<String, String>,
    /// How many packages from elsewhere there are in all, where that is known.
    pub dependencies: Option<usize>,
    /// Packages that lie on this machine and outside of the workspace.
    pub outside: BTreeSet<String>,
}

/// The workspace with everything that it depends on, where cargo can tell offline.
pub fn resolve(root: &Path) -> Option<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root.join("Cargo.toml"));
    let options = ["--frozen", "--filter-platform", TARGET];
    command.other_options(options.map(str::to_owned)).exec().ok()
}

/// Whether a program can be made of it that hotdev patches; not of a proc macro, for instance.
pub fn is_hot(package: &Package) -> bool {
    let has = |kind| package.targets.iter().any(|target| target.kind.contains(&kind));
    let linked = [TargetKind::Lib, TargetKind::RLib, TargetKind::Bin, TargetKind::Example];
    !has(TargetKind::ProcMacro) && linked.into_iter().any(has)
}

/// What the programs of these packages are made of; `are_examples`: these may use dependencies for
/// development, too.
pub fn parts(metadata: &Metadata, packages: &[&str], are_examples: bool) -> Parts {
    let workspace = metadata.workspace_packages();
    let roots = workspace.iter().filter(|one| packages.contains(&one.name.as_str()));
    let developed = roots.clone().filter(|_| are_examples).map(|one| &one.id).collect();
    let mut walk = Walk { metadata, developed, parts: Parts::default(), seen: BTreeSet::new() };
    roots.for_each(|package| walk.visit(package));
    if metadata.resolve.is_some() {
        let others = walk.seen.len() - walk.parts.members.len();
        walk.parts.dependencies = Some(others);
    }
    walk.parts
}

struct Walk<'a> {
    metadata: &'a Metadata,
    /// Packages whose dependencies for development count.
    developed: BTreeSet<&'a PackageId>,
    parts: Parts,
    seen: BTreeSet<&'a PackageId>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, package: &'a Package) {
        if !self.seen.insert(&package.id) {
            return;
        }
        let is_member = self.metadata.workspace_members.contains(&package.id);
        if is_member {
            self.parts.members.insert(package.name.to_string());
        } else if package.source.is_none() {
            self.parts.outside.insert(package.name.to_string());
        }
        // What a proc macro is made of is not in the program.
        if is_member && !is_hot(package) {
            return;
        }
        let resolved = self.metadata.resolve.as_ref();
        match resolved.and_then(|graph| graph.nodes.iter().find(|node| node.id == package.id)) {
            Some(node) => self.follow(node, is_member),
            None => package.dependencies.iter().for_each(|one| self.declared(&package.id, one)),
        }
    }

    /// Whether the program has dependencies of this kind that the package names.
    fn counts(&self, kind: DependencyKind, of: &PackageId) -> bool {
        kind == DependencyKind::Normal
            || (kind == DependencyKind::Development && self.developed.contains(of))
    }

    fn follow(&mut self, node: &'a Node, is_member: bool) {
        for dep in &node.deps {
            if !dep.dep_kinds.iter().any(|kind| self.counts(kind.kind, &node.id)) {
                continue;
            }
            let Some(package) = self.metadata.packages.iter().find(|one| one.id == dep.pkg) else {
                continue;
            };
            if is_member && !self.metadata.workspace_members.contains(&package.id) {
                self.parts.direct.insert(package.name.to_string(), package.version.to_string());
            }
            self.visit(package);
        }
    }

    /// A dependency as a manifest of the workspace names it. What is optional may not be in use.
    fn declared(&mut self, by: &PackageId, dependency: &'a Dependency) {
        if !self.counts(dependency.kind, by) || dependency.optional {
            return;
        }
        let folder = dependency.path.as_ref().map(|path| path.join("Cargo.toml"));
        let member =
            self.metadata.packages.iter().find(|one| Some(&one.manifest_path) == folder.as_ref());
        match (member, folder) {
            (Some(package), _) => self.visit(package),
            (None, Some(_)) => drop(self.parts.outside.insert(dependency.name.clone())),
            (None, None) => {
                let version = dependency.req.to_string();
                let version = version.trim_start_matches('^').to_owned();
                drop(self.parts.direct.insert(dependency.name.clone(), version));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_example_is_made_of_dependencies_for_development_too() {
        let root = tempfile::tempdir().unwrap();
        let package = |name: &str, rest: &str| {
            let folder = root.path().join(name);
            fs::create_dir_all(folder.join("src")).unwrap();
            fs::write(folder.join("src/lib.rs"), "").unwrap();
            let head = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
            fs::write(folder.join("Cargo.toml"), head + rest).unwrap();
        };
        package("a", "[dev-dependencies]\nb = { path = \"../b\" }");
        package("b", "[dev-dependencies]\nc = { path = \"../c\" }");
        package("c", "");
        let workspace = "[workspace]\nmembers = [\"a\", \"b\", \"c\"]\nresolver = \"3\"";
        fs::write(root.path().join("Cargo.toml"), workspace).unwrap();
        // Without a lock file, cargo does not resolve here.
        let declared = crate::project::metadata_in(root.path(), None).unwrap();
        assert_eq!(members(&declared, true), ["a", "b"]);
        assert_eq!(members(&declared, false), ["a"]);
        let mut command = MetadataCommand::new();
        let resolved = command.current_dir(root.path()).exec().unwrap();
        assert_eq!(members(&resolved, true), ["a", "b"]);
        assert_eq!(members(&resolved, false), ["a"]);
    }

    fn members(metadata: &Metadata, are_examples: bool) -> Vec<String> {
        parts(metadata, &["a"], are_examples).members.into_iter().collect()
    }
}
