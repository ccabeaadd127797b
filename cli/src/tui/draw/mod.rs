//! From the model to a frame. Knows nothing of sessions and terminals: it fills cells.

mod bars;
mod build;
mod help;
pub(super) mod layout;
mod line;
mod look;
mod pane;
mod panel;
#[cfg(test)]
mod tests;
mod timeline;

use std::time::Instant;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::{App, Mode, Panel};
use super::pane::Pane;
use layout::{Areas, Wanted};
pub(super) use look::Look;
pub(super) use panel::View;

/// Whether details or a problem are to be read.
pub(super) fn is_open(app: &App) -> bool {
    match app.panel {
        Panel::Timeline => false,
        Panel::Details => !app.details.is_empty(),
        Panel::Problem => app.problem.is_some(),
    }
}

/// Rows of the list of keys for which there is no room.
pub(super) fn hidden_keys(screen: Rect) -> usize {
    help::hidden(screen)
}

/// What is in view of the panel that is read, in a terminal of this size.
pub(super) fn view(screen: Rect, app: &App) -> View {
    panel::view(areas(screen, app).panel, app)
}

/// Where everything is, in a terminal of this size.
pub(super) fn areas(screen: Rect, app: &App) -> Areas {
    layout::areas(screen, Wanted { zoomed: app.zoomed, is_open: is_open(app), tall: app.tall })
}

/// Draws everything.
pub(super) fn frame(frame: &mut Frame<'_>, app: &App, pane: &Pane, look: Look, now: Instant) {
    let screen = frame.area();
    let areas = areas(screen, app);
    let buffer = frame.buffer_mut();
    let cursor = pane::draw(buffer, areas.pane, pane, &app.query);
    build::draw(buffer, areas.pane, app, look, now);
    edge(buffer, areas.edge, look);
    timeline::draw(buffer, &areas, app, look);
    panel::draw(buffer, &areas, app, look);
    bars::status(buffer, areas.status, app, look, now);
    let typed = bars::keys(buffer, areas.keys, app, pane, look);
    if let Mode::Help(from) = app.mode {
        help::draw(buffer, screen, from, look);
    }
    let cursor = if app.mode == Mode::Typing { cursor } else { typed };
    if let Some((x, y)) = cursor {
        frame.set_cursor_position(Position { x, y });
    }
}

fn edge(buffer: &mut Buffer, area: Rect, look: Look) {
    for y in area.top()..area.bottom() {
        let style = look.style(super::text::Tone::Faint);
        line::put(buffer, Rect::new(area.x, y, area.width, 1), look.vertical(), style);
    }
}
