//! Where a session stands, in lines.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::color::{Style, paint};
use super::event::{Event, Status, Verdict};
use super::refusal::Fate;
use super::{reload, text};

/// Functions shown of each generation.
const SHOWN: usize = 3;

/// First the program, then its generations, then what waits to be mended.
pub(super) fn lines(status: &Status, base: &Path, colors: bool) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    lines_at(now, status, base, colors)
}

/// The same at some second since 1970.
pub(super) fn lines_at(now: u64, status: &Status, base: &Path, colors: bool) -> Vec<String> {
    let mut lines = vec![program(now, status, colors)];
    if let Some(files) = files(status, colors) {
        lines.push(format!("files:   {files}"));
    }
    lines.extend(status.verdict.as_ref().map(|last| format!("verdict: {}", verdict(now, last))));
    lines.push(format!(
        "session: process {}, workspace {}",
        status.session,
        status.workspace.display()
    ));
    lines.extend(generations(status));
    if !status.waiting.is_empty() {
        let waiting = text::list(&status.waiting, SHOWN);
        lines.push(format!("waiting: {waiting}, not called since the edit went live"));
    }
    match status.pending.as_deref() {
        // That was asked for, and is how things are to be.
        Some(Event::RolledBack { .. }) => {
            lines.push("next: `hotdev reload` applies the files as they are now".into());
        }
        Some(pending) => {
            lines.push("not live:".into());
            let fate = if status.state == "exited" { Fate::None } else { Fate::RunsOn };
            lines.extend(pending_lines(fate, pending, base, colors));
        }
        None => {}
    }
    if status.state == "exited" {
        lines.push("next: `hotdev restart` starts it, and so does the next save".into());
    }
    lines
}

/// What `hotdev rollback` can make current, and what is: the program as it started, too.
fn generations(status: &Status) -> Vec<String> {
    let mark = |generation| if generation == status.generation { '*' } else { ' ' };
    let is_patched = !status.generations.is_empty()
        || matches!(status.pending.as_deref(), Some(Event::RolledBack { .. }));
    let start = is_patched.then(|| format!("{} {:>4}            as it started", mark(0), 0));
    let patches = status.generations.iter().map(|one| {
        let functions = text::list(&one.functions, SHOWN);
        let number = one.generation;
        let line = format!("{} {number:>4} {:>6.0} ms  {functions}", mark(number), one.ms);
        line.trim_end().to_owned()
    });
    start.into_iter().chain(patches).collect()
}

/// "game: running for 3 min, generation 1, process 123", or how it ended.
fn program(now: u64, status: &Status, colors: bool) -> String {
    let Status { program, state, generation, .. } = status;
    let processes = text::processes(&status.pids);
    let running = || format!("generation {generation}, {processes}");
    match (state.as_str(), &status.ended, status.since) {
        ("exited", Some(end), _) => {
            let ended = paint("ended", Style::Bad, colors);
            let how = text::ending(end.status, end.signal);
            format!("{program}: {ended} {}, {how} (process {})", ago(now, end.at), end.pid)
        }
        ("running", _, Some(since)) => {
            let state = paint("running", Style::Good, colors);
            format!(
                "{program}: {state} for {}, {}",
                text::span(now.saturating_sub(since)),
                running()
            )
        }
        ("exited", None, _) => format!("{program}: not started yet"),
        (state, _, _) if status.pids.is_empty() => format!("{program}: {state}, {processes}"),
        (state, _, _) => format!("{program}: {state}, {}", running()),
    }
}

fn files(status: &Status, colors: bool) -> Option<String> {
    Some(if status.ahead? {
        format!(
            "{} the program; `hotdev reload` tries them",
            paint("ahead of", Style::Notice, colors)
        )
    } else if status.state == "exited" {
        "as the program had them".into()
    } else {
        "as the program runs them".into()
    })
}

fn verdict(now: u64, last: &Verdict) -> String {
    let code = last.code.map(|code| format!(" ({})", code.name())).unwrap_or_default();
    format!("{}{code}, {}", last.event.replace('-', " "), ago(now, last.at))
}

fn ago(now: u64, then: u64) -> String {
    format!("{} ago", text::span(now.saturating_sub(then)))
}

fn pending_lines(fate: Fate, pending: &Event, base: &Path, colors: bool) -> Vec<String> {
    // A status in a status would have no end, and means nothing.
    if matches!(pending, Event::Status(_)) {
        return Vec::new();
    }
    reload::render_for(fate, pending, base, colors)
        .lines()
        .map(|line| format!("  {line}"))
        .collect()
}
