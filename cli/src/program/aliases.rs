//! Functions whose symbol changed while the program ran.

use std::collections::BTreeMap;

/// Symbols that earlier code calls, each with the symbol that the function has now.
#[derive(Clone, Debug, Default)]
pub struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// Takes in that functions have another symbol: old, new.
    pub fn add(&mut self, changed: &BTreeMap<String, String>) {
        for now in self.0.values_mut() {
            if let Some(newer) = changed.get(now) {
                now.clone_from(newer);
            }
        }
        self.0.extend(changed.iter().map(|(was, now)| (was.clone(), now.clone())));
        // A symbol that is used again means its own function.
        self.0.retain(|was, now| was != now && !changed.values().any(|now| now == was));
    }

    /// All symbols by which code may call the function that is `symbol` now.
    pub fn names<'a>(&'a self, symbol: &'a str) -> impl Iterator<Item = &'a str> {
        let old = self.0.iter().filter(move |(_, now)| *now == symbol);
        std::iter::once(symbol).chain(old.map(|(was, _)| was.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(was, now)| ((*was).to_owned(), (*now).to_owned())).collect()
    }

    #[test]
    fn every_earlier_symbol_means_the_newest() {
        let mut aliases = Aliases::default();
        aliases.add(&changed(&[("a", "b")]));
        aliases.add(&changed(&[("b", "c")]));
        assert_eq!(aliases.names("c").collect::<Vec<_>>(), ["c", "a", "b"]);
        assert_eq!(aliases.names("b").collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_symbol_that_comes_back_is_itself_again() {
        let mut aliases = Aliases::default();
        aliases.add(&changed(&[("a", "b")]));
        aliases.add(&changed(&[("b", "a")]));
        assert_eq!(aliases.names("a").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(aliases.names("b").collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn two_that_change_places_are_told_apart() {
        let mut aliases = Aliases::default();
        aliases.add(&changed(&[("a", "b"), ("c", "d")]));
        aliases.add(&changed(&[("b", "d"), ("d", "b")]));
        assert_eq!(aliases.names("d").collect::<Vec<_>>(), ["d", "a"]);
        assert_eq!(aliases.names("b").collect::<Vec<_>>(), ["b", "c"]);
    }
}
