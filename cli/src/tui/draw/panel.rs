//! The panel that is read: details of an entry, or what is wrong with the last save.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::Areas;
use super::line;
use super::look::Look;
use super::timeline;
use crate::tui::app::{App, Panel};
use crate::tui::problem::Problem;
use crate::tui::text::{Line, Tone};

/// How much of what is read is in view, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::tui) struct View {
    /// The first that is.
    pub from: usize,
    /// The last that can be the first.
    pub most: usize,
    /// How many there is room for.
    pub height: usize,
}

/// One row of it.
struct Row<'a> {
    indent: usize,
    text: &'a str,
    tone: Tone,
    is_selected: bool,
}

/// Draws it, where there is room for it.
pub(super) fn draw(buffer: &mut Buffer, areas: &Areas, app: &App, look: Look) {
    if areas.panel.is_empty() {
        return;
    }
    match problem(app) {
        Some(problem) => {
            let number = problem.selected + 1;
            let title = match problem.items.len() {
                0 | 1 => problem.title.clone(),
                all => format!("{} ({number} of {all})", problem.title),
            };
            line::rule(buffer, areas.panel_title, &title, Tone::Bad, look);
        }
        None => {
            let is_read = app.panel == Panel::Details;
            let tone = if is_read { Tone::Title } else { Tone::Faint };
            let title = app.details.first().map_or("details", |line| line.text.as_str());
            line::rule(buffer, areas.panel_title, title, tone, look);
            if areas.timeline.is_empty() {
                let from = line::width(title) as u16 + 4;
                timeline::newer(buffer, areas.panel_title, from, app, look);
            }
        }
    }
    read(buffer, areas.panel, app, look);
}

/// What of it is in view in an area of this size.
pub(super) fn view(area: Rect, app: &App) -> View {
    view_of(&rows(area, app), area, app)
}

/// The problem, where that is what is read.
fn problem(app: &App) -> Option<&Problem> {
    app.problem.as_ref().filter(|_| app.panel == Panel::Problem)
}

/// What is read, wrapped.
fn rows(area: Rect, app: &App) -> Vec<Row<'_>> {
    let columns = usize::from(area.width).saturating_sub(2);
    let mut rows = Vec::new();
    let lines: Vec<(&Line, bool)> = match problem(app) {
        Some(problem) => problem.lines().collect(),
        None => app.details.iter().skip(1).map(|line| (line, false)).collect(),
    };
    for (line, is_selected) in lines {
        let hang = line.hang.min(columns / 2);
        let pieces = line::wrap(&line.text, columns, hang).into_iter().enumerate();
        rows.extend(pieces.map(|(index, text)| {
            let indent = if index == 0 { 0 } else { hang };
            Row { indent, text, tone: line.tone, is_selected }
        }));
    }
    rows
}

fn view_of(rows: &[Row<'_>], area: Rect, app: &App) -> View {
    let height = usize::from(area.height);
    let most = rows.len().saturating_sub(height);
    let first = rows.iter().position(|row| row.is_selected);
    let last = rows.iter().rposition(|row| row.is_selected).map_or(0, |last| last + 1);
    // All of the selected item, or its beginning.
    let follow = first.map_or(0, |first| if last <= height { 0 } else { first });
    let scroll = app.scroll.filter(|_| app.panel != Panel::Timeline);
    View { from: scroll.unwrap_or(follow).min(most), most, height }
}

fn read(buffer: &mut Buffer, area: Rect, app: &App, look: Look) {
    let rows = rows(area, app);
    let view = view_of(&rows, area, app);
    let first = rows.iter().position(|row| row.is_selected);
    let seen = rows.iter().enumerate().skip(view.from).take(view.height);
    for (y, (index, Row { indent, text, tone, .. })) in seen.enumerate() {
        let row = Rect::new(area.x, area.y + y as u16, area.width, 1);
        let mark = if first == Some(index) { look.pointer() } else { " " };
        let rest = line::put(buffer, row, mark, look.style(Tone::Title));
        let rest = line::put(buffer, rest, &" ".repeat(*indent), look.style(Tone::Plain));
        line::put(buffer, rest, text, look.style(*tone));
    }
    if view.from < view.most && area.width > 30 {
        let key = if app.panel == Panel::Timeline { "d reads it" } else { "PgDn" };
        let more = format!(" {} more, {key} ", view.most - view.from);
        let x = area.right().saturating_sub(more.len() as u16 + 1);
        let row = Rect::new(x, area.bottom() - 1, area.right() - x, 1);
        line::put(buffer, row, &more, look.badge(Tone::Faint));
    }
}
