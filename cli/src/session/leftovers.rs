//! Programs that a killed session left running: the next session starts another copy, and says so.

use super::Session;
use crate::process;
use crate::report::event;

impl Session {
    /// Tells people, once, of a process that was there before this session. `fits`: it runs what
    /// this session has built, and is patched along.
    pub(super) fn tell_of_leftover(&mut self, pid: u32, fits: bool) {
        if !is_older(pid, std::process::id()) || !self.leftovers.insert(pid) {
            return;
        }
        let (message, hint) = if fits {
            ("beside the new one", "left alone, it is patched along and ends with this session")
        } else {
            ("and is not patched: it is of another build", "left alone, it runs on as it is")
        };
        let message = format!("process {pid} of an earlier session still runs, {message}");
        let hint = Some(format!("`kill {pid}` ends it; {hint}"));
        self.reporter.event(&event::Event::Warning { message, hint });
    }
}

/// Whether one process was started before another.
fn is_older(pid: u32, other: u32) -> bool {
    matches!((start(pid), start(other)), (Some(a), Some(b)) if a < b)
}

/// When a process was started, in clock ticks: the field `starttime` of `/proc/PID/stat`.
fn start(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // `starttime` is the 20th field after the name.
    process::after_name(&stat)?.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_process_is_older_than_this_one() {
        let own = std::process::id();
        assert!(is_older(1, own));
        assert!(!is_older(own, 1) && !is_older(own, own));
        assert!(!is_older(u32::MAX, own));
    }
}
