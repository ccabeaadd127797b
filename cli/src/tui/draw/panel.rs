//! The panel that is read: details of an entry, or what is wrong with the last save.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::Areas;
use super::line;
use super::look::Look;
use super::timeline;
use crate::tui::app::{App, Panel};
use crate::tui::text::{Line, Tone};

/// Draws it, where there is room for it.
pub(super) fn draw(buffer: &mut Buffer, areas: &Areas, app: &App, look: Look) {
    if areas.panel.is_empty() {
        return;
    }
    match (&app.problem, app.panel) {
        (Some(problem), Panel::Problem) => {
            let number = problem.selected + 1;
            let title = match problem.items.len() {
                0 | 1 => problem.title.clone(),
                all => format!("{} ({number} of {all})", problem.title),
            };
            line::rule(buffer, areas.panel_title, &title, Tone::Bad, look);
            let lines = problem.items.iter().enumerate().flat_map(|(index, item)| {
                let is_selected = index == problem.selected;
                item.lines.iter().map(move |line| (line, is_selected))
            });
            read(buffer, areas.panel, lines, app.scroll, look);
        }
        _ => {
            let is_read = app.panel == Panel::Details;
            let tone = if is_read { Tone::Title } else { Tone::Faint };
            let mut lines = app.details.iter();
            let title = lines.next().map_or("details", |line| line.text.as_str());
            line::rule(buffer, areas.panel_title, title, tone, look);
            if areas.timeline.is_empty() {
                let from = line::width(title) as u16 + 4;
                timeline::newer(buffer, areas.panel_title, from, app, look);
            }
            let from = Some(app.scroll.filter(|_| is_read).unwrap_or_default());
            read(buffer, areas.panel, lines.map(|line| (line, false)), from, look);
        }
    }
}

/// Draws lines, wrapped, from row `from`; where that is nothing, so that the selected ones show.
fn read<'a>(
    buffer: &mut Buffer,
    area: Rect,
    lines: impl Iterator<Item = (&'a Line, bool)>,
    from: Option<usize>,
    look: Look,
) {
    let columns = usize::from(area.width).saturating_sub(2);
    let mut rows: Vec<(usize, &str, Tone, bool)> = Vec::new();
    let (mut first, mut last) = (None, 0);
    for (line, is_selected) in lines {
        if is_selected {
            first = first.or(Some(rows.len()));
        }
        let hang = line.hang.min(columns / 2);
        for (index, piece) in line::wrap(&line.text, columns, hang).into_iter().enumerate() {
            rows.push((if index == 0 { 0 } else { hang }, piece, line.tone, is_selected));
        }
        if is_selected {
            last = rows.len();
        }
    }
    let height = usize::from(area.height);
    let most = rows.len().saturating_sub(height);
    // All of the selected item, or its beginning.
    let follow = first.map_or(0, |first| if last <= height { 0 } else { first.min(most) });
    let from = from.map_or(follow, |from| from.min(most));
    for (y, (indent, text, tone, is_selected)) in rows.iter().skip(from).take(height).enumerate() {
        let row = Rect::new(area.x, area.y + y as u16, area.width, 1);
        let is_first = first == Some(from + y) && *is_selected;
        let mark = if is_first { look.pointer() } else { " " };
        let rest = line::put(buffer, row, mark, look.style(Tone::Title));
        let rest = line::put(buffer, rest, &" ".repeat(*indent), look.style(Tone::Plain));
        line::put(buffer, rest, text, look.style(*tone));
    }
    if rows.len() > from + height && area.width > 8 {
        let more = format!(" {} more ", rows.len() - from - height);
        let x = area.right().saturating_sub(more.len() as u16 + 1);
        let row = Rect::new(x, area.bottom() - 1, area.right() - x, 1);
        line::put(buffer, row, &more, look.badge(Tone::Faint));
    }
}
