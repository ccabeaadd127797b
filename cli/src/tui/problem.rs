//! What stands between a save and the program: compile errors or a refusal, one item after another.

use std::ops::Range;
use std::path::Path;

use super::text::{Line, Place, Tone};
use crate::report::event::{Diagnostic, Event, RefusalCode};
use crate::report::{phrases, refusals};

/// From so many items on what is read after them would be out of view.
const MANY: usize = 6;

/// The last verdict, where it was not good.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// What it is, in a few words.
    pub title: String,
    pub items: Vec<Item>,
    /// What to do about all of them.
    advice: Vec<Line>,
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
                Some(Self { title, items, ..Self::default() })
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
                let title = format!("refused ({})", code.name());
                let advice = advice(*code, message, asks);
                Some(Self { title, items: items.collect(), advice, selected: 0, asks })
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

    /// Every line, one item below the other, and whether it is of the item that is looked at. What to
    /// do is read after the items that stand in the sources, and before them where they are many; what
    /// has only changed with them comes last.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Line, bool)> {
        let placed = self.items.iter().take_while(|item| item.place.is_some()).count();
        let before = if placed == 0 { self.items.len() } else { placed };
        let before = if before > MANY { 0 } else { before };
        let advice = self.advice.iter().map(|line| (line, false));
        self.lines_of(0..before).chain(advice).chain(self.lines_of(before..self.items.len()))
    }

    fn lines_of(&self, range: Range<usize>) -> impl Iterator<Item = (&Line, bool)> {
        range.flat_map(|index| {
            let is_selected = index == self.selected;
            self.items[index].lines.iter().map(move |line| (line, is_selected))
        })
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
    fn every_item_of_a_refusal_can_be_looked_at() {
        let item = |number| Refused { name: format!("game::T{number}"), ..Refused::default() };
        let mut items: Vec<Refused> = (0..40).map(item).collect();
        items[39].file = Some("/w/src/main.rs".into());
        let (code, message) = (RefusalCode::LayoutChanged, "another layout".to_owned());
        let event = Event::Refused { code, items, message };
        let mut problem = Problem::of(&event, Path::new("/w"), true).unwrap();
        assert_eq!(problem.items.len(), 40);
        let text = |problem: &Problem| -> Vec<String> {
            problem.lines().map(|(line, _)| line.text.clone()).collect()
        };
        assert!(text(&problem)[0].ends_with("game::T39"), "the one in the sources");
        assert_eq!(text(&problem)[1], "refused: another layout");
        assert_eq!(problem.place().map(|place| place.line), Some(1));
        problem.step(99);
        let selected: Vec<&str> =
            problem.lines().filter(|(_, is)| *is).map(|(line, _)| line.text.as_str()).collect();
        assert_eq!(selected, ["game::T38"]);
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
        let text: Vec<&str> = problem.lines().map(|(line, _)| line.text.as_str()).collect();
        assert_eq!(text[0], "src/main.rs:3: game::State.n: u32 at 0 -> u64 at 0");
        assert!(text.iter().any(|line| line.contains("R restarts")), "{text:?}");
    }
}
