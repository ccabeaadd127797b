//! Object files for the two images, made of what rustc compiled.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use object::elf;
use rayon::prelude::*;

use super::hot::{Compiled, Units};
use super::rewritten::{Entry, Last, Part, Source};
use super::survey::Survey;
use super::{ImageRecord, bundled};
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite;
use crate::elf::stub;
use crate::elf::thread_locals::{self, ThreadLocalUse};
use crate::error::{Context, Error, Kind, Result};
use crate::symbol_name;

/// Object files for the two images.
#[derive(Default)]
pub struct Objects {
    /// For the hot image.
    pub hot: Vec<PathBuf>,
    /// For the executable.
    pub executable: Vec<PathBuf>,
    /// For the executable, from C.
    pub bundled: Vec<PathBuf>,
    /// What [`super::hot::fill_thread_locals`] has to fill.
    pub thread_locals: Vec<ThreadLocalUse>,
    stubs: BTreeSet<String>,
    /// How many of the hot ones are those of the last link.
    pub kept: usize,
}

/// Rewrites every object that is not there from the last link, and writes what is of this link
/// alone, the C objects too, into `scratch`.
///
/// # Errors
/// When a file cannot be read or written.
pub fn rewrite(
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
