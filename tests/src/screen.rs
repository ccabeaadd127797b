//! hotdev at a terminal: a real pseudo-terminal, and an emulator that shows what a person would see.
//!
//! A shell runs hotdev there and lives on, as a person's does: the kernel resets a terminal whose
//! first process ends, and what hotdev has left behind would not be seen.

use std::{
    fmt::Debug,
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{CommandBuilder, MasterPty, PtyPair, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{BUILD_LIMIT, LIMIT, Workspace, is_alive, running_in, turn::Turn};

/// What the shell does, which is not in the workspace itself. It outlives a
/// Ctrl-C, says how hotdev ended, and waits to be ended.
const SCRIPT: &str =
    "trap : INT; (cd \"$WORKSPACE\" && exec \"$0\" \"$@\"); echo \"hotdev ended: $?\"; read -r _";

/// A terminal with hotdev in it.
pub struct Screen {
    workspace: Arc<Workspace>,
    pair: PtyPair,
    writer: Box<dyn Write + Send>,
    shell: Box<dyn portable_pty::Child + Send + Sync>,
    shown: Arc<Shown>,
    /// The terminal's settings before hotdev began.
    before: String,
    _turn: Turn,
}

/// What the terminal shows, and all that was written to it.
struct Shown {
    state: Mutex<(vt100::Parser, Vec<u8>)>,
    changed: Condvar,
}

impl Screen {
    /// Runs `hotdev` with these arguments in a terminal of rows and columns, and with additions to
    /// its environment.
    ///
    /// # Panics
    /// When there is no terminal to be had.
    pub fn run(
        workspace: impl Into<Arc<Workspace>>,
        args: &[&str],
        (rows, columns): (u16, u16),
        env: &[(&str, &str)],
    ) -> Self {
        let (workspace, turn) = (workspace.into(), Turn::wait());
        let pair = native_pty_system().openpty(size(rows, columns)).expect("a terminal");
        let before = settings(&*pair.master);
        let mut reader = pair.master.try_clone_reader().expect("a terminal can be read");
        let writer = pair.master.take_writer().expect("a terminal can be typed at");
        let shell = pair.slave.spawn_command(command(&workspace, args, env)).expect("sh starts");
        let parser = vt100::Parser::new(not_zero(rows), not_zero(columns), 0);
        let state = Mutex::new((parser, Vec::new()));
        let shown = Arc::new(Shown { state, changed: Condvar::new() });
        let showing = Arc::clone(&shown);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                let mut state = showing.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.0.process(&piece[..length]);
                state.1.extend_from_slice(&piece[..length]);
                showing.changed.notify_all();
            }
        });
        Self { workspace, pair, writer, shell, shown, before, _turn: turn }
    }

    /// Starts `hotdev watch` in a terminal of 80×24 and waits until the program runs.
    pub fn start(workspace: impl Into<Arc<Workspace>>) -> Self {
        let screen = Self::run(workspace, &["watch"], (24, 80), &[]);
        screen.expect_within(BUILD_LIMIT, &["generation 0"]);
        screen
    }

    /// The workspace it runs in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What is to be seen now.
    pub fn text(&self) -> String {
        self.shown.state.lock().unwrap_or_else(PoisonError::into_inner).0.screen().contents()
    }

    /// Waits until all of these texts are to be seen at once.
    pub fn expect(&self, texts: &[&str]) {
        self.expect_within(LIMIT, texts);
    }

    /// The same after a build.
    pub fn expect_built(&self, texts: &[&str]) {
        self.expect_within(BUILD_LIMIT, texts);
    }

    fn expect_within(&self, limit: Duration, texts: &[&str]) {
        self.wait(limit, texts, |parser, _| {
            let text = parser.screen().contents();
            texts.iter().all(|wanted| text.contains(wanted))
        });
    }

    /// Types a line again and again until a text is to be seen: what the line asks for may take a
    /// moment to become so, as a new size does that the kernel tells programs of by a signal.
    ///
    /// # Panics
    /// When it is not to be seen in time.
    pub fn ask_until(&mut self, line: &str, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.text().contains(text) {
            assert!(Instant::now() < end, "no sign of {text:?}; there is\n{}", self.text());
            self.press(line);
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until a text is not to be seen any more.
    pub fn expect_gone(&self, gone: &str) {
        self.wait(LIMIT, &format!("no `{gone}`"), |parser, _| {
            !parser.screen().contents().contains(gone)
        });
    }

    /// Waits until these bytes have been written to the terminal, seen or not.
    pub fn expect_bytes(&self, bytes: &[u8]) {
        self.wait(LIMIT, &String::from_utf8_lossy(bytes), |_, written| {
            written.windows(bytes.len()).any(|window| window == bytes)
        });
    }

    fn wait(
        &self,
        limit: Duration,
        what: &(impl Debug + ?Sized),
        is_there: impl Fn(&vt100::Parser, &[u8]) -> bool,
    ) {
        let end = Instant::now() + limit;
        let mut state = self.shown.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_there(&state.0, &state.1) {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                let shown = state.0.screen().contents();
                drop(state);
                panic!("no sign of {what:?} in {} s; there is\n{shown}", limit.as_secs());
            };
            let waited = self.shown.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Types these bytes.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("typed");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut state = self.shown.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.set_size(not_zero(rows), not_zero(columns));
        drop(state);
        self.pair.master.resize(size(rows, columns)).expect("a terminal can be resized");
    }

    /// What `hotdev status --json` says.
    pub fn status(&self) -> Value {
        let output = self.workspace.command(&["status", "--json"]);
        let line = output.stdout.lines().next().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_default()
    }

    /// Sends hotdev a signal.
    ///
    /// # Panics
    /// When no session runs.
    pub fn signal(&self, signal: Signal) {
        let session = self.status()["session"].as_i64().expect("a session runs");
        let session = Pid::from_raw(session as i32).expect("a process id is not 0");
        kill_process(session, signal).expect("hotdev runs");
    }

    /// Waits until hotdev has ended with this code and left the terminal as it was, and no process.
    ///
    /// # Panics
    /// When it has not.
    pub fn ends_clean(&self, code: u8) {
        self.expect(&[&format!("hotdev ended: {code}")]);
        let state = self.shown.state.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = state.0.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor was left hidden");
        assert!(!screen.bracketed_paste(), "pastes are left in brackets");
        drop(state);
        assert_eq!(settings(&*self.pair.master), self.before, "the terminal's settings");
        // What the program has started hears of the end of its terminal, and takes a moment.
        let end = Instant::now() + LIMIT;
        let mut left = running_in(self.workspace.root());
        while !left.is_empty() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
            left = running_in(self.workspace.root());
        }
        assert!(left.is_empty(), "hotdev has ended and left processes {left:?}");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(session) = self.status()["session"].as_i64()
            && let Some(session) = Pid::from_raw(session as i32)
        {
            let _ = kill_process(session, Signal::TERM);
            let end = Instant::now() + LIMIT;
            while is_alive(session.as_raw_nonzero().get() as u32) && Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// hotdev below a shell, with the environment of a person at a terminal.
fn command(workspace: &Workspace, args: &[&str], env: &[(&str, &str)]) -> CommandBuilder {
    let hotdev = workspace.hotdev(args);
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-c", SCRIPT]);
    command.arg(hotdev.get_program());
    command.args(hotdev.get_args());
    command.cwd("/");
    command.env("WORKSPACE", workspace.root());
    for (name, value) in hotdev.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        }
    }
    for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE", "CLICOLOR", "CARGO_TERM_COLOR"] {
        command.env_remove(name);
    }
    let person = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
    for (name, value) in person.iter().chain(env) {
        command.env(name, value);
    }
    command
}

fn settings(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios().expect("a terminal has settings"))
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn not_zero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a terminal has rows and columns")
}
