//! Lines of text with what they mean; [`super::draw`] decides how that looks.

use std::path::PathBuf;

/// What a line, or a part of one, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// The head of what follows.
    Title,
    Good,
    Bad,
    Notice,
    /// A name or a place.
    Name,
    /// Less important than the rest.
    Faint,
    Added,
    Removed,
}

/// One line, as long as it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub tone: Tone,
    pub text: String,
    /// Columns that its continuation is set in by, where it has to be broken.
    pub hang: usize,
}

impl Line {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        let text = printable(&text.into());
        let hang = text.len() - text.trim_start().len();
        Self { tone, text, hang }
    }

    /// A label and what it says, which stays in its own column.
    pub(super) fn labelled(label: &str, text: &str) -> Self {
        let text = format!("  {label:5} {text}");
        Self { hang: 8, ..Self::new(Tone::Plain, text) }
    }
}

/// A place in a file, to be opened in an editor. Lines and columns count from 1; 0 is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub file: PathBuf,
    pub line: u32,
    pub column: u32,
}

/// Characters of a line that are kept.
const LONGEST: usize = 2000;

/// Tabs as spaces, no character that would move the cursor, and an end.
fn printable(text: &str) -> String {
    let text = text.replace('\t', "    ");
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Milliseconds as people read them: "214 ms", "24.7 s".
pub(super) fn took(ms: f64) -> String {
    if ms < 9999.5 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1e3) }
}

/// "1 error", "2 errors".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
