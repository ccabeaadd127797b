//! Telling the desktop, through the terminal, what happens while hotdev is not in view.
//!
//! Terminals differ in what they know: OSC 9 (iTerm2, kitty, WezTerm, Windows Terminal), OSC 777
//! (rxvt, foot, VTE), and a bell and a title everywhere. What one does not know, it leaves out.

use std::io::{self, Write};

/// Puts the title aside (XTWINOPS 22).
pub(super) fn save_title(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\x1b[22;0t")?;
    out.flush()
}

/// Brings it back.
pub(super) fn restore_title(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\x1b[23;0t")?;
    out.flush()
}

/// Sets the title.
pub(super) fn title(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "\x1b]2;{}\x07", clean(text))?;
    out.flush()
}

/// Tells of something in one line.
pub(super) fn tell(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    // A semicolon separates the parts of OSC 777.
    let parts = text.replace(';', ",");
    write!(out, "\x1b]9;{text}\x07\x1b]777;notify;hotdev;{parts}\x07\x07")?;
    title(out, &text)
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_end_its_own_sequence() {
        let mut out = Vec::new();
        tell(&mut out, "a\x07b;\x1b]c").unwrap();
        let expected = "\x1b]9;ab;]c\x07\x1b]777;notify;hotdev;ab,]c\x07\x07\x1b]2;ab;]c\x07";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
