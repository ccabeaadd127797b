//! The patches that a process which joins is told, and how they become fewer.
//!
//! A process that joins late, a worker that was started anew for one, gets every patch that is
//! current, in order. When images have been unloaded everywhere, their patches go, and what the
//! older ones wrote is made one step: each patch is loaded with its own words as they are to be in
//! the end, and the last of them brings all into use at once. What leads to an image that is loaded
//! later waits for that step as well; nothing of these patches is called before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hotdev_protocol::{Patch, Place, Value, Word};

/// Build ids.
pub type Ids = BTreeSet<Vec<u8>>;

/// A place by build id and offset.
type Spot = (Vec<u8>, i64);

/// An eight-byte word after some patches.
struct Cell {
    /// What it held in a new process; for a patch's own word, what its own patch said of that.
    was: Option<Spot>,
    now: Spot,
}

/// `patches` (oldest first) without those in `gone`, the first `base` of them made one step.
///
/// # Errors
/// Those of `gone` that others are led to: they have to stay.
pub fn settle(patches: &[Patch], base: usize, gone: &Ids) -> Result<Vec<Patch>, Ids> {
    let (old, new) = patches.split_at(base.min(patches.len()));
    let mut settled = Settling::of(old, gone).settle()?;
    let mut needed = Ids::new();
    for patch in new {
        let mut writer = Writer::new(patch);
        for word in &patch.words {
            let at = spot(patch, word.at);
            if gone.contains(&at.0) {
                continue;
            }
            let word = writer.word(at, word.value, &|place| spot(patch, place));
            writer.patch.words.push(word);
        }
        needed.extend(writer.ids.keys().filter(|id| gone.contains(*id)).cloned());
        settled.push(writer.patch);
    }
    if needed.is_empty() { Ok(settled) } else { Err(needed) }
}

fn spot(patch: &Patch, place: Place) -> Spot {
    (patch.images.get(place.image as usize).cloned().unwrap_or_default(), place.offset)
}

fn own_id(patch: &Patch) -> Vec<u8> {
    patch.images.first().cloned().unwrap_or_default()
}

/// Puts a patch together, naming only the images that it needs.
struct Writer {
    patch: Patch,
    ids: HashMap<Vec<u8>, u32>,
}

impl Writer {
    fn new(of: &Patch) -> Self {
        let id = own_id(of);
        let patch = Patch {
            library: of.library.clone(),
            images: vec![id.clone()],
            words: Vec::new(),
            ..*of
        };
        Self { patch, ids: HashMap::from([(id, 0)]) }
    }

    fn place(&mut self, (id, offset): Spot) -> Place {
        let images = &mut self.patch.images;
        let image = *self.ids.entry(id).or_insert_with_key(|id| {
            images.push(id.clone());
            images.len() as u32 - 1
        });
        Place { image, offset }
    }

    /// A word at `at`, with the places in its value as `spot` has them.
    fn word(&mut self, at: Spot, value: Value, spot: &dyn Fn(Place) -> Spot) -> Word {
        let at = self.place(at);
        let value = match value {
            Value::Address { was, now } => Value::Address {
                was: was.map(|was| self.place(spot(was))),
                now: self.place(spot(now)),
            },
            Value::Distance { was, now } => {
                Value::Distance { was: self.place(spot(was)), now: self.place(spot(now)) }
            }
            Value::Number { was, now } => Value::Number { was, now },
        };
        Word { at, value }
    }

    fn address(&mut self, at: Spot, was: Option<Spot>, now: Spot) {
        let at = self.place(at);
        let was = was.map(|was| self.place(was));
        let now = self.place(now);
        self.patch.words.push(Word { at, value: Value::Address { was, now } });
    }
}

/// Older patches on their way to becoming one step.
struct Settling<'a> {
    gone: &'a Ids,
    patches: &'a [Patch],
    cells: BTreeMap<Spot, Cell>,
}

impl<'a> Settling<'a> {
    /// What the patches have written in the end.
    fn of(patches: &'a [Patch], gone: &'a Ids) -> Self {
        let mut cells: BTreeMap<Spot, Cell> = BTreeMap::new();
        for patch in patches {
            for word in &patch.words {
                let Value::Address { was, now } = word.value else { continue };
                let (was, now) = (was.map(|was| spot(patch, was)), spot(patch, now));
                let cell = Cell { was, now: now.clone() };
                cells.entry(spot(patch, word.at)).and_modify(|cell| cell.now = now).or_insert(cell);
            }
        }
        Self { gone, patches, cells }
    }

    fn settle(&self) -> Result<Vec<Patch>, Ids> {
        let kept: Vec<&Patch> =
            self.patches.iter().filter(|patch| !self.gone.contains(&own_id(patch))).collect();
        let ranks: HashMap<Vec<u8>, usize> =
            kept.iter().enumerate().map(|(rank, patch)| (own_id(patch), rank)).collect();
        let mut writers: Vec<Writer> = kept.iter().map(|patch| Writer::new(patch)).collect();
        for (patch, writer) in kept.iter().zip(&mut writers) {
            let fixed = patch.words.iter().filter(|w| !matches!(w.value, Value::Address { .. }));
            for word in fixed {
                let word = writer.word(spot(patch, word.at), word.value, &|at| spot(patch, at));
                writer.patch.words.push(word);
            }
        }
        // Words of patches come before those that lead the program into them.
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for (at, cell) in self.cells.iter().filter(|(at, _)| !self.gone.contains(&at.0)) {
            let now = cell.now.clone();
            let Some(&rank) = ranks.get(&at.0) else {
                if cell.was.as_ref() != Some(&now) {
                    outside.push((at.clone(), cell.was.clone(), now));
                }
                continue;
            };
            if ranks.get(&now.0).is_none_or(|target| *target <= rank) {
                writers[rank].address(at.clone(), cell.was.clone(), now);
            } else {
                // Nothing uses the word before the step that writes it again. That is not taken
                // back: old code may still run when the step is.
                let nowhere = (at.0.clone(), Place::nowhere(0).offset);
                writers[rank].address(at.clone(), cell.was.clone(), nowhere.clone());
                inside.push((at.clone(), Some(nowhere), now));
            }
        }
        let mut needed = Ids::new();
        let last = inside.into_iter().chain(outside);
        match writers.last_mut() {
            Some(writer) => last.for_each(|(at, was, now)| writer.address(at, was, now)),
            // Nothing is left to write them.
            None => needed.extend(last.map(|(_, _, now)| now.0)),
        }
        let named = writers.iter().flat_map(|writer| writer.ids.keys());
        needed.extend(named.filter(|id| self.gone.contains(*id)).cloned());
        if needed.is_empty() {
            Ok(writers.into_iter().map(|writer| writer.patch).collect())
        } else {
            Err(needed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOT: u8 = 100;

    fn at(patch: &Patch, id: u8, offset: i64) -> Place {
        let image = patch.images.iter().position(|image| *image == [id]).unwrap();
        Place { image: image as u32, offset }
    }

    type At = (u8, i64);

    /// Patch `id` writes words: place, before, after; each an image and an offset.
    fn patch(id: u8, words: &[(At, Option<At>, At)]) -> Patch {
        let images = [id].into_iter().chain((0..=HOT).filter(|other| *other != id));
        let mut patch = Patch {
            generation: id.into(),
            library: format!("{id}"),
            hash: 0,
            images: images.map(|id| vec![id]).collect(),
            words: Vec::new(),
            records: None,
        };
        for (place, was, now) in words {
            let was = was.map(|(id, offset)| at(&patch, id, offset));
            let value = Value::Address { was, now: at(&patch, now.0, now.1) };
            patch.words.push(Word { at: at(&patch, place.0, place.1), value });
        }
        patch
    }

    /// What every word holds after the patches, starting with the hot image as it is; checks on the
    /// way that each word holds what its patch expects.
    fn run(patches: &[Patch]) -> BTreeMap<Spot, Spot> {
        let mut held: BTreeMap<Spot, Spot> = BTreeMap::new();
        for word in 0..4 {
            held.insert((vec![HOT], word), (vec![HOT], 1000 + word));
        }
        for patch in patches {
            for word in &patch.words {
                let Value::Address { was, now } = word.value else { continue };
                let here = spot(patch, word.at);
                if let Some(was) = was {
                    assert_eq!(held.get(&here), Some(&spot(patch, was)), "{here:?}");
                }
                held.insert(here, spot(patch, now));
            }
        }
        held
    }

    /// Function 0 changes in every patch, function 1 in the second; each patch calls both.
    fn history() -> Vec<Patch> {
        let hot = |word| ((HOT, word), Some((HOT, 1000 + word)));
        let [(zero, first_zero), (one, first_one)] = [hot(0), hot(1)];
        vec![
            patch(
                1,
                &[(zero, first_zero, (1, 7)), ((1, 0), None, (1, 7)), ((1, 1), None, (HOT, 1001))],
            ),
            patch(
                2,
                &[
                    (zero, Some((1, 7)), (2, 7)),
                    (one, first_one, (2, 8)),
                    ((1, 0), Some((1, 7)), (2, 7)),
                    ((1, 1), Some((HOT, 1001)), (2, 8)),
                    ((2, 0), None, (2, 7)),
                    ((2, 1), None, (2, 8)),
                ],
            ),
            patch(
                3,
                &[
                    (zero, Some((2, 7)), (3, 7)),
                    ((1, 0), Some((2, 7)), (3, 7)),
                    ((2, 0), Some((2, 7)), (3, 7)),
                    ((3, 0), None, (3, 7)),
                    ((3, 1), None, (2, 8)),
                ],
            ),
            patch(
                4,
                &[
                    (zero, Some((3, 7)), (4, 7)),
                    ((1, 0), Some((3, 7)), (4, 7)),
                    ((2, 0), Some((3, 7)), (4, 7)),
                    ((3, 0), Some((3, 7)), (4, 7)),
                    ((4, 0), None, (4, 7)),
                ],
            ),
        ]
    }

    fn ids(ids: &[u8]) -> Ids {
        ids.iter().map(|id| vec![*id]).collect()
    }

    #[test]
    fn every_word_that_is_left_ends_as_before() {
        let history = history();
        for (base, gone) in [(0, &[][..]), (2, &[]), (3, &[1]), (4, &[1]), (4, &[1, 3]), (3, &[])] {
            let gone = ids(gone);
            let mut before = run(&history);
            before.retain(|(id, _), _| !gone.contains(id));
            let settled = settle(&history, base, &gone).unwrap();
            assert_eq!(run(&settled), before, "{base} {gone:?}");
            assert_eq!(settled.len(), history.len() - gone.len());
            let again = settle(&settled, base - gone.len().min(base), &Ids::new()).unwrap();
            assert_eq!(run(&again), before);
            let named = settled.iter().flat_map(|patch| &patch.images);
            assert!(named.into_iter().all(|id| !gone.contains(id)));
        }
    }

    #[test]
    fn nothing_leads_into_a_patch_before_its_words_are_written() {
        // Build ids sort after the hot image's, and before it.
        for hot in [0, HOT] {
            let hot_word = (hot, 3);
            let patches = [
                patch(1, &[((1, 0), None, (1, 7)), (hot_word, Some((hot, 9)), (1, 7))]),
                patch(2, &[((1, 0), Some((1, 7)), (2, 7)), ((2, 0), None, (2, 7))]),
            ];
            let settled = settle(&patches, 2, &Ids::new()).unwrap();
            let last = settled.last().unwrap();
            let places: Vec<Spot> = last.words.iter().map(|word| spot(last, word.at)).collect();
            let at = |id: u8| places.iter().position(|(image, _)| *image == [id]).unwrap();
            assert!(at(1) < at(hot), "{places:?}");
            // Where it led nowhere, no way back leads it there.
            let Value::Address { was: Some(was), .. } = last.words[at(1)].value else { panic!() };
            assert_eq!(was, Place::nowhere(last.words[at(1)].at.image));
        }
    }

    #[test]
    fn what_others_lead_to_has_to_stay() {
        assert_eq!(settle(&history(), 4, &ids(&[2, 1])), Err(ids(&[2])));
        // Generation 3, which comes after the step, expects what 2 wrote.
        assert_eq!(settle(&history(), 2, &ids(&[1, 2])).unwrap_err(), ids(&[2]));
    }
}
