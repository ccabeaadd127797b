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
///
/// Leaving the alternate screen has the cursor go where it was saved on the other one, also where
/// the terminal is not on the alternate screen. So it is entered first, which saves the cursor of the
/// other one and does nothing to the alternate one. And it is cleared: where the terminal has become
/// larger meanwhile, tmux (3.3a) moves what stands on the alternate screen into the scrollback.
const LEAVE: &str = "\x1b[?1049h\x1b[2J\x1b[?1049l\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[0m\x1b[?25h";

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

#[cfg(test)]
mod tests {
    use super::LEAVE;

    /// Where the cursor is after a terminal got this: row, column.
    fn cursor(written: &str) -> (u16, u16) {
        let mut terminal = vt100::Parser::default();
        terminal.process(written.as_bytes());
        assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
        terminal.screen().cursor_position()
    }

    #[test]
    fn what_a_program_drew_is_gone_before_its_screen_is_left() {
        let mut terminal = vt100::Parser::default();
        terminal.process(b"before\x1b[?1049h\x1b[5;1Hdrawn");
        let left = LEAVE.find("\x1b[?1049l").unwrap();
        terminal.process(&LEAVE.as_bytes()[..left]);
        assert_eq!(terminal.screen().contents(), "");
        terminal.process(&LEAVE.as_bytes()[left..]);
        assert_eq!(terminal.screen().contents(), "before");
    }

    #[test]
    fn the_cursor_goes_back_only_from_the_alternate_screen() {
        let editor = "a\x1b[?1049h\x1b[5;5H\x1b[?1049l";
        assert_eq!(cursor(&format!("{editor}bc\r\nde{LEAVE}")), (1, 2));
        assert_eq!(cursor(&format!("{editor}bc\x1b[?1049h\x1b[?25l\x1b[7;7H{LEAVE}")), (0, 3));
    }
}
