//! From a patch to the writes it asks for, each checked against the memory as it is.
//!
//! There are two kinds. Words of the patch itself (image 0) are written while it is prepared:
//! nothing runs it yet, so its text may be written too. Words of other images are slots that the
//! program reads at any moment; they must be aligned and writable for good, and wait for the commit.

use hotdev_protocol::{FailureKind, Patch, Place, Value, Word};

use crate::{
    failure::{Result, failure},
    journal::{Target, Write},
    sys::{images::Image, memory::Span},
};

/// What a patch writes.
#[derive(Default)]
pub struct Plan<'i> {
    /// Words of the patch itself that do not hold their value yet, and the value.
    pub own: Vec<(Span<'i>, u64)>,
    /// Words of the other images.
    pub writes: Vec<Write>,
}

/// Checks every word of `patch` against its place in `images`, which are the patch's, in order.
/// `behind` says of an entry's address where the function is, and `past` the same where that has been
/// called.
pub fn plan<'i>(
    patch: &Patch,
    images: &'i [Image],
    behind: &dyn Fn(u64) -> Option<u64>,
    past: &dyn Fn(u64) -> Option<u64>,
) -> Result<Plan<'i>> {
    let mut plan = Plan::default();
    let mut spans = Vec::with_capacity(patch.words.len());
    for &word in &patch.words {
        let planner = Planner { images, word };
        let span = planner.span()?;
        spans.push((span.address(), span.width(), word));
        if word.at.image != 0 {
            plan.writes.push(planner.slot(span, behind)?);
        } else if let Some(value) = planner.own(span, past)? {
            plan.own.push((span, value));
        }
    }
    check_apart(spans)?;
    Ok(plan)
}

/// No byte may be written twice: the journal could not take it back.
fn check_apart(mut spans: Vec<(u64, u64, Word)>) -> Result<()> {
    spans.sort_unstable_by_key(|&(address, ..)| address);
    match spans.windows(2).find(|pair| pair[1].0 - pair[0].0 < pair[0].1) {
        Some(pair) => Err(refuse(pair[1].2, "is written twice")),
        None => Ok(()),
    }
}

/// One word and what its places refer to.
struct Planner<'i> {
    images: &'i [Image],
    word: Word,
}

impl<'i> Planner<'i> {
    /// The bytes of the word.
    fn span(&self) -> Result<Span<'i>> {
        let width = if matches!(self.word.value, Value::Address { .. }) { 8 } else { 4 };
        let span = self
            .image(self.word.at)?
            .span(self.word.at.offset, width)
            .ok_or_else(|| self.refuse("lies outside of its image"))?;
        if width == 8 && span.address() % 8 != 0 {
            return Err(self.refuse("is not aligned"));
        }
        Ok(span)
    }

    /// The write of a word of the running program.
    fn slot(&self, span: Span<'_>, behind: &dyn Fn(u64) -> Option<u64>) -> Result<Write> {
        let Value::Address { was: Some(was), now } = self.word.value else {
            return Err(
                self.refuse("is not in the patch: it must be an address with a known value")
            );
        };
        let slot = span.slot().ok_or_else(|| self.refuse("is in read-only memory"))?;
        let is_first = was == Place::nowhere(self.word.at.image);
        let target = |place| {
            let address = self.address(place)?;
            Ok(Target { address, function: behind(address).unwrap_or(address) })
        };
        let (was, now) = (target(was)?, target(now)?);
        let write = Write { place: self.word.at, slot, was, now, is_first };
        write.check()?;
        Ok(write)
    }

    /// The value to write into a word of the patch itself; `None` when it is there already, or leads
    /// past the entry that it is to lead to.
    fn own(&self, span: Span<'_>, past: &dyn Fn(u64) -> Option<u64>) -> Result<Option<u64>> {
        let held = span.read();
        let (was, now) = match self.word.value {
            Value::Address { was, now } => (
                was.map(|place| self.address(place)).transpose()?.or(Some(held)),
                self.address(now)?,
            ),
            Value::Distance { was, now } => {
                let now = self
                    .distance(span, now)?
                    .ok_or_else(|| self.refuse("is over 2 GiB away from its target"))?;
                (self.distance(span, was)?, now)
            }
            Value::Number { was, now } => (Some(low_half(was)), low_half(now)),
        };
        let is_address = matches!(self.word.value, Value::Address { .. });
        if held == now || is_address && past(now) == Some(held) {
            Ok(None)
        } else if Some(held) == was {
            Ok(Some(now))
        } else {
            let expected = was.map_or("something else".to_owned(), |was| format!("{was:#x}"));
            Err(self.refuse(&format!("holds {held:#x} instead of {expected}")))
        }
    }

    fn image(&self, place: Place) -> Result<&'i Image> {
        self.images.get(place.image as usize).ok_or_else(|| {
            failure(FailureKind::UnknownImage, format!("the patch names no image {}", place.image))
        })
    }

    fn address(&self, place: Place) -> Result<u64> {
        Ok(self.image(place)?.base.wrapping_add_signed(place.offset))
    }

    /// The field that leads from the word to `target`, when four bytes can.
    fn distance(&self, span: Span<'_>, target: Place) -> Result<Option<u64>> {
        let distance = self.address(target)?.wrapping_sub(span.address()).cast_signed();
        Ok(i32::try_from(distance).ok().map(low_half))
    }

    fn refuse(&self, why: &str) -> hotdev_protocol::Failure {
        refuse(self.word, why)
    }
}

/// The bytes of a four-byte word, as [`Span::read`] gives them.
fn low_half(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

fn refuse(word: Word, why: &str) -> hotdev_protocol::Failure {
    let Place { image, offset } = word.at;
    failure(FailureKind::SlotMismatch, format!("the word at {offset:#x} of image {image} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u32 = libc::PF_R;
    const WRITE: u32 = libc::PF_R | libc::PF_W;

    fn at(image: u32, offset: i64) -> Place {
        Place { image, offset }
    }

    /// The number of own words and of slots, or why not.
    fn try_plan(
        images: &[Image],
        words: &[Word],
    ) -> std::result::Result<(usize, usize), FailureKind> {
        let patch = Patch {
            generation: 1,
            library: String::new(),
            hash: 0,
            images: vec![],
            words: words.to_vec(),
            records: None,
        };
        plan(&patch, images, &|_| None, &|_| None)
            .map(|plan| (plan.own.len(), plan.writes.len()))
            .map_err(|failure| failure.kind)
    }

    fn images() -> [Image; 2] {
        [Image::for_tests(READ), Image::for_tests(WRITE)]
    }

    fn address(image: u32, offset: i64, was: Option<Place>) -> Word {
        Word { at: at(image, offset), value: Value::Address { was, now: at(0, 64) } }
    }

    #[test]
    fn words_outside_misaligned_or_read_only_are_refused() {
        let images = images();
        let size = images[0].size_for_tests();
        for offset in [-8, size - 4, size, i64::MAX, i64::MIN, 4] {
            let word = address(0, offset, None);
            assert_eq!(try_plan(&images, &[word]), Err(FailureKind::SlotMismatch), "{offset}");
        }
        assert_eq!(try_plan(&images, &[address(0, size - 8, None)]), Ok((1, 0)));

        let read_only = [Image::for_tests(READ), Image::for_tests(READ)];
        let zero = at(1, 0i64.wrapping_sub_unsigned(read_only[1].base));
        let word = address(1, 0, Some(zero));
        assert_eq!(try_plan(&read_only, &[word]), Err(FailureKind::SlotMismatch));
    }

    #[test]
    fn a_slot_must_hold_what_is_expected() {
        let images = images();
        let zero = at(1, 0i64.wrapping_sub_unsigned(images[1].base));
        assert_eq!(try_plan(&images, &[address(1, 0, Some(zero))]), Ok((0, 1)));
        assert_eq!(
            try_plan(&images, &[address(1, 0, Some(at(1, 0)))]),
            Err(FailureKind::SlotMismatch)
        );
        assert_eq!(try_plan(&images, &[address(1, 0, None)]), Err(FailureKind::SlotMismatch));
        assert_eq!(try_plan(&images, &[address(2, 0, None)]), Err(FailureKind::UnknownImage));
        let target = Word { at: at(0, 0), value: Value::Address { was: None, now: at(9, 0) } };
        assert_eq!(try_plan(&images, &[target]), Err(FailureKind::UnknownImage));
    }

    #[test]
    fn a_distance_is_counted_from_the_word() {
        let images = images();
        let distance =
            |image, was, now| Word { at: at(image, 6), value: Value::Distance { was, now } };
        assert_eq!(try_plan(&images, &[distance(0, at(0, 6), at(0, 40))]), Ok((1, 0)));
        assert_eq!(try_plan(&images, &[distance(0, at(0, 0), at(0, 6))]), Ok((0, 0)));
        assert_eq!(
            try_plan(&images, &[distance(0, at(0, 0), at(0, 40))]),
            Err(FailureKind::SlotMismatch)
        );
        assert_eq!(
            try_plan(&images, &[distance(0, at(0, 6), at(0, 1 << 40))]),
            Err(FailureKind::SlotMismatch)
        );
        assert_eq!(
            try_plan(&images, &[distance(1, at(1, 6), at(1, 40))]),
            Err(FailureKind::SlotMismatch)
        );
    }

    /// A patch is prepared again while it is loaded: after a rollback, say.
    #[test]
    fn a_word_that_was_led_past_an_entry_is_as_it_must_be() {
        let images = images();
        images[1].span(8, 8).unwrap().slot().unwrap().store(7);
        let planned = |function: u64| {
            let planner = Planner { images: &images, word: address(1, 8, None) };
            let span = planner.span().unwrap();
            let now = planner.address(at(0, 64)).unwrap();
            planner.own(span, &|address| (address == now).then_some(function)).unwrap()
        };
        assert_eq!(planned(7), None);
        assert_eq!(planned(8), Some(images[0].base + 64));
    }

    #[test]
    fn no_byte_is_written_twice() {
        let images = images();
        let number = |offset| Word { at: at(0, offset), value: Value::Number { was: 0, now: -1 } };
        assert_eq!(try_plan(&images, &[number(8), number(0), number(4)]), Ok((3, 0)));
        assert_eq!(
            try_plan(&images, &[number(8), number(0), number(5)]),
            Err(FailureKind::SlotMismatch)
        );
        assert_eq!(
            try_plan(&images, &[number(0), address(0, 0, None)]),
            Err(FailureKind::SlotMismatch)
        );
    }
}
