//! What cargo is to build.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::App;
use crate::report::ColorChoice;

use super::typed::Cargo;

/// One program of a workspace and how it is built. At most one of `bin` and `example` is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Path to Cargo.toml, as typed.
    pub manifest_path: Option<PathBuf>,
    /// Where cargo builds, as typed.
    pub target_dir: Option<PathBuf>,
    /// Package specification.
    pub package: Option<String>,
    /// Name of a binary target.
    pub bin: Option<String>,
    /// Name of an example target.
    pub example: Option<String>,
    /// One feature an entry.
    pub features: Vec<String>,
    /// Every feature.
    pub all_features: bool,
    /// Without the `default` feature.
    pub no_default_features: bool,
    /// Name of the profile; nothing is cargo's own choice, `dev`.
    pub profile: Option<String>,
    /// Cargo.lock must not change.
    pub locked: bool,
    /// No network.
    pub offline: bool,
    /// Both.
    pub frozen: bool,
    /// cargo says nothing of what it does. Never typed.
    pub quiet: bool,
    /// `--color`, for what cargo says.
    pub color: ColorChoice,
}

impl From<Cargo> for Selection {
    fn from(typed: Cargo) -> Self {
        let separator = |c: char| c == ',' || c.is_whitespace();
        let split = |list: &String| -> Vec<String> {
            list.split(separator).filter(|name| !name.is_empty()).map(Into::into).collect()
        };
        let release = typed.release.then(|| "release".to_owned());
        Self {
            manifest_path: None,
            target_dir: None,
            package: typed.package,
            bin: typed.bin,
            example: typed.example,
            features: typed.features.iter().flat_map(split).collect(),
            all_features: typed.all_features,
            no_default_features: typed.no_default_features,
            profile: typed.profile.or(release),
            locked: typed.locked,
            offline: typed.offline,
            frozen: typed.frozen,
            quiet: false,
            color: ColorChoice::Auto,
        }
    }
}

impl Selection {
    /// Takes from `hotdev.toml` what the command line leaves open. A package that was typed hides
    /// the file's binary too, which need not be one of that package.
    #[must_use]
    pub fn or_app(mut self, app: &App) -> Self {
        if self.package.is_none() {
            self.package.clone_from(&app.package);
            if self.bin.is_none() && self.example.is_none() {
                self.bin.clone_from(&app.bin);
            }
        }
        self
    }

    /// The arguments for `cargo build`.
    pub fn cargo_args(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        let mut option = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                args.extend([OsString::from(name), value]);
            }
        };
        let features = (!self.features.is_empty()).then(|| self.features.join(","));
        option("--manifest-path", self.manifest_path.clone().map(Into::into));
        option("--target-dir", self.target_dir.clone().map(Into::into));
        option("--package", self.package.clone().map(Into::into));
        option("--bin", self.bin.clone().map(Into::into));
        option("--example", self.example.clone().map(Into::into));
        option("--features", features.map(Into::into));
        let color = match self.color {
            ColorChoice::Auto => None,
            ColorChoice::Always => Some("always"),
            ColorChoice::Never => Some("never"),
        };
        option("--color", color.map(Into::into));
        option("--profile", self.profile.clone().map(Into::into));
        args.extend(self.flags().map(OsString::from));
        args
    }

    fn flags(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.locked, "--locked"),
            (self.offline, "--offline"),
            (self.frozen, "--frozen"),
            (self.quiet, "--quiet"),
        ]
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
    }
}
