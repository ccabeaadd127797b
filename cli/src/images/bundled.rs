//! C objects that a build script put into a hot library's rlib. They are not replaceable, so they
//! go into the executable, like any other dependency.

use std::fs;
use std::path::{Path, PathBuf};

use object::elf;
use object::read::archive::ArchiveFile;

use crate::error::{Context, Kind, Result};

/// The objects in an rlib that rustc did not compile.
///
/// # Errors
/// When the rlib cannot be read.
pub fn in_rlib(path: &Path) -> Result<Vec<Vec<u8>>> {
    let doing = || format!("read {}", path.display());
    let bytes = fs::read(path).context(Kind::Image, doing)?;
    let archive = ArchiveFile::parse(&*bytes).context(Kind::Image, doing)?;
    let mut objects = Vec::new();
    for member in archive.members() {
        let member = member.context(Kind::Image, doing)?;
        let data = member.data(&*bytes).context(Kind::Image, doing)?;
        if !is_of_rustc(member.name()) && data.starts_with(&elf::ELFMAG) {
            objects.push(data.to_vec());
        }
    }
    Ok(objects)
}

/// Codegen units, and the metadata, which is wrapped in an object as well.
fn is_of_rustc(name: &[u8]) -> bool {
    name.ends_with(b".rcgu.o") || name.ends_with(b".dwo") || name == b"lib.rmeta"
}

/// Writes the objects into `folder`; several may have had the same name.
///
/// # Errors
/// When one cannot be written.
pub fn write(objects: &[Vec<u8>], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::with_capacity(objects.len());
    for (number, bytes) in objects.iter().enumerate() {
        let path = folder.join(format!("{number}-bundled.o"));
        fs::write(&path, bytes).context(Kind::System, || format!("write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rustc_made_is_told_by_its_name() {
        assert!(is_of_rustc(b"app-46.0bpil.0ybn1c0.rcgu.o"));
        assert!(is_of_rustc(b"lib.rmeta"));
        assert!(!is_of_rustc(b"sqlite3.o"));
    }
}
