//! A list in the terminal: a program that has the whole terminal, for `hotdev run`.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};

mod app;
mod view;

use app::App;

/// How long it waits for a key before it draws again: new code is to be seen after that.
const WAIT: Duration = Duration::from_millis(100);

fn main() -> io::Result<()> {
    // Leaves the terminal as it was, also after a panic.
    ratatui::run(|terminal| show(terminal, &mut App::default()))
}

fn show(terminal: &mut DefaultTerminal, app: &mut App) -> io::Result<()> {
    while !app.is_done() {
        terminal.draw(|frame| view::draw(frame, app))?;
        if event::poll(WAIT)?
            && let Event::Key(key) = event::read()?
            && key.is_press()
        {
            app.press(key.code);
        }
    }
    Ok(())
}
