//! The one loop: keys, news and the program's output in, frames out.
//!
//! A frame is drawn at once after a key or news. Output alone is drawn at most every [`FRAME`], and
//! no more of it is taken in between than a part of that time allows: a program that floods its
//! terminal has to wait, as for any terminal, and keys do not.

mod actions;

use std::io::{self, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select_biased};
use crossterm::event::{Event as Input, KeyEventKind};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};

use super::app::{App, Mode};
use super::draw::{self, Look};
use super::input;
use super::news::News;
use super::pane::Pane;
use super::pty::Tty;
use super::screen::{PaneSize, Setup};
use super::search::Search;
use super::terminal::Canvas;
use super::{encode, notify, terminal};
use crate::mishap;
use crate::report::Said;
use crate::report::event::Event;
use crate::session::Remote;

/// The least time between two frames that show nothing but output.
const FRAME: Duration = Duration::from_millis(16);

/// How much of a frame's time goes into taking in output.
const SHARE: Duration = Duration::from_millis(4);

/// What the UI is connected to.
pub(super) struct Links {
    pub remote: Remote,
    pub news: Receiver<News>,
    /// For answers of the session, which come as news.
    pub answers: Sender<News>,
    pub output: Receiver<Vec<u8>>,
    pub size: Arc<PaneSize>,
}

/// An editor that has the terminal.
struct Editing {
    pid: u32,
    /// Closed when it has ended.
    end: Receiver<()>,
}

/// Everything of the loop.
struct Ui {
    app: App,
    pane: Pane,
    tty: Option<Tty>,
    search: Search,
    canvas: Canvas,
    look: Look,
    links: Links,
    input: input::Input,
    keys: Receiver<Input>,
    /// The editor that has the terminal, while one has.
    editing: Option<Editing>,
    is_in_view: bool,
    pace: Pace,
}

/// When to draw, and how much output to take in.
struct Pace {
    is_dirty: bool,
    is_urgent: bool,
    /// When the last frame was drawn.
    drawn: Instant,
    /// When the current stretch of [`FRAME`] began.
    began: Instant,
    /// Time that went into output in it.
    spent: Duration,
}

/// Runs the UI until the session is over.
pub(super) fn run(setup: Setup, links: Links) {
    match Ui::new(setup, links) {
        Ok(mut ui) => ui.run(),
        Err(error) => tracing::error!(%error, "there is no terminal to draw on"),
    }
    terminal::give_back();
}

impl Ui {
    fn new(setup: Setup, links: Links) -> io::Result<Self> {
        let base = std::env::current_dir().unwrap_or_default();
        let (input, keys) = input::Input::start();
        let look = Look::of_environment(setup.colors);
        let now = Instant::now();
        let (is_dirty, is_urgent, spent) = (true, true, Duration::ZERO);
        let pace = Pace { is_dirty, is_urgent, drawn: now, began: now, spent };
        let (rows, columns) = links.size.get();
        let mut ui = Self {
            app: App::new(setup, base),
            pane: Pane::new(rows, columns),
            tty: None,
            search: Search::default(),
            canvas: terminal::canvas()?,
            look,
            links,
            input,
            keys,
            editing: None,
            is_in_view: true,
            pace,
        };
        ui.lay_out();
        Ok(ui)
    }

    fn run(&mut self) {
        loop {
            self.draw_if_due();
            let now = Instant::now();
            if now >= self.pace.began + FRAME {
                (self.pace.began, self.pace.spent) = (now, Duration::ZERO);
            }
            let wait = self
                .next_wake(now)
                .map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(now));
            let none = never();
            let output = if self.pace.spent < SHARE { &self.links.output } else { &none };
            let edited = never();
            let edited = self.editing.as_ref().map_or(&edited, |editing| &editing.end);
            select_biased! {
                recv(self.keys) -> input => match input {
                    Ok(input) => self.take_input(input),
                    // The terminal is gone; the session hears of it by a signal.
                    Err(_) => self.keys = never(),
                },
                recv(self.links.news) -> news => match news {
                    Ok(News::Finish) | Err(_) => return self.end_editor(),
                    Ok(news) => self.take_news(news),
                },
                recv(edited) -> _ => self.take_terminal_back(),
                recv(output) -> bytes => match bytes {
                    Ok(bytes) => self.take_output(&bytes),
                    Err(_) => return,
                },
                default(wait) => self.wake(),
            }
        }
    }

    /// When something is to be done although nothing comes in.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let output = (self.pace.spent >= SHARE).then(|| self.pace.began + FRAME);
        if self.editing.is_some() {
            return output;
        }
        let frame = self.pace.is_dirty.then(|| self.pace.drawn + FRAME);
        [output, frame, self.app.status.next_change(now)].into_iter().flatten().min()
    }

    /// Nothing came in for a while: the clock in the status line may have to be drawn anew.
    fn wake(&mut self) {
        self.pace.is_dirty |= self.app.status.is_working();
    }

    fn draw_if_due(&mut self) {
        let is_due = self.pace.is_urgent || self.pace.drawn.elapsed() >= FRAME;
        if !self.pace.is_dirty || !is_due || self.editing.is_some() || !self.keys.is_empty() {
            return;
        }
        self.lay_out();
        let Some(_right) = terminal::draw_on() else { return };
        let (app, pane, look) = (&self.app, &self.pane, self.look);
        let _ = queue!(stdout(), BeginSynchronizedUpdate);
        let drawn = self.canvas.draw(|frame| draw::frame(frame, app, pane, look, Instant::now()));
        if let Err(error) = drawn {
            tracing::debug!(%error, "the terminal takes no frame");
        }
        let _ = crossterm::execute!(stdout(), EndSynchronizedUpdate);
        self.pace.drawn = Instant::now();
        (self.pace.is_dirty, self.pace.is_urgent) = (false, false);
    }

    fn draw_now(&mut self) {
        (self.pace.is_dirty, self.pace.is_urgent) = (true, true);
    }

    /// Gives the program the size that its pane has now.
    fn lay_out(&mut self) {
        let Ok(size) = self.canvas.size() else { return };
        let area = ratatui::layout::Rect::new(0, 0, size.width, size.height);
        (self.app.hidden_keys, self.app.view) =
            (draw::hidden_keys(area), draw::view(area, &self.app));
        let (rows, columns) = draw::areas(area, &self.app).size;
        if self.links.size.get() != (rows, columns) {
            self.links.size.set(rows, columns);
            self.pane.resize(rows, columns);
            self.tty.iter().for_each(|tty| tty.resize(rows, columns));
        }
    }

    fn take_output(&mut self, bytes: &[u8]) {
        let start = Instant::now();
        let replies = self.pane.feed(bytes);
        if let (Some(tty), false) = (&self.tty, replies.is_empty()) {
            tty.write(replies);
        }
        self.pace.spent += start.elapsed();
        self.pace.is_dirty = true;
    }

    fn take_news(&mut self, news: News) {
        match news {
            News::Said(said) => {
                let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                self.app.hear(&said, time, Instant::now());
                self.tell(&said);
            }
            News::Cargo(line) => self.app.status.cargo(&line),
            News::Edits { generation, edits } => {
                self.app.timeline.edits(generation, &edits, &self.app.base);
            }
            News::Program(tty) => {
                let time = jiff::Zoned::now().strftime("%H:%M:%S");
                self.pane.begin_anew(&format!("{} started at {time}", self.app.setup.program));
                // The terminal may have changed while the program was being started.
                let (rows, columns) = self.links.size.get();
                tty.resize(rows, columns);
                self.tty = Some(tty);
                self.app.status.launched();
            }
            News::Answer(event, done) => self.app.answered(event, done),
            News::Finish => {}
        }
        self.draw_now();
    }

    /// Tells the desktop of a refusal, where that is wanted and hotdev is not in view.
    fn tell(&mut self, said: &Said) {
        let Said::Event(Event::Refused { message, .. }) = said else { return };
        if self.app.setup.notify && !self.is_in_view && self.editing.is_none() {
            let text = format!("{}: refused: {message}", self.app.setup.program);
            let _ = notify::tell(&mut stdout(), &text);
        }
    }

    fn take_input(&mut self, input: Input) {
        match input {
            Input::Key(key) if key.kind != KeyEventKind::Release => {
                let action = self.app.key(key);
                action.into_iter().for_each(|action| self.act(action));
            }
            Input::Paste(text) => self.paste(&text),
            Input::FocusGained => {
                self.is_in_view = true;
                let _ = notify::title(&mut stdout(), &format!("hotdev {}", self.app.setup.program));
            }
            Input::FocusLost => self.is_in_view = false,
            Input::Resize(..) => mishap::at("terminal-ui"),
            Input::Key(_) | Input::Mouse(_) => {}
        }
        self.draw_now();
    }

    fn paste(&mut self, text: &str) {
        match &mut self.app.mode {
            Mode::Typing => {
                let bracketed = self.pane.screen().bracketed_paste();
                self.tty.iter().for_each(|tty| tty.write(encode::paste(text, bracketed)));
            }
            Mode::Search(typed) => typed.extend(text.chars().filter(|c| !c.is_control())),
            _ => {}
        }
    }
}
