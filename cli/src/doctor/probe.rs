//! A tiny program, built as a session would build the project's own.

use std::fs;
use std::path::Path;

use crate::args::Selection;
use crate::cargo::{self, Built};
use crate::elf::image::Image;
use crate::error::{Context, Error, Kind, Result};
use crate::images::ImageRecord;
use crate::invocation::Invocation;
use crate::layout::Layout;
use crate::project::{self, Project};
use crate::rebuild::Cancel;
use crate::report::event::Diagnostic;

/// What came of it.
pub struct Probe {
    /// How rustc was called for the program, where cargo came so far.
    pub rustc: Option<Invocation>,
    /// What hotdev's linker left.
    pub outcome: Outcome,
}

/// How far the build came.
pub enum Outcome {
    /// It was linked, as two images or plainly.
    Linked(ImageRecord),
    /// rustc refused it, or the linker that rustc called failed.
    Refused(Vec<Diagnostic>),
    /// cargo failed, or what it left cannot be read.
    Failed(Error),
}

/// Name of its package.
pub const NAME: &str = "hotdev-probe";

const LIBRARY: &str = "pub fn text() -> String {\n    format!(\"{:?}\", std::env::args())\n}\n";
const PROGRAM: &str = "fn main() {\n    println!(\"{}\", hotdev_probe::text());\n}\n";

/// Builds it in a folder of the target directory and leaves nothing there. cargo reads the
/// configuration of the working directory, as for the project itself; the profiles of the manifest
/// in `root` are copied.
///
/// # Errors
/// When the target directory cannot be written.
pub fn build(root: &Path, target_dir: &Path, selection: &Selection) -> Result<Probe> {
    let doing = || format!("write to {}", target_dir.display());
    let place = target_dir.join("hotdev");
    let folders = [place.as_path(), target_dir].into_iter();
    let made_here: Vec<&Path> = folders.filter(|folder| !folder.exists()).collect();
    let hint = "make it a folder that you can write, or name another with `--target-dir`";
    let made = fs::create_dir_all(&place).context(Kind::System, doing);
    made.map_err(|error| error.hint(hint))?;
    let folder = tempfile::Builder::new().prefix("doctor-").tempdir_in(&place);
    let folder = folder.context(Kind::System, doing)?;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    fs::create_dir(folder.path().join("src")).context(Kind::System, doing)?;
    write("Cargo.toml", &manifest(root)).context(Kind::System, doing)?;
    write("src/lib.rs", LIBRARY).context(Kind::System, doing)?;
    write("src/main.rs", PROGRAM).context(Kind::System, doing)?;
    let selection = Selection {
        manifest_path: Some(folder.path().join("Cargo.toml")),
        target_dir: Some(folder.path().join("target")),
        profile: selection.profile.clone(),
        offline: true,
        quiet: true,
        ..Selection::default()
    };
    let profile = selection.profile.as_deref().unwrap_or("dev");
    let layout = Layout::prepare(&folder.path().join("target"), profile, &[])?;
    let outcome = link(&selection, &layout).unwrap_or_else(Outcome::Failed);
    let probe = Probe { rustc: recorded(&layout.invocations()), outcome };
    drop(folder);
    for folder in made_here {
        // One that is in use by now stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(probe)
}

fn link(selection: &Selection, layout: &Layout) -> Result<Outcome> {
    let metadata = project::metadata(selection.manifest_path.as_deref())?;
    let project = Project::find(&metadata, selection)?;
    let executable = match cargo::build(
        &project,
        selection,
        layout,
        &[],
        &cargo::Messages::default(),
        &Cancel::default(),
    )? {
        Built::Program(executable) => executable,
        Built::CompileError(diagnostics) => return Ok(Outcome::Refused(diagnostics)),
        Built::Cancelled => return Ok(Outcome::Refused(Vec::new())),
    };
    let build_id = Image::read(&executable.path)?.build_id;
    let record = ImageRecord::find(layout, &build_id).ok_or_else(|| {
        let cause = "something else was called instead of hotdev's linker";
        Error::new(Kind::Link, "link a program", cause)
    })?;
    Ok(Outcome::Linked(record))
}

/// A manifest with the profiles of the one in `root`.
fn manifest(root: &Path) -> String {
    let text = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let original: toml::Table = text.parse().unwrap_or_default();
    let mut manifest: toml::Table = toml::toml! {
        [package]
        name = "hotdev-probe"
        version = "0.0.0"
        edition = "2021"

        [workspace]
    };
    for key in ["profile", "cargo-features"] {
        if let Some(value) = original.get(key) {
            manifest.insert(key.to_owned(), value.clone());
        }
    }
    let profiles = manifest.get_mut("profile").and_then(toml::Value::as_table_mut);
    for profile in profiles.into_iter().flatten().filter_map(|(_, value)| value.as_table_mut()) {
        // Packages that are named there are not in this program.
        profile.remove("package");
    }
    manifest.to_string()
}

fn recorded(folder: &Path) -> Option<Invocation> {
    let files = fs::read_dir(folder).ok()?.flatten();
    let all = files.filter_map(|file| serde_json::from_slice(&fs::read(file.path()).ok()?).ok());
    // The library's where the program's has not come to pass.
    all.max_by_key(|invocation: &Invocation| invocation.is_binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_copied_without_packages() {
        let root = tempfile::tempdir().unwrap();
        let text = "[package]\nname = 'a'\n[profile.dev]\nlto = 'fat'\n\
                    [profile.dev.package.b]\nopt-level = 3\n[profile.fast]\ninherits = 'release'";
        fs::write(root.path().join("Cargo.toml"), text).unwrap();
        let manifest: toml::Table = manifest(root.path()).parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(NAME));
        assert_eq!(manifest["profile"]["dev"]["lto"].as_str(), Some("fat"));
        assert!(manifest["profile"]["dev"].get("package").is_none());
        assert_eq!(manifest["profile"]["fast"]["inherits"].as_str(), Some("release"));
    }
}
