//! All there is to say of one entry of the timeline, in lines: functions, messages, the diff.

use std::path::Path;
use std::time::{Duration, Instant};

use similar::{ChangeTag, TextDiff};

use super::problem::Problem;
use super::text::{Line, Place, Tone, count, took};
use super::timeline::Entry;
use crate::report::event::{Event, Timings};
use crate::report::{Said, phrases, relative};
use crate::source::Edit;

/// Where the first line stands that was edited.
pub(super) type FirstChange = Place;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Lines of a diff that are kept.
const KEPT: usize = 600;
/// How long diffs may be worked on, so that keys do not wait. What is left of a file then is taken
/// as one change, and what is left of the files is only named.
const DIFF_LIMIT: Duration = Duration::from_millis(10);

/// What a function that waits means to somebody who does not see the edit.
const WAITS: &str = "  What it made before stays as it is until something calls it again.";

/// The lines of an entry.
pub(super) fn lines(entry: &Entry, base: &Path) -> Vec<Line> {
    let plain = |text: String| Line::new(Tone::Plain, text);
    let mut lines = vec![Line::new(Tone::Title, heading(entry))];
    match &entry.said {
        Said::Event(Event::Live { pids, functions, ms, bytes, slots, notes, waiting, .. }) => {
            lines.push(Line::new(Tone::Faint, stages(ms)));
            let (kilobytes, processes) = (bytes.div_ceil(1024), count(pids.len(), "process"));
            let processes = processes.replace("processs", "processes");
            let made = format!("{kilobytes} KiB, {slots} words written, in {processes}");
            lines.push(Line::new(Tone::Faint, made));
            lines.extend(notes.iter().map(|note| Line::new(Tone::Notice, format!("note: {note}"))));
            lines.extend(functions.iter().map(|name| function(name, waiting, &entry.called)));
            if waiting.iter().any(|name| !entry.called.contains(name)) {
                lines.push(Line::new(Tone::Faint, WAITS));
            }
        }
        Said::Event(
            event @ (Event::CompileError { .. } | Event::Refused { .. } | Event::Warnings { .. }),
        ) => {
            let problem = Problem::of(event, base, false);
            let all = problem.iter().flat_map(Problem::lines);
            lines.extend(all.map(|(line, _)| line.clone()));
        }
        Said::Event(Event::Warning { message, hint }) => {
            lines.push(plain(message.clone()));
            lines.extend(hint.clone().map(|hint| plain(format!("hint: {hint}"))));
        }
        Said::Error { message, hint } => {
            lines.extend(message.lines().map(|line| plain(line.to_owned())));
            lines.extend(hint.clone().map(|hint| plain(format!("hint: {hint}"))));
        }
        Said::Event(Event::RolledBack { reason, .. } | Event::Restarted { reason, .. }) => {
            lines.push(plain(phrases::why(reason).into()));
        }
        Said::Event(_) => {}
    }
    lines.extend(entry.diff.iter().cloned());
    lines
}

/// A function, with whether it has been called.
fn function(name: &String, waiting: &[String], called: &[String]) -> Line {
    let (tone, mark) = match () {
        () if called.contains(name) => (Tone::Name, "  running"),
        () if waiting.contains(name) => (Tone::Notice, "  waiting for its first call"),
        () => (Tone::Name, ""),
    };
    Line::new(tone, format!("  {name}{mark}"))
}

fn heading(entry: &Entry) -> String {
    let left = match (entry.is_past, entry.is_left) {
        (true, _) => " of an earlier run",
        (false, true) => ", left",
        (false, false) => "",
    };
    let title = || entry.title(usize::MAX);
    match (entry.generation(), entry.timings()) {
        (Some(generation), Some(ms)) => {
            format!("generation {generation}{left}, live in {} at {}", took(ms.total), entry.time)
        }
        (Some(generation), None) => {
            format!("generation {generation}{left}, {} at {}", title(), entry.time)
        }
        (None, _) => format!("{} at {}", title(), entry.time),
    }
}

fn stages(ms: &Timings) -> String {
    let Timings { detect, rustc, check, link, load, .. } = ms;
    format!(
        "detect {detect:.0}, rustc {rustc:.0}, check {check:.0}, link {link:.0}, load {load:.0} ms"
    )
}

/// The differences of files, and where the first of them is.
pub(super) fn diff(edits: &[Edit], base: &Path) -> (Vec<Line>, Option<FirstChange>) {
    let (mut lines, mut first) = (Vec::new(), None);
    let end = Instant::now() + DIFF_LIMIT;
    for edit in edits {
        if Instant::now() >= end {
            lines.push(Line::new(Tone::Title, relative(&edit.file, base)));
            continue;
        }
        let diff = TextDiff::configure()
            .deadline(end)
            .diff_lines(edit.before.as_str(), edit.after.as_str());
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
        let name = relative(&edit.file, base);
        lines.push(Line::new(Tone::Title, format!("{name}  +{added} -{removed}")));
        for group in diff.grouped_ops(CONTEXT) {
            let start = group.first().map_or(0, |op| op.new_range().start + 1);
            lines.push(Line::new(Tone::Faint, format!("@@ line {start}")));
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let (mark, tone) = match change.tag() {
                    ChangeTag::Insert => ('+', Tone::Added),
                    ChangeTag::Delete => ('-', Tone::Removed),
                    ChangeTag::Equal => (' ', Tone::Plain),
                };
                if first.is_none() && change.tag() != ChangeTag::Equal {
                    let line = change.new_index().or(change.old_index()).unwrap_or_default() + 1;
                    first = Some(Place { file: edit.file.clone(), line: line as u32, column: 0 });
                }
                lines.push(Line::new(tone, format!("{mark}{}", change.value().trim_end())));
            }
        }
    }
    if lines.len() > KEPT {
        let more = lines.len() - KEPT;
        lines.truncate(KEPT);
        lines.push(Line::new(Tone::Faint, format!("and {more} more lines")));
    }
    (lines, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_is_around_a_change_and_where_it_is() {
        let before: String = (1..=20).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 10\n", "line ten\n\tmore\n");
        let edit = Edit { file: "/w/src/a.rs".into(), before, after };
        let (lines, first) = diff(&[edit], Path::new("/w"));
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(text[..3], ["src/a.rs  +2 -1", "@@ line 7", " line 7"]);
        assert_eq!(text[5..8], ["-line 10", "+line ten", "+    more"]);
        assert_eq!(text.len(), 11);
        assert_eq!(first, Some(Place { file: "/w/src/a.rs".into(), line: 10, column: 0 }));
    }

    #[test]
    fn a_diff_is_bounded() {
        let after = "x\n".repeat(KEPT * 2);
        let edit = Edit { file: "a.rs".into(), before: String::new(), after };
        let (lines, _) = diff(&[edit], Path::new("/w"));
        assert_eq!(lines.len(), KEPT + 1);
        assert_eq!(lines[KEPT].text, "and 602 more lines");
    }
}
