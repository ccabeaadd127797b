//! The program's pane: a terminal emulator, and what has scrolled out of it.

use std::num::NonZeroU16;

use vt100::{Callbacks, Parser, Screen};

/// Lines kept above the screen.
const SCROLLBACK: usize = 10_000;

/// Takes back what one program may have asked of the terminal before the next one gets it:
/// attributes, margins, modes of the cursor, keys, paste and mouse.
const RESET: &str = "\x1b[0m\x1b[r\x1b[?25h\x1b[?1l\x1b>\x1b[?2004l\
                     \x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l";

/// What the program has printed.
pub(super) struct Pane {
    parser: Parser<Replies>,
}

/// Answers to what programs ask a terminal.
#[derive(Default)]
struct Replies(Vec<u8>);

impl Callbacks for Replies {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let param = params.first().and_then(|param| param.first()).copied().unwrap_or_default();
        let reply = match (first, last, param) {
            // A VT102; and which version of it.
            (None, 'c', 0) => "\x1b[?6c".to_owned(),
            (Some(b'>'), 'c', 0) => "\x1b[>0;0;0c".to_owned(),
            (None, 'n', 5) => "\x1b[0n".to_owned(),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            _ => return,
        };
        self.0.extend_from_slice(reply.as_bytes());
    }
}

fn at_least_one(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap_or(NonZeroU16::MIN)
}

impl Pane {
    pub(super) fn new(rows: u16, columns: u16) -> Self {
        let (rows, columns) = (at_least_one(rows), at_least_one(columns));
        let parser = Parser::new_with_callbacks(rows, columns, SCROLLBACK, Replies::default());
        Self { parser }
    }

    /// Takes in output, and gives back what the program is to be answered.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(bytes);
        std::mem::take(&mut self.parser.callbacks_mut().0)
    }

    /// Makes room for another program below what this one printed.
    pub(super) fn begin_anew(&mut self, title: &str) {
        // Outside of the other screen this would move the cursor to a place that nobody saved.
        if self.screen().alternate_screen() {
            self.feed(b"\x1b[?1049l");
        }
        let (row, column) = self.screen().cursor_position();
        self.feed(format!("{RESET}\x1b[{};{}H", row + 1, column + 1).as_bytes());
        if (row, column, self.scrollback_len()) == (0, 0, 0) {
            return;
        }
        if column > 0 {
            self.feed(b"\r\n");
        }
        self.feed(format!("\x1b[2m-- {title} --\x1b[0m\r\n").as_bytes());
    }

    pub(super) fn resize(&mut self, rows: u16, columns: u16) {
        self.parser.set_size(at_least_one(rows), at_least_one(columns));
    }

    pub(super) fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    fn scrollback_len(&self) -> usize {
        self.screen().scrollback_len()
    }

    /// How many lines up the view is.
    pub(super) fn scrolled(&self) -> usize {
        self.screen().scrollback()
    }

    /// Moves the view so many lines up; down where that is negative.
    pub(super) fn scroll(&mut self, up: isize) {
        let to = self.scrolled().saturating_add_signed(up);
        self.parser.screen_mut().set_scrollback(to);
    }

    /// Moves the view to the newest line.
    pub(super) fn show_newest(&mut self) {
        self.parser.screen_mut().set_scrollback(0);
    }

    /// Every line, oldest first, with what has scrolled out.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let back = self.scrolled();
        let (rows, columns) = self.screen().size();
        let rows = usize::from(rows.get());
        let screen = self.parser.screen_mut();
        let mut lines = Vec::new();
        let mut above = screen.scrollback_len();
        loop {
            screen.set_scrollback(above);
            let new = if above == 0 { rows } else { above.min(rows) };
            lines.extend(screen.rows(0, columns.get()).take(new));
            if above == 0 {
                break;
            }
            above -= new;
        }
        screen.set_scrollback(back);
        lines
    }

    /// Moves the view so that a line of [`Self::lines`] is in the middle of it, where it can be.
    pub(super) fn show(&mut self, line: usize) {
        let rows = usize::from(self.screen().size().0.get());
        let top = line.saturating_sub(rows / 2);
        let back = self.scrollback_len().saturating_sub(top);
        self.parser.screen_mut().set_scrollback(back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pane(lines: usize) -> Pane {
        let mut pane = Pane::new(4, 20);
        (1..=lines).for_each(|line| drop(pane.feed(format!("line {line}\r\n").as_bytes())));
        pane
    }

    #[test]
    fn all_lines_are_there_once_and_in_order() {
        for lines in [2, 3, 4, 7, 8, 30] {
            let expected: Vec<String> = (1..=lines).map(|line| format!("line {line}")).collect();
            let all = pane(lines).lines();
            let filled: Vec<&String> = all.iter().filter(|line| !line.is_empty()).collect();
            assert_eq!(filled, expected.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_view_that_is_scrolled_stays_where_it_is() {
        let mut pane = pane(30);
        pane.scroll(10);
        let before = pane.screen().contents();
        pane.feed(b"more\r\nand more\r\n");
        assert_eq!(pane.screen().contents(), before);
        pane.show(0);
        assert!(pane.screen().contents().starts_with("line 1\n"));
        pane.show_newest();
        assert!(pane.screen().contents().contains("and more"));
    }

    #[test]
    fn programs_are_answered() {
        let mut pane = Pane::new(4, 20);
        assert_eq!(pane.feed(b"ab\x1b[6n"), b"\x1b[1;3R");
        assert_eq!(pane.feed(b"\x1b[c\x1b[5n"), b"\x1b[?6c\x1b[0n");
    }

    #[test]
    fn a_new_program_prints_below_a_full_pane() {
        let mut pane = pane(9);
        let before = pane.lines();
        pane.begin_anew("restarted");
        pane.feed(b"new");
        let lines = pane.lines();
        let printed = before.iter().filter(|line| line.starts_with("line "));
        assert!(printed.clone().count() == 9 && printed.clone().all(|line| lines.contains(line)));
        assert!(lines.ends_with(&["-- restarted --".to_owned(), "new".to_owned()]), "{lines:?}");
    }

    #[test]
    fn a_new_program_gets_a_fresh_terminal_below_the_old_output() {
        let mut pane = pane(2);
        pane.feed(b"\x1b[?1049h\x1b[?1h\x1b[?25l\x1b[31mred");
        pane.begin_anew("restarted");
        pane.feed(b"new");
        let screen = pane.screen();
        assert!(!screen.alternate_screen() && !screen.application_cursor());
        assert!(!screen.hide_cursor());
        let lines: Vec<String> = pane.lines();
        let at = |text| lines.iter().position(|line| line == text).unwrap();
        assert!(at("line 2") < at("-- restarted --") && at("-- restarted --") < at("new"));
    }
}
