//! `hotdev init`: a `hotdev.toml` that shows every setting, with none of them made, and what to
//! expect of the project.

mod frameworks;
mod graph;
pub mod look;
mod say;

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, Target};

use self::look::Look;
use crate::args::Selection;
use crate::config::{Config, FILE_NAME};
use crate::error::{Context, Error, Kind, Result};
use crate::report::Format;
use crate::report::json::{self, Own};
use crate::templates;

/// What `hotdev init` wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    file: PathBuf,
    /// False where it was there already, and was left as it is.
    written: bool,
}

/// Writes the file into the root of the workspace that `dir` is in, or that `--manifest-path` names,
/// looks at the project, and says both. Nothing else is changed, and a file that is there stays.
///
/// # Errors
/// When there is no Cargo project, the file cannot be written, or one that is there is wrong.
pub fn init(dir: &Path, selection: &Selection, format: Format) -> Result<()> {
    let manifest_path = selection.manifest_path.as_deref();
    let target_dir = selection.target_dir.as_ref().map(std::path::absolute).transpose();
    let target_dir = target_dir.context(Kind::System, || "find the target directory".into())?;
    let workspace = workspace(dir, manifest_path)?;
    let outcome = write(&workspace)?;
    if format == Format::Human {
        put(&outcome.human());
    }
    let config = Config::load(workspace.workspace_root.as_std_path())?;
    // As a session sees it that is started there.
    if manifest_path.is_none() {
        std::env::set_current_dir(dir)
            .context(Kind::System, || format!("enter {}", dir.display()))?;
    }
    let mut look = look::at(&workspace, &config, target_dir.as_deref());
    let with_target = |next| match &target_dir {
        Some(path) => format!("{next} --target-dir {}", path.display()),
        None => next,
    };
    look.next = look.next.map(with_target).map(|next| match manifest_path {
        Some(path) => format!("{next} --manifest-path {}", path.display()),
        None if dir == Path::new(".") => next,
        None => format!("cd {} && {next}", dir.display()),
    });
    put(&match format {
        Format::Human => say::render(&look),
        Format::Json => outcome.json(&look),
    });
    Ok(())
}

fn write(workspace: &Metadata) -> Result<Outcome> {
    let file = workspace.workspace_root.as_std_path().join(FILE_NAME);
    let written = write_new(&file, &template(&Program::of(workspace)))
        .context(Kind::System, || format!("write {}", file.display()))?;
    Ok(Outcome { file, written })
}

/// The file says the same to a reader that is gone.
fn put(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

impl Outcome {
    fn human(&self) -> String {
        let file = self.file.display();
        if self.written {
            format!("wrote {file}: every setting, none made\n")
        } else {
            format!("{file} is there already: left as it is\n")
        }
    }

    fn json(&self, look: &Look) -> String {
        let (file, written) = (&self.file, self.written);
        let project = Some(look);
        json::own(Own::Init { file, written, outcome: None, text: None, by_hand: None, project })
    }
}

pub(crate) fn workspace(dir: &Path, manifest_path: Option<&Path>) -> Result<Metadata> {
    let doing = || format!("find the Cargo project of {}", manifest_path.unwrap_or(dir).display());
    let missing = |cause: &str| Error::new(Kind::Project, doing(), cause).hint(makes_one(dir));
    let mut command = MetadataCommand::new();
    command.no_deps();
    if let Some(path) = manifest_path {
        command.manifest_path(path);
    } else {
        let dir = dir.canonicalize().map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing("there is no such folder"),
            _ => missing(&error.to_string()),
        })?;
        if !dir.ancestors().any(|folder| folder.join("Cargo.toml").is_file()) {
            return Err(missing("neither it nor a folder above it has a Cargo.toml"));
        }
        command.current_dir(dir);
    }
    command.exec().map_err(|error| {
        let cause = match &error {
            cargo_metadata::Error::CargoMetadata { stderr } => {
                stderr.trim().trim_start_matches("error: ").to_owned()
            }
            other => other.to_string(),
        };
        Error::new(Kind::Project, doing(), cause).hint("see what `cargo metadata` says")
    })
}

/// How to make a project where there is none.
fn makes_one(dir: &Path) -> String {
    let folder = if dir.exists() { "NAME".into() } else { dir.display().to_string() };
    format!(
        "`cargo new {folder}` makes an empty one, or a program to begin with:\n\
         hotdev init {folder} --template TEMPLATE{}",
        templates::list()
    )
}

/// Writes a file that is not there yet. Returns false, and writes nothing, where one is.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    file.write_all(text.as_bytes()).map(|()| true).inspect_err(|_| {
        // Half a file would be left alone by the next `hotdev init`.
        let _ = fs::remove_file(path);
    })
}

/// The program that stands in the file as the example.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    package: String,
    bin: String,
}

impl Program {
    /// What `cargo run` would run, or the first program there is.
    fn of(workspace: &Metadata) -> Self {
        // Without `default-members`, as older cargos leave it out, any package may be it.
        let packages = match workspace.workspace_default_members.is_available() {
            true => workspace.workspace_default_packages(),
            false => workspace.workspace_packages(),
        };
        let all = packages.into_iter().chain(workspace.workspace_packages());
        let found = all.filter_map(|package| Some((package, default_bin(package)?))).next();
        match found {
            Some((package, bin)) => Self { package: package.name.to_string(), bin: bin.into() },
            None => Self { package: "my-package".into(), bin: "my-program".into() },
        }
    }
}

fn default_bin(package: &Package) -> Option<&str> {
    let first = || package.targets.iter().find(|one| one.is_bin()).map(|bin: &Target| &*bin.name);
    package.default_run.as_deref().or_else(first)
}

fn template(program: &Program) -> String {
    let quote = |text: &str| toml::Value::from(text).to_string();
    TEMPLATE.replace("{package}", &quote(&program.package)).replace("{bin}", &quote(&program.bin))
}

/// Text begins with `# `, a key that is switched off with `#`.
const TEMPLATE: &str = r#"# Settings of hotdev for this workspace. All of them are optional.

[app]
# Package with the program, where `hotdev watch` is not told.
#package = {package}
# Its binary target.
#bin = {bin}
# Arguments for the program, where none stand after `--`.
#args = ["--port", "8080"]
# Environment variables for the program, added to those of the shell.
#env = { RUST_LOG = "debug" }

[hot]
# Workspace packages that are not patched: a change there is rebuilt with a restart.
#exclude = ["some-package"]

[reload]
# An edit that cannot go into the running program: "restart" with it, or "keep" the program as it
# is. "ask" keeps it too, and asks in the terminal UI; plain lines name `hotdev restart` instead.
#on-incompatible = "ask"
# Old code is unloaded when nothing in the program's memory refers to it. `false` keeps it all: see
# "Old code" in hotdev's README.
#unload = true

[watch]
# Files whose changes mean nothing, as in a .gitignore of the workspace root.
#ignore = ["assets/**", "*.log"]

[ui]
# Whether a save that is refused is told on the desktop while the terminal UI is not in view.
#notify = true
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    fn text() -> String {
        template(&Program { package: "game".into(), bin: "play".into() })
    }

    fn parse(text: &str) -> Config {
        Config::parse(text.as_bytes(), Path::new(FILE_NAME)).unwrap()
    }

    /// A project with a library and two programs, its root and the library's folder.
    fn project() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("w");
        let library = root.join("logic");
        for (path, text) in [
            ("Cargo.toml", "[workspace]\nmembers = ['logic', 'game']\nresolver = '3'"),
            ("logic/Cargo.toml", "[package]\nname = 'logic'\nedition = '2024'"),
            ("logic/src/lib.rs", ""),
            ("game/Cargo.toml", "[package]\nname = 'game'\nedition = '2024'\ndefault-run = 'play'"),
            ("game/src/bin/edit.rs", "fn main() {}"),
            ("game/src/bin/play.rs", "fn main() {}"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (folder, root, library)
    }

    #[test]
    fn the_file_changes_nothing() {
        assert_eq!(parse(&text()), Config::default());
    }

    #[test]
    fn the_file_shows_every_key() {
        let text = text();
        let switched_on: Vec<_> =
            text.lines().map(|line| line.strip_prefix('#').unwrap_or(line)).collect();
        let settings = switched_on.iter().filter(|line| !line.starts_with(' '));
        let settings = settings.map(|line| format!("{line}\n")).collect::<String>();
        let config = parse(&settings);
        assert_eq!(config.app.package.as_deref(), Some("game"));
        assert_eq!(config.app.bin.as_deref(), Some("play"));
        let table: toml::Table = settings.parse().unwrap();
        for (section, keys) in KEYS {
            let shown = table[section].as_table().unwrap();
            assert!(keys.iter().all(|key| shown.contains_key(*key)), "{section}");
        }
    }

    #[test]
    fn it_goes_into_the_workspace_root_and_twice_does_no_harm() {
        let (_folder, root, library) = project();
        let init = |dir: &Path, manifest: Option<&Path>| {
            super::write(&workspace(dir, manifest).unwrap()).unwrap()
        };
        let first = init(&library, None);
        assert_eq!(first, Outcome { file: root.join(FILE_NAME), written: true });
        assert_eq!(fs::read_to_string(&first.file).unwrap(), text());
        fs::write(&first.file, "# mine").unwrap();
        let second = init(Path::new("."), Some(&library.join("Cargo.toml")));
        assert_eq!(second, Outcome { written: false, ..first });
        assert_eq!(fs::read_to_string(&second.file).unwrap(), "# mine");
        assert!(second.human().ends_with("left as it is\n"));
    }

    #[test]
    fn without_a_project_it_names_cargo_new() {
        let folder = tempfile::tempdir().unwrap();
        for dir in [folder.path().to_owned(), folder.path().join("none")] {
            let error = workspace(&dir, None).unwrap_err();
            assert_eq!(error.kind, Kind::Project);
            let hint = error.hint.unwrap_or_default();
            assert!(hint.starts_with("`cargo new "), "{hint}");
            assert!(hint.contains("\n  axum "), "{hint}");
        }
        let (_folder, root, _) = project();
        fs::write(root.join("Cargo.toml"), "[workspace").unwrap();
        let error = workspace(&root, None).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("see what `cargo metadata` says"));
    }
}
