//! Where an item is declared, found in the text of a file: the debug information that stable rustc
//! writes has no lines of types.

use std::path::{Path, PathBuf};

/// Words after which a name is declared.
const DECLARING: [&str; 8] = ["struct", "enum", "union", "trait", "static", "mut", "type", "fn"];

/// Finds where an item is declared: the path's last plain name, or else the one before it
/// (the last may be a variant), looked for as a word. Of `path.field`, where the field stands, if it
/// does.
pub fn declaration(file: &Path, path: &str) -> Option<(PathBuf, u32)> {
    let text = std::fs::read_to_string(file).ok()?;
    Some((file.to_owned(), line(&text, path)? as u32 + 1))
}

/// The index of the line.
fn line(text: &str, path: &str) -> Option<usize> {
    let plain = path.split(['<', '.', '{']).next()?.trim_end_matches("::");
    let line_of = |name: &str| {
        let declares = |line: &str| words(line).windows(2).any(|pair| is_declared(pair, name));
        text.lines().position(declares)
    };
    let start = plain.rsplit("::").take(2).find_map(line_of)?;
    let tail = path.rsplit('>').next().unwrap_or(path);
    let field = tail.split('.').nth(1).filter(|field| !field.is_empty());
    Some(field.and_then(|field| part(text, start, field)).unwrap_or(start))
}

fn is_declared(pair: &[&str], name: &str) -> bool {
    DECLARING.contains(&pair[0]) && pair[1] == name
}

fn words(line: &str) -> Vec<&str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

/// The line of a field or variant in the declaration that begins in line `start`.
fn part(text: &str, start: usize, name: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (index, line) in text.lines().enumerate().skip(start) {
        let code = line.split("//").next().unwrap_or(line);
        let found = code.match_indices(name).any(|(at, _)| {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let (before, after) = (&code[..at], code[at + name.len()..].trim_start());
            let is_field = after.starts_with(':') && !after.starts_with("::");
            let is_variant = after.is_empty() || after.starts_with([',', '(', '{', '=', '}']);
            // The name of the type stands in its first line, too.
            let is_inside = depth > 0 || before.contains('{');
            is_inside && !before.ends_with(is_word) && (is_field || is_variant && depth <= 1)
        });
        if found {
            return Some(index);
        }
        depth += code.matches('{').count() as i32 - code.matches('}').count() as i32;
        if depth <= 0 && (code.contains('}') || code.contains(';')) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
use std::fmt;
pub struct Score(u32);

/// Has a score.
#[derive(Clone)]
pub struct State<T> {
    // score: once a u32
    pub name: String,
    pub(crate) score: Score,
    of: T,
}
struct Small { a: u32 }
enum Kind {
    Small,
    Large { score: u64 },
}
struct Other {
    size: u8,
}
";

    #[test]
    fn a_field_is_found_in_its_own_type() {
        let at = |path| line(TEXT, path).map(|index| index + 1);
        assert_eq!(at("game::State<u32>"), Some(6));
        assert_eq!(at("game::State<u32>.score"), Some(9));
        assert_eq!(at("game::State<alloc::vec::Vec<u8>>.of"), Some(10));
        assert_eq!(at("game::State<u32>.size"), Some(6), "it is another type's");
        assert_eq!(at("game::Small.a"), Some(12));
        assert_eq!(at("game::Kind.Small"), Some(14));
        assert_eq!(at("game::Kind.Large.score"), Some(15));
        assert_eq!(at("game::Score.__0"), Some(2));
        assert_eq!(at("game::Nothing.a"), None);
    }
}
