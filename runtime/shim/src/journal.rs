//! Bringing words of the running program into use, and taking them back.
//!
//! Everything is checked before anything is written, so a command changes all of its words or
//! none. Going back over several generations writes each word once, with its final value.

use std::{collections::BTreeMap, ops::Range};

use hotdev_protocol::{FailureKind, Generation, Place};

use crate::{
    failure::{Result, failure},
    sys::memory::Slot,
};

/// A word of the running program that a prepared patch will write.
pub struct Write {
    /// Where it is, in the session's terms; for messages.
    pub place: Place,
    /// Where it is in memory.
    pub slot: Slot,
    /// What it must hold before, unless it holds `now` already.
    pub was: Target,
    /// What it will hold.
    pub now: Target,
    /// Whether it led nowhere before, so that it is not taken back.
    pub is_first: bool,
}

/// Where a word leads. It is led past an entry to the function itself once that has been called (see
/// [`crate::records`]): both are the same then.
#[derive(Clone, Copy)]
pub struct Target {
    /// The address that the session knows.
    pub address: u64,
    /// That of the function behind it, where it is an entry; else the same.
    pub function: u64,
}

impl Target {
    /// Whether a word that holds this leads here.
    pub fn is(self, held: u64) -> bool {
        held == self.address || held == self.function
    }
}

impl Write {
    /// Checks that the word holds what it must.
    pub fn check(&self) -> Result<()> {
        match self.slot.load() {
            held if self.was.is(held) || self.now.is(held) => Ok(()),
            held => Err(mismatch(self.place, held, self.was.address)),
        }
    }
}

/// A word as it was written.
#[derive(Clone, Copy)]
struct Entry {
    place: Place,
    slot: Slot,
    old: u64,
    new: Target,
}

/// The words of one applied generation.
#[derive(Clone)]
pub struct Journal {
    /// The generation that wrote them.
    pub generation: Generation,
    entries: Vec<Entry>,
}

impl Journal {
    /// Writes all words, or none when one of them does not hold what it must.
    pub fn commit(generation: Generation, writes: &[Write]) -> Result<Self> {
        writes.iter().try_for_each(Write::check)?;
        // The one allocation comes before the first store.
        let mut entries = Vec::with_capacity(writes.len());
        for &Write { place, slot, now, is_first, .. } in writes {
            if !is_first {
                entries.push(Entry { place, slot, old: slot.load(), new: now });
            }
            slot.store(now.address);
        }
        Ok(Self { generation, entries })
    }
}

/// Makes one journal of `journals` (oldest first), that of `generation`: each word goes from what it
/// held first to what it held last. Words that went back to what they were are left out.
pub fn merge(generation: Generation, journals: &[Journal]) -> Journal {
    let mut words: BTreeMap<Slot, Entry> = BTreeMap::new();
    for entry in journals.iter().flat_map(|journal| &journal.entries) {
        words.entry(entry.slot).and_modify(|first| first.new = entry.new).or_insert(*entry);
    }
    let changed = words.into_values().filter(|entry| !entry.new.is(entry.old));
    Journal { generation, entries: changed.collect() }
}

impl Journal {
    /// The words that it wrote.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.entries.iter().map(|entry| entry.slot)
    }

    /// One that wrote nothing.
    pub fn empty(generation: Generation) -> Self {
        Self { generation, entries: Vec::new() }
    }

    /// Whether a word outside of `ranges` was led into them, or leads there now.
    pub fn leads_into(&self, ranges: &[Range<u64>]) -> bool {
        let leads = |value: u64| ranges.iter().any(|range| range.contains(&value));
        let outside = self.entries.iter().filter(|entry| !entry.slot.is_in(ranges));
        outside.into_iter().any(|Entry { slot, new, .. }| {
            [new.address, new.function, slot.load()].into_iter().any(leads)
        })
    }

    /// Forgets the words in `ranges`, which are going to be unloaded. A word outside that had led
    /// there keeps what it holds when the rest is taken back.
    pub fn forget(&mut self, ranges: &[Range<u64>]) {
        let leads = |value: u64| ranges.iter().any(|range| range.contains(&value));
        self.entries.retain(|entry| !entry.slot.is_in(ranges) && !leads(entry.old));
    }
}

/// Takes back all of `journals` (oldest first), or nothing when a word has been written by
/// somebody else since.
pub fn revert(journals: &[Journal]) -> Result<()> {
    let mut back: BTreeMap<Slot, u64> = BTreeMap::new();
    for entry in journals.iter().rev().flat_map(|journal| &journal.entries) {
        let held = back.get(&entry.slot).copied().unwrap_or_else(|| entry.slot.load());
        if !entry.new.is(held) {
            return Err(mismatch(entry.place, held, entry.new.address));
        }
        back.insert(entry.slot, entry.old);
    }
    for (slot, old) in back {
        slot.store(old);
    }
    Ok(())
}

fn mismatch(place: Place, held: u64, expected: u64) -> hotdev_protocol::Failure {
    failure(
        FailureKind::SlotMismatch,
        format!(
            "the word at {:#x} of image {} holds {held:#x} instead of {expected:#x}",
            place.offset, place.image
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::sys::images::Image;

    fn write(image: &Image, offset: i64, was: u64, now: u64) -> Write {
        let slot = image.span(offset, 8).unwrap().slot().unwrap();
        let target = |address| Target { address, function: address };
        let (was, now) = (target(was), target(now));
        Write { place: Place { image: 1, offset }, slot, was, now, is_first: false }
    }

    fn words(image: &Image) -> [u64; 3] {
        [0, 8, 16].map(|offset| image.span(offset, 8).unwrap().slot().unwrap().load())
    }

    #[test]
    fn one_wrong_word_stops_all() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let writes = [write(&image, 0, 0, 7), write(&image, 8, 1, 7)];
        assert!(Journal::commit(1, &writes).is_err());
        assert_eq!(words(&image), [0, 0, 0]);
    }

    #[test]
    fn two_generations_go_back_at_once() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let first = Journal::commit(1, &[write(&image, 0, 0, 1), write(&image, 8, 0, 1)]).unwrap();
        let second =
            Journal::commit(2, &[write(&image, 0, 1, 2), write(&image, 16, 0, 2)]).unwrap();
        assert_eq!(words(&image), [2, 1, 2]);
        revert(&[first, second]).unwrap();
        assert_eq!(words(&image), [0, 0, 0]);
    }

    #[test]
    fn a_word_that_led_nowhere_is_not_led_there_again() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let first = Write { is_first: true, ..write(&image, 0, 0, 1) };
        let journal = Journal::commit(1, &[first, write(&image, 8, 0, 1)]).unwrap();
        revert(&[merge(1, &[journal])]).unwrap();
        assert_eq!(words(&image), [1, 0, 0]);
    }

    #[test]
    fn merged_generations_go_back_as_one() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let first = Journal::commit(1, &[write(&image, 0, 0, 1), write(&image, 8, 0, 1)]).unwrap();
        let second = Journal::commit(2, &[write(&image, 0, 1, 2), write(&image, 8, 1, 0)]).unwrap();
        let both = merge(2, &[first, second]);
        assert_eq!((both.generation, both.entries.len()), (2, 1));
        revert(&[both]).unwrap();
        assert_eq!(words(&image), [0, 0, 0]);
    }

    #[test]
    fn words_of_what_is_unloaded_are_forgotten() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let writes = [write(&image, 0, 0, 100), write(&image, 8, 0, 300), write(&image, 16, 0, 5)];
        let mut journal = Journal::commit(1, &writes).unwrap();
        assert!(
            journal.leads_into(from_ref(&(100..200))) && !journal.leads_into(from_ref(&(101..200)))
        );
        // Somebody else has led a word there.
        image.span(16, 8).unwrap().slot().unwrap().store(1000);
        assert!(journal.leads_into(from_ref(&(1000..1001))));
        image.span(16, 8).unwrap().slot().unwrap().store(5);
        journal.forget(from_ref(&(image.base + 8..image.base + 16)));
        revert(&[journal]).unwrap();
        assert_eq!(words(&image), [0, 300, 0]);
    }

    #[test]
    fn a_word_somebody_else_wrote_stops_the_way_back() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        let first = Journal::commit(1, &[write(&image, 0, 0, 1), write(&image, 8, 0, 1)]).unwrap();
        image.span(8, 8).unwrap().slot().unwrap().store(9);
        assert!(revert(&[first]).is_err());
        assert_eq!(words(&image), [1, 9, 0]);
    }
}
