//! What keys have asked of the world, done.

use std::time::Duration;

use crossbeam_channel::bounded;
use rustix::process::Signal;

use super::{Editing, Ui};
use crate::process;
use crate::tui::app::{Action, Mode};
use crate::tui::news::News;
use crate::tui::search::Search;
use crate::tui::status::Program;
use crate::tui::text::Place;
use crate::tui::{editor, encode, terminal};

/// How long an editor may take to end when the session does.
const EDITOR_LIMIT: Duration = Duration::from_secs(1);

impl Ui {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Ask(request) => {
                let answers = self.links.answers.clone();
                let on_done = move |event, done| drop(answers.send(News::Answer(event, done)));
                self.links.remote.ask(request, on_done);
            }
            Action::Type(key) => {
                self.pane.show_newest();
                let bytes = encode::key(key, self.pane.screen().application_cursor());
                self.tty.iter().for_each(|tty| tty.write(bytes.clone()));
            }
            Action::WantQuit => self.want_quit(),
            Action::Quit => self.quit(),
            Action::Suspend => self.suspend(),
            Action::Edit(place) => self.edit(&place),
            Action::Scroll(tenths) => {
                let rows = isize::try_from(self.pane.screen().size().0.get()).unwrap_or(10);
                self.pane.scroll((rows - 1) * tenths / 10);
            }
            Action::Top => self.pane.show(0),
            Action::Bottom => self.pane.show_newest(),
            Action::Search(query) => {
                let lines = self.pane.lines();
                self.search = Search::new(&lines, &query);
                self.app.query = query;
                if self.app.query.is_empty() {
                    self.pane.show_newest();
                }
                self.show_match();
            }
            Action::Match(older) => {
                self.search.step(older);
                self.show_match();
            }
        }
    }

    fn show_match(&mut self) {
        let query = &self.app.query;
        if query.is_empty() {
            return;
        }
        self.app.notice = Some(match self.search.now() {
            Some((line, number, all)) => {
                let notice = format!("{query}: {number} of {all}, n older, N newer");
                self.pane.show(line);
                notice
            }
            None => format!("{query}: not there"),
        });
    }

    /// Quits, but asks where the program runs something that would end with it.
    fn want_quit(&mut self) {
        let names = match self.app.status.program {
            Program::Running(pid) => process::descendants(pid),
            _ => Vec::new(),
        };
        if names.is_empty() { self.quit() } else { self.app.mode = Mode::Quit(names) }
    }

    fn quit(&mut self) {
        self.app.status.end();
        self.links.remote.quit();
    }

    /// Stops all of hotdev. The program is in a session of its own and runs on.
    fn suspend(&mut self) {
        self.input.pause();
        terminal::give_back();
        // To this thread, so that nothing more is done before all of them are stopped.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGTSTP);
        self.take_terminal_back();
    }

    /// Leaves the terminal to an editor. The session and the program go on meanwhile.
    fn edit(&mut self, place: &Place) {
        self.input.pause();
        terminal::give_back();
        terminal::set_lent(true);
        match editor::start(place) {
            Ok(mut child) => {
                let (pid, (ended, end)) = (child.id(), bounded::<()>(0));
                std::thread::spawn(move || {
                    let _ = child.wait();
                    drop(ended);
                });
                self.editing = Some(Editing { pid, end });
            }
            Err(error) => {
                self.take_terminal_back();
                self.app.notice = Some(format!("the editor does not start: {error}; set EDITOR"));
            }
        }
    }

    /// Ends the editor, which puts the terminal right.
    pub(super) fn end_editor(&mut self) {
        if let Some(editing) = self.editing.take() {
            process::signal(editing.pid, Signal::TERM);
            let _ = editing.end.recv_timeout(EDITOR_LIMIT);
        }
    }

    pub(super) fn take_terminal_back(&mut self) {
        self.editing = None;
        terminal::set_lent(false);
        if let Err(error) = terminal::take(self.app.setup.notify) {
            tracing::error!(%error, "the terminal is not to be had again");
        }
        self.input.resume();
        let _ = self.canvas.clear();
        self.draw_now();
    }
}
