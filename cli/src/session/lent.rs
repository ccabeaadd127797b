//! The terminal while it is the program's, as under `hotdev run`: how it was before, to be made so
//! again where a program has not done that itself.
//!
//! A program that is ended for a restart has no chance to. The next one would take what it finds
//! for how a terminal is, and leave it so.

use std::io::{self, IsTerminal, Write};

use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Leaves what programs enter that draw: the alternate screen, pastes in brackets, reports of the
/// mouse and of the focus, colours; and shows the cursor.
const LEAVE: &str =
    "\x1b[?1049l\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[0m\x1b[?25h";

/// A terminal that programs have to themselves.
pub(super) struct Lent {
    before: Termios,
}

impl Lent {
    /// The one that hotdev was started in; nothing where that is none, or somebody else has it.
    pub fn find() -> Option<Self> {
        has_it().then(|| tcgetattr(io::stdin()).ok()).flatten().map(|before| Self { before })
    }

    /// Makes it as it was before, where it is not. To be called when no program has it.
    pub fn take_back(&self) {
        let is_other = |now: &Termios| {
            let modes = |of: &Termios| (of.input_modes, of.output_modes, of.local_modes);
            modes(now) != modes(&self.before)
        };
        if !has_it() || !tcgetattr(io::stdin()).is_ok_and(|now| is_other(&now)) {
            return;
        }
        // A terminal that is gone needs neither.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        let mut out = io::stdout();
        if out.is_terminal() {
            let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// Whether hotdev may change it: a job in the background would be stopped.
fn has_it() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}
