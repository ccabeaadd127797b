//! The executable: dependencies, std, the allocator, and the shim.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::command_line::CommandLine;
use super::kept::Kept;
use super::objects::Objects;
use super::stamp::Stamp;
use super::{ImageRecord, inputs, run_linker};
use crate::elf::image::Image;
use crate::error::{Context, Kind, Result};
use crate::layout::Layout;

/// A link of the executable against a hot image.
pub struct Link<'a> {
    /// hotdev's folders.
    pub layout: &'a Layout,
    /// What rustc asked for.
    pub line: &'a CommandLine,
    /// The linker that rustc would have called.
    pub linker: &'a str,
    /// What is to be made.
    pub record: &'a ImageRecord,
    /// hotdev's own objects.
    pub objects: &'a Objects,
    /// Where files are before they take their places.
    pub scratch: &'a Path,
}

impl Link<'_> {
    /// Links the executable, or finds that the one of the last link is the same; the first tells
    /// whether it was linked.
    ///
    /// Whole dependencies go in where that links, so that an edit may call what the program has
    /// not called before; where it does not (C libraries that lack parts they never use), only
    /// what the program uses. What failed with the same inputs is not tried again.
    ///
    /// # Errors
    /// What the linker says.
    pub fn run(&self, hot_image: &Path, hot: &Image) -> Result<(bool, Kept)> {
        let own = inputs::own(self.objects)?;
        let inputs =
            inputs::hash(self.layout, self.line, self.linker, self.record, (self.objects, own))?;
        let last = Kept::read(self.record);
        let mut whole = true;
        if let Some(last) = last {
            let Some(why) = last.obstacle(inputs, hot, self.record) else {
                return Ok((false, last));
            };
            tracing::debug!(why, "linking the executable anew");
            whole = last.whole || last.inputs != inputs;
        }
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began = (began.as_secs() as i64, began.subsec_nanos().into());
        if whole && let Err(error) = self.attempt(hot_image, true) {
            tracing::info!(%error, "linking whole dependencies failed; linking what is used");
            whole = false;
        }
        if !whole {
            self.attempt(hot_image, false)?;
        }
        let found = self.found()?;
        // Who knows which version of it the linker has read.
        let changed = found.iter().any(|(_, stamp)| !stamp.is_file() || !stamp.is_before(began));
        let inputs = if changed { 0 } else { inputs };
        let executable = Image::read(&self.output())?;
        Ok((true, Kept::new((inputs, own), whole, found, &executable, hot)))
    }

    /// The fresh executable.
    pub fn output(&self) -> PathBuf {
        self.scratch.join("executable")
    }

    fn attempt(&self, hot_image: &Path, whole: bool) -> Result<()> {
        let mut command = Command::new(driver(self.linker));
        command.arg(format!("-B{}", self.line.lld_drivers()?.display())).arg("-fuse-ld=lld");
        // As for the hot image. What rustc asks for an optimized program comes later, and counts.
        command.arg("-Wl,-O0");
        command.args([
            "-Wl,--export-dynamic",
            "-Wl,--build-id=fast",
            "-Wl,-z,norelro",
            "-Wl,-z,now",
        ]);
        command.args(["-Xlinker", "--dependency-file", "-Xlinker"]).arg(self.list_of_files());
        command.args(&self.objects.executable);
        command.args(["-Wl,--push-state,--no-as-needed", "-lm"]);
        command.arg(hot_image).arg(&self.layout.shim).arg("-Wl,--pop-state");
        let mut rest = bundled(self.objects, whole);
        rest.extend(arguments(self.line, self.record, whole));
        if let Some(at) = rest.iter().position(|arg| arg == "-o") {
            rest[at + 1] = self.output().to_string_lossy().into_owned();
        }
        let list = self.record.folder.join("executable.rsp");
        crate::units::write_response_file(&list, &rest)?;
        command.arg(format!("@{}", list.display()));
        run_linker(&mut command, "link the executable")
    }

    fn list_of_files(&self) -> PathBuf {
        self.scratch.join("executable.d")
    }

    /// Files that the linker has read, with their stamps; hotdev's own objects left out.
    fn found(&self) -> Result<Vec<(PathBuf, Stamp)>> {
        let path = self.list_of_files();
        let text = std::fs::read_to_string(&path)
            .context(Kind::System, || format!("read {}", path.display()))?;
        let paths = dependencies(&text).into_iter().map(PathBuf::from);
        let foreign = paths.filter(|path| !path.starts_with(self.scratch));
        Ok(foreign.map(|path| (path.clone(), Stamp::of(&path))).collect())
    }
}

/// The files in a rule for make, as lld writes one: each in a line of its own, spaces escaped.
fn dependencies(rule: &str) -> Vec<String> {
    let lines = rule.lines().skip(1).map_while(|line| line.strip_prefix("  "));
    let names = lines.map(|line| line.strip_suffix(" \\").unwrap_or(line));
    names.map(|name| name.replace("\\ ", " ").replace("\\#", "#").replace("$$", "$")).collect()
}

/// The C compiler to link with: the project's own where it is one.
pub fn driver(linker: &str) -> &str {
    let name = Path::new(linker).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.contains("cc") || name.contains("clang") { linker } else { "cc" }
}

/// C objects of hot libraries. The hot image finds them here, and so does every patch.
fn bundled(objects: &Objects, whole: bool) -> Vec<String> {
    let mut args: Vec<String> =
        objects.bundled.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    if !whole && !args.is_empty() {
        args.insert(0, "-Wl,--start-lib".into());
        args.push("-Wl,--end-lib".into());
    }
    args
}

/// rustc's arguments without what went into the hot image and what would undo the two images.
pub(super) fn arguments(line: &CommandLine, record: &ImageRecord, whole: bool) -> Vec<String> {
    let mut kept = Vec::new();
    for arg in &line.args {
        let hot = record.libraries.iter().any(|key| arg.ends_with(&format!("/lib{key}.rlib")));
        if hot || arg.ends_with(".rcgu.o") || arg.ends_with("/symbols.o") || is_unwanted(arg) {
            continue;
        }
        if whole && arg.ends_with(".rlib") && Path::new(arg) != record.builtins {
            kept.extend([
                "-Wl,--whole-archive".into(),
                arg.clone(),
                "-Wl,--no-whole-archive".into(),
            ]);
        } else {
            kept.push(arg.clone());
        }
    }
    kept
}

fn is_unwanted(arg: &str) -> bool {
    arg.starts_with("-fuse-ld=")
        || matches!(
            arg,
            "-s" | "-Wl,--gc-sections"
                | "-Wl,--strip-all"
                | "-Wl,--strip-debug"
                | "-Wl,-z,relro,-z,now"
                | "-Wl,-z,relro"
                | "-Wl,-s"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_what_was_read() {
        let rule =
            "out: \\\n  /lib/crt1.o \\\n  /a\\ b/$$x.rlib\n\n/lib/crt1.o:\n\n/a\\ b/$$x.rlib:\n";
        assert_eq!(dependencies(rule), ["/lib/crt1.o", "/a b/$x.rlib"]);
    }
}
