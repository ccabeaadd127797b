//! Which processes are left, read from `/proc`.

use std::{fs, path::Path};

/// Whether a process runs. One that has ended and only waits to be reaped does not.
pub fn is_alive(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// Whether a signal has stopped it.
pub fn is_stopped(pid: u32) -> bool {
    state(pid) == Some('T')
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the state is the first field after the last one.
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Every living process whose program or whose directory lies in `folder`: programs, compilers,
/// hotdev itself.
pub fn running_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| is_alive(*pid) && belongs_to(*pid, folder))
        .collect()
}

fn belongs_to(pid: u32, folder: &Path) -> bool {
    ["exe", "cwd"]
        .iter()
        .filter_map(|link| fs::read_link(format!("/proc/{pid}/{link}")).ok())
        .any(|target| target.starts_with(folder))
}
