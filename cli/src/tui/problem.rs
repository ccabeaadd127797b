//! What stands between a save and the program: compile errors or a refusal, one item after another.

use std::path::Path;

use super::text::{Line, Place, Tone};
use crate::report::event::{Diagnostic, Event, RefusalCode};
use crate::report::{phrases, refusals};

/// The last verdict, where it was not good.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// What it is, in a few words.
    pub title: String,
    pub items: Vec<Item>,
    /// Index of the item that is looked at.
    pub selected: usize,
    /// Whether it is a question: restart, or keep what runs?
    pub asks: bool,
}

/// One compile error, or one thing that a refusal is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub lines: Vec<Line>,
    pub place: Option<Place>,
}

impl Problem {
    /// What an event says, if it is a problem. `asks`: whether a refusal is a question.
    pub(super) fn of(event: &Event, base: &Path, asks: bool) -> Option<Self> {
        match event {
            Event::CompileError { diagnostics } | Event::Warnings { diagnostics } => {
                let errors = diagnostics.iter().filter(|one| one.level == "error");
                let rest = diagnostics.iter().filter(|one| one.level != "error");
                let items = errors.chain(rest).map(|one| diagnostic(one, base)).collect();
                let title = phrases::compile_error(diagnostics);
                Some(Self { title, items, selected: 0, asks: false })
            }
            Event::Refused { code, items, message } => {
                let items = refusals::told(items, base).into_iter().map(|(item, lines)| {
                    let place = item.file.clone().map(|file| Place {
                        file,
                        line: item.line.unwrap_or(1),
                        column: 1,
                    });
                    let lines = lines.into_iter().map(|line| Line::new(Tone::Name, line)).collect();
                    Item { lines, place }
                });
                let mut items: Vec<Item> = items.collect();
                if items.is_empty() {
                    items.push(Item::default());
                }
                // What to do is no item of its own, and is read after the last one.
                let last = items.last_mut().into_iter();
                last.for_each(|last| last.lines.extend(advice(*code, message, asks)));
                let title = format!("refused ({})", code.name());
                Some(Self { title, items, selected: 0, asks })
            }
            _ => None,
        }
    }

    /// Looks at another item, so many later.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.items.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// Where the item that is looked at stands.
    pub(super) fn place(&self) -> Option<&Place> {
        self.items.get(self.selected).and_then(|item| item.place.as_ref())
    }

    /// Every line, one item below the other.
    pub(super) fn all_lines(self) -> impl Iterator<Item = Line> {
        self.items.into_iter().flat_map(|item| item.lines)
    }
}

fn advice(code: RefusalCode, message: &str, asks: bool) -> Vec<Line> {
    let keeps = if asks { ", Esc keeps what runs" } else { "" };
    vec![
        Line::new(Tone::Bad, format!("refused: {message}")),
        Line::labelled("why:", refusals::reason(code)),
        Line::labelled("so:", "the program runs on as it was"),
        Line::labelled(
            "next:",
            &format!("R restarts with the edit{keeps}; taking it back keeps the state"),
        ),
    ]
}

fn diagnostic(one: &Diagnostic, base: &Path) -> Item {
    let bad = if one.level == "error" { Tone::Bad } else { Tone::Notice };
    let text = phrases::rendered(one, base);
    let lines = text.lines().enumerate().map(|(index, line)| {
        let start = line.trim_start();
        let tone = match () {
            () if index == 0 => bad,
            () if start.starts_with("--> ") || start.starts_with("::: ") => Tone::Name,
            () if start.starts_with('|') && start.contains('^') => bad,
            () if start.starts_with("= ") => Tone::Faint,
            () => Tone::Plain,
        };
        Line::new(tone, line)
    });
    let is_placed = !one.file.as_os_str().is_empty();
    let place = Place { file: one.file.clone(), line: one.line, column: one.column };
    let blank = std::iter::once(Line::default());
    Item { lines: lines.chain(blank).collect(), place: is_placed.then_some(place) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::Item as Refused;

    fn one(level: &str, line: u32) -> Diagnostic {
        Diagnostic {
            file: "/w/src/main.rs".into(),
            line,
            column: 5,
            level: level.into(),
            message: "no".into(),
            rendered: format!("{level}: no\n --> src/main.rs:{line}:5\n  |\n3 | x\n  | ^\n"),
        }
    }

    #[test]
    fn errors_come_before_warnings_and_one_can_go_through_them() {
        let diagnostics = vec![one("warning", 1), one("error", 2), one("error", 3)];
        let event = Event::CompileError { diagnostics };
        let mut problem = Problem::of(&event, Path::new("/w"), true).unwrap();
        let place = |problem: &Problem| problem.place().map(|place| place.line);
        assert_eq!(problem.title, "compile error: 2 errors, 1 warning");
        assert_eq!(place(&problem), Some(2));
        problem.step(1);
        assert_eq!(place(&problem), Some(3));
        problem.step(9);
        assert_eq!(place(&problem), Some(1));
        assert_eq!(problem.items[0].lines[0], Line::new(Tone::Bad, "error: no"));
        assert!(!problem.asks, "a restart would not compile either");
    }

    #[test]
    fn a_refusal_names_what_to_press() {
        let item = Refused {
            name: "game::State.n".into(),
            was: "u32 at 0".into(),
            now: "u64 at 0".into(),
            file: Some("/w/src/main.rs".into()),
            line: Some(3),
        };
        let (code, message) = (RefusalCode::LayoutChanged, "another layout".to_owned());
        let event = Event::Refused { code, items: vec![item], message };
        let problem = Problem::of(&event, Path::new("/w"), true).unwrap();
        assert_eq!(problem.place().map(|place| place.line), Some(3));
        let text: Vec<String> = problem.all_lines().map(|line| line.text).collect();
        assert_eq!(text[0], "src/main.rs:3: game::State.n: u32 at 0 -> u64 at 0");
        assert!(text.iter().any(|line| line.contains("R restarts")), "{text:?}");
    }
}
