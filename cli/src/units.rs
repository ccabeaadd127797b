//! Codegen units: the objects that make up a crate, and what changed between two of them.

mod compare;

use std::fs;
use std::path::{Path, PathBuf};

use object::elf;
use object::read::archive::ArchiveFile;

pub use compare::{Difference, Digest, StaticDigest, compare};

use crate::elf::SymbolKind;
use crate::elf::object_file::ObjectFile;
use crate::error::{Context, Kind, Result};

/// How hot images and patches are linked: slots can be written and are filled at once. A build id
/// comes beside these.
pub const LINK_OPTIONS: [&str; 7] = [
    "-znorelro",
    "-znow",
    "--eh-frame-hdr",
    "-znoexecstack",
    "--hash-style=gnu",
    "-m",
    "elf_x86_64",
];

/// One codegen unit as rustc compiled it.
#[derive(Clone)]
pub struct Unit {
    /// rustc's name of the unit, the same in every compilation of the crate.
    pub name: String,
    /// The object file.
    pub bytes: Vec<u8>,
}

/// The units of a library. What else an rlib holds (metadata, C objects) is left out.
///
/// # Errors
/// When the rlib cannot be read.
pub fn in_rlib(path: &Path) -> Result<Vec<Unit>> {
    let doing = || format!("read {}", path.display());
    let bytes = fs::read(path).context(Kind::Image, doing)?;
    let archive = ArchiveFile::parse(&*bytes).context(Kind::Image, doing)?;
    let mut units = Vec::new();
    for member in archive.members() {
        let member = member.context(Kind::Image, doing)?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        if let Some(name) = unit_name(&name) {
            units.push(Unit {
                name,
                bytes: member.data(&*bytes).context(Kind::Image, doing)?.to_vec(),
            });
        }
    }
    Ok(units)
}

/// The units in separate object files.
///
/// # Errors
/// When one cannot be read.
pub fn in_files(paths: &[PathBuf]) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = unit_name(&name) {
            let bytes =
                fs::read(path).context(Kind::Image, || format!("read {}", path.display()))?;
            units.push(Unit { name, bytes });
        }
    }
    Ok(units)
}

/// The units in a folder of object files.
///
/// # Errors
/// When it cannot be read.
pub fn in_folder(folder: &Path) -> Result<Vec<Unit>> {
    let entries =
        fs::read_dir(folder).context(Kind::Image, || format!("read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    in_files(&paths)
}

/// The unit's name in `<crate>-<hash>.<unit>.<session>.rcgu.o`; the session's part is new in every compilation.
fn unit_name(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".rcgu.o")?;
    let rest = stem.split_once('.')?.1;
    Some(rest.rsplit_once('.').map_or(rest, |(unit, _)| unit).to_owned())
}

/// Names that an object defines, with what they stand for.
pub fn definitions(object: &ObjectFile) -> impl Iterator<Item = (&str, SymbolKind)> {
    object
        .symbols
        .iter()
        .filter(|symbol| symbol.is_defined() && !symbol.name.is_empty())
        .filter_map(|symbol| {
            let kind = match symbol.kind {
                elf::STT_FUNC => SymbolKind::Function,
                elf::STT_OBJECT => SymbolKind::Data,
                elf::STT_TLS => SymbolKind::ThreadLocal,
                _ => return None,
            };
            Some((symbol.name.as_str(), kind))
        })
}

/// Writes linker arguments to a file, one a line, so that their number has no limit.
///
/// # Errors
/// When the file cannot be written.
pub fn write_response_file<T: AsRef<Path>>(path: &Path, args: &[T]) -> Result<()> {
    let mut text = String::new();
    for arg in args {
        for c in arg.as_ref().to_string_lossy().chars() {
            if c.is_whitespace() || matches!(c, '\\' | '"' | '\'') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('\n');
    }
    fs::write(path, text).context(Kind::System, || format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_keeps_its_name_from_session_to_session() {
        assert_eq!(unit_name("app-46.0bpil.0ybn1c0.rcgu.o").as_deref(), Some("0bpil"));
        assert_eq!(unit_name("app-46.app.8f-cgu.0.1x.rcgu.o").as_deref(), Some("app.8f-cgu.0"));
        assert_eq!(unit_name("lib.rmeta"), None);
        assert_eq!(unit_name("sqlite3.o"), None);
    }
}
