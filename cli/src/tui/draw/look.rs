//! How things look: the 16 colours of the terminal's own theme, on its own background, so that a
//! light terminal is as good as a dark one; without colours by weight alone; without UTF-8 in ASCII.

use ratatui::style::{Color, Modifier, Style};

use crate::tui::text::Tone;

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub(in crate::tui) struct Look {
    pub colors: bool,
    pub unicode: bool,
}

/// Stages of a save, as bars show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Detect,
    Rustc,
    Check,
    Link,
    Load,
}

impl Look {
    /// What the environment says. `colors`: whether they are wanted.
    pub(in crate::tui) fn of_environment(colors: bool) -> Self {
        Self { colors, unicode: has_unicode(|name| std::env::var(name).ok()) }
    }

    pub(super) fn style(self, tone: Tone) -> Style {
        let plain = Style::default();
        let (color, modifier) = match tone {
            Tone::Plain => return plain,
            Tone::Title => return plain.add_modifier(Modifier::BOLD),
            Tone::Faint => return plain.add_modifier(Modifier::DIM),
            Tone::Good => (Color::Green, Modifier::BOLD),
            Tone::Bad => (Color::Red, Modifier::BOLD),
            Tone::Notice => (Color::Yellow, Modifier::BOLD),
            // Cyan is hard to read on white, and blue on black.
            Tone::Name => (Color::Magenta, Modifier::empty()),
            Tone::Added => (Color::Green, Modifier::empty()),
            Tone::Removed => (Color::Red, Modifier::empty()),
        };
        let style = plain.add_modifier(modifier);
        if self.colors { style.fg(color) } else { style }
    }

    /// A word set off from its line: the background of the one is the text of the other.
    pub(super) fn badge(self, tone: Tone) -> Style {
        self.style(tone).add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// Shape and style of a stage's part of a bar. The shapes differ too: colours may be missing.
    pub(super) fn stage(self, stage: Stage) -> (&'static str, Style) {
        let (color, unicode, ascii) = match stage {
            Stage::Detect => (Color::Yellow, "·", "."),
            Stage::Rustc => (Color::Blue, "█", "="),
            Stage::Check => (Color::Cyan, "▓", "-"),
            Stage::Link => (Color::Magenta, "▒", "+"),
            Stage::Load => (Color::Green, "░", "#"),
        };
        let style = if self.colors { Style::default().fg(color) } else { Style::default() };
        (self.pick(unicode, ascii), style)
    }

    pub(super) fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    pub(super) fn horizontal(self) -> &'static str {
        self.pick("─", "-")
    }

    pub(super) fn vertical(self) -> &'static str {
        self.pick("│", "|")
    }

    pub(super) fn pointer(self) -> &'static str {
        self.pick("▸", ">")
    }

    pub(super) fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }
}

/// Whether the locale's characters are UTF-8; the first variable that is set decides (locale(7)). The
/// fonts of the kernel's own console have few others than ASCII.
fn has_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    if variable("TERM").is_some_and(|term| term == "linux") {
        return false;
    }
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
    let locale = locale.to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_on_characters() {
        let locale = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(key, _)| *key == name);
            has_unicode(|name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(locale(&[("LANG", "en_GB.UTF-8")]) && locale(&[("LC_CTYPE", "C.utf8")]));
        assert!(!locale(&[("LANG", "en_GB.UTF-8"), ("TERM", "linux")]));
        assert!(!locale(&[]) && !locale(&[("LANG", "C")]));
        assert!(!locale(&[("LC_ALL", "POSIX"), ("LANG", "en_GB.UTF-8")]));
        assert!(locale(&[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")]));
    }
}
