//! `hotdev init --template`: small programs to begin with.
//!
//! Each is a folder of `templates/`, complete as it stands there; only its name is replaced, and a
//! `.gitignore` is added, which would count for hotdev's own repository there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::error::{Context, Error, Kind, Result};
use crate::init;
use crate::report::Format;
use crate::report::json::{self, Own};

/// Programs to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// Counts, a line a second
    Counter,
    /// A list in the terminal, with ratatui
    Tui,
    /// An HTTP service with connections that stay open
    Axum,
    /// A fixed-step loop that draws in the terminal
    Game,
    /// Several processes
    Workers,
}

/// Paths and contents.
type Files = [(&'static str, &'static str)];

/// What cargo makes is not for a repository.
const GITIGNORE: (&str, &str) = (".gitignore", "/target\n");

macro_rules! files {
    ($name:literal, $($module:literal),+) => {
        &[
            GITIGNORE,
            ("Cargo.toml", include_str!(concat!("../../templates/", $name, "/Cargo.toml"))),
            ("README.md", include_str!(concat!("../../templates/", $name, "/README.md"))),
            ("hotdev.toml", include_str!(concat!("../../templates/", $name, "/hotdev.toml"))),
            ("src/main.rs", include_str!(concat!("../../templates/", $name, "/src/main.rs"))),
            $((
                concat!("src/", $module, ".rs"),
                include_str!(concat!("../../templates/", $name, "/src/", $module, ".rs")),
            ),)+
        ]
    };
}

impl Template {
    fn files(self) -> &'static Files {
        match self {
            Self::Counter => files!("counter", "counter"),
            Self::Tui => files!("tui", "app", "view"),
            Self::Axum => files!("axum", "pages"),
            Self::Game => files!("game", "world"),
            Self::Workers => files!("workers", "work"),
        }
    }

    /// The command that starts it.
    fn start(self) -> &'static str {
        match self {
            Self::Game | Self::Tui => "hotdev run",
            Self::Axum | Self::Counter | Self::Workers => "hotdev watch",
        }
    }
}

/// A line for each template: its name, and what it is.
pub fn list() -> String {
    let lines = Template::value_variants().iter().filter_map(|template| {
        let value = template.to_possible_value()?;
        Some(format!("\n  {:<8} {}", value.get_name(), value.get_help()?))
    });
    lines.collect()
}

/// Makes the program in `folder`, which must not be there yet, or be empty.
///
/// # Errors
/// When something is there, or the folder's name is none for a package.
pub fn init(template: Template, folder: &Path, format: Format) -> Result<()> {
    let doing = || format!("make {}", folder.display());
    let place = std::path::absolute(folder).context(Kind::System, doing)?;
    let name = package_name(&place)?;
    if fs::read_dir(&place).is_ok_and(|mut entries| entries.next().is_some()) || place.is_file() {
        return Err(Error::new(Kind::Usage, doing(), "something is there already")
            .hint("name a folder that is not there yet"));
    }
    for (path, text) in template.files() {
        let path = place.join(path);
        let above = path.parent().unwrap_or(&place);
        fs::create_dir_all(above).context(Kind::System, doing)?;
        let text = if path.ends_with("Cargo.toml") { &renamed(text, &name) } else { *text };
        fs::write(&path, text).context(Kind::System, doing)?;
    }
    // Below another project, cargo may want to be told whose package it is.
    let above = place.parent().and_then(|above| init::workspace(above, None).ok());
    let is_taken = above.is_some_and(|_| init::workspace(&place, None).is_err());
    print(template, &place, folder, is_taken, format);
    Ok(())
}

/// A template's manifest with another name for the package, which is the first that stands there.
fn renamed(manifest: &str, name: &str) -> String {
    let lines = manifest.split_inclusive('\n').scan(false, |is_done, line| {
        let is_name = !*is_done && line.starts_with("name = ");
        *is_done |= is_name;
        Some(if is_name { format!("name = \"{name}\"\n") } else { line.to_owned() })
    });
    lines.collect()
}

/// The folder's name, where cargo takes it for a package.
fn package_name(folder: &Path) -> Result<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_plain) {
        return Ok(name);
    }
    let cause = format!("`{name}` is no name for a package");
    Err(Error::new(Kind::Usage, format!("make {}", folder.display()), cause)
        .hint("use letters, digits, `-` and `_`, a letter first"))
}

fn print(template: Template, place: &PathBuf, typed: &Path, is_taken: bool, format: Format) {
    let (made, typed) = (place.display(), typed.display());
    let first = match is_taken {
        true => {
            format!("first: add `{typed}` to members, or to exclude, of the workspace it lies in\n")
        }
        false => String::new(),
    };
    let text = match format {
        Format::Human => format!(
            "wrote {made}: its README.md says what to change first\n{first}next: cd {typed} && {}\n",
            template.start()
        ),
        Format::Json => json::own(Own::Init {
            file: place,
            written: true,
            outcome: None,
            text: None,
            by_hand: None,
            project: None,
        }),
    };
    // The folder says the same to a reader that is gone.
    let _ = io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_and_a_bad_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| init(Template::Counter, &folder.path().join(name), Format::Json);
        make("my-app").unwrap();
        let manifest = fs::read_to_string(folder.path().join("my-app/Cargo.toml")).unwrap();
        assert!(manifest.contains("name = \"my-app\""), "{manifest}");
        assert_eq!(make("my-app").unwrap_err().kind, Kind::Usage);
        assert_eq!(make("9 lives").unwrap_err().kind, Kind::Usage);
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(make("file").unwrap_err().kind, Kind::Usage);
    }
}
