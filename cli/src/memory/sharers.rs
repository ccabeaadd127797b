//! Processes that share the memory of another (`clone` with `CLONE_VM`, without `CLONE_THREAD`): their
//! registers and what they write meanwhile belong to a search, and nobody lists them.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Whether one may share the memory of process `pid`, whose threads stand still. Processes in
/// `family` have memory of their own: each has a thread of the shim's.
///
/// # Errors
/// When the process cannot be looked at.
pub fn are_there(pid: u32, family: &[u32]) -> io::Result<bool> {
    let program = fs::read_link(format!("/proc/{pid}/exe"))?;
    let maps = || fs::read(format!("/proc/{pid}/maps"));
    let before = maps()?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let other = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if other.is_none_or(|other| other == pid || family.contains(&other)) {
            continue;
        }
        let is_same = |path: PathBuf| fs::read_link(path).is_ok_and(|path| path == program);
        // One memory, one list. A fork made a moment ago has the same, too, and goes its own way.
        if is_same(entry.path().join("exe"))
            && fs::read(entry.path().join("maps")).is_ok_and(|other| other == before)
        {
            return Ok(true);
        }
    }
    // One that maps something just now has another list for a moment.
    Ok(maps()? != before)
}
