//! The hot image: every hot crate's objects, rewritten so that their functions can be replaced.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command_line::CommandLine;
use super::objects::{self, Objects};
use super::{ImageRecord, bundled, rewritten, run_linker};
use crate::elf::image::Image;
use crate::elf::thread_locals::ThreadLocalUse;
use crate::error::{Context, Error, Kind, Result};
use crate::invocation::Invocation;
use crate::layout::Layout;
use crate::units::{self, Unit};

/// The objects of the hot crates.
pub struct Inputs {
    /// Hot libraries: key and rlib.
    pub libraries: Vec<(String, PathBuf)>,
    /// C objects in the rlibs of hot libraries.
    pub bundled: Vec<Vec<u8>>,
    /// All objects that rustc made of them.
    crates: Vec<(Vec<Unit>, Compiled)>,
}

/// Units, and how each was compiled.
pub type Units<'a> = Vec<(&'a Unit, Compiled)>;

/// How a crate's objects were compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compiled {
    pub optimized: bool,
    pub is_binary: bool,
}

impl Compiled {
    /// In the names of files.
    pub fn mark(self) -> &'static str {
        match (self.optimized, self.is_binary) {
            (false, false) => "",
            (true, false) => "-o",
            (false, true) => "-b",
            (true, true) => "-ob",
        }
    }
}

impl Inputs {
    /// Reads the objects of the binary crate and of every library that was recorded as hot.
    ///
    /// # Errors
    /// When one cannot be read or was compiled in a way that cannot be patched.
    pub fn gather(layout: &Layout, line: &CommandLine) -> Result<Self> {
        let (mut libraries, mut bundled) = (Vec::new(), Vec::new());
        let mut crates = Vec::new();
        for rlib in &line.rlibs {
            let Some(key) = library_key(rlib) else { continue };
            let Ok(invocation) = Invocation::read(&layout.invocations(), &key) else { continue };
            crates.push((units::in_rlib(rlib, None)?, compiled(&invocation)?));
            bundled.extend(bundled::in_rlib(rlib)?);
            libraries.push((key, rlib.clone()));
        }
        let binary = Invocation::read(&layout.invocations(), &line.output_name())?;
        crates.push((units::in_files(&line.objects, None)?, compiled(&binary)?));
        Ok(Self { libraries, bundled, crates })
    }

    /// All units.
    pub fn units(&self) -> Units<'_> {
        let crates = self.crates.iter();
        crates.flat_map(|(units, how)| units.iter().map(move |unit| (unit, *how))).collect()
    }
}

/// Units that are known already.
///
/// # Errors
/// When one was compiled in a way that cannot be patched.
pub fn of_units<'a>(crates: &[(&Invocation, &'a [Arc<Unit>])]) -> Result<Units<'a>> {
    let mut units = Vec::new();
    for (invocation, own) in crates {
        let how = compiled(invocation)?;
        units.extend(own.iter().map(|unit| (&**unit, how)));
    }
    Ok(units)
}

/// The key in `lib<key>.rlib`.
fn library_key(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_prefix("lib")?.strip_suffix(".rlib")?.to_owned())
}

fn compiled(invocation: &Invocation) -> Result<Compiled> {
    if matches!(
        crate::invocation::codegen(&invocation.args, "lto"),
        Some("" | "fat" | "yes" | "on" | "true" | "thin")
    ) {
        return Err(Error::new(
            Kind::Link,
            "link the program as two images",
            format!("link-time optimization is on for {}", invocation.package),
        )
        .hint("set `lto = false` in the profile to have saves patched into the running program"));
    }
    if let Some(sanitizers) = crate::invocation::sanitizers(&invocation.args) {
        let doing = "link the program as two images";
        let cause = format!("the sanitizer ({sanitizers}) keeps lists of the whole program");
        return Err(Error::new(Kind::Link, doing, cause)
            .hint("take `-Z sanitizer` out of the flags to have saves patched"));
    }
    Ok(Compiled { optimized: invocation.optimized, is_binary: invocation.is_binary })
}

/// Links these units to a hot image in `scratch`, which is to become the record's.
///
/// # Errors
/// When a unit cannot be read or is none that can be patched; what the linker says.
pub fn make(
    units: &Units<'_>,
    bundled: &[Vec<u8>],
    record: &ImageRecord,
    scratch: &Path,
) -> Result<(Objects, PathBuf)> {
    let image = scratch.join("libhot.so");
    let mut objects = objects::rewrite(units, bundled, record, scratch)?;
    if let Err(error) = link(record, &objects.hot, &image) {
        rewritten::forget(&record.rewritten());
        if objects.kept == 0 {
            return Err(error);
        }
        // Something has happened to the objects of the last link.
        objects = objects::rewrite(units, bundled, record, scratch)?;
        link(record, &objects.hot, &image)?;
    }
    Ok((objects, image))
}

fn link(record: &ImageRecord, objects: &[PathBuf], output: &Path) -> Result<()> {
    let list = record.folder.join("objects.rsp");
    units::write_response_file(&list, objects)?;
    let mut command = Command::new(&record.lld);
    command.args(["-flavor", "gnu", "-shared", "-o"]).arg(output);
    // The executable will look for it under this name.
    command.arg("-soname").arg(record.hot_image());
    // Merging equal strings takes half of the linker's time, and saves a fifth of the file.
    command.arg("-O0");
    command
        .args(units::LINK_OPTIONS)
        .arg("--build-id=fast")
        .arg(format!("@{}", list.display()))
        .arg(&record.builtins);
    run_linker(&mut command, "link the hot image")
}

/// Writes into the hot image's code where the executable keeps the binary crate's thread-locals:
/// `offsets` from the thread pointer.
///
/// # Errors
/// When a thread-local or the function that uses it is not where it must be.
pub fn fill_thread_locals(
    path: &Path,
    hot: &Image,
    uses: &[ThreadLocalUse],
    offsets: &HashMap<String, i64>,
) -> Result<()> {
    if uses.is_empty() {
        return Ok(());
    }
    let doing = || format!("place the thread-locals of {}", path.display());
    let mut bytes = fs::read(path).context(Kind::System, doing)?;
    for used in uses {
        let missing =
            |what: &str| Error::new(Kind::Image, doing(), format!("{what} is not in the image"));
        let offset = offsets.get(&used.name).ok_or_else(|| missing(&used.name))?;
        let function = hot.exports.get(&used.function).map(|found| found.place);
        let function = function.or_else(|| hot.private_functions.get(&used.function).copied());
        let place = function.ok_or_else(|| missing(&used.function))? + used.delta;
        let value = i32::try_from(offset + used.addend).context(Kind::Image, doing)?;
        let at = hot.file_offset(place).ok_or_else(|| missing(&used.function))?;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    fs::write(path, bytes).context(Kind::System, doing)
}
