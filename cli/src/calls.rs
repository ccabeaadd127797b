//! Which functions of a generation have been called since they went live.
//!
//! A call that is noted is certain. That there was none is certain only where every call comes
//! through a slot: not for a function that LLVM may have inlined or calls within its unit, not for
//! one that a library can look up by its name, and not where only some instances of a function are
//! watched. Of these nothing is said until a call is noted.

use std::collections::{BTreeMap, BTreeSet};

use crate::elf::calls::Watched;
use crate::symbol_name;

/// The watched functions of one generation.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// The function of each record; none where it is not the developer's.
    records: Vec<Option<String>>,
    /// Those that have not been called, with whether that is certain.
    left: BTreeMap<String, bool>,
}

impl Calls {
    /// What is to be heard of a patch with these records, whose changed functions are `changed`
    /// (mangled names). `shown` are the paths that people are told; `is_certain` says of a path
    /// whether all calls come through slots.
    pub fn new(
        watched: &Watched,
        changed: &[String],
        shown: &[String],
        is_certain: impl Fn(&str) -> bool,
    ) -> Self {
        let is_shown = |path: &String| shown.contains(path);
        let path = |name: &String| Some(symbol_name::path(name)).filter(is_shown);
        let records: Vec<_> = watched.functions.iter().map(path).collect();
        let there: BTreeSet<&String> = watched.functions.iter().collect();
        let unwatched = changed.iter().filter(|name| !there.contains(name));
        let unwatched: BTreeSet<String> = unwatched.map(|name| symbol_name::path(name)).collect();
        let paths = records
            .iter()
            .flatten()
            .map(|path| (path.clone(), !unwatched.contains(path) && is_certain(path)));
        Self { left: paths.collect(), records }
    }

    /// Takes note of calls, and returns the functions that had not been called before.
    pub fn take(&mut self, records: &[u32]) -> Vec<String> {
        let called = records.iter().filter_map(|index| self.records.get(*index as usize)?.as_ref());
        let new: BTreeSet<String> =
            called.filter(|path| self.left.remove(*path).is_some()).cloned().collect();
        new.into_iter().collect()
    }

    /// The functions that have certainly not been called.
    pub fn waiting(&self) -> impl Iterator<Item = &str> {
        self.left.iter().filter(|(_, is_certain)| **is_certain).map(|(path, _)| path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: &str = "_ZN4game1f17h0123456789abcdefE";
    const OTHER_F: &str = "_ZN4game1f17hfedcba9876543210E";
    const G: &str = "_ZN4game1g17h0123456789abcdefE";
    const DROP: &str = "_ZN4core3ptr4drop17h0123456789abcdefE";

    fn calls(watched: &[&str], changed: &[&str]) -> Calls {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let watched = Watched { functions: names(watched), ..Watched::default() };
        let shown = ["game::f".to_owned(), "game::g".to_owned()];
        Calls::new(&watched, &names(changed), &shown, |path| path != "game::g")
    }

    fn waiting(calls: &Calls) -> Vec<&str> {
        calls.waiting().collect()
    }

    #[test]
    fn a_function_is_called_once_whichever_instance_it_was() {
        let mut calls = calls(&[F, OTHER_F, G, DROP], &[F, OTHER_F, G, DROP]);
        assert_eq!(waiting(&calls), ["game::f"]);
        assert_eq!(calls.take(&[3, 99]), [""; 0]);
        assert_eq!(calls.take(&[1]), ["game::f"]);
        assert_eq!(calls.take(&[0, 1]), [""; 0]);
        assert_eq!(calls.take(&[2]), ["game::g"]);
        assert!(waiting(&calls).is_empty());
    }

    #[test]
    fn an_instance_that_is_not_watched_may_have_been_called() {
        let mut calls = calls(&[F, ""], &[F, OTHER_F]);
        assert!(waiting(&calls).is_empty());
        assert_eq!(calls.take(&[0]), ["game::f"]);
    }
}
