//! The program's screen, cell by cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::tui::pane::Pane;
use crate::tui::search;

/// Draws the part of the screen that fits; returns where its cursor is, if that is to be seen.
///
/// `query` is marked wherever it stands.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    pane: &Pane,
    query: &str,
) -> Option<(u16, u16)> {
    let screen = pane.screen();
    let (rows, columns) = screen.size();
    let (row, column) = screen.cursor_position();
    let first = first_row(rows.get(), area.height, row, pane.scrolled() > 0);
    let width = area.width.min(columns.get());
    for y in 0..area.height.min(rows.get() - first) {
        for x in 0..width {
            let Some(cell) = screen.cell(first + y, x) else { continue };
            let Some(target) = buffer.cell_mut((area.x + x, area.y + y)) else { continue };
            if cell.is_wide_continuation() {
                continue;
            }
            target.set_symbol(if cell.has_contents() { cell.contents() } else { " " });
            target.set_style(style(cell));
        }
        mark(buffer, Rect::new(area.x, area.y + y, width, 1), pane, first + y, query);
    }
    let is_seen = row >= first && row - first < area.height && column < area.width;
    let shows = is_seen && !screen.hide_cursor() && pane.scrolled() == 0;
    shows.then(|| (area.x + column, area.y + row - first))
}

/// The first row that is seen where not all are: the cursor's row is among them.
fn first_row(rows: u16, seen: u16, cursor: u16, is_scrolled: bool) -> u16 {
    let most = rows.saturating_sub(seen);
    if is_scrolled { most } else { (cursor + 1).saturating_sub(seen).min(most) }
}

/// Marks what is searched for.
fn mark(buffer: &mut Buffer, row: Rect, pane: &Pane, index: u16, query: &str) {
    if query.is_empty() {
        return;
    }
    let cells: Vec<(u16, &str)> = (0..row.width)
        .filter_map(|x| {
            let cell = pane.screen().cell(index, x).filter(|it| !it.is_wide_continuation())?;
            Some((x, if cell.has_contents() { cell.contents() } else { " " }))
        })
        .collect();
    // One character for each cell, so that a place in the text is a cell.
    let text: String = cells.iter().filter_map(|(_, text)| text.chars().next()).collect();
    let length = query.chars().count();
    for start in search::places(&text, query) {
        for (x, _) in &cells[start..start + length] {
            if let Some(cell) = buffer.cell_mut((row.x + x, row.y)) {
                cell.modifier.toggle(Modifier::REVERSED);
            }
        }
    }
}

fn style(cell: &vt100::Cell) -> Style {
    let mut style = Style::reset().fg(color(cell.fgcolor())).bg(color(cell.bgcolor()));
    for (is_set, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if is_set {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
