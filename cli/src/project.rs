//! The developer's Cargo project: its packages, and the program that is to run.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, Target, TargetKind};

use crate::args::Selection;
use crate::cargo_config;
use crate::error::{Context, Error, Kind, Result};

/// A workspace and the one program in it that hotdev runs.
#[derive(Clone, Debug)]
pub struct Project {
    /// Workspace root.
    pub root: PathBuf,
    /// Target directory.
    pub target_dir: PathBuf,
    /// Every package of the workspace.
    pub packages: Vec<Member>,
    /// What runs.
    pub program: Program,
    /// Whether something that is not hot may be compiled from what is: a proc macro or build script
    /// that depends on a local package, or a local package that is not of the workspace.
    pub has_hidden_readers: bool,
    /// Hash of the manifests that all this was read from.
    manifests: u64,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The folder of its manifest.
    pub folder: PathBuf,
    /// Its build script, where it has one.
    pub build_script: Option<PathBuf>,
    /// Root file of its proc macro, where it is one.
    pub proc_macro: Option<PathBuf>,
}

/// A binary or example target.
#[derive(Clone, Debug)]
pub struct Program {
    /// The package it belongs to.
    pub package: String,
    /// The same as a specification that no other package fits, a dependency of that name for one.
    pub spec: String,
    /// The target's name.
    pub target: String,
    /// Whether it is an example.
    pub is_example: bool,
    /// What `cargo run` puts into its environment.
    pub env: Vec<(String, String)>,
}

/// Reads the workspace without looking at dependencies.
///
/// # Errors
/// When there is no manifest, or cargo cannot read it.
pub fn metadata(manifest: Option<&Path>) -> Result<Metadata> {
    metadata_in(Path::new("."), manifest)
}

/// The same for another folder than the working directory.
///
/// # Errors
/// As [`metadata`].
pub fn metadata_in(folder: &Path, manifest: Option<&Path>) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.no_deps().current_dir(folder);
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().map_err(|error| {
        let cause = match error {
            cargo_metadata::Error::CargoMetadata { stderr } => {
                stderr.trim().trim_start_matches("error: ").to_owned()
            }
            other => other.to_string(),
        };
        Error::new(Kind::Project, "read the Cargo project", cause)
            .hint("run hotdev in a folder with a Cargo.toml, or name one with `--manifest-path`")
    })
}

impl Project {
    /// Finds the workspace and the program that `selection` names.
    ///
    /// # Errors
    /// When the manifest cannot be read, or it is not clear which program is meant.
    pub fn find(metadata: &Metadata, selection: &Selection) -> Result<Self> {
        let packages = metadata.workspace_packages();
        let program = choose(metadata, &packages, selection)?;
        let target_dir = match &selection.target_dir {
            Some(folder) => std::path::absolute(folder)
                .context(Kind::System, || "find the target directory".into())?,
            None => metadata.target_directory.clone().into(),
        };
        let root: PathBuf = metadata.workspace_root.clone().into();
        let members: Vec<Member> = packages.iter().map(|package| member(package)).collect();
        let hides = packages.iter().any(|package| may_hide_a_reader(package, &packages));
        Ok(Self {
            target_dir,
            program,
            has_hidden_readers: hides || has_patches(&root),
            manifests: hash_of_manifests(&root, &members),
            packages: members,
            root,
        })
    }

    /// Whether the manifests are as they were when this was read from them.
    pub fn is_as_read(&self) -> bool {
        self.manifests == hash_of_manifests(&self.root, &self.packages)
    }
}

fn member(package: &Package) -> Member {
    let source = |kind: TargetKind| {
        let target = package.targets.iter().find(|target| target.kind.contains(&kind));
        target.map(|target| target.src_path.clone().into())
    };
    Member {
        name: package.name.to_string(),
        folder: folder(package),
        build_script: source(TargetKind::CustomBuild),
        proc_macro: source(TargetKind::ProcMacro),
    }
}

fn hash_of_manifests(root: &Path, members: &[Member]) -> u64 {
    let folders = members.iter().map(|member| &*member.folder).chain([root]);
    let texts = folders.map(|folder| fs::read(folder.join("Cargo.toml")).unwrap_or_default());
    hotdev_protocol::ContentHash::of(&texts.flatten().collect::<Vec<u8>>())
}

/// Whether packages are replaced by others, local ones perhaps, in the root manifest or in cargo's
/// configuration.
fn has_patches(root: &Path) -> bool {
    let text = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let manifest: Option<toml::Table> = text.parse().ok();
    let tables = cargo_config::files(root, |name| std::env::var_os(name)).map(|file| file.table);
    let replaces = |table: toml::Table| {
        ["patch", "replace", "paths"].iter().any(|key| table.contains_key(*key))
    };
    tables.chain([manifest]).any(|table| table.is_none_or(replaces))
}

fn may_hide_a_reader(package: &Package, members: &[&Package]) -> bool {
    let is_macro =
        package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro));
    let is_member = |path: &Path| members.iter().any(|member| folder(member) == path);
    package.dependencies.iter().any(|dependency| {
        let for_host = is_macro || dependency.kind == DependencyKind::Build;
        let path = dependency.path.as_ref();
        path.is_some_and(|path| for_host || !is_member(path.as_std_path()))
    })
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().map(|path| path.to_path_buf().into()).unwrap_or_default()
}

fn choose(metadata: &Metadata, packages: &[&Package], selection: &Selection) -> Result<Program> {
    let example = selection.example.as_deref();
    let target = selection.bin.as_deref().or(example);
    let named = selection.package.as_deref();
    let candidates: Vec<(&Package, &Target)> = match named {
        Some(name) => {
            let package =
                packages.iter().find(|package| package.name.as_str() == name).ok_or_else(|| {
                    let names: Vec<&str> =
                        packages.iter().map(|package| package.name.as_str()).collect();
                    Error::new(
                        Kind::Project,
                        format!("find the package `{name}`"),
                        "the workspace has none of that name",
                    )
                    .hint(format!("its packages are: {}", names.join(", ")))
                })?;
            programs(package, example.is_some())
        }
        None => current_or_all(metadata, packages, target.is_some(), example.is_some()),
    };
    let candidates: Vec<_> = match target {
        Some(name) => candidates.into_iter().filter(|(_, target)| target.name == name).collect(),
        None => preferred(candidates),
    };
    match candidates.as_slice() {
        [(package, target)] => Ok(program(package, target)),
        [] => Err(Error::new(
            Kind::Project,
            "find the program to run",
            target.map_or("no package here has a binary".to_owned(), |name| {
                format!("there is no target `{name}`")
            }),
        )
        .hint("name one with `--bin NAME` or `--example NAME`, in a package with `-p NAME`")),
        many => {
            let names: Vec<String> =
                many.iter().map(|(p, t)| format!("-p {} --bin {}", p.name, t.name)).collect();
            Err(Error::new(Kind::Project, "find the program to run", "there is more than one")
                .hint(format!("choose one: {}; or set [app] bin in hotdev.toml", names.join(", "))))
        }
    }
}

/// The package of the current folder if it has programs, otherwise every package.
fn current_or_all<'a>(
    metadata: &Metadata,
    packages: &[&'a Package],
    any: bool,
    examples: bool,
) -> Vec<(&'a Package, &'a Target)> {
    let here = std::env::current_dir().unwrap_or_default();
    let current = packages.iter().filter(|package| here.starts_with(folder(package)));
    let current = current.max_by_key(|package| folder(package).components().count());
    if let Some(package) = current.or_else(|| {
        packages
            .iter()
            .find(|p| Some(p.id.clone()) == metadata.root_package().map(|r| r.id.clone()))
    }) {
        let found = programs(package, examples);
        if !found.is_empty() && !any {
            return found;
        }
    }
    packages.iter().flat_map(|package| programs(package, examples)).collect()
}

/// cargo's `default-run` decides where a package has several programs.
fn preferred<'a>(candidates: Vec<(&'a Package, &'a Target)>) -> Vec<(&'a Package, &'a Target)> {
    let defaults: Vec<_> = candidates
        .iter()
        .copied()
        .filter(|(p, t)| p.default_run.as_deref() == Some(t.name.as_str()))
        .collect();
    if defaults.len() == 1 { defaults } else { candidates }
}

fn programs(package: &Package, examples: bool) -> Vec<(&Package, &Target)> {
    let kind = if examples { TargetKind::Example } else { TargetKind::Bin };
    package
        .targets
        .iter()
        .filter(|target| target.kind.contains(&kind))
        .map(|target| (package, target))
        .collect()
}

fn program(package: &Package, target: &Target) -> Program {
    let manifest = package.manifest_path.to_string();
    let version = &package.version;
    let env = [
        ("CARGO_MANIFEST_DIR", folder(package).to_string_lossy().into_owned()),
        ("CARGO_MANIFEST_PATH", manifest),
        ("CARGO_PKG_NAME", package.name.to_string()),
        ("CARGO_PKG_VERSION", version.to_string()),
        ("CARGO_PKG_VERSION_MAJOR", version.major.to_string()),
        ("CARGO_PKG_VERSION_MINOR", version.minor.to_string()),
        ("CARGO_PKG_VERSION_PATCH", version.patch.to_string()),
        ("CARGO_PKG_VERSION_PRE", version.pre.to_string()),
        ("CARGO_PKG_AUTHORS", package.authors.join(":")),
        ("CARGO_PKG_DESCRIPTION", package.description.clone().unwrap_or_default()),
        ("CARGO_PKG_HOMEPAGE", package.homepage.clone().unwrap_or_default()),
        ("CARGO_PKG_REPOSITORY", package.repository.clone().unwrap_or_default()),
    ];
    let env = env.into_iter().map(|(key, value)| (key.to_owned(), value));
    let here = std::env::current_dir().unwrap_or_default();
    let configured = cargo_config::env(&here, |name| std::env::var_os(name));
    Program {
        package: package.name.to_string(),
        spec: package.id.repr.clone(),
        target: target.name.clone(),
        is_example: target.kind.contains(&TargetKind::Example),
        env: env.chain(configured).collect(),
    }
}
