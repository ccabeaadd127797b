//! Loading and unloading a patch library.

use std::{error::Error as _, ffi::c_void, mem, path::Path, ptr};

use hotdev_protocol::FailureKind;
use libloading::os::unix;

use super::images::{self, Image};
use crate::failure::{Result, failure};

/// A loaded library. Dropping it unloads it, unless it had been loaded before, other libraries need
/// it, or code of its own has run: nobody knows what that has left behind.
pub struct Library {
    handle: Option<unix::Library>,
    has_run: bool,
    base: u64,
    /// Where the loader keeps its record of the library, the `struct link_map`.
    pub record: u64,
}

impl Library {
    /// Loads the library at `path`, with all of its symbols resolved and for everyone to use.
    pub fn load(path: &Path) -> Result<Self> {
        // The loader's own words are the error's source.
        let failed = |error: libloading::Error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            failure(FailureKind::LoadFailed, cause)
        };
        // SAFETY: loading runs the library's constructors. The session built it from the
        // program's own source, and its owner, mode and hash have been checked.
        let handle = unsafe { unix::Library::open(Some(path), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        let (handle, base, record) = with_base(handle.map_err(failed)?);
        let has_run = base != u64::MAX && has_constructors(record);
        Ok(Self { handle: Some(handle), has_run, base, record })
    }

    /// Unloads it: nothing refers to it, whatever has run.
    pub fn close(mut self) {
        drop(self.handle.take());
    }

    /// The library as one of the loaded images.
    pub fn image(&self) -> Option<Image> {
        images::loaded().into_iter().find(|image| image.base == self.base)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if self.has_run {
            mem::forget(self.handle.take());
        }
    }
}

/// Whether a loaded library has functions that were called when it was loaded. `record` is the
/// loader's.
fn has_constructors(record: u64) -> bool {
    // Tags of the dynamic section (the generic ABI), and where `struct link_map` has its address.
    const END: i64 = 0;
    const INIT: i64 = 12;
    const INIT_ARRAY: i64 = 25;
    const DYNAMIC: u64 = 16;
    // SAFETY: the record of a loaded library has the address of its dynamic section at this place
    // (glibc's <link.h>: `l_ld`, after two other words).
    let mut entry = unsafe { ((record + DYNAMIC) as *const *const [i64; 2]).read() };
    loop {
        // SAFETY: the loader has read the section up to its end, an entry with the tag 0.
        let [tag, _] = unsafe { entry.read() };
        match tag {
            END => return false,
            INIT | INIT_ARRAY => return true,
            // SAFETY: this entry was not the last.
            _ => entry = unsafe { entry.add(1) },
        }
    }
}

/// Keeps a loaded image loaded for as long as the process lives, whoever loaded it. Says whether
/// it is there.
pub fn pin(image: &Image) -> bool {
    let name = (!image.name.is_empty()).then_some(image.name.as_os_str());
    // SAFETY: with RTLD_NOLOAD, nothing is loaded and no code is run; only the count of users
    // of a library that is there goes up.
    match unsafe { unix::Library::open(name, libc::RTLD_NOLOAD | libc::RTLD_LAZY) } {
        Ok(handle) => {
            let (handle, base, _) = with_base(handle);
            mem::forget(handle);
            base == image.base
        }
        Err(_) => false,
    }
}

/// The load address of a library, and where the loader's record of it is.
fn with_base(handle: unix::Library) -> (unix::Library, u64, u64) {
    let raw = handle.into_raw();
    let mut map: *const u64 = ptr::null();
    let out: *mut c_void = (&raw mut map).cast();
    // SAFETY: `raw` is a handle that dlopen gave and that has not been closed; this request
    // stores one pointer at `out`.
    let done = unsafe { libc::dlinfo(raw, libc::RTLD_DI_LINKMAP, out) };
    let base = if done == 0 && !map.is_null() {
        // SAFETY: the pointer is to the loader's `struct link_map`, which lives as long as the
        // library is loaded and begins with `l_addr`, eight bytes (glibc's <link.h>).
        unsafe { map.read() }
    } else {
        // No image lies here, so that the library is not found among them.
        u64::MAX
    };
    // SAFETY: the same handle that was taken apart above, and still open.
    (unsafe { unix::Library::from_raw(raw) }, base, map as u64)
}
