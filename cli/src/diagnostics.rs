//! rustc's messages, as its JSON output has them.

use std::iter;
use std::path::Path;

use cargo_metadata::diagnostic::{Diagnostic as Message, DiagnosticLevel, DiagnosticSpan};

use crate::report::event::Diagnostic;

/// Reads one line of rustc's `--error-format=json`; `None` for lines that are no diagnostic.
/// Paths are made absolute from `directory`, where the compiler ran.
pub fn parse(line: &str, directory: &Path) -> Option<Diagnostic> {
    from_message(&serde_json::from_str::<Message>(line).ok()?, directory)
}

/// A diagnostic with a place and a rendering; `None` for notes and summaries.
pub fn from_message(message: &Message, directory: &Path) -> Option<Diagnostic> {
    let level = match message.level {
        DiagnosticLevel::Error | DiagnosticLevel::Ice => "error",
        DiagnosticLevel::Warning => "warning",
        _ => return None,
    };
    let span = message.spans.iter().find(|span| span.is_primary).map(in_project);
    if span.is_none() && is_summary(&message.message) {
        return None;
    }
    Some(Diagnostic {
        file: span.map(|span| directory.join(&span.file_name)).unwrap_or_default(),
        line: span.map_or(0, |span| span.line_start as u32),
        column: span.map_or(0, |span| span.column_start as u32),
        level: level.to_owned(),
        message: message.message.clone(),
        rendered: without_colours(message.rendered.as_deref().unwrap_or(&message.message)),
    })
}

/// Where the project calls the macro of std or of a dependency that the span lies in. rustc names
/// files of the project as seen from the workspace, others from the root.
fn in_project(span: &DiagnosticSpan) -> &DiagnosticSpan {
    let mut outward = iter::successors(Some(span), |span| Some(&span.expansion.as_ref()?.span));
    let is_own = |span: &&DiagnosticSpan| {
        !span.file_name.starts_with('<') && Path::new(&span.file_name).is_relative()
    };
    outward.find(is_own).unwrap_or(span)
}

/// rustc ends with "aborting due to 2 previous errors" and "3 warnings emitted".
fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to") || message.ends_with("emitted")
}

/// cargo asks rustc for coloured text; events carry plain text.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
        rest = &rest[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(without_colours("\x1b[1m\x1b[91merror\x1b[0m: no"), "error: no");
        assert_eq!(without_colours("cut \x1b[3"), "cut ");
    }
}
