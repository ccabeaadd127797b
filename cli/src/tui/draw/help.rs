//! The list of all keys, over everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line;
use super::look::Look;
use crate::tui::keys;
use crate::tui::text::Tone;

/// Columns of the keys' names, and of it all.
const COLUMNS: (u16, u16) = (13, 76);

/// Draws it in the middle.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, look: Look) {
    let height = (keys::ALL.len() as u16 + 3).min(screen.height);
    let width = COLUMNS.1.min(screen.width);
    let (x, y) = ((screen.width - width) / 2, (screen.height - height) / 2);
    let area = Rect::new(x, y, width, height);
    for row in area.rows() {
        let blank = " ".repeat(usize::from(width));
        line::put(buffer, row, &blank, Style::reset());
    }
    let row = |index: u16| Rect::new(x, y + index, width, u16::from(index < height));
    line::rule(buffer, row(0), "keys", Tone::Title, look);
    for (index, key) in keys::ALL.iter().enumerate().take(usize::from(height).saturating_sub(1)) {
        let row = row(index as u16 + 1);
        let name = Rect { x: row.x + 1, width: COLUMNS.0.min(row.width), ..row };
        line::put(buffer, name, key.name, look.style(Tone::Title));
        let used = (COLUMNS.0 + 2).min(row.width);
        let long = Rect { x: row.x + used, width: row.width - used, ..row };
        line::put_cut(buffer, long, key.long, Style::default(), look);
    }
    let end = row(height.saturating_sub(1));
    line::rule(buffer, end, "any key closes this", Tone::Faint, look);
}
