//! The phrases that several kinds of output share.

use std::path::Path;

use super::event::{Diagnostic, Item, RefusalCode};

/// `names` as far as the first `most`: "a, b (+3)".
pub(super) fn list<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let shown: Vec<_> = names.iter().take(most).map(AsRef::as_ref).collect();
    let mut text = shown.join(", ");
    if names.len() > most {
        text += &format!(" (+{})", names.len() - most);
    }
    text
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

/// `path` as somebody in `base` would type it.
pub(super) fn relative(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

/// What happened to an item: "u32 -> u64", "was u32", "now u64", or nothing.
pub(super) fn change(item: &Item) -> String {
    match (item.was.as_str(), item.now.as_str()) {
        ("", "") => String::new(),
        (was, "") => format!("was {was}"),
        ("", now) => format!("now {now}"),
        (was, now) => format!("{was} -> {now}"),
    }
}

/// "game::State: u32 -> u64", without its place.
pub(super) fn item(item: &Item) -> String {
    let change = change(item);
    if change.is_empty() { item.name.clone() } else { format!("{}: {change}", item.name) }
}

/// "compile error: 2 errors, 1 warning"
pub(super) fn compile_error(diagnostics: &[Diagnostic]) -> String {
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

/// What to do about a refusal.
pub(super) fn refusal_hint(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::LayoutChanged | RefusalCode::VtableChanged | RefusalCode::StaticChanged => {
            "`hotdev restart` runs it with fresh state; taking the edit back keeps the state"
        }
        RefusalCode::UnresolvedSymbol | RefusalCode::NeedsRestart => {
            "`hotdev restart` builds it with cargo and runs it"
        }
        RefusalCode::SlotMismatch | RefusalCode::PatchFailed => {
            "`hotdev restart` applies it; the log in target/hotdev has the details"
        }
        RefusalCode::LoadFailed => "`hotdev reload` tries again; `hotdev restart` always works",
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
pub(super) fn ending(status: Option<i32>, signal: Option<i32>) -> String {
    match (status, signal) {
        (_, Some(signal)) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => format!("signal {signal} ({name})"),
            None => format!("signal {signal}"),
        },
        (Some(status), None) => format!("status {status}"),
        (None, None) => "unknown status".into(),
    }
}
