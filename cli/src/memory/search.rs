//! The search itself: bytes of the process against the address ranges of old patches.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use hotdev_protocol::{Survey, Surveyed};
use memchr::memmem::Finder;

use super::maps::{self, Mapping};
use super::{Limit, Unknown};

/// How much is read at once.
const CHUNK: u64 = 1 << 20;

/// Bytes of the loader's record of an image. `struct link_map` has more in every glibc since 2.17,
/// and all pointers into the image stand in these.
const RECORD: u64 = 1152;

/// The bits of an address of a process, on x86-64 with four levels of page tables.
const ADDRESS: u64 = (1 << 48) - 1;

/// Where glibc keeps the number that addresses are scrambled with, from a thread's own pointer on
/// (`tcbhead_t`, sysdeps/x86_64/nptl/tls.h).
const GUARD: u64 = 0x30;

/// One search. Patches that something refers to are marked.
pub struct Search<'a> {
    memory: File,
    pagemap: File,
    mappings: Vec<Mapping>,
    /// By address.
    patches: Vec<Surveyed>,
    marked: Vec<bool>,
    /// Memory of the shim's, by address.
    own: Vec<Range<u64>>,
    /// All patches lie in here.
    around: Range<u64>,
    /// What follows the lower half of an address in there: bits 32 to 47. A program may have data of
    /// its own in the bits above, and below where it has shifted the address.
    upper: Vec<Finder<'static>>,
    guard: Option<u64>,
    /// Which words refer to patches, and where to: the first for each.
    found: Vec<(u64, u64)>,
    limit: Limit,
    is_wanted: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Search<'a> {
    /// Opens the process's memory.
    pub fn new(
        pid: u32,
        survey: &Survey,
        limit: Limit,
        is_wanted: &'a (dyn Fn() -> bool + Sync),
    ) -> Result<Self, Unknown> {
        let mut patches = survey.patches.clone();
        patches.sort_by_key(|patch| patch.begin);
        let mut own: Vec<_> = survey.own.iter().map(|(begin, end)| *begin..*end).collect();
        own.sort_by_key(|range| range.start);
        let begin = patches.first().map_or(0, |patch| patch.begin);
        let end = patches.last().map_or(0, |patch| patch.end);
        let upper = (begin >> 32..=end.saturating_sub(1).max(begin) >> 32)
            .map(|upper| Finder::new(&(upper as u16).to_le_bytes()).into_owned());
        let search = Self {
            memory: File::open(format!("/proc/{pid}/mem"))?,
            pagemap: File::open(format!("/proc/{pid}/pagemap"))?,
            mappings: maps::read(pid)?,
            marked: vec![false; patches.len()],
            patches,
            own,
            around: begin..end,
            upper: upper.collect(),
            guard: None,
            found: Vec::new(),
            limit,
            is_wanted,
        };
        search.check()?;
        Ok(search)
    }

    /// Whether this is the process that was surveyed, and every patch lies where it was said to.
    fn check(&self) -> Result<(), Unknown> {
        for patch in &self.patches {
            let starts = self.mappings.iter().any(|map| map.range.start == patch.begin);
            // What follows may have become one mapping with its last pages.
            let ends = self.mappings.iter().any(|map| map.range.contains(&(patch.end - 1)));
            // The record begins with the load address (`l_addr`), which is that of the first page.
            if !starts || !ends || self.word(patch.record)? != patch.begin {
                return Err(Unknown::Hidden("its old code is not where it is said to be".into()));
            }
        }
        Ok(())
    }

    /// Has scrambled addresses found too.
    pub fn set_guard(&mut self, thread_pointer: u64) -> Result<(), Unknown> {
        self.guard = Some(self.word(thread_pointer + GUARD)?);
        Ok(())
    }

    /// Marks every patch to which `words`, the memory, or another marked patch refers. What the first
    /// look marks is not surveyed again, and what that needs has been marked with it.
    pub fn run(&mut self, words: &[u64]) -> Result<(), Unknown> {
        for word in words {
            [*word, word & ADDRESS, word >> 16].into_iter().for_each(|word| self.mark(word));
        }
        let all = self.mappings.clone();
        let is_patch = |map: &&Mapping| self.patches.iter().any(|p| is_inside(&map.range, p));
        let (of_patches, rest): (Vec<_>, Vec<_>) = all.iter().partition(is_patch);
        for map in rest {
            self.mapping(map)?;
        }
        let mut done = vec![false; self.patches.len()];
        while let Some(next) = (0..done.len()).find(|i| self.marked[*i] && !done[*i]) {
            done[next] = true;
            let patch = self.patches[next].clone();
            // Its code leads there by distances, which are no addresses.
            for (other, marked) in self.patches.iter().zip(&mut self.marked) {
                *marked |= patch.needs.contains(&other.build_id);
            }
            for map in of_patches.iter().filter(|map| is_inside(&map.range, &patch)) {
                self.mapping(map)?;
            }
        }
        Ok(())
    }

    /// The patches that nothing refers to.
    pub fn unmarked(&self) -> Vec<Surveyed> {
        let all = self.patches.iter().zip(&self.marked);
        all.filter(|(_, marked)| !**marked).map(|(patch, _)| patch.clone()).collect()
    }

    /// What refers to patches, for the log.
    pub fn references(&self) -> Vec<String> {
        let references = self.found.iter().map(|(at, address)| {
            let map = self.mappings.iter().find(|map| map.range.contains(at));
            let (begin, name) = map.map_or((0, ""), |map| (map.range.start, map.path.as_str()));
            format!("{address:#x} stands at {at:#x} ({:#x} in {name:?})", at - begin)
        });
        references.collect()
    }

    fn mapping(&mut self, map: &Mapping) -> Result<(), Unknown> {
        let written = map.written(&self.pagemap, &|| self.go_on())?;
        let written: Vec<_> = written.into_iter().flat_map(|run| without(run, &self.own)).collect();
        for run in written {
            let mut begin = run.start;
            while begin < run.end {
                if self.marked.iter().all(|marked| *marked) {
                    return Ok(());
                }
                self.go_on()?;
                let end = run.end.min(begin + CHUNK);
                // An address may begin in one chunk and end in the next.
                let mut bytes = vec![0; (run.end.min(end + 7) - begin) as usize];
                self.memory.read_exact_at(&mut bytes, begin)?;
                self.bytes(begin, &bytes)?;
                begin = end;
            }
        }
        Ok(())
    }

    /// Whether there is time left.
    fn go_on(&self) -> Result<(), Unknown> {
        if self.limit.is_over() {
            Err(Unknown::Hidden("its memory is too large to be searched".into()))
        } else if (self.is_wanted)() {
            Ok(())
        } else {
            Err(Unknown::Interrupted)
        }
    }

    fn bytes(&mut self, begin: u64, bytes: &[u8]) -> io::Result<()> {
        for upper in self.upper.clone() {
            // The upper half of an address has its lower half before it.
            let mut from = 4;
            while let Some(found) = bytes.get(from..).and_then(|rest| upper.find(rest)) {
                from += found + 1;
                let at = from - 5;
                let mut word = [0; 8];
                word[..6].copy_from_slice(&bytes[at..at + 6]);
                let word = u64::from_le_bytes(word);
                if self.around.contains(&word) {
                    self.address(begin + at as u64, word)?;
                }
            }
        }
        let Some(guard) = self.guard else { return Ok(()) };
        for word in bytes.chunks_exact(8) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            let plain = word.rotate_right(17) ^ guard;
            if self.around.contains(&plain) {
                self.mark(plain);
            }
        }
        Ok(())
    }

    /// An address in the patches' range stands at `at`.
    fn address(&mut self, at: u64, address: u64) -> io::Result<()> {
        let Some(index) = self.patch_at(address).filter(|index| !self.marked[*index]) else {
            return Ok(());
        };
        if !self.is_of_loader(at, &self.patches[index]) {
            self.found.push((at, address));
            self.marked[index] = true;
        }
        Ok(())
    }

    /// Whether the dynamic loader keeps the word at `at` to manage a patch.
    fn is_of_loader(&self, at: u64, patch: &Surveyed) -> bool {
        if (patch.record..patch.record + RECORD).contains(&at) {
            return true;
        }
        // An entry of `_dl_find_object`: begin, end, record, unwind table (elf/dl-find_object.h).
        at.is_multiple_of(8)
            && [0, 8, 24].into_iter().any(|offset| {
                let entry = at.wrapping_sub(offset);
                self.word(entry).is_ok_and(|word| word == patch.begin)
                    && self.word(entry.wrapping_add(16)).is_ok_and(|word| word == patch.record)
            })
    }

    fn mark(&mut self, address: u64) {
        if let Some(index) = self.patch_at(address) {
            self.marked[index] = true;
        }
    }

    /// The patch that an address lies in.
    fn patch_at(&self, address: u64) -> Option<usize> {
        let after = self.patches.partition_point(|patch| patch.begin <= address);
        after.checked_sub(1).filter(|index| address < self.patches[*index].end)
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.memory.read_exact_at(&mut bytes, at)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// What of `run` lies in none of `ranges`, which are in order.
fn without(run: Range<u64>, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut rest = run.clone();
    let mut pieces = Vec::new();
    for range in ranges.iter().filter(|range| range.start < run.end && range.end > run.start) {
        pieces.push(rest.start..range.start.max(rest.start));
        rest.start = range.end.min(rest.end);
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn is_inside(range: &Range<u64>, patch: &Surveyed) -> bool {
    range.start >= patch.begin && range.end <= patch.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_may_lie_anywhere() {
        let own = [20..30, 40..50];
        for (run, left) in [
            (0..10, &[(0, 10)][..]),
            (0..25, &[(0, 20)]),
            (25..45, &[(30, 40)]),
            (22..28, &[]),
            (0..60, &[(0, 20), (30, 40), (50, 60)]),
            (50..60, &[(50, 60)]),
        ] {
            let pieces = without(run.clone(), &own).into_iter();
            let pieces: Vec<_> = pieces.map(|piece| (piece.start, piece.end)).collect();
            assert_eq!(pieces, left, "{run:?}");
        }
    }
}
