//! Lines for people at a terminal that the program writes to as well: few, short, and each one
//! marked as hotdev's.

use std::path::PathBuf;

use super::color::{Style, paint};
use super::event::{Diagnostic, Event, Item, Reason, Timings};
use super::refusal::{self, Fate};
use super::{status, text};
use crate::error::Error;

/// Names shown before the rest is only counted.
const SHOWN: usize = 2;

/// Turns events into lines.
#[derive(Clone, Debug)]
pub struct Human {
    /// Whether lines are coloured.
    pub colors: bool,
    /// Paths below it are shown relative to it: the working directory.
    pub base: PathBuf,
}

impl Human {
    /// The lines for one event, each with its newline. `running`: whether there is a program that
    /// a failed save leaves as it was. `restarts`: whether a refusal restarts it.
    pub fn event(&self, event: &Event, running: bool, restarts: bool) -> String {
        match event {
            // A save is built in a moment, and then there is a verdict to print.
            Event::Building { reason: Reason::Save, .. } => String::new(),
            Event::CompileError { diagnostics } => self.compile_error(diagnostics, running),
            Event::Refused { code, items, message } => {
                let fate = match (restarts, running) {
                    (true, _) => Fate::Restarts,
                    (false, true) => Fate::RunsOn,
                    (false, false) => Fate::None,
                };
                self.refused(items, message, refusal::advice(*code, fate, self.colors))
            }
            Event::Live { notes, .. } => {
                let notes = notes.iter().map(|note| format!("{}{note}", self.notice("note: ")));
                self.lines(std::iter::once(self.summary(event)).chain(notes))
            }
            Event::Warning { message, hint } => {
                let message = format!("{}{message}", self.notice("warning: "));
                self.lines(std::iter::once(message).chain(hint.as_deref().map(hint_line)))
            }
            Event::Warnings { diagnostics } => self.rendered(diagnostics),
            Event::Status(status) => self.lines(status::lines(status, &self.base, self.colors)),
            _ => self.lines([self.summary(event)]),
        }
    }

    /// One line as it is.
    pub fn line(&self, text: &str) -> String {
        self.lines([text.to_owned()])
    }

    /// The lines for an error that does not end the session.
    pub fn error(&self, error: &Error) -> String {
        self.failure(&error.to_string(), error.hint.as_deref())
    }

    /// The same in its parts.
    pub(super) fn failure(&self, message: &str, hint: Option<&str>) -> String {
        let message = format!("{}{message}", paint("error: ", Style::Bad, self.colors));
        self.lines(std::iter::once(message).chain(hint.map(hint_line)))
    }

    /// The lines for a verdict on the files that stands when the session ends.
    pub fn left(&self, event: &Event) -> String {
        let verdict = match event {
            Event::Refused { code, items, message } => {
                self.refused(items, message, refusal::advice(*code, Fate::Over, self.colors))
            }
            _ => self.event(event, false, false),
        };
        self.line("not in the program when it ended:") + &verdict
    }

    fn summary(&self, event: &Event) -> String {
        match event {
            Event::Building { reason, crates, .. } => building(*reason, crates),
            Event::Started { pid, generation: 0 } => format!("running (process {pid})"),
            Event::Started { pid, generation } => {
                format!("running (process {pid}, generation {generation})")
            }
            Event::Live { generation, .. } => {
                let live = paint(format_args!("live {generation}"), Style::Good, self.colors);
                live_tail(live, event)
            }
            Event::Called { generation, functions, waiting, .. } => {
                let running = paint(format_args!("running {generation}"), Style::Good, self.colors);
                format!("{running}: {}", text::called(functions, waiting, SHOWN))
            }
            Event::Unchanged { files } => unchanged(&text::files(files, &self.base, SHOWN)),
            Event::RolledBack { generation, to, reason } => {
                let what = paint("rolled back", Style::Notice, self.colors);
                format!("{what} from {generation} to {to}{}", text::because(reason))
            }
            Event::Restarted { pid, reason } => {
                format!("restarted (process {pid}){}", text::because(reason))
            }
            Event::Exited { pid, status, signal } => {
                format!("the program ended (process {pid}): {}", text::ending(*status, *signal))
            }
            Event::CompileError { diagnostics } => text::compile_error(diagnostics),
            Event::Refused { message, .. } => format!("refused: {message}"),
            Event::Warning { message, .. } => format!("warning: {message}"),
            Event::Warnings { diagnostics } => format!("warnings: {}", diagnostics.len()),
            Event::Status(status) => status.state.clone(),
        }
    }

    /// The line for a verdict that was given before, and in full: the files are no better yet.
    pub fn again(&self, event: &Event, running: bool) -> String {
        let verdict = match event {
            Event::CompileError { diagnostics } => text::compile_error(diagnostics),
            Event::Refused { code, .. } => format!("refused ({})", code.name()),
            other => self.summary(other),
        };
        let verdict = paint(verdict, Style::Bad, self.colors);
        self.lines([format!("{verdict}, as before{}", consolation(running))])
    }

    /// What rustc says, as it says it.
    fn rendered(&self, diagnostics: &[Diagnostic]) -> String {
        let one = |diagnostic: &Diagnostic| {
            self.headed(text::rendered(diagnostic, &self.base), &diagnostic.level) + "\n\n"
        };
        diagnostics.iter().map(one).collect()
    }

    fn compile_error(&self, diagnostics: &[Diagnostic], running: bool) -> String {
        let lines = self.rendered(diagnostics);
        let summary = paint(text::compile_error(diagnostics), Style::Bad, self.colors);
        lines + &self.lines([summary + consolation(running)])
    }

    /// The text of a diagnostic, with the word that it begins with in its colour.
    fn headed(&self, rendered: String, level: &str) -> String {
        let style = if level == "error" { Style::Bad } else { Style::Notice };
        match rendered.split_once(": ") {
            Some((head, rest)) if head.starts_with(level) => {
                format!("{}: {rest}", paint(head, style, self.colors))
            }
            _ => rendered,
        }
    }

    fn refused(&self, items: &[Item], message: &str, advice: Vec<String>) -> String {
        let items = refusal::for_people(items, &self.base);
        let summary = format!("{}{message}", paint("refused: ", Style::Bad, self.colors));
        self.lines(items.into_iter().chain([summary]).chain(advice))
    }

    fn notice(&self, word: &str) -> String {
        paint(word, Style::Notice, self.colors)
    }

    fn lines(&self, lines: impl IntoIterator<Item = String>) -> String {
        let name = paint("hotdev:", Style::Name, self.colors);
        let mark = |line: &str| format!("{name} {}\n", line.trim_end());
        lines.into_iter().map(|text| text.lines().map(mark).collect::<String>()).collect()
    }
}

fn building(reason: Reason, crates: &[String]) -> String {
    let crates = text::list(crates, SHOWN);
    let line = match reason {
        Reason::Start => format!("building {crates}"),
        Reason::Save => format!("compiling {crates}"),
        Reason::Restart => format!("building {crates} for a restart"),
    };
    line.replace("  ", " ").trim_end().to_owned()
}

fn live_tail(mut line: String, event: &Event) -> String {
    let Event::Live { pids, functions, ms, waiting, noted, .. } = event else { return line };
    line += &format!(" in {:.0} ms", ms.total);
    if pids.len() > 1 {
        line += &format!(" in {} processes", pids.len());
    }
    if !functions.is_empty() {
        line += &format!("  {}", text::list(functions, SHOWN));
    }
    match text::open(waiting, noted) {
        0 => {}
        open => line += &format!(", {}", text::awaiting(functions.len(), open)),
    }
    let Timings { rustc, check, link, load, .. } = ms;
    line + &format!("  [rustc {rustc:.0}, check {check:.0}, link {link:.0}, load {load:.0}]")
}

fn unchanged(files: &str) -> String {
    match files {
        "" => "unchanged: no code of the program differs".into(),
        files => format!("unchanged: {files}: no code of the program differs"),
    }
}

fn consolation(running: bool) -> &'static str {
    if running { "; the program runs on as it was" } else { "" }
}

fn hint_line(hint: &str) -> String {
    format!("hint: {hint}")
}
