//! Which files are other than at the last look, and what that means.
//!
//! Events of the watcher only say when to look. What counts is each file's stamp (when its content
//! or anything else of it changed, which no program can set; length; inode), so that the same save,
//! seen twice, is one change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hotdev_protocol::ContentHash;
use ignore::WalkBuilder;

use crate::cargo_config;
use crate::graph::{Graph, HotCrate};
use crate::layout::Layout;
use crate::project::{Member, Project};

/// What tells two versions of a file apart without reading it; `None` for a missing file.
type Stamp = Option<(i64, i64, u64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    Some((file.ctime(), file.ctime_nsec(), file.len(), file.ino()))
}

/// Stamps of every file that a hot crate reads.
#[derive(Debug, Default)]
pub struct Stamps(BTreeMap<PathBuf, Stamp>);

impl Stamps {
    /// Stamps of all sources, which a build read that began at `began`.
    pub fn of(graph: &Graph, began: SystemTime) -> Self {
        let mut stamps = Self::default();
        stamps.extend(graph, began);
        stamps
    }

    /// Takes in sources that were not known before. One that was written since `began` may not be
    /// what the compiler read: it counts as changed.
    pub fn extend(&mut self, graph: &Graph, began: SystemTime) {
        let began = began.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i128;
        for path in graph.crates.iter().flat_map(|hot| &hot.sources) {
            self.0.entry(path.clone()).or_insert_with(|| {
                stamp(path)
                    .filter(|file| i128::from(file.0) * 1_000_000_000 + i128::from(file.1) < began)
            });
        }
    }

    /// Looks at every file and returns those that changed since the last look.
    pub fn look(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for (path, old) in &mut self.0 {
            let new = stamp(path);
            if *old != new {
                *old = new;
                changed.insert(path.clone());
            }
        }
        changed
    }

    /// Looks at these files, known or not, and returns those that changed since the last look.
    pub fn look_at<'a>(&mut self, paths: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for path in paths {
            let new = stamp(path);
            if self.0.insert(path.clone(), new) != Some(new) {
                changed.insert(path.clone());
            }
        }
        changed
    }

    /// Whether every file is as it was at the last look.
    pub fn are_current(&self) -> bool {
        self.0.iter().all(|(path, old)| *old == stamp(path))
    }

    /// Whether a path is one of the files.
    pub fn contains(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// Every file.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }
}

/// Files that only a restart can apply, with the contents that the running program was built from.
#[derive(Debug, Default)]
pub struct RestartInputs {
    files: HashMap<PathBuf, Input>,
    /// Whether there may be others.
    is_incomplete: bool,
    /// Hash of cargo's configuration.
    configuration: u64,
}

#[derive(Debug)]
struct Input {
    /// At the last look.
    stamp: Stamp,
    /// Hash of what the running program was built from; `None` where there was no such file.
    built: Option<u64>,
    /// Hash of what it was at the last look.
    seen: Option<u64>,
}

impl RestartInputs {
    /// Finds manifests, the lock file, cargo's configuration, build scripts with what they watch,
    /// proc macros, excluded packages, and dependencies that are neither in the workspace nor from
    /// a registry.
    pub fn find(
        project: &Project,
        graph: &Graph,
        dependencies: &[PathBuf],
        exclude: &[String],
        layout: &Layout,
    ) -> Self {
        let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
        for name in [
            "Cargo.toml",
            "Cargo.lock",
            ".cargo/config.toml",
            ".cargo/config",
            "rust-toolchain.toml",
            "rust-toolchain",
        ] {
            paths.insert(project.root.join(name));
        }
        for member in &project.packages {
            paths.insert(member.folder.join("Cargo.toml"));
            paths.extend(member.build_script.clone());
            paths.extend(build_script_inputs(project, graph, member));
            if member.proc_macro.is_some() || exclude.contains(&member.name) {
                paths.extend(rust_files(&member.folder, layout));
            }
        }
        paths.extend(local_sources(dependencies, project));
        let hot: BTreeSet<&PathBuf> = graph.crates.iter().flat_map(|hot| &hot.sources).collect();
        let paths = paths.into_iter().filter(|path| !hot.contains(path));
        let files = paths.map(|path| {
            let built = content(&path);
            let input = Input { stamp: stamp(&path), built, seen: built };
            (path, input)
        });
        Self {
            files: files.collect(),
            is_incomplete: has_unknown_inputs(project, graph),
            configuration: configuration(&project.root),
        }
    }

    /// Whether cargo may build something else although every file is as it was: because of a build
    /// script that does not say what it reads, or names a folder or what is not there, or because
    /// of cargo's configuration.
    pub fn are_incomplete(&self, root: &Path) -> bool {
        self.is_incomplete || self.configuration != configuration(root)
    }

    /// Looks at every file; true where the contents of one changed since the last look.
    pub fn look(&mut self) -> bool {
        let mut any = false;
        for (path, input) in &mut self.files {
            let new = stamp(path);
            if new != input.stamp {
                let seen = content(path);
                any |= seen != input.seen;
                (input.stamp, input.seen) = (new, seen);
            }
        }
        any
    }

    /// Whether the running program was built from the files as they were at the last look.
    pub fn are_as_built(&self) -> bool {
        self.files.values().all(|input| input.seen == input.built)
    }

    /// Files whose contents are not what the running program was built from.
    pub fn changed(&mut self) -> Vec<PathBuf> {
        self.look();
        let mut changed: Vec<PathBuf> = self
            .files
            .iter()
            .filter(|(_, input)| input.seen != input.built)
            .map(|(path, _)| path.clone())
            .collect();
        changed.sort();
        changed
    }

    /// Every such file.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.keys()
    }

    /// Whether a path is one of them.
    pub fn contains(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }
}

/// Sources of the dependencies that are edited in place, as the dep-info beside each rlib has them.
/// What cargo keeps for itself (registries, checkouts) never changes.
fn local_sources(dependencies: &[PathBuf], project: &Project) -> Vec<PathBuf> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home =
        cargo_home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let kept = |path: &PathBuf| cargo_home.as_ref().is_some_and(|home| path.starts_with(home));
    let mut found = Vec::new();
    for rlib in dependencies.iter().filter(|rlib| rlib.starts_with(&project.target_dir)) {
        let key = crate::graph::library_key(&rlib.to_string_lossy());
        let sources =
            crate::graph::sources(&rlib.with_file_name(format!("{key}.d")), &project.root);
        found.extend(sources.into_iter().filter(|path| path.is_file() && !kept(path)));
    }
    found.retain(|path| !path.starts_with(&project.target_dir));
    found
}

fn content(path: &Path) -> Option<u64> {
    fs::read(path).ok().map(|bytes| ContentHash::of(&bytes))
}

fn rust_files(folder: &Path, layout: &Layout) -> Vec<PathBuf> {
    let target = layout.root.parent().map(Path::to_owned).unwrap_or_default();
    let walk = WalkBuilder::new(folder).filter_entry(move |entry| entry.path() != target).build();
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    walk.flatten().map(ignore::DirEntry::into_path).filter(is_rust).collect()
}

/// What a package's build script asked cargo to watch (`rerun-if-changed`). A script that asks for
/// nothing is run again by cargo for any change in its package; here only its own file counts,
/// because otherwise no source of such a package could ever be hot.
fn build_script_inputs(project: &Project, graph: &Graph, member: &Member) -> Vec<PathBuf> {
    let own = graph.crates.iter().filter(|hot| hot.invocation.package == member.name);
    let mut inputs = Vec::new();
    for output in own.filter_map(script_output) {
        let paths = directives(&output).filter_map(|line| line.strip_prefix("rerun-if-changed="));
        for path in paths.map(|path| member.folder.join(path)) {
            if path.is_dir() {
                // It may be the whole package, with all that cargo has built in it.
                let target = project.target_dir.clone();
                let mut walk = WalkBuilder::new(path);
                walk.standard_filters(false).filter_entry(move |entry| entry.path() != target);
                inputs.extend(walk.build().flatten().map(ignore::DirEntry::into_path));
            } else {
                inputs.push(path);
            }
        }
    }
    inputs.retain(|path| path.is_file() && !path.starts_with(&project.target_dir));
    inputs
}

/// Whether nobody but cargo knows when to run a build script again.
fn has_unknown_inputs(project: &Project, graph: &Graph) -> bool {
    let folder = |hot: &HotCrate| variable(hot, "CARGO_MANIFEST_DIR").map(PathBuf::from);
    let is_unknown = |hot: &HotCrate| {
        let Some(output) = script_output(hot) else { return false };
        let mut said = directives(&output).filter(|line| line.starts_with("rerun-if-")).peekable();
        said.peek().is_none()
            || said
                .filter_map(|line| line.strip_prefix("rerun-if-changed="))
                .any(|path| folder(hot).is_none_or(|folder| !folder.join(path).is_file()))
    };
    let has_hot_crate =
        |member: &&Member| graph.crates.iter().any(|hot| hot.invocation.package == member.name);
    let mut scripts = project.packages.iter().filter(|member| member.build_script.is_some());
    graph.crates.iter().any(is_unknown) || scripts.any(|member| !has_hot_crate(&member))
}

/// Hash of all files of cargo's configuration for somebody in the workspace.
fn configuration(root: &Path) -> u64 {
    let files = cargo_config::files(root, |name| std::env::var_os(name));
    let texts = files.map(|file| fs::read(file.path).unwrap_or_default());
    ContentHash::of(&texts.flatten().collect::<Vec<u8>>())
}

/// What a crate's build script told cargo, where there is one.
fn script_output(hot: &HotCrate) -> Option<String> {
    let folder = variable(hot, "OUT_DIR")?;
    Some(fs::read_to_string(Path::new(folder).with_file_name("output")).unwrap_or_default())
}

/// What cargo set when it compiled the crate.
fn variable<'a>(hot: &'a HotCrate, name: &str) -> Option<&'a str> {
    let found = hot.invocation.env.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

fn directives(output: &str) -> impl Iterator<Item = &str> {
    let lines = output.lines();
    lines.filter_map(|line| line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")))
}
