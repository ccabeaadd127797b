//! Who runs the program, and how it was started.

use std::{
    ffi::{CStr, CString, OsStr},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

/// The effective user id.
pub fn effective() -> u32 {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}

/// The path that the environment variable `name` holds, if it is set and not empty. Not for
/// programs that run with more rights than their user's: there, the environment is not to be trusted.
///
/// Only for the constructor: nothing may change the environment meanwhile.
pub fn path_from_environment(name: &str) -> Option<PathBuf> {
    // SAFETY: getauxval only reads what the kernel handed over at start.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return None;
    }
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends in a zero byte.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv returned a string that ends in a zero byte; before `main`, nothing else
    // runs that could change the environment while it is copied.
    let value = unsafe { CStr::from_ptr(value) }.to_bytes();
    (!value.is_empty()).then(|| OsStr::from_bytes(value).into())
}
