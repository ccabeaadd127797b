//! The hot image: every hot crate's objects, rewritten so that their functions can be replaced.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use object::elf;
use rayon::prelude::*;

use super::command_line::CommandLine;
use super::{ImageRecord, Names, bundled, run_linker};
use crate::elf::SymbolKind;
use crate::elf::image::Image;
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite::{self, Linkage};
use crate::elf::stub;
use crate::elf::thread_locals::{self, ThreadLocalUse};
use crate::error::{Context, Error, Kind, Result};
use crate::invocation::Invocation;
use crate::layout::Layout;
use crate::symbol_name;
use crate::units::{self, Unit};

/// A name that hot objects define.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    kind: SymbolKind,
    /// How many objects define it.
    count: u32,
}

/// The objects of the hot crates.
pub struct Inputs {
    /// Hot libraries: key and rlib.
    pub libraries: Vec<(String, PathBuf)>,
    /// C objects in the rlibs of hot libraries.
    pub bundled: Vec<Vec<u8>>,
    /// All objects that rustc made of them.
    pub units: Units,
}

/// Objects, and how each was compiled.
pub type Units = Vec<(ObjectFile, Compiled)>;

/// How a crate's objects were compiled.
#[derive(Clone, Copy, Debug)]
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
        let units = crates
            .iter()
            .flat_map(|(units, how)| units.iter().map(move |unit| (unit, *how)))
            .collect();
        Ok(Self { libraries, bundled, units: parse(units)? })
    }
}

/// Reads units that are known already.
///
/// # Errors
/// When one cannot be read or was compiled in a way that cannot be patched.
pub fn of_units(crates: &[(&Invocation, &[Arc<Unit>])]) -> Result<Units> {
    let mut units = Vec::new();
    for (invocation, own) in crates {
        let how = compiled(invocation)?;
        units.extend(own.iter().map(|unit| (&**unit, how)));
    }
    parse(units)
}

fn parse(units: Vec<(&Unit, Compiled)>) -> Result<Units> {
    let parsed = units.into_par_iter();
    parsed.map(|(unit, how)| Ok((ObjectFile::parse(unit.read()?)?, how))).collect()
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

/// What all hot objects define together.
struct Survey(Names);

impl Survey {
    fn of(units: &Units) -> Self {
        let mut names = Names::new();
        for (object, _) in units {
            for (name, kind) in units::definitions(object) {
                names.entry(name.to_owned()).or_insert(Name { kind, count: 0 }).count += 1;
            }
        }
        Self(names)
    }
}

impl Linkage for Survey {
    fn kind(&self, name: &str) -> Option<SymbolKind> {
        self.0.get(name).map(|name| name.kind)
    }

    fn is_unique(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|name| name.count == 1)
    }
}

/// Rewrites every object into `folder`, and writes the C objects there.
///
/// # Errors
/// When a file cannot be written.
pub fn rewrite(units: Units, bundled: &[Vec<u8>], folder: &Path) -> Result<Objects> {
    let survey = Survey::of(&units);
    let rewritten: Vec<_> = units
        .into_par_iter()
        .enumerate()
        .map(|(number, (object, how))| rewrite_one(object, how, &survey, folder, number))
        .collect::<Result<_>>()?;
    let mut objects = Objects::default();
    for one in rewritten {
        objects.hot.extend(one.hot);
        objects.executable.extend(one.executable);
        objects.thread_locals.extend(one.thread_locals);
        objects.stubs.extend(one.stubs);
    }
    objects.bundled = bundled::write(bundled, folder)?;
    let path = folder.join("stubs.o");
    fs::write(&path, stub::object(objects.stubs.iter())?)
        .context(Kind::System, || format!("write {}", path.display()))?;
    objects.hot.push(path);
    Ok(objects)
}

fn rewrite_one(
    mut object: ObjectFile,
    how: Compiled,
    survey: &Survey,
    folder: &Path,
    number: usize,
) -> Result<Objects> {
    let mut objects = Objects::default();
    if is_allocator(&object) {
        // What it calls in std is hidden, so it has to stay with std.
        for symbol in object.symbols.iter_mut().filter(|symbol| symbol.is_global()) {
            symbol.set_visibility(elf::STV_DEFAULT);
        }
        objects.executable.push(write(object, folder, &format!("{number}-allocator.o"))?);
        return Ok(objects);
    }
    if how.is_binary
        && object.symbols.iter().any(|symbol| symbol.kind == elf::STT_TLS && symbol.is_defined())
    {
        refuse_shared_thread_locals(&object, survey)?;
        let mut copy = object.clone();
        thread_locals::keep_thread_locals(&mut copy);
        objects.executable.push(write(copy, folder, &format!("{number}-tls.o"))?);
    }
    let found = rewrite::rewrite(&mut object, survey, how.optimized);
    objects.stubs = found.stubs;
    objects.thread_locals = found.thread_locals.into_iter().map(|(used, _)| used).collect();
    objects.hot.push(write(object, folder, &format!("{number}.o"))?);
    Ok(objects)
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

fn write(object: ObjectFile, folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, object.write()?)
        .context(Kind::System, || format!("write {}", path.display()))?;
    Ok(path)
}

/// Links the hot image to a file that is to become the record's.
///
/// # Errors
/// What the linker says.
pub fn link(record: &ImageRecord, objects: &[PathBuf], output: &Path) -> Result<()> {
    let list = record.folder.join("objects.rsp");
    units::write_response_file(&list, objects)?;
    let mut command = Command::new(&record.lld);
    command.args(["-flavor", "gnu", "-shared", "-o"]).arg(output);
    // The executable will look for it under this name.
    command.arg("-soname").arg(record.hot_image());
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
