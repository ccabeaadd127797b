//! The command line that rustc gives its linker, read as far as hotdev needs it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Kind, Result};

/// A link command with what hotdev takes out of it.
#[derive(Debug)]
pub struct CommandLine {
    /// All arguments, response files expanded.
    pub args: Vec<String>,
    /// `-o`
    pub output: PathBuf,
    /// The binary crate's own objects.
    pub objects: Vec<PathBuf>,
    /// Every rlib, in order.
    pub rlibs: Vec<PathBuf>,
}

impl CommandLine {
    /// Reads `args`.
    ///
    /// # Errors
    /// When a response file cannot be read or no output is named.
    pub fn parse(args: Vec<String>) -> Result<Self> {
        let args = expand(args)?;
        let output = args.iter().position(|arg| arg == "-o").and_then(|at| args.get(at + 1));
        let output = output
            .ok_or_else(|| Error::new(Kind::Link, "link the program", "no output was named"))?;
        let with_suffix = |suffix: &'static str| {
            args.iter().filter(move |arg| arg.ends_with(suffix)).map(PathBuf::from)
        };
        Ok(Self {
            output: output.into(),
            objects: with_suffix(".rcgu.o").collect(),
            rlibs: with_suffix(".rlib").collect(),
            args,
        })
    }

    /// File name of the output: the binary crate's key.
    pub fn output_name(&self) -> String {
        self.output.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The folder that rustc made for this link, where it made one.
    pub fn temporary_folder(&self) -> Option<&Path> {
        let own = self.args.iter().find(|arg| arg.ends_with("/symbols.o"))?;
        Path::new(own).parent()
    }

    /// Why this cannot be linked as two images, where it cannot.
    pub fn unpatchable(&self) -> Option<String> {
        let has = |flag: &str| self.args.iter().any(|arg| arg == flag);
        if has("-static") || has("-static-pie") {
            return Some(
                "the program is linked statically, so nothing can be loaded into it".into(),
            );
        }
        if self
            .args
            .iter()
            .any(|arg| arg.starts_with("-fsanitize") || arg.contains("linker-plugin"))
        {
            return Some(
                "sanitizers and link-time optimization decide about the whole program at once"
                    .into(),
            );
        }
        None
    }

    /// The linker that ships with Rust, found beside the standard library.
    ///
    /// # Errors
    /// When there is none.
    pub fn lld(&self) -> Result<PathBuf> {
        let path = self.rustlib()?.join("bin/rust-lld");
        if path.exists() {
            return Ok(path);
        }
        let cause = format!("{} is missing", path.display());
        Err(Error::new(Kind::Link, "find the linker that ships with Rust", cause)
            .hint("install a stable toolchain from rustup (1.90 or later)"))
    }

    /// The folder of drivers that make a C compiler use [`CommandLine::lld`].
    ///
    /// # Errors
    /// When the standard library is not among the inputs.
    pub fn lld_drivers(&self) -> Result<PathBuf> {
        Ok(self.rustlib()?.join("bin/gcc-ld"))
    }

    /// The rlib of compiler_builtins.
    ///
    /// # Errors
    /// When it is not among the inputs.
    pub fn builtins(&self) -> Result<PathBuf> {
        self.rlib("libcompiler_builtins-").cloned()
    }

    fn rustlib(&self) -> Result<&Path> {
        let std = self.rlib("libstd-").or_else(|_| self.rlib("libcore-"))?;
        Ok(std.parent().and_then(Path::parent).unwrap_or(std))
    }

    fn rlib(&self, prefix: &str) -> Result<&PathBuf> {
        let starts = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        self.rlibs.iter().rfind(starts).ok_or_else(|| {
            Error::new(
                Kind::Link,
                format!("find {prefix}*.rlib"),
                "it is not among the linker's inputs",
            )
        })
    }
}

/// Replaces `@file` by what the file holds: arguments between white space, `\` escaping.
fn expand(args: Vec<String>) -> Result<Vec<String>> {
    let mut expanded = Vec::with_capacity(args.len());
    for arg in args {
        match arg.strip_prefix('@') {
            Some(path) if Path::new(path).is_file() => {
                let text =
                    fs::read_to_string(path).context(Kind::Link, || format!("read {path}"))?;
                expanded.extend(split(&text));
            }
            _ => expanded.push(arg),
        }
    }
    Ok(expanded)
}

/// gcc's rules for response files: quotes and backslashes keep white space together.
fn split(text: &str) -> Vec<String> {
    let mut args = Vec::new();
    let mut current: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => current.get_or_insert_default().extend(chars.next()),
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                current.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => args.extend(current.take()),
            c => current.get_or_insert_default().push(c),
        }
    }
    args.extend(current);
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_file_keeps_what_is_escaped_or_quoted() {
        assert_eq!(split("-o a\\ b\n\"c d\" e\\\\f ''\n"), ["-o", "a b", "c d", "e\\f", ""]);
    }
}
