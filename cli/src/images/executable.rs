//! The executable: dependencies, std, the allocator, and the shim.

use std::path::Path;
use std::process::Command;

use super::command_line::CommandLine;
use super::hot::Objects;
use super::{ImageRecord, run_linker};
use crate::error::Result;
use crate::layout::Layout;

/// Links the executable against the hot image.
///
/// Whole dependencies go in where that links, so that an edit may call what the program has not
/// called before; where it does not (C libraries that lack parts they never use), only what the
/// program uses.
///
/// # Errors
/// What the linker says.
pub fn link(
    layout: &Layout,
    line: &CommandLine,
    linker: &str,
    record: &ImageRecord,
    objects: &Objects,
) -> Result<()> {
    let attempt = |whole: bool| -> Result<()> {
        let mut command = Command::new(driver(linker));
        command.arg(format!("-B{}", line.lld_drivers()?.display())).arg("-fuse-ld=lld");
        command.args([
            "-Wl,--export-dynamic",
            "-Wl,--build-id=sha1",
            "-Wl,-z,norelro",
            "-Wl,-z,now",
        ]);
        command.args(&objects.executable);
        command.args(["-Wl,--push-state,--no-as-needed", "-lm"]);
        command.arg(record.hot_image()).arg(&layout.shim).arg("-Wl,--pop-state");
        let mut rest = bundled(objects, whole);
        rest.extend(arguments(line, record, whole));
        let list = record.folder.join("executable.rsp");
        crate::units::write_response_file(&list, &rest)?;
        command.arg(format!("@{}", list.display()));
        run_linker(&mut command, "link the executable")
    };
    attempt(true).or_else(|error| {
        tracing::info!(%error, "linking whole dependencies failed; linking what is used");
        attempt(false)
    })
}

/// The C compiler to link with: the project's own where it is one.
fn driver(linker: &str) -> &str {
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
fn arguments(line: &CommandLine, record: &ImageRecord, whole: bool) -> Vec<String> {
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
