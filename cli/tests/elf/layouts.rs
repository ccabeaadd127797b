//! Definitions made at random: types are found to differ exactly where their definitions do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hotdev_cli::types;
use proptest::prelude::*;

use crate::compile::debug;

/// Fields of a `repr(C)` struct, by name and type: order counts.
type Definition = Vec<(&'static str, &'static str)>;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

const TYPES: [&str; 14] = [
    "u8",
    "i8",
    "bool",
    "u32",
    "f32",
    "char",
    "u64",
    "(u8, u16)",
    "[u8; 3]",
    "[u8; 4]",
    "&'static u8",
    "Option<Box<u8>>",
    "fn(u8) -> u8",
    "String",
];

fn definition() -> impl Strategy<Value = Definition> {
    let names = Just(NAMES.to_vec()).prop_shuffle();
    let types = prop::collection::vec(prop::sample::select(&TYPES), 0..=NAMES.len());
    (names, types).prop_map(|(names, types)| names.into_iter().zip(types).collect())
}

/// A definition and what an edit made of it: often the same, mostly one small step away.
fn pair() -> impl Strategy<Value = (Definition, Definition)> {
    let edit = (0..5u8, any::<prop::sample::Index>(), prop::sample::select(&TYPES));
    (definition(), definition(), edit).prop_map(|(old, other, (kind, at, is))| {
        let mut new = old.clone();
        match kind {
            0 => new = other,
            1 if !old.is_empty() => new[at.index(old.len())].1 = is,
            2 if old.len() > 1 => new.swap(0, at.index(old.len())),
            3 if !old.is_empty() => drop(new.remove(at.index(old.len()))),
            _ => {}
        }
        (old, new)
    })
}

fn source<'a>(definitions: impl Iterator<Item = &'a Definition>) -> String {
    let mut source = String::new();
    for (number, fields) in definitions.enumerate() {
        let fields: String =
            fields.iter().map(|(name, is)| format!("pub {name}: {is}, ")).collect();
        let _ = writeln!(source, "#[repr(C)] pub struct S{number} {{ {fields} }}");
        let _ = writeln!(source, "pub fn f{number}(_: &S{number}) {{}}");
    }
    source
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn structs_differ_exactly_where_their_definitions_do(
        pairs in prop::collection::vec(pair(), 64)
    ) {
        let read = |source: String| types::read(&debug(&source)).expect("debug information");
        let old = read(source(pairs.iter().map(|(old, _)| old)));
        let new = read(source(pairs.iter().map(|(_, new)| new)));
        let found: BTreeSet<usize> = types::compare(&old, &new)
            .named
            .iter()
            .filter_map(|changed| changed.name.strip_prefix("demo::S"))
            .map(|rest| rest.split('.').next().unwrap_or(rest).parse().expect("a number"))
            .collect();
        let differ = pairs.iter().enumerate().filter(|(_, (old, new))| old != new);
        prop_assert_eq!(found, differ.map(|(number, _)| number).collect::<BTreeSet<_>>());
    }
}
