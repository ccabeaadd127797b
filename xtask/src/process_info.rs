//! What a process and a folder take, as the kernel has it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// What one process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Taken {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    pub mappings: usize,
    pub fds: usize,
    pub threads: u64,
}

/// Of a process; zeros where it is gone.
pub fn taken(pid: u32) -> Taken {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    Taken {
        rss_kib: number("VmRSS:"),
        mappings: maps.lines().count(),
        fds: fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count),
        threads: number("Threads:"),
    }
}

/// Processor time that all threads of a process have taken; those that ended are left out.
pub fn cpu(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Keeps the main threads of processes on one processor, the same for all.
pub fn share_a_processor(pids: &[u32]) -> Result<()> {
    let failed = "failed to choose the processor of a program";
    let may = sched_getaffinity(None).context(failed)?;
    let first = (0..CpuSet::MAX_CPU).find(|cpu| may.is_set(*cpu)).unwrap_or(0);
    let mut only = CpuSet::new();
    only.set(first);
    for pid in pids {
        let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw);
        sched_setaffinity(Some(pid.context(failed)?), &only).context(failed)?;
    }
    Ok(())
}

/// Bytes on disk below a folder; a file with several names counts once for each.
pub fn disk(path: &Path) -> u64 {
    let Ok(entry) = fs::symlink_metadata(path) else { return 0 };
    let own = entry.blocks() * 512;
    if !entry.is_dir() {
        return own;
    }
    let children = fs::read_dir(path).into_iter().flatten().flatten();
    own + children.map(|child| disk(&child.path())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let own = std::process::id();
        let (before, begin) = (cpu(own), Instant::now());
        while begin.elapsed() < Duration::from_millis(100) {}
        assert!(cpu(own) > before);
    }
}
