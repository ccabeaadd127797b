//! A refused edit, for a reader: what changed, why that cannot go into a live process, what to do.
//!
//! `watch` and `reload` say the same of it. They differ in how a place is written: an editor reads
//! `file:line:column: error:` at the start of a line.

use std::path::Path;

use super::color::{Style, paint};
use super::event::{Item, RefusalCode};
use super::text;

/// Items shown before the rest is only counted.
const SHOWN: usize = 8;
/// Longer names are not lined up.
const NAME_WIDTH: usize = 40;
/// A change that makes its line longer than this gets lines of its own.
const WIDTH: usize = 90;

/// The items for somebody at a terminal in `base`, one below the other.
pub(super) fn for_people(items: &[Item], base: &Path) -> Vec<String> {
    let shown = shown(items);
    let places: Vec<String> = shown.iter().map(|item| place(item, base)).collect();
    let place_width = places.iter().map(String::len).max().unwrap_or_default();
    let gap = usize::from(place_width > 0);
    let names = shown.iter().map(|item| shortened(item).name.len() + 1);
    let name_width = names.filter(|width| *width <= NAME_WIDTH).max().unwrap_or_default();
    let lines = shown.iter().zip(&places).map(|(item, place)| {
        let head = format!("{place:place_width$}{:gap$}", "");
        described(item, &head, name_width)
    });
    lines.chain(rest(items)).collect()
}

/// All items as [`for_people`] has them, each with its lines; those that stand in the sources first.
pub(crate) fn told<'a>(items: &'a [Item], base: &Path) -> Vec<(&'a Item, Vec<String>)> {
    let (placed, rest): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.file.is_some());
    let blocks = placed.into_iter().chain(rest).map(|item| {
        let block = for_people(std::slice::from_ref(item), base);
        (item, block.iter().flat_map(|block| block.lines()).map(str::to_owned).collect())
    });
    blocks.collect()
}

/// The items for an editor whose user is in `base`.
pub(super) fn for_editors(items: &[Item], base: &Path) -> Vec<String> {
    let line = |item: &&Item| {
        let place = item
            .file
            .as_ref()
            .map(|file| format!("{}:{}:1: ", text::relative(file, base), item.line.unwrap_or(1)));
        described(item, &format!("{}error: ", place.unwrap_or_default()), 0)
    };
    shown(items).iter().map(line).chain(rest(items)).collect()
}

/// Those that stand in the sources, where some do: types that hold a changed one have changed with
/// it, and there can be many.
fn shown(items: &[Item]) -> Vec<&Item> {
    let any_placed = items.iter().any(|item| item.file.is_some());
    let wanted = |item: &&Item| !any_placed || item.file.is_some();
    items.iter().filter(wanted).take(SHOWN).collect()
}

/// What becomes of the program: it runs on as it was, it restarts by itself, there is none, or there
/// will be none as the session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    RunsOn,
    Restarts,
    None,
    Over,
}

/// Why, and what to do, each line with its label.
pub(super) fn advice(code: RefusalCode, fate: Fate, colors: bool) -> Vec<String> {
    let label = |name: &str, text: &str| {
        let gap = " ".repeat(6 - name.len());
        format!("  {}{gap}{text}", paint(name, Style::Notice, colors))
    };
    let mut lines = vec![label("why:", reason(code))];
    match fate {
        Fate::RunsOn => lines.push(label("so:", "the program runs on as it was")),
        Fate::Restarts => {
            lines.push(label("so:", "it restarts now, as on-incompatible in hotdev.toml says"));
            return lines;
        }
        Fate::Over => {
            lines.push(label("so:", "it is in the program from its next start on"));
            return lines;
        }
        Fate::None => {}
    }
    lines.push(label("next:", next(code)));
    if is_about_the_edit(code) {
        let always = "on-incompatible = \"restart\" in hotdev.toml restarts on every such save";
        lines.push(label("or:", always));
    }
    lines
}

/// Why such an edit cannot go into a live process.
pub(crate) fn reason(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::LayoutChanged => {
            "new code would read and write values that exist at the wrong places"
        }
        RefusalCode::VtableChanged => {
            "a call finds its method by its place in the table, and would find another one"
        }
        RefusalCode::StaticChanged => {
            "statics and thread-locals keep the memory that they got when the program started"
        }
        RefusalCode::UnresolvedSymbol => "the new code would call or read what is nowhere",
        RefusalCode::SlotMismatch => {
            "a word of the program is not what hotdev knows it to be; writing it is not safe"
        }
        RefusalCode::LoadFailed => "a patch goes into every process of the program or into none",
        RefusalCode::PatchFailed => "only a whole patch is loaded, and this one was not made",
        RefusalCode::NeedsRestart => {
            "a patch replaces functions; this is part of how the whole program is built or linked"
        }
    }
}

/// What to do about it.
fn next(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::LayoutChanged | RefusalCode::VtableChanged | RefusalCode::StaticChanged => {
            "`hotdev restart` runs it with fresh state; taking the edit back keeps the state"
        }
        RefusalCode::UnresolvedSymbol | RefusalCode::NeedsRestart => {
            "`hotdev restart` builds it with cargo and runs it; taking it back keeps the state"
        }
        RefusalCode::SlotMismatch | RefusalCode::PatchFailed => {
            "`hotdev restart` applies it; target/hotdev/hotdev.log has the details"
        }
        RefusalCode::LoadFailed => "`hotdev reload` tries again; `hotdev restart` always works",
    }
}

/// Whether the edit is the cause, rather than something that went wrong.
fn is_about_the_edit(code: RefusalCode) -> bool {
    use RefusalCode::{LoadFailed, PatchFailed, SlotMismatch};
    !matches!(code, SlotMismatch | LoadFailed | PatchFailed)
}

/// `head`, then "name: u32 -> u64", or "was" and "now" below each other where they are long.
fn described(item: &Item, head: &str, name_width: usize) -> String {
    let item = &shortened(item);
    let change = text::change(item);
    if change.is_empty() {
        return format!("{head}{}", item.name);
    }
    let line = format!("{head}{:name_width$} {change}", item.name.clone() + ":");
    if line.chars().count() <= WIDTH || item.was.is_empty() || item.now.is_empty() {
        return line;
    }
    format!("{head}{}\n    was {}\n    now {}", item.name, item.was, item.now)
}

/// The item without what goes without saying: where the types of std are declared, and the name of
/// a file that stands before it.
fn shortened(item: &Item) -> Item {
    let [name, was, now] = [&item.name, &item.was, &item.now].map(|text| short_types(text));
    let is_file = item.file.as_ref().is_some_and(|file| file.ends_with(&item.name));
    let name = if is_file { "needs a restart".into() } else { name };
    if was == now {
        return Item { name, ..item.clone() };
    }
    Item { name, was, now, ..item.clone() }
}

/// `alloc::boxed::Box<dyn game::Rule, alloc::alloc::Global>` as `Box<dyn game::Rule>`.
fn short_types(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(same);
        let is_std = ["core::", "alloc::", "std::"].iter().any(|krate| run.starts_with(krate));
        short += if is_std { run.rsplit("::").next().unwrap_or(run) } else { run };
        rest = after;
    }
    short.replace(", Global>", ">")
}

fn rest(items: &[Item]) -> Option<String> {
    let more = items.len() - shown(items).len();
    (more > 0).then(|| format!("and {more} more, which `hotdev reload --json` names"))
}

/// "game/src/lib.rs:12:", as much of it as is known.
fn place(item: &Item, base: &Path) -> String {
    let Some(file) = &item.file else { return String::new() };
    let file = text::relative(file, base);
    item.line.map_or_else(|| format!("{file}:"), |line| format!("{file}:{line}:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_std_are_named_without_their_modules() {
        for (text, expected) in [
            ("core::option::Option<game::Kind> at 8", "Option<game::Kind> at 8"),
            (
                "alloc::boxed::Box<dyn game::Rule, alloc::alloc::Global> at 8",
                "Box<dyn game::Rule> at 8",
            ),
            ("mystd::Vec<u8>", "mystd::Vec<u8>"),
            ("not there", "not there"),
        ] {
            assert_eq!(short_types(text), expected);
        }
    }

    #[test]
    fn types_that_differ_in_their_modules_alone_keep_them() {
        let (was, now) = ("core::a::T".to_owned(), "std::b::T".to_owned());
        let item = Item { name: "x".into(), was, now, ..Item::default() };
        assert_eq!(for_people(&[item], Path::new("/")), ["x: core::a::T -> std::b::T"]);
    }

    #[test]
    fn places_and_names_stand_below_each_other() {
        let item = |name: &str, line| Item {
            name: name.into(),
            was: "u8".into(),
            now: "u16".into(),
            file: Some("/w/a.rs".into()),
            line: Some(line),
        };
        let file = Item {
            name: "Cargo.toml".into(),
            file: Some("/w/Cargo.toml".into()),
            ..Item::default()
        };
        assert_eq!(
            for_people(&[item("A.first", 3), item("A.b", 12)], Path::new("/w")),
            ["a.rs:3:  A.first: u8 -> u16", "a.rs:12: A.b:     u8 -> u16"]
        );
        assert_eq!(
            for_people(std::slice::from_ref(&file), Path::new("/w")),
            ["Cargo.toml: needs a restart"]
        );
        assert_eq!(
            for_editors(&[file], Path::new("/w")),
            ["Cargo.toml:1:1: error: needs a restart"]
        );
    }
}
