//! Starting and ending the processes that hotdev owns.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Starts a compiler in a process group of its own: what it starts can be ended with it, and a
/// Ctrl-C at the terminal reaches hotdev first.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_group(command: &mut Command) -> std::io::Result<Child> {
    command.process_group(0).spawn()
}

/// Ends a process group that [`spawn_group`] made.
pub fn kill_group(id: u32) {
    if let Some(pid) = pid(id) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Sends a signal to one process; false where it is gone.
pub fn signal(id: u32, signal: Signal) -> bool {
    pid(id).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Whether a process is there and has not ended.
pub fn is_alive(id: u32) -> bool {
    state(id).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether a process has been stopped, at a terminal or by a debugger.
pub fn is_stopped(id: u32) -> bool {
    state(id).is_some_and(|state| matches!(state, 'T' | 't'))
}

/// The state as `/proc/PID/stat` has it.
fn state(id: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The state follows the name, which stands in parentheses and may hold any character.
    stat.rsplit(") ").next()?.chars().next()
}

/// Waits until every process is gone, for at most `limit`; true if they are.
pub fn wait_gone(ids: &[u32], limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        if !ids.iter().any(|id| is_alive(*id)) {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Names of the processes that a process has started, and that these have, as far as they run.
pub fn descendants(id: u32) -> Vec<String> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(u32, u32, String)> = all
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(parent)
        .collect();
    let (mut family, mut names) = (vec![id], Vec::new());
    while let Some(id) = family.pop() {
        for (child, _, name) in all.iter().filter(|(_, parent, _)| *parent == id) {
            family.push(*child);
            names.push(name.clone());
        }
    }
    names
}

/// A process, its parent and its name; nothing where it has ended.
fn parent(id: u32) -> Option<(u32, u32, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (start, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let is_over = matches!(fields.next(), Some("Z" | "X"));
    let parent = fields.next()?.parse().ok()?;
    (!is_over).then(|| (id, parent, start.split_once('(').unwrap_or_default().1.to_owned()))
}

/// How a process ended: its exit status or the signal that ended it.
pub fn outcome(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), status.signal())
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
