//! cargo's configuration files, read for what hotdev has to know without asking cargo.

use std::collections::BTreeSet;
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

/// The environment that `[env]` adds to what cargo runs, for somebody in `folder`: the file that is
/// nearest says what a variable is. One that is set already stays, unless the file insists.
pub fn env(folder: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut known = BTreeSet::new();
    for file in files(folder, &variable) {
        let section = file.table.as_ref().and_then(|table| table.get("env")?.as_table());
        for (name, setting) in section.into_iter().flatten() {
            let is = |key: &str| setting.get(key).and_then(toml::Value::as_bool).unwrap_or(false);
            let value = setting.as_str().or_else(|| setting.get("value")?.as_str());
            let Some(value) = value.filter(|_| known.insert(name.clone())) else { continue };
            if variable(name).is_some() && !is("force") {
                continue;
            }
            let path = || file.base.join(value).to_string_lossy().into_owned();
            let value = if is("relative") { path() } else { value.to_owned() };
            found.push((name.clone(), value));
        }
    }
    found
}

/// What cargo is told of colours by its environment or its files: `always`, `never` or `auto`.
pub fn color(folder: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let named = variable("CARGO_TERM_COLOR").and_then(|value| value.into_string().ok());
    named.filter(|value| !value.is_empty()).or_else(|| {
        let mut files = files(folder, &variable);
        files.find_map(|file| Some(file.get("term", "color")?.as_str()?.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_decides_and_the_shell_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/.cargo")).unwrap();
        std::fs::create_dir_all(root.join(".cargo")).unwrap();
        let near = "term.color = 'never'\n[env]\nA = 'near'\nD = { value = 'd', relative = true }";
        let far = "term.color = 'always'\n[env]\nA = 'far'\nB = 'b'\n\
                   C = { value = 'c', force = true }";
        std::fs::write(root.join("a/.cargo/config.toml"), near).unwrap();
        std::fs::write(root.join(".cargo/config.toml"), far).unwrap();
        let variable = |name: &str| ["B", "C"].contains(&name).then(|| "shell".into());
        let below = root.join("a").join("d");
        let expected = [("A", "near"), ("D", below.to_str().unwrap()), ("C", "c")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(env(&root.join("a"), variable), expected);
        assert_eq!(color(&root.join("a"), variable).as_deref(), Some("never"));
        assert_eq!(color(&root, |_| Some("always".into())).as_deref(), Some("always"));
    }
}
