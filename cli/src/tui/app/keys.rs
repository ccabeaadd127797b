//! What each key does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Action, App, Mode, Panel};
use crate::control::Request;
use crate::tui::problem::Problem;
use crate::tui::status::Program;
use crate::tui::text::Place;

impl App {
    /// Takes in a key.
    pub(in crate::tui) fn key(&mut self, key: KeyEvent) -> Option<Action> {
        self.notice = None;
        match std::mem::take(&mut self.mode) {
            Mode::Typing if is_leave(key) => None,
            Mode::Typing => {
                self.mode = Mode::Typing;
                Some(Action::Type(key))
            }
            Mode::Search(text) => self.search_key(key, text),
            Mode::Quit(_) => match key.code {
                KeyCode::Char('y' | 'Y' | 'q') | KeyCode::Enter => Some(Action::Quit),
                _ if is_interrupt(key) => Some(Action::Quit),
                _ => None,
            },
            Mode::Help(_) if is_interrupt(key) => Some(Action::WantQuit),
            Mode::Help(from) => {
                let to = match key.code {
                    KeyCode::Char('j') | KeyCode::Down => Some(from + 1),
                    KeyCode::Char('k') | KeyCode::Up => Some(from.saturating_sub(1)),
                    _ => None,
                };
                let to = to.filter(|_| self.hidden_keys > 0);
                self.mode = to.map_or(Mode::Keys, |to| Mode::Help(to.min(self.hidden_keys)));
                None
            }
            Mode::Keys => self.own_key(key),
        }
    }

    fn search_key(&mut self, key: KeyEvent, mut text: String) -> Option<Action> {
        match key.code {
            _ if is_interrupt(key) => return None,
            KeyCode::Enter => return Some(Action::Search(text)),
            KeyCode::Esc => return Some(Action::Search(String::new())),
            KeyCode::Backspace if text.pop().is_none() => return None,
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
            KeyCode::Char(c) if is_plain(key) => text.push(c),
            _ => {}
        }
        self.mode = Mode::Search(text);
        None
    }

    fn own_key(&mut self, key: KeyEvent) -> Option<Action> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Some(Action::WantQuit),
                KeyCode::Char('z') => Some(Action::Suspend),
                KeyCode::Char('u') => Some(Action::Scroll(5)),
                KeyCode::Char('d') => Some(Action::Scroll(-5)),
                _ => None,
            };
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            return None;
        }
        match key.code {
            KeyCode::Char('i') => self.type_into_program(),
            KeyCode::Char('?') => self.mode = Mode::Help(0),
            KeyCode::Char('/') => self.mode = Mode::Search(String::new()),
            KeyCode::Char('q') => return Some(Action::WantQuit),
            KeyCode::Char('u') => return Some(Action::Ask(Request::Rollback { generation: None })),
            KeyCode::Char('r') => return Some(self.reload()),
            KeyCode::Char('R') => return Some(Action::Ask(Request::Restart)),
            KeyCode::Char('n') => return Some(Action::Match(1)),
            KeyCode::Char('N') => return Some(Action::Match(-1)),
            KeyCode::Char('g') | KeyCode::Home => return Some(Action::Top),
            KeyCode::Char('G') | KeyCode::End => return Some(self.newest()),
            KeyCode::PageUp => return self.page(-1),
            KeyCode::PageDown => return self.page(1),
            KeyCode::Char('e') => return self.edit(),
            KeyCode::Enter => return self.make_current(),
            KeyCode::Char('t') => self.enlarge(),
            KeyCode::Char('z') => self.zoomed = !self.zoomed,
            KeyCode::Char('d') | KeyCode::Char(' ') => self.open_or_close(Panel::Details),
            KeyCode::Char('p') => self.show_problem(),
            KeyCode::Tab => self.next_panel(),
            KeyCode::Char('k') | KeyCode::Up => self.step(-1),
            KeyCode::Char('j') | KeyCode::Down => self.step(1),
            KeyCode::Char('[') => self.scroll_panel(-3),
            KeyCode::Char(']') => self.scroll_panel(3),
            KeyCode::Esc => return self.close(),
            _ => {}
        }
        None
    }

    fn type_into_program(&mut self) {
        match self.status.program {
            Program::Running(_) => self.mode = Mode::Typing,
            _ => self.notice = Some("the program does not run; R starts it".into()),
        }
    }

    fn reload(&self) -> Action {
        Action::Ask(Request::Reload { files: Vec::new(), base: self.base.clone() })
    }

    fn edit(&mut self) -> Option<Action> {
        let place = self.place().cloned();
        if place.is_none() {
            self.notice = Some("no place to edit: select a generation with a diff".into());
        }
        place.map(Action::Edit)
    }

    /// Where `e` opens the editor.
    pub(in crate::tui) fn place(&self) -> Option<&Place> {
        let problem = self.problem.as_ref().and_then(Problem::place);
        match self.panel {
            Panel::Problem => problem,
            Panel::Details | Panel::Timeline => {
                let change = self.timeline.entry().and_then(|entry| entry.first_change.as_ref());
                change.or(problem)
            }
        }
    }

    fn make_current(&mut self) -> Option<Action> {
        let entry = self.timeline.entry()?;
        let Some(generation) = entry.generation() else {
            self.open(Panel::Details);
            return None;
        };
        if entry.is_past {
            self.notice = Some("that was an earlier run of the program".into());
            return None;
        }
        if entry.is_left {
            self.notice = Some(format!(
                "generation {generation} was left; `r` applies the files as they are now"
            ));
            return None;
        }
        if Some(generation) == self.status.current() {
            self.notice = Some(format!("generation {generation} is current"));
            return None;
        }
        Some(Action::Ask(Request::Rollback { generation: Some(generation) }))
    }

    fn step(&mut self, by: isize) {
        self.scroll = None;
        match (self.panel, &mut self.problem) {
            (Panel::Problem, Some(problem)) => problem.step(by),
            _ => {
                self.timeline.step(by);
                self.refresh();
            }
        }
    }

    /// Of the output, and of the timeline, which follows again.
    fn newest(&mut self) -> Action {
        self.follow();
        Action::Bottom
    }

    fn follow(&mut self) {
        self.timeline.follow();
        self.refresh();
    }

    /// Scrolls what is read, or else the output.
    fn page(&mut self, down: isize) -> Option<Action> {
        if self.panel == Panel::Timeline {
            return Some(Action::Scroll(-10 * down));
        }
        let page = self.view.height.saturating_sub(1).max(1);
        self.scroll_panel(down * page as isize);
        None
    }

    fn scroll_panel(&mut self, by: isize) {
        let from = self.scroll.unwrap_or(self.view.from).saturating_add_signed(by);
        self.scroll = Some(from.min(self.view.most));
    }

    fn open_or_close(&mut self, panel: Panel) {
        self.zoomed = false;
        self.open(if self.panel == panel { Panel::Timeline } else { panel });
    }

    /// Gives the timeline more room, or as little as before. What lies over it goes.
    fn enlarge(&mut self) {
        self.zoomed = false;
        self.tall = self.panel != Panel::Timeline || !self.tall;
        self.open(Panel::Timeline);
    }

    fn show_problem(&mut self) {
        match self.problem {
            Some(_) => self.open_or_close(Panel::Problem),
            None => self.notice = Some("nothing is wrong with the last save".into()),
        }
    }

    fn next_panel(&mut self) {
        self.zoomed = false;
        self.open(match self.panel {
            Panel::Timeline => Panel::Details,
            Panel::Details if self.problem.is_some() => Panel::Problem,
            Panel::Details | Panel::Problem => Panel::Timeline,
        });
    }

    fn close(&mut self) -> Option<Action> {
        let is_open = self.panel != Panel::Timeline || self.tall;
        self.tall &= self.panel != Panel::Timeline;
        if let Some(problem) = self.problem.as_mut().filter(|problem| problem.asks) {
            problem.asks = false;
            self.status.keep();
            self.notice = Some("kept: the program runs on as it was".into());
        }
        self.open(Panel::Timeline);
        if !is_open {
            self.follow();
        }
        (!is_open && !self.query.is_empty()).then(|| Action::Search(String::new()))
    }
}

/// Ctrl-], also as terminals without a name for it send it.
fn is_leave(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char(']' | '5'))
}

fn is_interrupt(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c')
}

fn is_plain(key: KeyEvent) -> bool {
    !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}
