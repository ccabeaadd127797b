//! Keys as the bytes that a terminal sends for them (xterm's control sequences, legacy keyboard).

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a program reads when a key is pressed. `application`: it asked for application cursor keys
/// (DECCKM).
pub(super) fn key(event: KeyEvent, application: bool) -> Vec<u8> {
    let KeyEvent { code, modifiers, .. } = event;
    let modifier = modifier(modifiers);
    match code {
        KeyCode::Char(c) => character(c, modifiers),
        KeyCode::Enter => alt(modifiers, b"\r"),
        KeyCode::Tab => alt(modifiers, b"\t"),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Backspace if modifiers.contains(KeyModifiers::CONTROL) => alt(modifiers, b"\x08"),
        KeyCode::Backspace => alt(modifiers, b"\x7f"),
        KeyCode::Esc => alt(modifiers, b"\x1b"),
        KeyCode::Up => cursor('A', modifier, application),
        KeyCode::Down => cursor('B', modifier, application),
        KeyCode::Right => cursor('C', modifier, application),
        KeyCode::Left => cursor('D', modifier, application),
        KeyCode::End => cursor('F', modifier, application),
        KeyCode::Home => cursor('H', modifier, application),
        KeyCode::Insert => tilde(2, modifier),
        KeyCode::Delete => tilde(3, modifier),
        KeyCode::PageUp => tilde(5, modifier),
        KeyCode::PageDown => tilde(6, modifier),
        KeyCode::F(number) => function(number, modifier),
        _ => Vec::new(),
    }
}

/// Pasted text. `bracketed`: the program wants to tell it from typing.
pub(super) fn paste(text: &str, bracketed: bool) -> Vec<u8> {
    // What ends a paste must not stand in it, or the rest would be taken for typing.
    let text = text.replace("\x1b[201~", "").replace("\r\n", "\r").replace('\n', "\r");
    if bracketed { format!("\x1b[200~{text}\x1b[201~").into_bytes() } else { text.into_bytes() }
}

/// xterm's parameter for modifiers; 1 for none.
fn modifier(modifiers: KeyModifiers) -> u8 {
    let bit = |flag, value| if modifiers.contains(flag) { value } else { 0 };
    1 + bit(KeyModifiers::SHIFT, 1) + bit(KeyModifiers::ALT, 2) + bit(KeyModifiers::CONTROL, 4)
}

fn alt(modifiers: KeyModifiers, bytes: &[u8]) -> Vec<u8> {
    let escape = modifiers.contains(KeyModifiers::ALT).then_some(0x1b);
    escape.into_iter().chain(bytes.iter().copied()).collect()
}

fn character(c: char, modifiers: KeyModifiers) -> Vec<u8> {
    if modifiers.contains(KeyModifiers::CONTROL)
        && let Some(control) = control(c)
    {
        return alt(modifiers, &[control]);
    }
    alt(modifiers, c.to_string().as_bytes())
}

/// The control character of a key. Terminals send one for several keys, and crossterm names the
/// last four after digits.
fn control(c: char) -> Option<u8> {
    Some(match c {
        ' ' | '@' | '2' => 0,
        'a'..='z' => c as u8 - b'a' + 1,
        'A'..='Z' => c as u8 - b'A' + 1,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' => 0x1e,
        '_' | '7' | '/' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    })
}

fn cursor(last: char, modifier: u8, application: bool) -> Vec<u8> {
    match (modifier, application) {
        (1, true) => format!("\x1bO{last}"),
        (1, false) => format!("\x1b[{last}"),
        _ => format!("\x1b[1;{modifier}{last}"),
    }
    .into_bytes()
}

fn tilde(number: u8, modifier: u8) -> Vec<u8> {
    match modifier {
        1 => format!("\x1b[{number}~"),
        _ => format!("\x1b[{number};{modifier}~"),
    }
    .into_bytes()
}

fn function(number: u8, modifier: u8) -> Vec<u8> {
    const NUMBERS: [u8; 8] = [15, 17, 18, 19, 20, 21, 23, 24];
    match (number, modifier) {
        (1..=4, 1) => vec![0x1b, b'O', b'P' + number - 1],
        (1..=4, _) => format!("\x1b[1;{modifier}{}", (b'P' + number - 1) as char).into_bytes(),
        (5..=12, _) => tilde(NUMBERS[usize::from(number) - 5], modifier),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(code: KeyCode, modifiers: KeyModifiers, application: bool) -> String {
        String::from_utf8(key(KeyEvent::new(code, modifiers), application)).unwrap()
    }

    #[test]
    fn keys_are_what_xterm_sends() {
        let (none, control, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        for (code, modifiers, application, expected) in [
            (KeyCode::Char('ü'), none, false, "ü"),
            (KeyCode::Char('Q'), KeyModifiers::SHIFT, false, "Q"),
            (KeyCode::Char('c'), control, false, "\x03"),
            (KeyCode::Char('5'), control, false, "\x1d"),
            (KeyCode::Char('x'), alt, false, "\x1bx"),
            (KeyCode::Enter, none, false, "\r"),
            (KeyCode::Backspace, none, false, "\x7f"),
            (KeyCode::Up, none, false, "\x1b[A"),
            (KeyCode::Up, none, true, "\x1bOA"),
            (KeyCode::Left, control, true, "\x1b[1;5D"),
            (KeyCode::Delete, none, false, "\x1b[3~"),
            (KeyCode::PageUp, KeyModifiers::SHIFT, false, "\x1b[5;2~"),
            (KeyCode::F(1), none, false, "\x1bOP"),
            (KeyCode::F(12), none, false, "\x1b[24~"),
        ] {
            assert_eq!(sent(code, modifiers, application), expected, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn a_paste_cannot_end_itself() {
        assert_eq!(paste("a\nb", false), b"a\rb");
        assert_eq!(paste("a\x1b[201~b", true), b"\x1b[200~ab\x1b[201~");
    }
}
