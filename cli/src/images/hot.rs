//! The hot image: every hot crate's objects, rewritten so that their functions can be replaced.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use object::elf;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::command_line::CommandLine;
use super::rewritten::{Entry, Last, Part, Source};
use super::survey::Survey;
use super::{ImageRecord, bundled, rewritten, run_linker};
use crate::elf::image::Image;
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite;
use crate::elf::stub;
use crate::elf::thread_locals::{self, ThreadLocalUse};
use crate::error::{Context, Error, Kind, Result};
use crate::invocation::Invocation;
use crate::layout::Layout;
use crate::symbol_name;
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
    optimized: bool,
    is_binary: bool,
}

/// Object files for the two images.
#[derive(Default)]
pub struct Objects {
    /// For the hot image.
    pub hot: Vec<PathBuf>,
    /// For the executable.
    pub executable: Vec<PathBuf>,
    /// For the executable, from C.
    pub bundled: Vec<PathBuf>,
    /// What [`fill_thread_locals`] has to fill.
    pub thread_locals: Vec<ThreadLocalUse>,
    stubs: BTreeSet<String>,
    /// How many of the hot ones are those of the last link.
    kept: usize,
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

/// Rewrites every object that is not there from the last link, and writes what is of this link
/// alone, the C objects too, into `scratch`.
///
/// # Errors
/// When a file cannot be read or written.
fn rewrite(
    units: &Units<'_>,
    bundled: &[Vec<u8>],
    record: &ImageRecord,
    scratch: &Path,
) -> Result<Objects> {
    let folder = record.rewritten();
    fs::create_dir_all(&folder).context(Kind::System, || format!("make {}", folder.display()))?;
    let last = Last::read(folder);
    let parts = units.par_iter().map(|(unit, how)| last.find(unit, *how));
    let parts: Vec<Part<'_>> = parts.collect::<Result<_>>()?;
    let survey = Survey::of(parts.iter().map(Part::profile));
    let link = Link { survey, last: &last, scratch };
    let made = parts.into_par_iter().enumerate().map(|(number, part)| link.make(part, number));
    let made: Vec<Made<'_>> = made.collect::<Result<_>>()?;

    let (mut objects, mut entries) = (Objects::default(), Vec::new());
    for one in made {
        match one {
            Made::Kept(source, entry) => {
                objects.hot.push(last.path(source, entry.answers));
                objects.kept += usize::from(matches!(entry, Cow::Borrowed(_)));
                objects.thread_locals.extend(entry.thread_locals.iter().cloned());
                objects.stubs.extend(entry.stubs.iter().cloned());
                entries.push((source, entry));
            }
            Made::Apart(own) => {
                objects.hot.extend(own.hot);
                objects.executable.extend(own.executable);
                objects.thread_locals.extend(own.thread_locals);
                objects.stubs.extend(own.stubs);
            }
        }
    }
    last.replace(&entries)?;
    objects.bundled = bundled::write(bundled, scratch)?;
    let path = scratch.join("stubs.o");
    fs::write(&path, stub::object(objects.stubs.iter())?)
        .context(Kind::System, || format!("write {}", path.display()))?;
    objects.hot.push(path);
    Ok(objects)
}

/// What one unit becomes.
enum Made<'a> {
    /// A part of the hot image, kept for the next link.
    Kept(Source, Cow<'a, Entry>),
    /// Objects of which one is for the executable.
    Apart(Objects),
}

struct Link<'a> {
    survey: Survey,
    last: &'a Last,
    scratch: &'a Path,
}

impl Link<'_> {
    fn make<'a>(&self, part: Part<'a>, number: usize) -> Result<Made<'a>> {
        let (source, object, profile) = match part.resolve(&self.survey)? {
            Part::Known(source, entry, _) => return Ok(Made::Kept(source, Cow::Borrowed(entry))),
            Part::New(source, object, profile) => (source, object, profile),
        };
        if is_allocator(&object) {
            return self.allocator(*object, number).map(Made::Apart);
        }
        let how = source.how;
        if how.is_binary && has_thread_locals(&object) {
            return self.with_thread_locals(*object, how, number).map(Made::Apart);
        }
        let mut object = *object;
        let found = rewrite::rewrite(&mut object, &self.survey, how.optimized);
        let answers = self.survey.answers(&profile);
        let entry = self.last.write(source, (profile, answers), object, found)?;
        Ok(Made::Kept(source, Cow::Owned(entry)))
    }

    /// What it calls in std is hidden, so it has to stay with std.
    fn allocator(&self, mut object: ObjectFile, number: usize) -> Result<Objects> {
        for symbol in object.symbols.iter_mut().filter(|symbol| symbol.is_global()) {
            symbol.set_visibility(elf::STV_DEFAULT);
        }
        let executable = vec![self.write(object, &format!("{number}-allocator.o"))?];
        Ok(Objects { executable, ..Objects::default() })
    }

    fn with_thread_locals(
        &self,
        mut object: ObjectFile,
        how: Compiled,
        number: usize,
    ) -> Result<Objects> {
        refuse_shared_thread_locals(&object, &self.survey)?;
        let mut copy = object.clone();
        thread_locals::keep_thread_locals(&mut copy);
        let executable = vec![self.write(copy, &format!("{number}-tls.o"))?];
        let found = rewrite::rewrite(&mut object, &self.survey, how.optimized);
        let hot = vec![self.write(object, &format!("{number}.o"))?];
        let thread_locals = found.thread_locals.into_iter().map(|(used, _)| used).collect();
        Ok(Objects { hot, executable, thread_locals, stubs: found.stubs, ..Objects::default() })
    }

    fn write(&self, object: ObjectFile, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        fs::write(&path, object.write()?)
            .context(Kind::System, || format!("write {}", path.display()))?;
        Ok(path)
    }
}

fn has_thread_locals(object: &ObjectFile) -> bool {
    object.symbols.iter().any(|symbol| symbol.kind == elf::STT_TLS && symbol.is_defined())
}

/// The executable's copy of a thread-local must not lead to copies of what the hot image has.
fn refuse_shared_thread_locals(object: &ObjectFile, survey: &Survey) -> Result<()> {
    let Some(name) = thread_locals::led_to_by_thread_locals(object, survey) else { return Ok(()) };
    let cause = format!(
        "a thread-local of the binary crate begins with the address of {}, and that cannot be \
         kept apart from the code",
        symbol_name::path(&name)
    );
    Err(Error::new(Kind::Link, "link the program as two images", cause).hint(
        "move the thread-local to a library crate of the workspace, or fill it in at its first use",
    ))
}

/// The object that rustc makes for the whole program, which joins std to an allocator. A crate with
/// a `#[global_allocator]` defines `__rust_alloc` itself, but never this mark.
fn is_allocator(object: &ObjectFile) -> bool {
    object.symbols.iter().any(|symbol| {
        symbol.is_defined() && symbol.name.contains("__rust_no_alloc_shim_is_unstable")
    })
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
    let mut objects = rewrite(units, bundled, record, scratch)?;
    if let Err(error) = link(record, &objects.hot, &image) {
        rewritten::forget(&record.rewritten());
        if objects.kept == 0 {
            return Err(error);
        }
        // Something has happened to the objects of the last link.
        objects = rewrite(units, bundled, record, scratch)?;
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
