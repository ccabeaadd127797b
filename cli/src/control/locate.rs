//! Which session is meant by a folder, found without asking cargo: an editor waits for `reload`,
//! and `cargo metadata` alone takes longer than all the rest.
//!
//! cargo's rules are followed as far as they say where to look: a target directory that is given,
//! the one of the environment, the one of cargo's configuration, or `target` in a folder above. What
//! is found there decides: a session's file lists the packages that cargo told it of, and a session
//! is meant only if the nearest manifest is one of them. What these rules cannot tell
//! ([`Place::Unknown`]) cargo has to be asked.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::SessionFile;
use crate::cargo_config;

/// Where a session was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It runs.
    Session(Box<SessionFile>),
    /// There is none for what is built here.
    Nowhere(PathBuf),
    /// Only cargo knows where this is built.
    Unknown,
}

/// Looks for the session of the project that `manifest` is in, or `folder` where none is named.
/// `target_dir` is what the command line says; `folder` is the absolute working directory.
pub fn locate(folder: &Path, manifest: Option<&Path>, target_dir: Option<&Path>) -> Place {
    locate_with(folder, manifest, target_dir, |name| env::var_os(name))
}

fn locate_with(
    folder: &Path,
    manifest: Option<&Path>,
    target_dir: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Place {
    if let Some(given) = target_dir {
        let place = folder.join(given);
        return SessionFile::find(&place)
            .map_or(Place::Nowhere(place), |session| Place::Session(Box::new(session)));
    }
    let target_dir = match configured(folder, variable) {
        Configured::Folder(configured) => Some(configured),
        Configured::No => None,
        Configured::Unknown => return Place::Unknown,
    };
    let start = match manifest {
        Some(manifest) => folder.join(manifest).parent().map(Path::to_owned),
        None => Some(folder.to_owned()),
    };
    let start = start.and_then(|folder| folder.canonicalize().ok());
    let Some(package) = start.as_deref().and_then(nearest_manifest) else { return Place::Unknown };
    let is_meant = |session: &SessionFile| {
        std::iter::once(&session.workspace).chain(&session.members).any(|member| {
            *member == package || member.canonicalize().is_ok_and(|member| member == package)
        })
    };
    if let Some(target_dir) = target_dir {
        return match SessionFile::find(&target_dir) {
            Some(session) if is_meant(&session) => Place::Session(Box::new(session)),
            // Two workspaces may share a target directory.
            _ => Place::Nowhere(target_dir),
        };
    }
    let above = package.ancestors().filter(|folder| folder.join("Cargo.toml").is_file());
    let mut found = above.filter_map(|root| SessionFile::find(&root.join("target")));
    match found.find(is_meant) {
        Some(session) => Place::Session(Box::new(session)),
        None if names_its_workspace(&package) => Place::Unknown,
        None => Place::Nowhere(package),
    }
}

fn nearest_manifest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).map(Path::to_owned)
}

/// Whether a package says itself where its workspace is: it need not be in a folder above.
fn names_its_workspace(package: &Path) -> bool {
    let text = fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap_or_default();
    manifest.get("package").and_then(|package| package.get("workspace")).is_some()
}

/// What cargo is told of its target directory beside the command line.
#[derive(Debug, PartialEq, Eq)]
enum Configured {
    No,
    Folder(PathBuf),
    Unknown,
}

/// The environment first, then the configuration files: the first that says something counts.
fn configured(folder: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Configured {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(value) = set("CARGO_TARGET_DIR").or_else(|| set("CARGO_BUILD_TARGET_DIR")) {
        return Configured::Folder(folder.join(value));
    }
    for file in cargo_config::files(folder, &variable) {
        let Some(table) = &file.table else { return Configured::Unknown };
        match file.get("build", "target-dir").map(toml::Value::as_str) {
            Some(Some(path)) => return Configured::Folder(file.base.join(path)),
            Some(None) => return Configured::Unknown,
            None if table.contains_key("include") => return Configured::Unknown,
            None => {}
        }
    }
    Configured::No
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files in a fresh folder.
    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (folder, root)
    }

    fn configured_in(folder: &Path, environment: &[(&str, &str)]) -> Configured {
        configured(folder, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_environment_goes_before_the_nearest_configuration() {
        let (_folder, root) = folder(&[
            (".cargo/config.toml", "build.target-dir = 'far'"),
            ("a/.cargo/config.toml", "[build]\njobs = 1"),
            ("a/b/.cargo/config.toml", "[build]\ntarget-dir = '../near'"),
            ("a/b/c/Cargo.toml", ""),
        ]);
        let in_c = |environment: &[_]| configured_in(&root.join("a/b/c"), environment);
        assert_eq!(in_c(&[]), Configured::Folder(root.join("a/b/../near")));
        assert_eq!(configured_in(&root.join("a"), &[]), Configured::Folder(root.join("far")));
        assert_eq!(
            in_c(&[("CARGO_BUILD_TARGET_DIR", "t")]),
            Configured::Folder(root.join("a/b/c/t"))
        );
        let both = [("CARGO_BUILD_TARGET_DIR", "t"), ("CARGO_TARGET_DIR", "/u")];
        assert_eq!(in_c(&both), Configured::Folder("/u".into()));
    }

    #[test]
    fn cargos_home_comes_last_and_what_is_not_understood_is_cargos() {
        let (_folder, root) = folder(&[
            ("home/config.toml", "build.target-dir = 'shared'"),
            ("w/Cargo.toml", ""),
            ("i/.cargo/config.toml", "include = 'more.toml'"),
            ("j/.cargo/config.toml", "build"),
        ]);
        let home = root.join("home");
        let with_home = [("CARGO_HOME", home.to_str().unwrap())];
        assert_eq!(
            configured_in(&root.join("w"), &with_home),
            Configured::Folder(root.join("shared"))
        );
        assert_eq!(configured_in(&root.join("w"), &[]), Configured::No);
        assert_eq!(configured_in(&root.join("i"), &with_home), Configured::Unknown);
        assert_eq!(configured_in(&root.join("j"), &with_home), Configured::Unknown);
    }

    #[test]
    fn a_package_that_names_its_workspace_is_cargos_to_find() {
        let (_folder, root) = folder(&[
            ("w/Cargo.toml", "[workspace]\nmembers = ['../p']"),
            ("p/Cargo.toml", "[package]\nname = 'p'\nworkspace = '../w'"),
        ]);
        let locate = |folder: &Path| locate_with(folder, None, None, |_| None);
        assert_eq!(locate(&root.join("p")), Place::Unknown);
        assert_eq!(locate(&root.join("w")), Place::Nowhere(root.join("w")));
        assert_eq!(locate(&root), Place::Unknown);
    }
}
