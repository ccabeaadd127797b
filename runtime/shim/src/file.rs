//! Which library files may be loaded: our own user's, that nobody else can write, and whose
//! content is what the command named.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use hotdev_protocol::{ContentHash, FailureKind};

use crate::{
    failure::{Result, failure},
    sys::user,
};

/// Checks owner, mode and content of the file at `path`.
pub fn check(path: &Path, hash: u64) -> Result<()> {
    let refuse =
        |why: String| failure(FailureKind::BadLibrary, format!("{}: {why}", path.display()));
    if !path.is_absolute() {
        return Err(refuse("the path is not absolute".into()));
    }
    let file = open(path).map_err(|error| refuse(error.to_string()))?;
    let about = file.metadata().map_err(|error| refuse(error.to_string()))?;
    if !about.is_file() {
        return Err(refuse("not a regular file".into()));
    }
    if about.uid() != user::effective() {
        return Err(refuse(format!("belongs to user {}", about.uid())));
    }
    if about.mode() & 0o022 != 0 {
        return Err(refuse(format!("others can write it (mode {:o})", about.mode() & 0o7777)));
    }
    let found = hash_of(file).map_err(|error| refuse(error.to_string()))?;
    if found != hash {
        return Err(refuse(format!("its hash is {found:016x}, not {hash:016x}")));
    }
    Ok(())
}

/// Never waits, not even for a named pipe's writer, and follows no link.
fn open(path: &Path) -> io::Result<File> {
    // std adds O_CLOEXEC.
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

fn hash_of(mut file: File) -> io::Result<u64> {
    let mut hash = ContentHash::default();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hash.finish()),
            Ok(len) => hash.write(&chunk[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
