//! A running `hotdev watch --json`, its program, and what a test waits for.
//!
//! Waiting goes forwards: an event or a line that was waited for is behind the session, and so is
//! everything before it. An event puts all output that arrived before it behind the session too.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    sync::Arc,
    thread,
    time::Instant,
};

use serde_json::Value;

use crate::{
    BUILD_LIMIT, CommandOutput, LIMIT, Log, Signal, Workspace, is_alive, is_stopped, turn::Turn,
};

/// Events that answer a save.
const VERDICTS: &[&str] =
    &["live", "unchanged", "compile-error", "refused", "rolled-back", "restarted", "exited"];

/// Lines after which what has not shown is taken not to come.
const NEXT_TICKS: usize = 8;

/// A session in a workspace of its own.
#[derive(Debug)]
pub struct Session {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) child: Child,
    log: Arc<Log>,
    next_event: usize,
    next_line: usize,
    _turn: Turn,
}

impl Session {
    /// Copies a fixture, starts `hotdev watch` in it and waits until the program runs.
    pub fn start(fixture: &str) -> Self {
        Self::start_in(Workspace::copy(fixture), &[])
    }

    /// The same in a workspace that is there already, with more arguments.
    pub fn start_in(workspace: impl Into<Arc<Workspace>>, args: &[&str]) -> Self {
        let mut session = Self::launch(workspace, args);
        session.expect_event("started");
        session
    }

    /// Starts `hotdev watch` and waits for nothing.
    pub fn launch(workspace: impl Into<Arc<Workspace>>, args: &[&str]) -> Self {
        let mut session = Self::spawn(workspace.into(), &[&["watch", "--json"], args].concat());
        session.log.read_events(session.child.stdout.take().expect("piped"));
        session.log.read_output(session.child.stderr.take().expect("piped"));
        session
    }

    /// Starts `hotdev run`, where stdout is the program's alone and there are no events. What comes
    /// on stderr stands among the events of a failure's message.
    pub fn run(workspace: impl Into<Arc<Workspace>>, args: &[&str]) -> Self {
        let mut session = Self::spawn(workspace.into(), &[&["run"], args].concat());
        session.log.read_output(session.child.stdout.take().expect("piped"));
        session.log.read_events(session.child.stderr.take().expect("piped"));
        session
    }

    /// Starts `hotdev watch` for people, in an environment with these variables, and waits for
    /// nothing. What it says and what the program prints are lines of output alike.
    pub fn for_people(workspace: Workspace, args: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["watch"], args].concat();
        let mut session = Self::spawn_with(Arc::new(workspace), &args, env);
        session.log.read_output(session.child.stdout.take().expect("piped"));
        session.log.read_output(session.child.stderr.take().expect("piped"));
        session
    }

    fn spawn(workspace: Arc<Workspace>, args: &[&str]) -> Self {
        Self::spawn_with(workspace, args, &[])
    }

    fn spawn_with(workspace: Arc<Workspace>, args: &[&str], env: &[(&str, &str)]) -> Self {
        let turn = Turn::wait();
        // A group of its own, as a shell gives it, so that a test can send what Ctrl-C sends.
        let child = (workspace.hotdev(args))
            .envs(env.iter().copied())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hotdev starts");
        let log = Arc::new(Log::default());
        Self { workspace, child, log, next_event: 0, next_line: 0, _turn: turn }
    }

    /// The workspace it runs in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Everything that was said so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Replaces the one place where `old` stands in a file, in one save.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        self.workspace.edit(file, old, new);
    }

    /// Makes several edits one save: hotdev is stopped meanwhile, and finds them all when it goes on.
    pub fn save_at_once(&self, edits: impl FnOnce(&Workspace)) {
        self.signal(Signal::STOP);
        let end = Instant::now() + LIMIT;
        while is_alive(self.child.id()) && !is_stopped(self.child.id()) {
            if Instant::now() > end {
                self.fail(&format!("hotdev was not stopped in {} s", LIMIT.as_secs()));
            }
            thread::yield_now();
        }
        edits(&self.workspace);
        self.signal(Signal::CONT);
    }

    /// Runs a hotdev command in the workspace and waits for its end.
    pub fn command(&self, args: &[&str]) -> CommandOutput {
        self.workspace.command(args)
    }

    /// Waits for the next event of a name; skips others.
    pub fn expect_event(&mut self, name: &str) -> Value {
        self.next_event(&format!("the event `{name}`"), |event| event["event"] == name)
    }

    /// Waits for the next answer to a save, which must have this name.
    ///
    /// A `restarted` may follow the reason for it (`refused`) and the end of the process before.
    pub fn expect_verdict(&mut self, name: &str) -> Value {
        let leads_to_restart = |event: &Value| {
            name == "restarted" && (event["event"] == "refused" || event["event"] == "exited")
        };
        let verdict = self.next_event(&format!("the verdict `{name}`"), |event| {
            VERDICTS.iter().any(|verdict| event["event"] == *verdict) && !leads_to_restart(event)
        });
        if verdict["event"] != name {
            self.fail(&format!("the verdict must be `{name}`, and is {verdict}"));
        }
        verdict
    }

    /// Waits for the next answer to a save, whatever it is.
    pub fn verdict(&mut self) -> Value {
        self.next_event("a verdict", |event| {
            VERDICTS.iter().any(|verdict| event["event"] == *verdict)
        })
    }

    fn next_event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let from = self.next_event;
        let found = self.log.wait(BUILD_LIMIT, |seen| {
            let found = seen.events.iter().enumerate().skip(from).find(|(_, event)| wanted(event));
            match found {
                Some((index, event)) => Some(Some((index, event.clone(), seen.lines.len()))),
                None => seen.events_ended.then_some(None),
            }
        });
        match found {
            Some(Some((index, event, lines))) => {
                self.next_event = index + 1;
                self.next_line = lines;
                event
            }
            Some(None) => self.fail(&format!("hotdev ended before {what}")),
            None => self.fail(&format!("no sign of {what} in {} s", BUILD_LIMIT.as_secs())),
        }
    }

    /// Waits for a line that holds a text.
    pub fn expect_output(&mut self, text: &str) -> String {
        self.expect_line(&[text])
    }

    /// Waits for one line that holds all of these texts.
    pub fn expect_line(&mut self, texts: &[&str]) -> String {
        let from = self.next_line;
        let found = self.log.wait(LIMIT, |seen| {
            let mut lines = seen.lines.iter().enumerate().skip(from);
            lines
                .find(|(_, line)| texts.iter().all(|text| line.contains(text)))
                .map(|(index, line)| (index, line.clone()))
        });
        match found {
            Some((index, line)) => {
                self.next_line = index + 1;
                line
            }
            None => self.fail(&format!("no line with {texts:?} in {} s", LIMIT.as_secs())),
        }
    }

    /// Waits for the program's next lines, none of which may hold the text.
    pub fn never_output(&mut self, text: &str) {
        if let Some(line) = self.next_ticks().iter().find(|line| line.contains(text)) {
            self.fail(&format!("`{text}` must be gone, and is there again: {line}"));
        }
    }

    /// Waits for the program's next lines, enough of them to see that something stays as it is.
    pub fn next_ticks(&self) -> Vec<String> {
        let from = self.next_line;
        let lines = self.log.wait(LIMIT, |seen| {
            let ticks: Vec<_> =
                seen.lines[from..].iter().filter(|line| is_tick(line)).cloned().collect();
            (ticks.len() >= NEXT_TICKS).then_some(ticks)
        });
        lines.unwrap_or_else(|| self.fail("the program prints no more"))
    }

    /// The program's process, as hotdev named it last.
    ///
    /// # Panics
    /// When hotdev has not said yet that the program runs.
    pub fn pid(&self) -> u32 {
        let seen = self.log.seen();
        let pid = seen.events.iter().rev().find_map(|event| match event["event"].as_str() {
            Some("started" | "restarted") => event["pid"].as_u64(),
            _ => None,
        });
        pid.expect("hotdev has named the program's process") as u32
    }

    /// Position of the program's newest line, to be given to [`Self::counts_on`].
    pub fn newest_line(&self) -> usize {
        let seen = self.log.seen();
        seen.lines.iter().rposition(|line| is_tick(line)).unwrap_or_default()
    }

    /// Fails unless a number in the program's lines has grown by one from each line to the next.
    /// `tick` stands as `tick 12`, every other as `name=12`.
    pub fn counts_on(&self, name: &str, from: usize) {
        let lines: Vec<_> =
            self.log.seen().lines[from..].iter().filter(|line| is_tick(line)).cloned().collect();
        let numbers: Vec<_> = lines.iter().map(|line| number(line, name)).collect();
        for (pair, line) in numbers.windows(2).zip(&lines[1..]) {
            if !matches!(pair, [Some(a), Some(b)] if *b == a + 1) {
                self.fail(&format!(
                    "`{name}` was {:?} before this line, and is not kept: {line}",
                    pair[0]
                ));
            }
        }
    }

    /// Panics with what went wrong and all that helps to see why.
    ///
    /// # Panics
    /// Always.
    pub fn fail(&self, what: &str) -> ! {
        panic!("{what}\n{}{}", self.log.tail(60), self.own_logs())
    }

    fn own_logs(&self) -> String {
        let mut text = String::new();
        for path in self.workspace.logs() {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            text += &format!("\n--- {}\n{tail}", path.display());
        }
        text
    }
}

fn is_tick(line: &str) -> bool {
    line.starts_with("tick ")
}

fn number(line: &str, name: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    if name == "tick" {
        return words.nth(1)?.parse().ok();
    }
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}
