//! The programs that are measured: generated, the same on every machine.
//!
//! Each is a workspace with a binary crate `app`, whose `main` shows the marker over and over in a
//! loop that never returns, and a file that is edited: a function with the marker in its body. The
//! modules around it come from two templates, so that little text stands in this repository.
//! `programs/Cargo.lock` pins every dependency of all of them; cargo drops what one does not use.
//! To renew it, take the one that `cargo update` makes of the `deps` program with `--keep`, without
//! its own packages, and add those of hot-lib-reloader, dioxus-devtools and cargo-hot-protocol.

mod cost;
mod modules;
mod peers;
mod printing;
mod sizes;
mod soak;

pub use cost::cost;
pub use printing::{PRINTED, printing};
pub use sizes::{Size, crates, dependencies, lines, program};
pub use soak::{soak, version as soak_version};

/// Stands in a template where the number of the edit goes.
pub const MARKER: &str = "__MARKER__";

const LOCK: &str = include_str!("../../programs/Cargo.lock");
const BEAT: &str = include_str!("../../programs/beat.rs");

/// Whether a crate is one of a generated program's own.
pub fn is_member(name: &str) -> bool {
    let part = name.strip_prefix("part");
    name == "app" || name == "work" || part.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// How the binary crate calls what is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As any program does: for hotdev and cargo, nothing is said of reloading.
    Plain,
    /// Through hot-lib-reloader.
    HotLib,
    /// Through subsecond, for `dx serve --hot-patch`.
    Dx,
    /// Through subsecond, for cargo-hot.
    CargoHot,
}

/// A generated workspace.
#[derive(Clone, Debug)]
pub struct Program {
    /// Paths and texts, without the edited file.
    pub files: Vec<(String, String)>,
    /// Path of the file that is edited.
    pub edited: String,
    /// Its text, with [`MARKER`] in it.
    pub template: String,
    /// Name of the crate that it belongs to.
    pub edited_crate: &'static str,
    /// Packages of the workspace.
    pub members: Vec<String>,
}

impl Program {
    fn new(edited: &str, template: &str, edited_crate: &'static str) -> Self {
        let files = vec![("Cargo.lock".to_owned(), LOCK.to_owned())];
        let (edited, template) = (edited.to_owned(), template.to_owned());
        Self { files, edited, template, edited_crate, members: Vec::new() }
    }

    fn add(&mut self, path: &str, text: impl Into<String>) {
        self.files.push((path.to_owned(), text.into()));
    }

    /// Adds a package with the dependencies that are given as lines of its manifest.
    fn package(&mut self, name: &str, more: &str, dependencies: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}\n\
             [dependencies]\n{dependencies}"
        );
        self.add(&format!("{name}/Cargo.toml"), manifest);
    }

    /// Adds the root manifest of a workspace with these packages.
    fn members(&mut self, names: &[String]) {
        let members = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n");
        self.add("Cargo.toml", members);
        self.members = names.to_vec();
    }

    /// Lines of Rust in it.
    pub fn lines(&self) -> usize {
        let sources = self.files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let lines: usize = sources.map(|(_, text)| text.lines().count()).sum();
        lines + self.template.lines().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Program> {
        let sizes = [Size::Small, Size::Medium, Size::Binary, Size::Large, Size::Deps];
        let mut programs: Vec<_> = sizes.map(|size| program(size, Style::Plain)).into();
        programs.extend([Style::HotLib, Style::Dx].map(|style| program(Size::Medium, style)));
        programs.extend([Style::Dx, Style::CargoHot].map(|style| program(Size::Binary, style)));
        programs.extend([
            program(Size::Small, Style::Dx),
            cost(),
            soak(),
            lines(1000),
            crates(5),
            printing(),
        ]);
        programs
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        for program in all() {
            for (path, text) in &program.files {
                assert!(!text.contains("__N__") && !text.contains("__CHANGING__"), "{path}");
            }
            assert!(!program.template.replace(MARKER, "1").contains("__"), "{}", program.edited);
        }
    }

    #[test]
    fn sizes_are_what_they_are_said_to_be() {
        let of = |size| program(size, Style::Plain).lines();
        assert!(of(Size::Small) < 60);
        assert!((7_500..8_500).contains(&of(Size::Medium)));
        let in_one_crate = program(Size::Binary, Style::Plain).lines();
        assert!(in_one_crate.abs_diff(of(Size::Medium)) < 20, "{in_one_crate}");
        assert!((48_000..52_000).contains(&of(Size::Large)));
    }

    #[test]
    fn crates_of_the_program_are_told_from_dependencies() {
        assert!(["app", "work", "part0", "part12"].iter().all(|name| is_member(name)));
        assert!(["apparent", "parking_lot", "part", "worker"].iter().all(|name| !is_member(name)));
    }
}
