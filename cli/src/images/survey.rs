//! What the hot objects define together: all that rewriting one of them has to know of the others.

use std::collections::HashMap;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::elf::SymbolKind;
use crate::elf::object_file::ObjectFile;
use crate::elf::rewrite::Linkage;
use crate::units;

/// What an object has to do with the others. Names are hashes of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// What it defines.
    defines: Vec<(u64, SymbolKind)>,
    /// All names in it, sorted.
    names: Vec<u64>,
}

impl Profile {
    /// Reads it from an object.
    pub fn of(object: &ObjectFile) -> Self {
        let defines = units::definitions(object).map(|(name, kind)| (id(name), kind)).collect();
        Self { defines, names: units::names(object) }
    }
}

/// The names that hot objects define.
#[derive(Debug, Default)]
pub struct Survey(HashMap<u64, Name>);

#[derive(Clone, Copy, Debug)]
struct Name {
    kind: SymbolKind,
    /// How many objects define it.
    count: u32,
}

impl Survey {
    /// Of all hot objects.
    pub fn of<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Self {
        let mut names = HashMap::new();
        for (name, kind) in profiles.flat_map(|profile| &profile.defines) {
            names.entry(*name).or_insert(Name { kind: *kind, count: 0 }).count += 1;
        }
        Self(names)
    }

    /// Hash of all that [`Linkage`] answers about the names in an object.
    pub fn answers(&self, profile: &Profile) -> u64 {
        let mut hash = Xxh3::default();
        for name in &profile.names {
            let answer = match self.0.get(name) {
                None => 0,
                Some(Name { kind, count }) => 2 * (*kind as u8 + 1) + u8::from(*count == 1),
            };
            hash.write_u8(answer);
        }
        hash.finish()
    }
}

impl Linkage for Survey {
    fn kind(&self, name: &str) -> Option<SymbolKind> {
        self.0.get(&id(name)).map(|name| name.kind)
    }

    fn is_unique(&self, name: &str) -> bool {
        self.0.get(&id(name)).is_some_and(|name| name.count == 1)
    }
}

fn id(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(defines: &[&str], uses: &[&str]) -> Profile {
        let mut names: Vec<u64> = defines.iter().chain(uses).map(|name| id(name)).collect();
        names.sort_unstable();
        let defines = defines.iter().map(|name| (id(name), SymbolKind::Function));
        Profile { defines: defines.collect(), names }
    }

    fn answers(of: &Profile, others: &[Profile]) -> u64 {
        Survey::of(others.iter().chain([of])).answers(of)
    }

    #[test]
    fn what_others_say_of_its_names_concerns_an_object() {
        let own = profile(&["f"], &["g", "from_std"]);
        let before = answers(&own, &[profile(&["g"], &[])]);
        assert_ne!(before, answers(&own, &[]), "nobody defines g");
        let second = profile(&["g", "f"], &[]);
        assert_ne!(before, answers(&own, &[second]), "f is there twice");
        let more = [profile(&["g", "h"], &["f"]), profile(&["i"], &[])];
        assert_eq!(before, answers(&own, &more), "h and i are nothing to it");
    }

    #[test]
    fn what_a_name_stands_for_concerns_an_object() {
        let own = profile(&[], &["g"]);
        let function = Survey::of([profile(&["g"], &[])].iter());
        let data = Profile { defines: vec![(id("g"), SymbolKind::Data)], names: vec![id("g")] };
        assert_ne!(function.answers(&own), Survey::of([data].iter()).answers(&own));
    }
}
