//! Reading and writing words of loaded images.
//!
//! A [`Span`] or [`Slot`] cannot be made from a bare address: [`Image::span`] checks that the
//! bytes lie in a segment of a loaded image. Images stay loaded meanwhile: patches because the
//! state holds their [`Library`] and forgets their slots before it lets go of it, all others because
//! they are pinned.
//!
//! [`Image::span`]: super::images::Image::span
//! [`Library`]: super::library::Library

use std::{
    ffi::c_int,
    io,
    marker::PhantomData,
    ops::Range,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes of a loaded image that can be read.
#[derive(Clone, Copy)]
pub struct Span<'i> {
    pub(super) address: u64,
    pub(super) width: u64,
    /// Flags of the segment, without `PF_W` when the loader has made the page read-only.
    pub(super) flags: u32,
    pub(super) image: PhantomData<&'i ()>,
}

impl Span<'_> {
    /// Where it begins.
    pub fn address(self) -> u64 {
        self.address
    }

    /// How many bytes it has.
    pub fn width(self) -> u64 {
        self.width
    }

    /// The number that the bytes hold: of eight, or of the first four, with zeros above.
    pub fn read(self) -> u64 {
        if self.width >= 8 {
            // SAFETY: eight readable bytes of a loaded image (see the module's head).
            unsafe { (self.address as *const u64).read_unaligned() }
        } else {
            // SAFETY: spans that are asked for have four or eight bytes, readable as above.
            u64::from(unsafe { (self.address as *const u32).read_unaligned() })
        }
    }

    /// The slot at this place, if it is one: eight aligned bytes that stay writable.
    pub fn slot(self) -> Option<Slot> {
        let fits =
            self.width == 8 && self.address.is_multiple_of(8) && self.flags & libc::PF_W != 0;
        fits.then_some(Slot(self.address))
    }
}

/// A word of the running program: any thread may read it at any moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u64);

impl Slot {
    /// What it holds.
    pub fn load(self) -> u64 {
        self.word().load(Ordering::SeqCst)
    }

    /// Writes it in one piece.
    pub fn store(self, value: u64) {
        self.word().store(value, Ordering::SeqCst);
    }

    /// Writes it if it holds `was`.
    pub fn replace(self, was: u64, now: u64) {
        let _ = self.word().compare_exchange(was, now, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether it lies in one of the ranges.
    pub fn is_in(self, ranges: &[Range<u64>]) -> bool {
        ranges.iter().any(|range| range.contains(&self.0))
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: a slot is only made by `Span::slot`: aligned, writable, in an image that is
        // pinned. The program's own accesses are aligned eight-byte loads.
        unsafe { AtomicU64::from_ptr(self.0 as *mut u64) }
    }
}

/// Writes words of an image that nothing uses yet, whatever the protection of its pages.
///
/// On an error some of them may be written.
pub fn write_unused(words: &[(Span<'_>, u64)]) -> io::Result<()> {
    let sealed = sealed_pages(words);
    let mut opened = Vec::with_capacity(sealed.len());
    let mut result = Ok(());
    for pages in &sealed {
        match pages.protect(libc::PROT_READ | libc::PROT_WRITE) {
            Ok(()) => opened.push(pages),
            Err(error) => result = Err(error),
        }
    }
    if result.is_ok() {
        words.iter().for_each(|&(span, value)| write(span, value));
    }
    for pages in opened {
        let restored = pages.protect(protection(pages.flags));
        result = result.and(restored);
    }
    result
}

/// Writes one word; its pages must be writable, which [`write_unused`] has seen to.
fn write(span: Span<'_>, value: u64) {
    if span.width >= 8 {
        // SAFETY: eight bytes of a loaded image (see the module's head), made writable by the
        // caller, that nothing else uses.
        unsafe { (span.address as *mut u64).write_unaligned(value) }
    } else {
        // SAFETY: as above, with four bytes. The upper half of the number is zero.
        unsafe { (span.address as *mut u32).write_unaligned(value as u32) }
    }
}

/// Keeps addresses of what was unloaded from being used again, for the program's time. Stale copies of
/// them stand about, on stacks and in blocks that were given back: nothing tells them from references
/// to what is loaded there later, which then could never be unloaded. It takes no memory, and ranges
/// that touch are one mapping. Where somebody was faster, they have the addresses.
pub fn keep_free(range: &Range<u64>) {
    let begin = ptr::with_exposed_provenance_mut(range.start as usize);
    let len = (range.end - range.start) as usize;
    let flags =
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: a mapping that replaces none and that nobody can access disturbs nothing.
    let got = unsafe { libc::mmap(begin, len, libc::PROT_NONE, flags, -1, 0) };
    if got != begin && got != libc::MAP_FAILED {
        // Before Linux 4.17 the address is a wish.
        // SAFETY: the mapping was made just now, and nothing uses it.
        unsafe { libc::munmap(got, len) };
    }
}

/// Neighbouring pages with the same protection.
struct Pages {
    begin: u64,
    end: u64,
    flags: u32,
}

impl Pages {
    fn protect(&self, protection: c_int) -> io::Result<()> {
        let begin = ptr::with_exposed_provenance_mut(self.begin as usize);
        // SAFETY: the pages belong to one image that nothing uses yet; no reference of ours
        // points into them.
        let done = unsafe { libc::mprotect(begin, (self.end - self.begin) as usize, protection) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// The pages that hold `words` and cannot be written.
fn sealed_pages(words: &[(Span<'_>, u64)]) -> Vec<Pages> {
    let mut all: Vec<Pages> = words
        .iter()
        .filter(|(span, _)| span.flags & libc::PF_W == 0)
        .map(|(span, _)| Pages {
            begin: page_of(span.address),
            end: page_of(span.address + span.width - 1) + page_size(),
            flags: span.flags,
        })
        .collect();
    all.sort_unstable_by_key(|pages| pages.begin);
    all.dedup_by(|next, last| {
        let joins = next.begin <= last.end && next.flags == last.flags;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
    all
}

/// The address at which the page with `address` begins.
pub fn page_of(address: u64) -> u64 {
    address & !(page_size() - 1)
}

/// Bytes in a page, a power of two.
pub fn page_size() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Segment flags as `mprotect` wants them.
pub fn protection(flags: u32) -> c_int {
    [(libc::PF_R, libc::PROT_READ), (libc::PF_W, libc::PROT_WRITE), (libc::PF_X, libc::PROT_EXEC)]
        .into_iter()
        .filter(|(flag, _)| flags & flag != 0)
        .fold(libc::PROT_NONE, |protection, (_, bit)| protection | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::images::Image;

    #[test]
    fn read_only_pages_are_written_and_sealed_again() {
        let image = Image::for_tests(libc::PF_R);
        let across = page_size().cast_signed() - 2;
        let words =
            [(image.span(across, 4).unwrap(), 0xdead_beef), (image.span(8, 8).unwrap(), u64::MAX)];
        write_unused(&words).unwrap();
        assert_eq!(image.span(across, 4).unwrap().read(), 0xdead_beef);
        assert_eq!(image.span(8, 8).unwrap().read(), u64::MAX);

        let pages = sealed_pages(&words);
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].end - pages[0].begin, 2 * page_size());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line =
            maps.lines().find(|line| line.starts_with(&format!("{:x}-", image.base))).unwrap();
        assert!(line.contains("r--p"), "{line}");
    }

    #[test]
    fn unaligned_or_short_spans_are_no_slots() {
        let image = Image::for_tests(libc::PF_R | libc::PF_W);
        assert!(image.span(4, 8).unwrap().slot().is_none());
        assert!(image.span(8, 4).unwrap().slot().is_none());
        assert!(image.span(8, 8).unwrap().slot().is_some());
    }
}
