//! `hotdev.toml` in the workspace root: settings that outlast a command line.
//!
//! No file and an empty file mean the same. A key that hotdev does not know is an error: a
//! misspelt setting must not look as if it worked. So the keys stand here twice, in [`KEYS`] for
//! the message and in the types for their values; a test holds the two together.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Context, Error, Kind, Result};

/// Name of the file.
pub const FILE_NAME: &str = "hotdev.toml";

/// Every section with its keys.
pub(crate) const KEYS: [(&str, &[&str]); 5] = [
    ("app", &["package", "bin", "args", "env"]),
    ("hot", &["exclude"]),
    ("reload", &["on-incompatible", "unload"]),
    ("watch", &["ignore"]),
    ("ui", &["notify"]),
];

/// How alike two keys must be for one to be offered instead of the other, from 0 to 1.
const ALIKE: f64 = 0.7;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, title = "hotdev.toml")]
pub struct Config {
    /// The program.
    pub app: App,
    /// What is patched.
    pub hot: Hot,
    /// What a save may do.
    pub reload: Reload,
    /// What counts as a save.
    pub watch: Watch,
    /// The terminal UI.
    pub ui: Ui,
}

/// `[app]`: the program, where the command line does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, expecting = "a section")]
#[schemars(deny_unknown_fields)]
pub struct App {
    /// Cargo package with the program.
    pub package: Option<String>,
    /// Its binary target.
    pub bin: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables added to it.
    pub env: BTreeMap<String, String>,
}

/// `[hot]`: what is patched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, expecting = "a section")]
#[schemars(deny_unknown_fields)]
pub struct Hot {
    /// Workspace packages that are rebuilt with a restart instead.
    pub exclude: Vec<String>,
}

/// `[reload]`: what a save may do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case", expecting = "a section")]
#[schemars(deny_unknown_fields)]
pub struct Reload {
    /// What happens to an edit that cannot go into the running program.
    pub on_incompatible: OnIncompatible,
    /// Whether old code is unloaded to which nothing in the program's memory refers.
    pub unload: bool,
}

impl Default for Reload {
    fn default() -> Self {
        Self { on_incompatible: OnIncompatible::default(), unload: true }
    }
}

/// What happens to an edit that cannot go into the running program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnIncompatible {
    /// Keep it, and ask in the terminal UI; plain lines name what would restart it.
    #[default]
    Ask,
    /// Restart the program with it.
    Restart,
    /// Keep the program as it is.
    Keep,
}

/// `[watch]`: what counts as a save.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, expecting = "a section")]
#[schemars(deny_unknown_fields)]
pub struct Watch {
    /// Files to ignore, as in a `.gitignore` of the workspace root.
    pub ignore: Vec<String>,
}

/// `[ui]`: the terminal UI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, expecting = "a section")]
pub struct Ui {
    /// Whether a save that is refused is told on the desktop while hotdev is not in view.
    pub notify: bool,
}

impl Config {
    /// The settings of the workspace with this root; the defaults where it has no file.
    ///
    /// # Errors
    /// When the file cannot be read or holds something it must not. Names the file and the line.
    pub fn load(workspace: &Path) -> Result<Self> {
        let file = workspace.join(FILE_NAME);
        match fs::read(&file) {
            Ok(bytes) => Self::parse(&bytes, &file),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).context(Kind::Config, || format!("read {}", file.display())),
        }
    }

    /// The settings in `bytes`, which are those of `file`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        let fault = |offset: usize, cause: &str| {
            let line = bytes[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
            let doing = "understand the configuration";
            Error::new(Kind::Config, doing, format!("{}:{line}: {cause}", file.display()))
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| fault(error.valid_up_to(), "not valid UTF-8"))?;
        let place = |error: &toml::de::Error| {
            let cause = error.message().replace('\n', "; ");
            (error.span().map_or(0, |span| span.start.min(bytes.len())), cause)
        };
        let table = DeTable::parse(text).map_err(|error| {
            let (offset, cause) = place(&error);
            fault(offset, &cause)
        })?;
        if let Some(unknown) = unknown_key(table.get_ref()) {
            return Err(fault(unknown.offset, &unknown.cause).hint(unknown.hint));
        }
        toml::from_str(text).map_err(|error| {
            let (offset, cause) = place(&error);
            let Some((section, key)) = key_at(table.get_ref(), offset) else {
                return fault(offset, &cause);
            };
            fault(offset, &format!("`{key}` in [{section}]: {cause}")).hint(example(&key))
        })
    }
}

/// A key that hotdev does not know.
struct Unknown {
    offset: usize,
    cause: String,
    hint: String,
}

fn unknown_key(file: &DeTable<'_>) -> Option<Unknown> {
    let sections = KEYS.map(|(section, _)| section);
    for (name, value) in file {
        let Some((section, keys)) = KEYS.iter().find(|(known, _)| *known == name.get_ref()) else {
            return Some(unknown(name, "", &sections));
        };
        let DeValue::Table(table) = value.get_ref() else { continue };
        if let Some(key) = table.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            return Some(unknown(key, section, keys));
        }
    }
    None
}

/// The section and the key whose value is at `offset`.
fn key_at(file: &DeTable<'_>, offset: usize) -> Option<(String, String)> {
    for (section, value) in file {
        let DeValue::Table(table) = value.get_ref() else { continue };
        let key = table.iter().find(|(_, value)| value.span().contains(&offset));
        if let Some((key, _)) = key {
            return Some((section.get_ref().to_string(), key.get_ref().to_string()));
        }
    }
    None
}

/// What to write for a key instead.
fn example(key: &str) -> String {
    let text = match key {
        "on-incompatible" => r#"write "ask", "restart" or "keep""#,
        "unload" => "write true or false",
        "args" => r#"write a list: args = ["--port", "8080"]"#,
        "exclude" => r#"write a list: exclude = ["some-package"]"#,
        "ignore" => r#"write a list: ignore = ["assets/**"]"#,
        "notify" => r#"write true or false, without quotes"#,
        "env" => r#"write a table: env = { RUST_LOG = "debug" }"#,
        _ => return format!(r#"write a name in quotes: {key} = "game""#),
    };
    text.to_owned()
}

fn unknown<T: AsRef<str>>(key: &Spanned<T>, section: &str, known: &[&str]) -> Unknown {
    let name = key.get_ref().as_ref();
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    let home = KEYS.iter().find(|(_, keys)| keys.contains(&name));
    let likeness = |known: &&&str| strsim::jaro_winkler(known, name);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match (home, nearest) {
        (Some((home, _)), _) => format!("`{name}` belongs in [{home}]"),
        (None, Some(nearest)) if likeness(&nearest) >= ALIKE => format!("write `{nearest}`"),
        _ => format!("known here: {}", known.join(", ")),
    };
    Unknown { offset: key.span().start, cause: format!("unknown key `{name}`{place}"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text.as_bytes(), Path::new("w/hotdev.toml"))
    }

    /// Cause and hint of the error that `text` makes.
    fn fault(text: &str) -> [String; 2] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind, Kind::Config);
        [error.cause, error.hint.unwrap_or_default()]
    }

    #[test]
    fn no_file_is_the_default() {
        let workspace = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(workspace.path()).unwrap(), Config::default());
        fs::write(workspace.path().join(FILE_NAME), "[watch]\nignore = ['*.log']").unwrap();
        assert_eq!(Config::load(workspace.path()).unwrap().watch.ignore, ["*.log"]);
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let text = "
            app = { package = 'p', bin = 'b', args = ['-x', 'y z'], env = { A = '1' } }
            hot.exclude = ['q']
            [reload]
            on-incompatible = 'restart'
            unload = false
            [watch]
            ignore = ['assets/**']
            [ui]
            notify = true";
        let app = App {
            package: Some("p".into()),
            bin: Some("b".into()),
            args: vec!["-x".into(), "y z".into()],
            env: BTreeMap::from([("A".into(), "1".into())]),
        };
        let expected = Config {
            app,
            hot: Hot { exclude: vec!["q".into()] },
            reload: Reload { on_incompatible: OnIncompatible::Restart, unload: false },
            watch: Watch { ignore: vec!["assets/**".into()] },
            ui: Ui { notify: true },
        };
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn every_known_key_has_a_type() {
        for (section, keys) in KEYS {
            for key in keys {
                // No key takes a fraction, so each that a type reads is refused.
                let text = format!("[{section}]\n{key} = 0.5");
                assert!(parse(&text).is_err(), "{section}.{key}");
            }
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let [cause, hint] = fault("[app]\npackage = 'p'\nbinn = 'b'");
        assert_eq!(cause, "w/hotdev.toml:3: unknown key `binn` in [app]");
        assert_eq!(hint, "write `bin`");
        let [cause, hint] = fault("\n[reload]\non_incompatible = 'ask'");
        assert_eq!(cause, "w/hotdev.toml:3: unknown key `on_incompatible` in [reload]");
        assert_eq!(hint, "write `on-incompatible`");
        let [cause, hint] = fault("[wach]");
        assert_eq!(cause, "w/hotdev.toml:1: unknown key `wach`");
        assert_eq!(hint, "write `watch`");
    }

    #[test]
    fn a_key_in_the_wrong_place_names_the_right_one() {
        assert_eq!(fault("[watch]\nexclude = []")[1], "`exclude` belongs in [hot]");
        assert_eq!(fault("bin = 'b'")[1], "`bin` belongs in [app]");
        assert_eq!(fault("[app]\nzzz = 1")[1], "known here: package, bin, args, env");
    }

    #[test]
    fn a_wrong_value_names_what_to_write() {
        for (text, expected) in [
            ("[reload]\non-incompatible = 'maybe'", r#"write "ask", "restart" or "keep""#),
            ("hot.exclude = 'a'", r#"write a list: exclude = ["some-package"]"#),
            ("app = { package = 1 }", r#"write a name in quotes: package = "game""#),
        ] {
            assert_eq!(fault(text)[1], expected);
        }
    }

    #[test]
    fn a_wrong_value_names_the_line() {
        for (text, expected) in [
            (
                "[app]\nargs = 'x'",
                "w/hotdev.toml:2: `args` in [app]: invalid type: string \"x\", expected a sequence",
            ),
            (
                "[app]\n\nbin = 3",
                "w/hotdev.toml:3: `bin` in [app]: invalid type: integer `3`, expected a string",
            ),
            ("hot = 1", "w/hotdev.toml:1: invalid type: integer `1`, expected a section"),
            (
                "[reload]\non-incompatible = 'yes'",
                "w/hotdev.toml:2: `on-incompatible` in [reload]: unknown variant `yes`, \
                 expected one of `ask`, `restart`, `keep`",
            ),
        ] {
            assert_eq!(fault(text)[0], expected);
        }
        assert!(fault("[app]\nbin =")[0].starts_with("w/hotdev.toml:2: "));
        let error = Config::parse(b"# ok\n# \xff", Path::new("h")).unwrap_err();
        assert_eq!(error.cause, "h:2: not valid UTF-8");
    }
}
