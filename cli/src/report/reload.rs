//! What the commands that ask a session print: an answer on stdout, for people and for an editor's
//! quickfix list.
//!
//! Each diagnostic and each refused item begins with `file:line:column: `, the form that gcc made
//! common and that every editor's default error format reads. Everything that goes with it is
//! indented.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::color::{Style, paint};
use super::event::{Diagnostic, Event, Item};
use super::refusal::{self, Fate};
use super::{ColorChoice, Format, json, status, text};
use crate::control::Done;
use crate::exit;

/// Functions shown of a live patch.
const SHOWN: usize = 4;

/// Prints one event of an answer to stdout.
pub fn print(event: &Event, format: Format, color: ColorChoice) {
    let text = match format {
        Format::Human => render(event, &base(), color.for_stdout()),
        Format::Json => json::event(event),
    };
    // A reader that is gone needs no answer; the exit code holds it anyway.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints what the end of an answer says beyond its events.
pub fn print_done(done: &Done, format: Format, color: ColorChoice) {
    let stdout = || std::io::stdout();
    let _ = match format {
        Format::Json => stdout().write_all(json::done(done).as_bytes()),
        Format::Human if done.exit == exit::LIVE => {
            stdout().write_all(render_done(done, None).as_bytes())
        }
        Format::Human => {
            let error = paint("error: ", Style::Bad, color.for_stderr());
            std::io::stderr().write_all(render_done(done, Some(&error)).as_bytes())
        }
    };
}

/// The text of one event, for somebody in `base`; every line with its newline.
pub fn render(event: &Event, base: &Path, colors: bool) -> String {
    render_for(Fate::RunsOn, event, base, colors)
}

/// The same, with what has become of the program since.
pub(super) fn render_for(fate: Fate, event: &Event, base: &Path, colors: bool) -> String {
    match event {
        Event::Live { generation, functions, ms, notes, .. } => {
            let functions = text::list(functions, SHOWN);
            let separator = if functions.is_empty() { "" } else { ": " };
            let notes: String = notes.iter().map(|note| format!("  note: {note}\n")).collect();
            let live = paint(format_args!("live {generation}"), Style::Good, colors);
            format!("{live} ({:.0} ms){separator}{functions}\n{notes}", ms.total)
        }
        Event::Called { generation, functions, waiting, .. } => {
            format!("running {generation}: {}\n", text::called(functions, waiting, SHOWN))
        }
        Event::Unchanged { .. } => "unchanged: no code of the program differs\n".into(),
        Event::CompileError { diagnostics } => {
            let all: String = diagnostics.iter().map(|one| diagnostic(one, base)).collect();
            format!("{all}{}\n", paint(text::compile_error(diagnostics), Style::Bad, colors))
        }
        Event::Refused { code, items, message } => {
            let advice = refusal::advice(*code, fate, colors);
            refused(items, message, advice, base, colors)
        }
        Event::RolledBack { generation, to, reason } => {
            let what = paint("rolled back", Style::Notice, colors);
            format!("{what} from {generation} to {to}{}\n", text::because(reason))
        }
        Event::Restarted { pid, reason } => {
            format!("restarted (process {pid}){}\n", text::because(reason))
        }
        Event::Exited { pid, status, signal } => {
            format!("the program ended (process {pid}): {}\n", text::ending(*status, *signal))
        }
        Event::Warning { message, hint } => {
            let hint = hint.as_ref().map(|hint| format!("  hint: {hint}\n"));
            format!("warning: {message}\n{}", hint.unwrap_or_default())
        }
        Event::Warnings { diagnostics } => {
            diagnostics.iter().map(|one| diagnostic(one, base)).collect()
        }
        Event::Status(status) => {
            status::lines(status, base, colors).iter().map(|line| format!("{line}\n")).collect()
        }
        Event::Started { pid, .. } => format!("running (process {pid})\n"),
        Event::Building { .. } => String::new(),
    }
}

fn refused(
    items: &[Item],
    message: &str,
    advice: Vec<String>,
    base: &Path,
    colors: bool,
) -> String {
    let summary = format!("{} {message}", paint("refused:", Style::Bad, colors));
    let items = refusal::for_editors(items, base).into_iter();
    items.chain([summary]).chain(advice).map(|line| line + "\n").collect()
}

fn diagnostic(diagnostic: &Diagnostic, base: &Path) -> String {
    let Diagnostic { file, line, column, level, message, .. } = diagnostic;
    let mut text = String::new();
    if !file.as_os_str().is_empty() {
        text = format!("{}:{line}:{column}: ", text::relative(file, base));
    }
    // The line that a quickfix list reads must be one line.
    text += &format!("{level}: {}\n", message.lines().next().unwrap_or_default());
    for line in text::rendered(diagnostic, base).lines() {
        text += format!("  {line}").trim_end();
        text += "\n";
    }
    text
}

pub(super) fn render_done(done: &Done, error: Option<&str>) -> String {
    let line = |start: &str, text: &Option<String>| {
        text.as_ref().map(|text| format!("{start}{text}\n")).unwrap_or_default()
    };
    line(error.unwrap_or_default(), &done.message) + &line("  = hint: ", &done.hint)
}

fn base() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
