//! The list of all keys, over everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line;
use super::look::Look;
use crate::tui::keys;
use crate::tui::text::Tone;

/// Columns of the keys' names, and of it all.
const COLUMNS: (u16, u16) = (13, 74);

/// Draws it in the middle.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, look: Look) {
    let height = (keys::ALL.len() as u16 + 2).min(screen.height);
    let width = COLUMNS.1.min(screen.width);
    let (x, y) = ((screen.width - width) / 2, (screen.height - height) / 2);
    let area = Rect::new(x, y, width, height);
    let faint = look.style(Tone::Faint);
    for row in area.rows() {
        let blank = " ".repeat(usize::from(width).saturating_sub(2));
        let at = line::put(buffer, row, look.vertical(), faint);
        let at = line::put(buffer, at, &blank, Style::reset());
        line::put(buffer, at, look.vertical(), faint);
    }
    let mut rows = area.rows();
    let (first, last) = (rows.next().unwrap_or_default(), rows.next_back().unwrap_or_default());
    line::rule(buffer, first, "keys", Tone::Title, look);
    line::rule(buffer, last, "any key closes this", Tone::Faint, look);
    for (key, row) in keys::ALL.iter().zip(rows) {
        let inner = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
        let name = Rect { width: COLUMNS.0.min(inner.width), ..inner };
        line::put(buffer, name, key.name, look.style(Tone::Title));
        let long = Rect { x: name.right(), width: inner.width - name.width, ..inner };
        line::put_cut(buffer, long, key.long, Style::default(), look);
    }
}
