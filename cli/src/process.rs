//! Starting and ending the processes that hotdev owns.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Starts a compiler in a process group of its own: what it starts can be ended with it, and a
/// Ctrl-C at the terminal reaches hotdev first.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_group(command: &mut Command) -> io::Result<Child> {
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
    is_there(&format!("/proc/{id}/stat")).unwrap_or(true)
}

/// Whether the process or thread is there, and has not ended, whose `stat` this is.
///
/// # Errors
/// When that cannot be read although it is there.
pub fn is_there(stat: &str) -> io::Result<bool> {
    match std::fs::read(stat) {
        Ok(stat) => Ok(state_in(&stat).is_some_and(|state| !matches!(state, 'Z' | 'X'))),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Whether a process has been stopped, at a terminal or by a debugger.
pub fn is_stopped(id: u32) -> bool {
    state(id).is_some_and(|state| matches!(state, 'T' | 't'))
}

/// Whether a process or thread runs, or would if it had a processor.
pub fn is_running(id: u32) -> bool {
    state(id) == Some('R')
}

/// The state as `/proc/PID/stat` has it.
fn state(id: u32) -> Option<char> {
    state_in(&std::fs::read(format!("/proc/{id}/stat")).ok()?)
}

fn state_in(stat: &[u8]) -> Option<char> {
    after_name(stat)?.chars().next()
}

/// The fields of a `stat` that follow the name, which stands in parentheses and may hold any bytes:
/// a long one is cut also within a character.
pub fn after_name(stat: &[u8]) -> Option<&str> {
    let end = memchr::memmem::rfind(stat, b") ")?;
    std::str::from_utf8(&stat[end + 2..]).ok()
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
    let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
    let rest = after_name(&stat)?;
    let start = String::from_utf8_lossy(&stat[..stat.len() - rest.len() - 2]);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux keeps 15 bytes of a name: here seven letters and a half.
    #[test]
    fn a_name_that_is_cut_within_a_letter_is_read() {
        let stat = [b"7 (", &"обработчик".as_bytes()[..15], b") S 1 7 7 0"].concat();
        assert!(std::str::from_utf8(&stat).is_err());
        assert_eq!((state_in(&stat), after_name(&stat)), (Some('S'), Some("S 1 7 7 0")));
        assert_eq!(state_in(b"7 (a) Z 9 (b) R 1"), Some('R'));
        assert_eq!(state_in(b""), None);
    }

    #[test]
    fn a_thread_with_such_a_name_is_there() {
        let (sender, wait) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let run = move || {
            tell.send(nix::unistd::gettid().as_raw()).unwrap();
            let _ = wait.recv();
        };
        let thread = std::thread::Builder::new().name("обработчик-данных".into()).spawn(run);
        let stat = format!("/proc/self/task/{}/stat", told.recv().unwrap());
        assert!(std::fs::read_to_string(&stat).is_err() && is_there(&stat).unwrap());
        drop(sender);
        thread.unwrap().join().unwrap();
        assert!(!is_there("/proc/self/task/1000000000/stat").unwrap());
    }
}
