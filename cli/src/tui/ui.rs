//! The one loop: keys, news and the program's output in, frames out.
//!
//! A frame is drawn at once after a key or news. Output alone is drawn at most every [`FRAME`], and
//! no more of it is taken in between than a part of that time allows: a program that floods its
//! terminal has to wait, as for any terminal, and keys do not.

use std::io::{self, stdout};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select_biased};
use crossterm::event::{Event as Input, KeyEventKind};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};

use super::app::{Action, App, Mode};
use super::draw::{self, Look};
use super::input;
use super::news::News;
use super::pane::Pane;
use super::pty::Tty;
use super::screen::{PaneSize, Setup};
use super::search::Search;
use super::status::Program;
use super::terminal::Canvas;
use super::text::Place;
use super::{editor, encode, notify, terminal};
use crate::process;
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
    /// The editor's end, while one has the terminal.
    editing: Option<Receiver<io::Result<ExitStatus>>>,
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
            let edited = self.editing.as_ref().unwrap_or(&edited);
            select_biased! {
                recv(self.keys) -> input => match input {
                    Ok(input) => self.take_input(input),
                    // The terminal is gone; the session hears of it by a signal.
                    Err(_) => self.keys = never(),
                },
                recv(self.links.news) -> news => match news {
                    Ok(News::Finish) | Err(_) => return,
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
            Input::Key(_) | Input::Mouse(_) | Input::Resize(..) => {}
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

    fn act(&mut self, action: Action) {
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
        match editor::start(place) {
            Ok(mut child) => {
                let (sender, end) = bounded(1);
                std::thread::spawn(move || drop(sender.send(child.wait())));
                self.editing = Some(end);
            }
            Err(error) => {
                self.take_terminal_back();
                self.app.notice = Some(format!("the editor does not start: {error}; set EDITOR"));
            }
        }
    }

    fn take_terminal_back(&mut self) {
        self.editing = None;
        if let Err(error) = terminal::take(self.app.setup.notify) {
            tracing::error!(%error, "the terminal is not to be had again");
        }
        self.input.resume();
        let _ = self.canvas.clear();
        self.draw_now();
    }
}
