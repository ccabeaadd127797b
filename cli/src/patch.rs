//! Makes a patch library of the changed units: rewrites each like the hot image's objects were,
//! and links them alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hotdev_protocol::{ContentHash, Generation};
use object::elf;

use crate::check::ChangedUnit;
use crate::elf::calls::{self, Watched};
use crate::elf::image::Definition;
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite::{self, Linkage};
use crate::elf::{SymbolKind, is_static_name, privacy, stub};
use crate::error::{Context, Error, Kind, Result};
use crate::images::ImageRecord;
use crate::layout::Layout;
use crate::program::{Brought, FIRST_PATCH, Program};
use crate::units;

/// A linked patch that no process has loaded yet. Its file goes with it unless [`PatchLibrary::keep`] is called.
#[derive(Debug)]
pub struct PatchLibrary {
    /// The generation it is meant to make.
    pub generation: Generation,
    /// The library.
    pub path: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// The functions whose first calls it tells.
    pub watched: Watched,
    kept: bool,
}

impl PatchLibrary {
    /// Leaves the file: a process has it mapped.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for PatchLibrary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why no patch was made.
#[derive(Debug)]
pub enum LinkError {
    /// A thread-local that has no room in the running program.
    NewThreadLocal(String),
    /// A static that begins anew in a unit that is not in the patch.
    NewStatic(String),
    /// Something failed.
    Failed(Error),
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What is linked.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// The changed units.
    pub units: &'a [ChangedUnit],
    /// What the patch says of names.
    pub brought: &'a Brought,
    /// Dependencies that no code of the program used before.
    pub archives: &'a [PathBuf],
    /// The functions whose first calls it tells: mangled names.
    pub watched: &'a [String],
}

/// Links changed units and what they need into a library for `generation`.
///
/// # Errors
/// When a unit cannot be rewritten or the linker fails.
pub fn link(
    contents: Contents<'_>,
    generation: Generation,
    program: &Program,
    record: &ImageRecord,
    layout: &Layout,
) -> std::result::Result<PatchLibrary, LinkError> {
    let Contents { units: changed, brought, archives, watched } = contents;
    let doing = || "make a patch".to_owned();
    let scratch = tempfile::tempdir_in(layout.generations()).context(Kind::System, doing)?;
    let linkage = PatchLinkage::of(changed, program);
    let mut objects = Vec::new();
    let mut stubs = BTreeSet::new();
    let mut missing = BTreeMap::new();
    for (number, unit) in changed.iter().enumerate() {
        let mut object = ObjectFile::clone(&unit.object);
        let found = rewrite::rewrite(&mut object, &linkage, unit.optimized);
        for (used, field) in found.thread_locals {
            let offset = program.executable().thread_pointer_offset(program.first_name(&used.name));
            let offset = offset.ok_or_else(|| LinkError::NewThreadLocal(used.name.clone()))?;
            let value = i32::try_from(offset + used.addend).context(Kind::Image, doing)?;
            fill(&mut object, field, value);
        }
        stubs.extend(found.stubs.into_iter().filter(|name| {
            brought.apart.contains(name) || program.export(&stub::name(name)).is_none()
        }));
        missing.extend(undefined_statics(&object, program));
        leave_out_constructors(&mut object);
        let path = scratch.path().join(format!("{number}.o"));
        fs::write(&path, object.write()?).context(Kind::System, doing)?;
        objects.push(path);
    }
    missing.retain(|name, _| !linkage.own.contains_key(name.as_str()));
    if let Some(name) = missing.keys().find(|name| brought.fresh.contains(*name)) {
        return Err(LinkError::NewStatic(name.clone()));
    }
    let placeholders = missing.iter().map(|(name, definition)| (name.as_str(), *definition));
    let mut made = vec![
        ("stubs.o", stub::object(stubs.iter())?),
        ("statics.o", stub::placeholders(placeholders)?),
    ];
    if !watched.is_empty() {
        made.push(("calls.o", calls::object(watched.len())?));
    }
    for (name, bytes) in made {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).context(Kind::System, doing)?;
        objects.push(path);
    }
    let path =
        layout.generations().join(format!("libpatch-{generation}-{}.so", unique(scratch.path())));
    run_lld(record, &objects, archives, &path)?;
    let mut bytes = fs::read(&path).context(Kind::System, doing)?;
    privacy::make_private(&mut bytes, |name| {
        program.export(name).is_some_and(|found| {
            found.image >= FIRST_PATCH && found.definition.kind == SymbolKind::Function
        })
    })?;
    let watched = calls::fill(&mut bytes, watched)?;
    fs::write(&path, &bytes).context(Kind::System, doing)?;
    // The shim takes only what nobody else can write, whatever the umask says.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).context(Kind::System, doing)?;
    Ok(PatchLibrary { generation, path, bytes, watched, kept: false })
}

/// Statics and thread-locals that a unit reaches by distance and another unit defines.
fn undefined_statics<'a>(
    object: &'a ObjectFile,
    program: &'a Program,
) -> impl Iterator<Item = (String, Definition)> + 'a {
    let hidden = object.symbols.iter().filter(|symbol| {
        symbol.section == elf::SHN_UNDEF && symbol.visibility() == elf::STV_HIDDEN
    });
    hidden.filter_map(|symbol| {
        Some((symbol.name.clone(), program.static_item(&symbol.name)?.definition))
    })
}

/// A build id of the library's own. One made from the contents would be the same again when an
/// edit comes back, and the older library would be taken for the newer.
fn build_id(path: &Path) -> String {
    let hash = ContentHash::of(path.as_os_str().as_encoded_bytes());
    format!("--build-id=0x{hash:016x}{:08x}", std::process::id())
}

/// The random part of a temporary folder's name, so that no two libraries ever share a path.
fn unique(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.').to_owned()
}

fn fill(object: &mut ObjectFile, field: rewrite::FieldPlace, value: i32) {
    let offset = field.offset as usize;
    if let Some(bytes) = object.data_mut(field.section).get_mut(offset..offset + 4) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}

/// What ran once before `main` must not run again, least of all before the patch is bound.
fn leave_out_constructors(object: &mut ObjectFile) {
    for section in 0..object.sections.len() {
        let name = &object.sections[section].name;
        if [".init_array", ".fini_array", ".ctors", ".dtors"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            object.exclude(section);
        }
    }
}

fn run_lld(
    record: &ImageRecord,
    objects: &[PathBuf],
    archives: &[PathBuf],
    path: &Path,
) -> Result<()> {
    let mut command = Command::new(&record.lld);
    command.args(["-flavor", "gnu", "-shared", "--emit-relocs", "-o"]).arg(path);
    command.args(units::LINK_OPTIONS).arg(build_id(path)).args(objects);
    command.arg("--whole-archive").args(archives).arg("--no-whole-archive").arg(&record.builtins);
    let output =
        command.output().context(Kind::Link, || format!("start {}", record.lld.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(Kind::Link, "link the patch", messages.trim()))
}

/// What is known of names in the patch and in the program it goes into.
struct PatchLinkage<'a> {
    program: &'a Program,
    own: HashMap<&'a str, (SymbolKind, u32)>,
}

impl<'a> PatchLinkage<'a> {
    fn of(changed: &'a [ChangedUnit], program: &'a Program) -> Self {
        let mut own = HashMap::new();
        for unit in changed {
            for (name, kind) in units::definitions(&unit.object) {
                own.entry(name).or_insert((kind, 0)).1 += 1;
            }
        }
        Self { program, own }
    }
}

impl Linkage for PatchLinkage<'_> {
    fn kind(&self, name: &str) -> Option<SymbolKind> {
        if let Some((kind, _)) = self.own.get(name) {
            return Some(*kind);
        }
        if let Some(found) = self.program.export(name).filter(|found| found.image > 0) {
            return Some(found.definition.kind);
        }
        is_static_name(name)
            .then(|| self.program.static_item(name))
            .flatten()
            .map(|found| found.definition.kind)
    }

    fn is_unique(&self, name: &str) -> bool {
        let once = self.own.get(name).is_some_and(|(_, count)| *count == 1);
        once && !self.program.is_private_function(name)
    }
}
