//! The timeline: a row for each thing that happened, with the stages of a save as a bar.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::layout::Areas;
use super::line;
use super::look::{Look, Stage};
use crate::report::Said;
use crate::report::event::{Event, Timings};
use crate::tui::app::{App, Panel};
use crate::tui::text::{Tone, took};
use crate::tui::timeline::Entry;

/// Columns of a bar, in a narrow panel and in a wide one.
const BAR: (u16, u16) = (12, 16);

/// Where the title says that there are newer entries: after its word.
const NEWER: u16 = 15;

/// Draws the rows around the selected one, the newest below.
pub(super) fn draw(buffer: &mut Buffer, areas: &Areas, app: &App, look: Look) {
    let area = areas.timeline;
    if area.is_empty() {
        return;
    }
    let tone = if app.panel == Panel::Timeline { Tone::Title } else { Tone::Faint };
    line::rule(buffer, areas.timeline_title, "generations", tone, look);
    legend(buffer, areas.timeline_title, look);
    newer(buffer, areas.timeline_title, NEWER, app, look);
    let (entries, selected) = (&app.timeline.entries, app.timeline.selected);
    let height = usize::from(area.height);
    // The newest entries, or those up to the selected one and a few after it.
    let end = (selected + 1 + height / 3).max(height).min(entries.len());
    let start = end.saturating_sub(height);
    for (y, index) in (start..end).enumerate() {
        let row = Rect::new(area.x, area.y + y as u16, area.width, 1);
        entry(buffer, row, &entries[index], app, index == selected, look);
    }
}

/// Says from column `from` on that newer entries are not selected, and how to get there: the timeline
/// does not follow.
pub(super) fn newer(buffer: &mut Buffer, area: Rect, from: u16, app: &App, look: Look) {
    let newer = app.timeline.newer();
    if newer > 0 && area.width > from + 1 {
        let at = Rect { x: area.x + from, width: area.width - from - 1, ..area };
        let text = format!(" {newer} newer: G or End follows ");
        line::put_cut(buffer, at, &text, look.badge(Tone::Notice), look);
    }
}

/// Which part of a bar is which stage, at the right end of the rule.
fn legend(buffer: &mut Buffer, area: Rect, look: Look) {
    let stages = [
        (Stage::Rustc, "rustc"),
        (Stage::Check, "check"),
        (Stage::Link, "link"),
        (Stage::Load, "load"),
    ];
    let width: u16 = stages.iter().map(|(_, name)| name.len() as u16 + 3).sum::<u16>() + 1;
    if area.width < width + 20 {
        return;
    }
    let mut at = Rect { x: area.right() - width - 1, width, ..area };
    at = line::put(buffer, at, " ", look.style(Tone::Plain));
    for (stage, name) in stages {
        let (shape, style) = look.stage(stage);
        at = line::put(buffer, at, shape, style);
        at = line::put(buffer, at, &format!(" {name} "), look.style(Tone::Faint));
    }
}

fn entry(buffer: &mut Buffer, row: Rect, entry: &Entry, app: &App, selected: bool, look: Look) {
    let current = app.status.current();
    let is_current = current.is_some() && entry.number() == current && !entry.is_left;
    let pointer = if selected { look.pointer() } else { " " };
    let mut at = line::put(buffer, row, pointer, look.style(Tone::Title));
    let number = entry.number().map(|number| number.to_string()).unwrap_or_default();
    let mark = if is_current { "*" } else { " " };
    at = line::put(buffer, at, &format!("{number:>4}{mark} "), look.style(number_tone(entry)));
    at = line::put(buffer, at, &format!("{}  ", entry.time), look.style(Tone::Faint));
    let columns = if row.width >= 76 { BAR.1 } else { BAR.0 };
    if let Some(ms) = entry.timings() {
        at = line::put(buffer, at, &format!("{:>9} ", took(ms.total)), look.style(Tone::Plain));
        let end = at.x + columns + 1;
        for (stage, cells) in bar(ms, app.timeline.longest(), columns) {
            let (shape, style) = look.stage(stage);
            at = line::put(buffer, at, &shape.repeat(usize::from(cells)), style);
        }
        at = Rect { x: end.min(row.right()), width: row.right().saturating_sub(end), ..at };
    }
    let title = entry.title(usize::from(at.width));
    line::put_cut(buffer, at, &title, look.style(rest_tone(entry)), look);
    if selected {
        let style = ratatui::style::Style::default().add_modifier(Modifier::BOLD);
        buffer.set_style(row, style);
    }
}

fn number_tone(entry: &Entry) -> Tone {
    if entry.is_left { Tone::Faint } else { Tone::Good }
}

fn rest_tone(entry: &Entry) -> Tone {
    match &entry.said {
        _ if entry.is_left => Tone::Faint,
        Said::Error { .. } | Said::Event(Event::Refused { .. } | Event::CompileError { .. }) => {
            Tone::Bad
        }
        Said::Event(Event::Exited { .. }) => Tone::Bad,
        Said::Event(Event::Warning { .. } | Event::Warnings { .. } | Event::RolledBack { .. }) => {
            Tone::Notice
        }
        Said::Event(_) => Tone::Plain,
    }
}

/// How many columns each stage has in a bar, of which the longest save fills all.
fn bar(ms: &Timings, longest: f64, columns: u16) -> Vec<(Stage, u16)> {
    let stages = [
        (Stage::Detect, ms.detect),
        (Stage::Rustc, ms.rustc),
        (Stage::Check, ms.check),
        (Stage::Link, ms.link),
        (Stage::Load, ms.load),
    ];
    let scale = f64::from(columns) / longest.max(1.0);
    let (mut spent, mut filled) = (0.0, 0);
    let mut cells = Vec::new();
    for (stage, time) in stages {
        spent += time.max(0.0);
        let end = ((spent * scale).round() as u16).min(columns);
        cells.push((stage, end.saturating_sub(filled)));
        filled = end.max(filled);
    }
    if filled == 0 {
        // However quick, it took some time, and most of it was rustc's.
        cells = vec![(Stage::Rustc, 1)];
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_the_save_took() {
        let ms =
            Timings { detect: 0.0, rustc: 80.0, check: 4.0, link: 12.0, load: 4.0, total: 100.0 };
        let cells = |longest| {
            let cells = bar(&ms, longest, 20);
            let all: u16 = cells.iter().map(|(_, cells)| cells).sum();
            (cells[1], all)
        };
        assert_eq!(cells(100.0), ((Stage::Rustc, 16), 20));
        assert_eq!(cells(200.0), ((Stage::Rustc, 8), 10));
        assert_eq!(bar(&ms, 1e6, 20), [(Stage::Rustc, 1)]);
    }
}
