//! cargo's configuration files, read for what hotdev has to know without asking cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One `config.toml`.
#[derive(Debug)]
pub struct ConfigFile {
    /// The file.
    pub path: PathBuf,
    /// The folder that relative paths in it start from: the one that holds `.cargo`.
    pub base: PathBuf,
    /// What it says; nothing where it is not TOML.
    pub table: Option<toml::Table>,
}

impl ConfigFile {
    /// The value of a key in a section.
    pub fn get(&self, section: &str, key: &str) -> Option<&toml::Value> {
        self.table.as_ref()?.get(section)?.get(key)
    }
}

/// The files that cargo reads for somebody in `folder`, those that go first before the others:
/// from the folder upwards, then cargo's home.
pub fn files(
    folder: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> impl Iterator<Item = ConfigFile> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let home = set("CARGO_HOME").map(|home| folder.join(home));
    let home = home.or_else(|| set("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut places: Vec<PathBuf> = folder.ancestors().map(|above| above.join(".cargo")).collect();
    places.extend(home.filter(|home| !places.contains(home)));
    places.into_iter().filter_map(|place| {
        // cargo prefers the older name where both are there.
        let files = [place.join("config"), place.join("config.toml")];
        let path = files.into_iter().find(|file| file.is_file())?;
        let table = std::fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
        Some(ConfigFile { path, base: place.parent().unwrap_or(&place).to_owned(), table })
    })
}
