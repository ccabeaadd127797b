//! Random definitions, edited at random: what goes live reads every old value rightly, and all
//! else is refused.
//!
//! A program keeps values of generated types in memory and prints all of them, bit by bit, each
//! tick; beside them values that it makes that moment, and the sizes of the types. An edit changes
//! a definition together with the code that shows it. What is right after `live`: each field has
//! the old value of its name (or that of the field renamed to it) and type, each method of an old
//! object runs its new body, and no size is another. Where a field has no old value, only a
//! refusal is right; then everything stays, and taking the edit back is `unchanged`.
//!
//! | file | what |
//! |---|---|
//! | `model` | a module: types, and how values are held |
//! | `generate` | proptest's strategies for modules |
//! | `mutate`, `choices` | the kinds of edits, and what they pick |
//! | `values` | values, and what a definition must read of another's |
//! | `source`, `holders`, `program` | all of it as Rust; what is not generated is in `fixtures/edits` |
//! | `batch` | a session that edits one module after the other |
//!
//! proptest generates: the workspace has it, and its strategies nest and are filtered as types
//! are. Nothing is shrunk, as each try needs a running program. Two settings:
//! `HOTDEV_TEST_PAIRS`, how many pairs; `HOTDEV_TEST_SEED`, the first one's seed. Pair N of seed S
//! is the one pair of seed S+N, so a failure can be repeated alone.

mod batch;
mod choices;
mod generate;
mod holders;
mod model;
mod mutate;
mod program;
mod source;
mod values;

use std::{collections::BTreeMap, sync::Mutex, thread};

use batch::Report;
use program::Pair;

const PAIRS: u64 = 200;
const SEED: u64 = 3;

/// Modules in one program: more of them compile longer, fewer start more programs.
const BATCH: usize = 25;

#[test]
fn live_means_that_old_values_are_read_rightly() {
    let (pairs, seed) = (setting("HOTDEV_TEST_PAIRS", PAIRS), setting("HOTDEV_TEST_SEED", SEED));
    let seeds: Vec<u64> = (0..pairs).map(|number| seed.wrapping_add(number)).collect();
    let batches = Mutex::new(seeds.chunks(BATCH));
    let work = || {
        let mut report = Report::default();
        while let Some(seeds) = { batches.lock().expect("no panic").next() } {
            batch::run(seeds.iter().copied().map(Pair::generate).collect(), &mut report);
        }
        report
    };
    let report = thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut report = work();
        let other = other.join().expect("the other half runs to its end");
        report.judged.extend(other.judged);
        report.failures.extend(other.failures);
        report
    });
    print(&report);
    assert!(report.failures.is_empty(), "{} pairs failed", report.failures.len());
    let alarms =
        report.judged.iter().filter(|pair| pair.edit == mutate::BODY && pair.verdict != "live");
    assert_eq!(alarms.count(), 0, "edits of a body alone are never refused");
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Counts by verdict and kind of edit, false alarms, failures.
fn print(report: &Report) {
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for pair in &report.judged {
        *verdicts.entry(&pair.verdict).or_default() += 1;
        let (live, refused) = kinds.entry(pair.edit).or_default();
        *(if pair.verdict.starts_with("live") { live } else { refused }) += 1;
    }
    let (judged, failed) = (report.judged.len(), report.failures.len());
    let taken_back = report.judged.iter().filter(|pair| !pair.verdict.starts_with("live")).count();
    println!("{} pairs, {failed} failed", judged + failed);
    println!("{verdicts:?}, refused and taken back: {taken_back} unchanged");
    for (edit, (live, refused)) in kinds {
        println!("{edit:50} {live:3} live {refused:3} refused");
    }
    for pair in report.judged.iter().filter(|pair| pair.harmless && pair.verdict != "live") {
        println!("false alarm, {}, seed {}: {}", pair.edit, pair.seed, pair.event);
    }
    for failure in &report.failures {
        println!("\n=== {failure}");
    }
}
