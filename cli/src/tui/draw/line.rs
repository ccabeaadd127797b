//! Text in rows: cut, wrapped, one part beside the other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::Look;
use crate::tui::text::Tone;

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Writes a text into the first row of `area`, cut where it ends; returns what is left of the row.
pub(super) fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> Rect {
    if area.is_empty() {
        return area;
    }
    let (x, _) = buffer.set_stringn(area.x, area.y, text, usize::from(area.width), style);
    Rect { x, width: area.right().saturating_sub(x), ..area }
}

/// The same, with an ellipsis where it is cut.
pub(super) fn put_cut(
    buffer: &mut Buffer,
    area: Rect,
    text: &str,
    style: Style,
    look: Look,
) -> Rect {
    if width(text) <= usize::from(area.width) || area.width < 2 {
        return put(buffer, area, text, style);
    }
    let rest = put(buffer, Rect { width: area.width - 1, ..area }, text, style);
    put(buffer, Rect { width: area.right() - rest.x, ..rest }, look.ellipsis(), style)
}

/// The end of a path, with an ellipsis before it, where there is no room for all of it: what it is
/// called matters more than where it is.
pub(super) fn last_part(path: &str, columns: usize, look: Look) -> String {
    if width(path) <= columns {
        return path.to_owned();
    }
    let room = columns.saturating_sub(1);
    let fits = |(at, _): &(usize, char)| width(&path[*at..]) <= room;
    let start = path.char_indices().find(fits).map_or(path.len(), |(at, _)| at);
    format!("{}{}", look.ellipsis(), &path[start..])
}

/// A rule over the width of `area` with a title in it.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, title: &str, tone: Tone, look: Look) {
    if area.is_empty() {
        return;
    }
    let faint = look.style(Tone::Faint);
    put(buffer, area, &look.horizontal().repeat(usize::from(area.width)), faint);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if !title.is_empty() && inner.width > 4 {
        let title = format!(" {title} ");
        put_cut(buffer, inner, &title, look.style(tone), look);
    }
}

/// A text in pieces of at most `columns`, broken between words where there are some; pieces after
/// the first leave room to be set in by `hang`.
pub(super) fn wrap(text: &str, columns: usize, hang: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let hang = if pieces.is_empty() { 0 } else { hang };
        let columns = columns.saturating_sub(hang).max(1);
        if width(rest) <= columns {
            break;
        }
        let mut end = 0;
        for (at, c) in rest.char_indices() {
            if width(&rest[..at + c.len_utf8()]) > columns {
                break;
            }
            end = at + c.len_utf8();
        }
        // A character wider than the whole row has to go somewhere.
        let end = if end == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { end };
        let space = rest[..end].rfind(' ').filter(|at| *at > end / 2).map(|at| at + 1);
        let (piece, after) = rest.split_at(space.unwrap_or(end));
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_the_end_is_kept() {
        let look = Look { colors: true, unicode: true };
        assert_eq!(last_part("game::State.score", 17, look), "game::State.score");
        assert_eq!(last_part("game::State.score", 12, look), "…State.score");
        assert_eq!(last_part("game", 0, look), "…");
    }

    #[test]
    fn text_is_broken_between_words_where_it_can_be() {
        assert_eq!(wrap("one two three", 8, 0), ["one two ", "three"]);
        assert_eq!(wrap("abcdefghij", 4, 0), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語", 4, 0), ["日本", "語"]);
        assert_eq!(wrap("日本", 1, 0), ["日", "本"]);
        assert_eq!(wrap("abcdefghij", 6, 2), ["abcdef", "ghij"]);
        assert_eq!(wrap("", 9, 0), [""]);
    }
}
