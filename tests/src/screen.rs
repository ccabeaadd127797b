//! hotdev at a terminal, as a person has it.
//!
//! A shell runs hotdev there and lives on, as a person's does: the kernel resets a terminal whose
//! first process ends, and what hotdev has left behind would not be seen.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    BUILD_LIMIT, LIMIT, Workspace, is_alive, running_in,
    terminal::{self, Terminal},
    turn::Turn,
};

/// What the shell does, which is not in the workspace itself. It outlives a
/// Ctrl-C, says how hotdev ended, and waits to be ended.
const SCRIPT: &str =
    "trap : INT; (cd \"$WORKSPACE\" && exec \"$0\" \"$@\"); echo \"hotdev ended: $?\"; read -r _";

/// A terminal with hotdev in it.
pub struct Screen {
    workspace: Arc<Workspace>,
    terminal: Terminal,
    _turn: Turn,
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
        size: (u16, u16),
        env: &[(&str, &str)],
    ) -> Self {
        let (workspace, turn) = (workspace.into(), Turn::wait());
        let terminal = Terminal::start(command(&workspace, args, env), size).expect("sh starts");
        Self { workspace, terminal, _turn: turn }
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
        self.terminal.text()
    }

    /// Whether anything to be seen has a colour.
    pub fn has_colors(&self) -> bool {
        self.terminal.read(|screen| {
            let (rows, columns) = screen.size();
            let places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |x| (row, x)));
            let mut cells = places.filter_map(|(row, column)| screen.cell(row, column));
            let none = vt100::Color::Default;
            cells.any(|cell| cell.fgcolor() != none || cell.bgcolor() != none)
        })
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
        self.terminal.wait_for(texts, limit).unwrap_or_else(|error| panic!("{error}"));
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
        self.wait(&format!("no `{gone}`"), |screen, _| !screen.contents().contains(gone));
    }

    /// Waits until these bytes have been written to the terminal, seen or not.
    pub fn expect_bytes(&self, bytes: &[u8]) {
        self.wait(&String::from_utf8_lossy(bytes), |_, written| {
            written.windows(bytes.len()).any(|window| window == bytes)
        });
    }

    fn wait(&self, what: &str, is_there: impl Fn(&vt100::Screen, &[u8]) -> bool) {
        self.terminal.wait(LIMIT, what, is_there).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Types these bytes.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.terminal.press(keys).expect("typed");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.terminal.resize(rows, columns).expect("a terminal can be resized");
    }

    /// What `hotdev status --json` says.
    pub fn status(&self) -> Value {
        let output = self.workspace.command(&["status", "--json"]);
        let line = output.stdout.lines().next().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_default()
    }

    /// Waits until the program runs, as `hotdev status` has it: there may be no room to show it.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_until_running(&self) {
        let end = Instant::now() + BUILD_LIMIT;
        while self.status()["state"] != "running" {
            assert!(Instant::now() < end, "{}", self.status());
            thread::sleep(Duration::from_millis(50));
        }
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
        self.terminal.read(|screen| {
            assert!(!screen.alternate_screen(), "the alternate screen was not left");
            assert!(!screen.hide_cursor(), "the cursor was left hidden");
            assert!(!screen.bracketed_paste(), "pastes are left in brackets");
            let mouse = screen.mouse_protocol_mode();
            assert_eq!(mouse, vt100::MouseProtocolMode::None, "the mouse is still told of");
        });
        assert!(self.terminal.is_as_before(), "the terminal's settings");
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
    terminal::environment(&hotdev, &mut command);
    env.iter().for_each(|(name, value)| command.env(name, value));
    command
}
