//! The phrases that several kinds of output share.

use std::path::{Component, Path, PathBuf};

use super::event::{Diagnostic, Item, Older};

/// `names` as far as the first `most`: "a, b (+3)".
pub(crate) fn list<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let shown: Vec<_> = names.iter().take(most).map(AsRef::as_ref).collect();
    let mut text = shown.join(", ");
    if names.len() > most {
        text += &format!(" (+{})", names.len() - most);
    }
    text
}

/// The same, as many as there is room for in so many columns; one at least, and of that what it is
/// called rather than where it is.
pub(crate) fn list_within<S: AsRef<str>>(names: &[S], columns: usize) -> String {
    let fits = |text: &str| text.chars().count() <= columns;
    // A name and what separates it take three columns at least.
    let most = names.len().min(columns / 3 + 1);
    if let Some(text) = (1..=most).rev().map(|most| list(names, most)).find(|it| fits(it)) {
        return text;
    }
    let one = list(names, 1);
    let mut text = one.as_str();
    while let (false, Some((path, name))) = (fits(text), text.split_once("::")) {
        // What a path begins with is no path of its own where it is in brackets.
        if path.contains('<') || name.starts_with("{{") {
            break;
        }
        text = name;
    }
    text.to_owned()
}

/// Why something was done. What somebody asked for needs no more words.
pub(crate) fn why(reason: &str) -> &str {
    if reason == "asked for" { "as asked" } else { reason }
}

/// The same, to be added to what was done.
pub(crate) fn because(reason: &str) -> String {
    let separator = if why(reason) == reason { ":" } else { "," };
    format!("{separator} {}", why(reason))
}

/// The same for files, relative to `base` where they are below it.
pub(super) fn files<P: AsRef<Path>>(files: &[P], base: &Path, most: usize) -> String {
    let names: Vec<_> = files.iter().map(|file| relative(file.as_ref(), base)).collect();
    list(&names, most)
}

/// "1 error", "2 errors".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `path` as somebody in `base` would type it, with `..` where that is shorter than all of it.
pub(crate) fn relative(path: &Path, base: &Path) -> String {
    let whole = path.display().to_string();
    let pairs = path.components().zip(base.components());
    let common = pairs.take_while(|(a, b)| a == b).count();
    // The root alone is nothing in common.
    if common < 2 {
        return whole;
    }
    let up = base.components().skip(common).map(|_| Component::ParentDir);
    let short: PathBuf = up.chain(path.components().skip(common)).collect();
    let short = short.display().to_string();
    if short.is_empty() || short.len() > whole.len() { whole } else { short }
}

/// What rustc shows of a diagnostic, with the files in it as somebody in `base` would type them:
/// rustc names them from where it ran.
pub(crate) fn rendered(diagnostic: &Diagnostic, base: &Path) -> String {
    let text = diagnostic.rendered.trim_end();
    let named = text.lines().filter_map(frame).map(|(_, file, _)| file);
    let Some(root) = named.into_iter().find_map(|file| folder(&diagnostic.file, file)) else {
        return text.to_owned();
    };
    let lines: Vec<String> = text
        .lines()
        .map(|line| match frame(line) {
            Some((start, file, place)) if Path::new(file).is_relative() => {
                format!("{start}{}{place}", relative(&root.join(file), base))
            }
            _ => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

/// The line `  --> src/main.rs:3:5` in its three parts.
fn frame(line: &str) -> Option<(&str, &str, &str)> {
    let arrow = line.trim_start();
    if !(arrow.starts_with("--> ") || arrow.starts_with("::: ")) {
        return None;
    }
    let (start, rest) = line.split_at(line.len() - arrow.len() + 4);
    let column = rest.rfind(':')?;
    let at = rest[..column].rfind(':')?;
    Some((start, &rest[..at], &rest[at..]))
}

/// The folder in which `file` is called `name`.
fn folder<'a>(file: &'a Path, name: &str) -> Option<&'a Path> {
    let name = Path::new(name);
    let above = file.ancestors().nth(name.components().count())?;
    (name.is_relative() && above.join(name) == file).then_some(above)
}

/// What happened to an item: "u32 -> u64", "was u32", "now u64", "added, u32", "removed, was u32", or
/// nothing.
pub(crate) fn change(item: &Item) -> String {
    match (item.was.as_str(), item.now.as_str()) {
        ("", "") => String::new(),
        ("not there", now) => format!("added, {now}"),
        (was, "gone") => format!("removed, was {was}"),
        (was, "") => format!("was {was}"),
        ("", now) => format!("now {now}"),
        (was, now) => format!("{was} -> {now}"),
    }
}

/// "compile error: 2 errors, 1 warning"
pub(crate) fn compile_error(diagnostics: &[Diagnostic]) -> String {
    let of_level = |level| diagnostics.iter().filter(|one| one.level == level).count();
    let counts: Vec<_> = ["error", "warning"]
        .into_iter()
        .map(|level| (of_level(level), level))
        .filter(|(number, _)| *number > 0)
        .map(|(number, level)| count(number, level))
        .collect();
    if counts.is_empty() {
        "compile error".into()
    } else {
        format!("compile error: {}", counts.join(", "))
    }
}

/// The same with what the first of them says.
pub(crate) fn first_error(diagnostics: &[Diagnostic]) -> String {
    let counts = compile_error(diagnostics);
    let first = diagnostics.iter().find(|one| one.level == "error");
    let first = first.and_then(|one| one.message.lines().next());
    first.map(|message| format!("{counts}: {message}")).unwrap_or(counts)
}

/// What existed before a patch and goes on without it: "existing futures stay on old code".
pub(crate) fn older(older: Older) -> Option<String> {
    let what = match (older.closures, older.futures) {
        (false, false) => return None,
        (true, false) => "closures",
        (false, true) => "futures",
        (true, true) => "closures and futures",
    };
    Some(format!("existing {what} stay on old code"))
}

/// How many of the functions that wait for a call are not told of by a note already.
pub(crate) fn open(waiting: &[String], noted: &[String]) -> usize {
    waiting.iter().filter(|name| !noted.contains(name)).count()
}

/// That so many of a generation's functions have not been called: "waiting for its first call".
pub(crate) fn awaiting(functions: usize, waiting: usize) -> String {
    match (functions, waiting) {
        (1, _) => "waiting for its first call".into(),
        (all, left) if all == left => "waiting for their first calls".into(),
        (_, 1) => "1 waits for its first call".into(),
        (_, left) => format!("{left} wait for their first calls"),
    }
}

/// What was called, and how much is left: "a, b (+3); 2 wait for their first calls".
pub(super) fn called(functions: &[String], waiting: &[String], most: usize) -> String {
    let called = list(functions, most);
    match waiting.len() {
        0 => called,
        left => format!("{called}; {}", awaiting(functions.len() + left, left)),
    }
}

/// A stretch of time in its largest unit: "12 s", "3 min", "5 h", "2 days".
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// "process 1", "processes 1, 2, 3 (+4)".
pub(super) fn processes(pids: &[u32]) -> String {
    let names: Vec<_> = pids.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "no process".into(),
        [one] => format!("process {one}"),
        many => format!("processes {}", list(many, 3)),
    }
}

/// How a process ended: "status 1", "signal 11 (SIGSEGV)".
pub(crate) fn ending(status: Option<i32>, signal: Option<i32>) -> String {
    match (status, signal) {
        (_, Some(signal)) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => format!("signal {signal} ({name})"),
            None => format!("signal {signal}"),
        },
        (Some(status), None) => format!("status {status}"),
        (None, None) => "unknown status".into(),
    }
}
