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
    let span = message.spans.iter().find(|span| span.is_primary);
    let span = span.map(|span| in_project(span, directory));
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

/// Where the project, which is in `directory`, calls the macro of std or of a dependency that the
/// span lies in; the span itself where it lies in no such macro.
fn in_project<'a>(span: &'a DiagnosticSpan, directory: &Path) -> &'a DiagnosticSpan {
    let mut outward = iter::successors(Some(span), |span| Some(&span.expansion.as_ref()?.span));
    let is_own = |span: &&DiagnosticSpan| {
        // Names in angle brackets are no files.
        !span.file_name.starts_with('<') && directory.join(&span.file_name).starts_with(directory)
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

    /// A message with a place, and with the places of the macros' calls around it.
    fn placed(files: &[&str]) -> Diagnostic {
        let span = |(file, expansion): (&str, serde_json::Value)| {
            serde_json::json!({
                "file_name": file, "line_start": file.len(), "line_end": 1, "column_start": 1,
                "column_end": 1, "byte_start": 0, "byte_end": 1, "is_primary": true, "label": null,
                "text": [], "suggested_replacement": null, "suggestion_applicability": null,
                "expansion": expansion,
            })
        };
        let place = files.iter().rev().fold(serde_json::Value::Null, |inner, file| {
            let expansion = match inner {
                serde_json::Value::Null => inner,
                inner => serde_json::json!({
                    "span": inner, "macro_decl_name": "m!", "def_site_span": null,
                }),
            };
            span((file, expansion))
        });
        let message = serde_json::json!({
            "message": "no", "code": null, "level": "error", "spans": [place], "children": [],
            "rendered": "error: no",
        });
        parse(&message.to_string(), Path::new("/ws")).unwrap()
    }

    #[test]
    fn an_error_in_a_foreign_macro_is_where_the_project_calls_it() {
        for (files, file) in [
            (&["src/main.rs"][..], "/ws/src/main.rs"),
            (&["/std/panic.rs", "<::core::m>", "src/main.rs"], "/ws/src/main.rs"),
            (&["/ws/macros/src/lib.rs", "src/main.rs"], "/ws/macros/src/lib.rs"),
            (&["/std/panic.rs", "/elsewhere/lib.rs"], "/std/panic.rs"),
        ] {
            let diagnostic = placed(files);
            assert_eq!(diagnostic.file, Path::new(file), "{files:?}");
        }
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(without_colours("\x1b[1m\x1b[91merror\x1b[0m: no"), "error: no");
        assert_eq!(without_colours("cut \x1b[3"), "cut ");
    }
}
