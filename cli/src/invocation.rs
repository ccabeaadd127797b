//! One recorded call of rustc: what a save replays.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Kind, Result};

/// A call of rustc for one hot crate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invocation {
    /// The compiler.
    pub program: PathBuf,
    /// Its arguments, hotdev's own included.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Name of the Cargo package.
    pub package: String,
    /// `--crate-name`
    pub crate_name: String,
    /// Whether it makes an executable.
    pub is_binary: bool,
    /// Whether it compiles above opt-level 0.
    pub optimized: bool,
}

/// What kinds of crate `--crate-type` names that hotdev can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrateKind {
    /// `lib` or `rlib`, alone or with others.
    Library,
    /// `bin`
    Binary,
    /// A proc macro, a build script, a test, ….
    Other,
}

impl Invocation {
    /// Whether rustc links a library of it that is no Rust library, by a linker that is not hotdev's.
    pub fn links(&self) -> bool {
        let kinds = options(&self.args, "--crate-type").flat_map(|kinds| kinds.split(','));
        kinds.into_iter().any(|kind| !matches!(kind, "lib" | "rlib" | "bin"))
    }

    /// Name and hash of the crate's files, as in `lib<key>.rlib`: what tells it from all others.
    pub fn key(&self) -> String {
        key(&self.args)
    }

    /// `--out-dir`
    pub fn out_dir(&self) -> PathBuf {
        self.directory.join(option(&self.args, "--out-dir").unwrap_or_default())
    }

    /// Writes it into `folder`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(format!("{}.json", self.key()));
        let doing = || format!("write {}", path.display());
        let bytes = serde_json::to_vec(self).context(Kind::System, doing)?;
        fs::write(&path, bytes).context(Kind::System, doing)
    }

    /// Reads the invocation with `key` from `folder`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(folder: &Path, key: &str) -> Result<Self> {
        let path = folder.join(format!("{key}.json"));
        let doing = || format!("read how {key} was compiled ({})", path.display());
        let bytes = fs::read(&path).context(Kind::Build, doing)?;
        serde_json::from_slice(&bytes).context(Kind::Build, doing)
    }
}

/// See [`Invocation::key`].
pub fn key(args: &[String]) -> String {
    let name = option(args, "--crate-name").unwrap_or_default();
    format!("{name}{}", codegen(args, "extra-filename").unwrap_or_default())
}

/// What kind of crate these arguments make.
pub fn crate_kind(args: &[String]) -> CrateKind {
    let name = option(args, "--crate-name").unwrap_or_default();
    if name.starts_with("build_script_") || args.iter().any(|arg| arg == "--test") {
        return CrateKind::Other;
    }
    let kinds: Vec<&str> =
        options(args, "--crate-type").flat_map(|kinds| kinds.split(',')).collect();
    if kinds.iter().any(|kind| matches!(*kind, "lib" | "rlib")) {
        CrateKind::Library
    } else if kinds == ["bin"] {
        CrateKind::Binary
    } else {
        CrateKind::Other
    }
}

/// The last value of an option that is written `--name value` or `--name=value`.
pub fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    options(args, name).last()
}

fn options<'a>(args: &'a [String], name: &str) -> impl Iterator<Item = &'a str> {
    args.iter().enumerate().filter_map(move |(index, arg)| {
        if arg == name {
            args.get(index + 1).map(String::as_str)
        } else {
            arg.strip_prefix(name)?.strip_prefix('=')
        }
    })
}

/// The last value of a codegen option: `-C name=value`, `-Cname=value` or `--codegen name=value`;
/// empty where it is given without a value.
pub fn codegen<'a>(args: &'a [String], name: &'a str) -> Option<&'a str> {
    codegens(args, name).last()
}

/// The optimization level: that of `-O` or `-C opt-level`, whichever comes last.
pub fn opt_level(args: &[String]) -> &str {
    let short = args.iter().rposition(|arg| arg == "-O");
    let rest = &args[short.map_or(0, |at| at + 1)..];
    codegen(rest, "opt-level").unwrap_or(if short.is_some() { "3" } else { "0" })
}

/// All values of a codegen option, in order.
pub fn codegens<'a>(args: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    args.iter().enumerate().filter_map(move |(index, arg)| {
        let option = match arg.as_str() {
            "-C" | "--codegen" => args.get(index + 1).map(String::as_str),
            _ => arg.strip_prefix("-C").or_else(|| arg.strip_prefix("--codegen=")),
        };
        let (key, value) = option.map(|o| o.split_once('=').unwrap_or((o, "")))?;
        (key == name).then_some(value)
    })
}

/// The sanitizers that the program is compiled with: `-Z sanitizer=…`, in either spelling.
pub fn sanitizers(args: &[String]) -> Option<&str> {
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("-Z"));
    let apart = args.windows(2).filter(|pair| pair[0] == "-Z").map(|pair| pair[1].as_str());
    joined.chain(apart).find_map(|option| option.strip_prefix("sanitizer="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_are_found_in_every_spelling() {
        let line =
            args("--crate-name a -C opt-level=1 -Copt-level=2 --codegen lto --crate-type=lib");
        assert_eq!(codegen(&line, "opt-level"), Some("2"));
        assert_eq!(codegen(&line, "lto"), Some(""));
        assert_eq!(codegen(&line, "linker"), None);
        assert_eq!(option(&line, "--crate-type"), Some("lib"));
        assert_eq!(crate_kind(&line), CrateKind::Library);
    }

    #[test]
    fn the_last_word_on_optimization_counts() {
        let level = |line: &str| opt_level(&args(line)).to_owned();
        assert_eq!(level("--crate-name a"), "0");
        assert_eq!(level("-C opt-level=1 -O"), "3");
        assert_eq!(level("-O -C opt-level=s"), "s");
    }

    #[test]
    fn sanitizers_are_found() {
        assert_eq!(sanitizers(&args("-Zsanitizer=address -O")), Some("address"));
        assert_eq!(sanitizers(&args("-Z sanitizer=thread")), Some("thread"));
        assert_eq!(sanitizers(&args("-Z threads=8 sanitizer=x")), None);
    }

    #[test]
    fn build_scripts_tests_and_macros_are_not_hot() {
        assert_eq!(
            crate_kind(&args("--crate-name build_script_build --crate-type bin")),
            CrateKind::Other
        );
        assert_eq!(crate_kind(&args("--crate-name a --crate-type bin --test")), CrateKind::Other);
        assert_eq!(crate_kind(&args("--crate-name a --crate-type proc-macro")), CrateKind::Other);
        assert_eq!(crate_kind(&args("--crate-name a --crate-type bin")), CrateKind::Binary);
        assert_eq!(
            crate_kind(&args("--crate-name a --crate-type cdylib --crate-type rlib")),
            CrateKind::Library
        );
    }

    #[test]
    fn the_key_names_the_crates_files() {
        assert_eq!(key(&args("--crate-name my_util -C extra-filename=-0f")), "my_util-0f");
    }
}
