//! What is to be seen in the place of a program that does not run yet: how far its build is.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line;
use super::look::Look;
use crate::tui::app::App;
use crate::tui::status::{Build, Program};
use crate::tui::text::Tone;

/// Columns of the bar, where there is room for them.
const BAR: u16 = 40;

/// Draws it, while there is nothing of a program to be seen. What cargo says last is above what it said
/// before.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, look: Look, now: Instant) {
    let build = app.status.build(now).filter(|_| app.status.program == Program::None);
    let Some(Build { what, seconds, steps, note, lines }) = build.filter(|_| area.width > 4) else {
        return;
    };
    let mut rows = area.rows().map(|row| Rect { x: row.x + 2, width: row.width - 3, ..row });
    let mut next = |from: usize| rows.nth(from).unwrap_or_default();
    let at = line::put(buffer, next(1), &format!("building {what}"), look.style(Tone::Title));
    line::put(buffer, at, &format!("  {seconds:.1} s"), Style::default());
    let mut row = next(1);
    let under_way = steps.map(|(done, all, under_way)| {
        gauge(buffer, row, (done, all), look);
        row = next(0);
        under_way
    });
    let text = match (note, under_way) {
        (Some(note), _) => note.to_owned(),
        (None, Some("")) => String::new(),
        (None, Some(under_way)) => format!("now: {under_way}"),
        (None, None) => "cargo has not begun to compile".into(),
    };
    line::put_cut(buffer, row, &text, Style::default(), look);
    next(0);
    for (text, row) in lines.zip(rows) {
        line::put_cut(buffer, row, text, look.style(Tone::Faint), look);
    }
}

/// A bar, and how many of cargo's steps are done.
fn gauge(buffer: &mut Buffer, row: Rect, (done, all): (u32, u32), look: Look) {
    let text = format!("  {done} of {all} steps");
    let columns = row.width.saturating_sub(text.len() as u16).min(BAR);
    let full = u32::from(columns) * done.min(all) / all.max(1);
    let at =
        line::put(buffer, row, &look.pick("█", "#").repeat(full as usize), look.style(Tone::Name));
    let rest = (u32::from(columns) - full) as usize;
    let at = line::put(buffer, at, &look.pick("░", ".").repeat(rest), look.style(Tone::Faint));
    line::put(buffer, at, &text, Style::default());
}
