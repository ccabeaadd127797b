//! The model: everything that a frame shows but the program's own screen. News and keys change it;
//! what they ask of the world comes back as [`Action`]s.

mod keys;

use std::path::PathBuf;
use std::time::Instant;

use crossterm::event::KeyEvent;

use super::details;
use super::draw::View;
use super::problem::Problem;
use super::screen::Setup;
use super::status::{Program, Status};
use super::text::{Line, Place};
use super::timeline::Timeline;
use crate::control::{Done, Request};
use crate::report::Said;
use crate::report::event::Event;

/// Who gets the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// hotdev.
    #[default]
    Keys,
    /// The program.
    Typing,
    /// The text to search for, as far as it is typed.
    Search(String),
    /// Whether to quit although the program runs these processes.
    Quit(Vec<String>),
    /// The list of keys is shown, from this row on where not all fit.
    Help(usize),
}

/// What the panel beside the program shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Panel {
    #[default]
    Timeline,
    Details,
    Problem,
}

/// What a key asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Of the session.
    Ask(Request),
    /// To type a key into the program.
    Type(KeyEvent),
    /// To end everything, if nothing speaks against it.
    WantQuit,
    /// To end everything.
    Quit,
    /// To stop hotdev until the shell continues it, as Ctrl-Z does anywhere.
    Suspend,
    /// To open the editor.
    Edit(Place),
    /// To move the program's pane so many pages up, in tenths.
    Scroll(isize),
    /// To go to its oldest line.
    Top,
    /// To go to its newest line.
    Bottom,
    /// To search it.
    Search(String),
    /// To go to an older match, or a newer one.
    Match(isize),
}

/// The state.
pub(super) struct App {
    pub setup: Setup,
    /// Files are named from here.
    pub base: PathBuf,
    pub mode: Mode,
    pub panel: Panel,
    pub zoomed: bool,
    /// Whether the timeline has more room.
    pub tall: bool,
    pub status: Status,
    pub timeline: Timeline,
    pub problem: Option<Problem>,
    /// What is searched for in the program's output, to be marked; empty for nothing.
    pub query: String,
    /// Something to be read once: an answer, a result of a search.
    pub notice: Option<String>,
    /// Lines that the panel is scrolled by hand; nothing where it follows what is selected.
    pub scroll: Option<usize>,
    /// Lines of the selected entry.
    pub details: Vec<Line>,
    /// What of the panel is in view, as of the last frame.
    pub view: View,
    /// Rows of the list of keys for which there is no room.
    pub hidden_keys: usize,
}

impl App {
    pub(super) fn new(setup: Setup, base: PathBuf) -> Self {
        Self {
            setup,
            base,
            mode: Mode::default(),
            panel: Panel::default(),
            zoomed: false,
            tall: false,
            status: Status::default(),
            timeline: Timeline::default(),
            problem: None,
            query: String::new(),
            notice: None,
            scroll: None,
            details: Vec::new(),
            view: View::default(),
            hidden_keys: 0,
        }
    }

    /// Takes in what the session says. `time`: as a clock shows it.
    pub(super) fn hear(&mut self, said: &Said, time: String, now: Instant) {
        let asks = self.setup.asks && matches!(self.status.program, Program::Running(_));
        self.status.hear(said, asks, now);
        self.timeline.hear(said, time);
        self.refresh();
        match said {
            Said::Event(event) if event.is_problem() => {
                self.notice = None;
                // While the same edit is being made, one stays where one was.
                let selected = self.problem.take().map_or(0, |problem| problem.selected);
                self.problem = Problem::of(event, &self.base, asks);
                self.problem.iter_mut().for_each(|problem| problem.step(selected as isize));
                if !self.setup.restarts || matches!(event, Event::CompileError { .. }) {
                    self.open(Panel::Problem);
                }
            }
            Said::Event(event) if event.is_solution() => self.solved(),
            // The files are what they were: what is wrong with them stays so.
            Said::Event(Event::RolledBack { .. }) => self.notice = None,
            Said::Error { .. } => self.open(Panel::Details),
            Said::Event(Event::Warning { message, .. }) => self.notice = Some(message.clone()),
            Said::Event(_) => {}
        }
    }

    fn solved(&mut self) {
        self.problem = None;
        self.notice = None;
        if self.panel == Panel::Problem {
            self.open(Panel::Timeline);
        }
    }

    /// Takes in how something that was asked for has ended.
    pub(super) fn answered(&mut self, event: Option<Event>, done: Done) {
        self.notice = match (done.message, done.hint) {
            (Some(message), Some(hint)) => Some(format!("{message}; {hint}")),
            (None, None) if matches!(event, Some(Event::Unchanged { .. })) => {
                Some("nothing to apply: the program runs the files as they are".into())
            }
            (message, hint) => message.or(hint),
        };
    }

    /// Whether the last refusal is a question that was not answered yet.
    pub(super) fn asks(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.asks)
    }

    fn open(&mut self, panel: Panel) {
        (self.panel, self.scroll) = (panel, None);
    }

    fn refresh(&mut self) {
        let entry = self.timeline.entry();
        self.details = entry.map(|entry| details::lines(entry, &self.base)).unwrap_or_default();
    }
}

#[cfg(test)]
pub(in crate::tui) mod tests;
