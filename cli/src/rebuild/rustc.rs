//! A rustc that is ended with whoever holds it.

use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

use super::finalized::Leftovers;
use crate::process;

/// The process, in a group of its own. Dropping it ends the group and waits: nothing is written
/// any more then, and what a killed one has left is removed.
#[derive(Debug)]
pub struct Rustc {
    child: Child,
    leftovers: Leftovers,
}

impl Rustc {
    /// Starts it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start(command: &mut Command, leftovers: Leftovers) -> io::Result<Self> {
        Ok(Self { child: process::spawn_group(command)?, leftovers })
    }
}

impl Deref for Rustc {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Rustc {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Rustc {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be another process's.
        if matches!(self.child.try_wait(), Ok(None)) {
            process::kill_group(self.child.id());
        }
        let was_killed = self.child.wait().is_ok_and(|status| status.code().is_none());
        if was_killed && let Err(error) = self.leftovers.remove() {
            tracing::warn!(%error, "what rustc left when it was ended was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_ended_and_leaves_nothing_when_it_is_dropped() {
        let out_dir = tempfile::tempdir().unwrap();
        let leftovers = Leftovers::of(out_dir.path(), "app-1").unwrap();
        let rustc = Rustc::start(Command::new("sleep").arg("60"), leftovers).unwrap();
        let (id, unit) = (rustc.id(), out_dir.path().join("app-1.one.x.rcgu.o"));
        std::fs::write(&unit, "").unwrap();
        assert!(process::is_alive(id));
        drop(rustc);
        assert!(!process::is_alive(id));
        assert!(!unit.exists());
    }
}
