//! Mangled names made readable.

use std::collections::BTreeSet;

/// The path a mangled name stands for, without its hash.
pub fn path(mangled: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(mangled))
}

/// Paths of functions, sorted, each once, those of the developer's crates only: instances of
/// library code that changed along with them say nothing to a reader. All of them where there are
/// no others.
pub fn functions(mangled: &[String], crates: &[String]) -> Vec<String> {
    let own = own_functions(mangled, crates);
    if own.is_empty() { sorted_paths(mangled) } else { own }
}

/// The same; none where there are no others. A name that is not mangled is the developer's own.
pub fn own_functions(mangled: &[String], crates: &[String]) -> Vec<String> {
    let is_plain = |path: &String| mangled.contains(path);
    let mut paths = sorted_paths(mangled);
    paths.retain(|path| belongs(path, crates) || is_plain(path));
    paths
}

fn sorted_paths(mangled: &[String]) -> Vec<String> {
    let all: BTreeSet<String> = mangled.iter().map(|name| path(name)).collect();
    all.into_iter().collect()
}

/// Whether a path begins in one of the crates.
pub fn belongs(path: &str, crates: &[String]) -> bool {
    let start = path.trim_start_matches(['<', '&', '*', '(', '[']).trim_start_matches("mut ");
    crates
        .iter()
        .any(|name| start.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with("::")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_the_functions_of_his_crates() {
        let mangled =
            ["_ZN4game6update17h0123456789abcdefE", "_ZN4core3ptr4drop17h0123456789abcdefE"]
                .map(String::from);
        assert_eq!(functions(&mangled, &["game".into()]), ["game::update"]);
        assert_eq!(functions(&mangled[1..], &["game".into()]), ["core::ptr::drop"]);
    }

    #[test]
    fn methods_of_traits_belong_to_the_crate_of_their_type() {
        assert!(belongs("<game::A as game::Ent>::name", &["game".into()]));
        assert!(!belongs("<gamelan::A as x::Y>::z", &["game".into()]));
    }
}
