//! The library that dependents are compiled against, before rustc has written it.
//!
//! rustc says when it has written the metadata, which is all that a compilation reads of another
//! crate. A linker reads the objects as well; hotdev's takes them from the units, so the archive that
//! rustc makes at its end is only waited for where a crate is linked by another one.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// The member of an rlib that holds its metadata.
const MEMBER: &str = "lib.rmeta";

/// Puts the library of the crate with `key` into `folder`: the metadata that rustc has written to
/// `out_dir`, and an archive of nothing else, which is what crates that are linked are given.
///
/// # Errors
/// When the system refuses.
pub fn put(out_dir: &Path, key: &str, folder: &Path) -> io::Result<()> {
    let name = format!("lib{key}.rmeta");
    // rustc never writes into this file again: it makes others, and renames them.
    fs::hard_link(out_dir.join(&name), folder.join(&name))?;
    let metadata = fs::read(folder.join(&name))?;
    let mut archive = fs::File::create_new(folder.join(format!("lib{key}.rlib")))?;
    archive.write_all(b"!<arch>\n")?;
    // ar(5): name, time, owner, group, mode and size. A member's length is even.
    let member = format!("{MEMBER}/");
    writeln!(archive, "{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 644, metadata.len())?;
    archive.write_all(&metadata)?;
    archive.write_all(if metadata.len().is_multiple_of(2) { b"" } else { b"\n" })
}

#[cfg(test)]
mod tests {
    use object::read::archive::ArchiveFile;

    use super::*;

    #[test]
    fn the_archive_holds_the_metadata_alone() {
        for metadata in ["odd", "even"] {
            let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
            let [out_dir, folder] = folders.each_ref().map(tempfile::TempDir::path);
            fs::write(out_dir.join("liba-1.rmeta"), metadata).unwrap();
            put(out_dir, "a-1", folder).unwrap();
            assert_eq!(fs::read_to_string(folder.join("liba-1.rmeta")).unwrap(), metadata);
            let bytes = fs::read(folder.join("liba-1.rlib")).unwrap();
            let archive = ArchiveFile::parse(bytes.as_slice()).unwrap();
            let members: Vec<_> = archive.members().map(Result::unwrap).collect();
            let [member] = &members[..] else { panic!("{} members", members.len()) };
            assert_eq!(member.name(), MEMBER.as_bytes());
            assert_eq!(member.data(bytes.as_slice()).unwrap(), metadata.as_bytes());
        }
    }
}
