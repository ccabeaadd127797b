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

/// Draws it in the middle: as many rows as fit, from row `from`.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, from: usize, look: Look) {
    let width = COLUMNS.1.min(screen.width);
    let lines = lines(width);
    let height = (lines.len() as u16 + 2).min(screen.height);
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
    let hidden = hidden(screen);
    let close = if hidden > 0 { "j/k scroll, others close" } else { "any key closes this" };
    line::rule(buffer, last, close, Tone::Faint, look);
    for ((name, text), row) in lines.iter().skip(from.min(hidden)).zip(rows) {
        let inner = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
        let names = Rect { width: COLUMNS.0.min(inner.width), ..inner };
        line::put(buffer, names, name, look.style(Tone::Title));
        let rest = Rect { x: names.right(), width: inner.width - names.width, ..inner };
        line::put(buffer, rest, text, Style::default());
    }
}

/// How many rows of it there is no room for.
pub(super) fn hidden(screen: Rect) -> usize {
    let lines = lines(COLUMNS.1.min(screen.width)).len();
    lines.saturating_sub(usize::from(screen.height.saturating_sub(2)))
}

/// The names of the keys, and what they do, in as many lines as that takes in so many columns.
fn lines(width: u16) -> Vec<(&'static str, &'static str)> {
    let columns = usize::from(width.saturating_sub(COLUMNS.0 + 3));
    let all = keys::ALL.iter().flat_map(|key| {
        let pieces = line::wrap(key.long, columns.max(1), 0).into_iter();
        pieces.enumerate().map(|(index, piece)| (if index == 0 { key.name } else { "" }, piece))
    });
    all.collect()
}
