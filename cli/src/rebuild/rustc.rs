//! A rustc that is ended with whoever holds it.

use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

use crate::process;

/// The process, in a group of its own. Dropping it ends the group and waits: nothing is written
/// any more then.
#[derive(Debug)]
pub struct Rustc(Child);

impl Rustc {
    /// Starts it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        process::spawn_group(command).map(Self)
    }
}

impl Deref for Rustc {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Rustc {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Rustc {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be another process's.
        if matches!(self.0.try_wait(), Ok(None)) {
            process::kill_group(self.0.id());
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_ended_when_it_is_dropped() {
        let rustc = Rustc::start(Command::new("sleep").arg("60")).unwrap();
        let id = rustc.id();
        assert!(process::is_alive(id));
        drop(rustc);
        assert!(!process::is_alive(id));
    }
}
