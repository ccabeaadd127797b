//! How it looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style};
use ratatui::widgets::{Block, List, ListState};

use crate::app::{App, Item};

/// Draws everything. Change the title or the colour: it is there with the next frame.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let rows = [Constraint::Fill(1), Constraint::Length(1)];
    let [middle, bottom] = Layout::vertical(rows).areas(frame.area());
    let list = List::new(app.shown().map(row))
        .block(Block::bordered().title(" fruit "))
        .highlight_style(Style::new().fg(Color::Black).bg(Color::Cyan));
    let mut state = ListState::default().with_selected(Some(app.selected()));
    frame.render_stateful_widget(list, middle, &mut state);
    frame.render_widget(help(app), bottom);
}

/// One row of the list.
fn row(item: &Item) -> String {
    format!("{:>4}  {}", item.count, item.name)
}

/// The lower line.
fn help(app: &App) -> String {
    match app.filter() {
        Some(filter) => format!(" /{filter}   Enter keep it, Esc all"),
        None => " Enter count, j/k or arrows select, / filter, q quit".to_owned(),
    }
}
