//! The ELF files loaded in this process, as the dynamic loader knows them.

use std::{
    ffi::{CStr, OsStr, OsString, c_int, c_void},
    marker::PhantomData,
    ops::Range,
    os::unix::ffi::OsStrExt,
    slice,
};

use super::{library, memory, memory::Span, note};

/// A loaded ELF file. All addresses are those of the running process.
#[derive(Clone)]
pub struct Image {
    /// Contents of its build id note; empty when it has none.
    pub build_id: Vec<u8>,
    /// Load address (`dlpi_addr`).
    pub base: u64,
    /// What the loader calls it; empty for the executable.
    pub name: OsString,
    segments: Vec<Segment>,
    /// The pages that the loader makes read-only after relocation.
    relro: Range<u64>,
}

/// A `PT_LOAD` segment.
#[derive(Clone)]
struct Segment {
    at: Range<u64>,
    /// `PF_R`, `PF_W`, `PF_X`.
    flags: u32,
}

impl Image {
    /// The image with this build id, kept loaded from now on.
    pub fn pinned(build_id: &[u8]) -> Option<Self> {
        let image = loaded()
            .into_iter()
            .find(|image| !build_id.is_empty() && image.build_id == build_id)?;
        library::pin(&image).then_some(image)
    }

    /// All pages between its first byte and its last.
    pub fn range(&self) -> Range<u64> {
        let begin = self.segments.iter().map(|segment| segment.at.start).min().unwrap_or(self.base);
        let end = self.segments.iter().map(|segment| segment.at.end).max().unwrap_or(self.base);
        memory::page_of(begin)..end.next_multiple_of(memory::page_size())
    }

    /// The `width` bytes at `offset`, if they lie in one segment that can be read.
    pub fn span(&self, offset: i64, width: u64) -> Option<Span<'_>> {
        let begin = self.base.wrapping_add_signed(offset);
        let end = begin.checked_add(width)?;
        let segment = self
            .segments
            .iter()
            .find(|segment| begin >= segment.at.start && end <= segment.at.end)?;
        let sealed = begin < self.relro.end && end > self.relro.start;
        let flags = if sealed { segment.flags & !libc::PF_W } else { segment.flags };
        let readable = flags & libc::PF_R != 0;
        readable.then_some(Span { address: begin, width, flags, image: PhantomData })
    }

    /// Reads what a program header says. `address` is where its segment begins.
    fn take_in(&mut self, header: &libc::Elf64_Phdr) {
        let begin = self.base.wrapping_add(header.p_vaddr);
        let Some(end) = begin.checked_add(header.p_memsz) else { return };
        match header.p_type {
            libc::PT_LOAD => self.segments.push(Segment { at: begin..end, flags: header.p_flags }),
            // Whole pages only: what glibc protects (elf/dl-reloc.c, _dl_protect_relro).
            libc::PT_GNU_RELRO => self.relro = memory::page_of(begin)..memory::page_of(end),
            _ => {}
        }
    }

    /// The build id in a `PT_NOTE` segment. The loaded segments must be known.
    fn build_id_in(&self, header: &libc::Elf64_Phdr) -> Option<Vec<u8>> {
        let span = self.span(header.p_vaddr.cast_signed(), header.p_memsz)?;
        // SAFETY: the span lies in a readable segment of an image that the loader keeps in place
        // while it lists it, and notes are in memory that nothing writes.
        let notes = unsafe {
            slice::from_raw_parts(span.address as *const u8, usize::try_from(span.width).ok()?)
        };
        let align = if header.p_align == 8 { 8 } else { 4 };
        note::build_id(notes, align).map(<[u8]>::to_vec)
    }
}

/// Every image loaded at this moment. The executable comes first.
pub fn loaded() -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    // SAFETY: `add` gets `images` back as its third argument, while nothing else uses it.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut images).cast()) };
    images
}

unsafe extern "C" fn add(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    images: *mut c_void,
) -> c_int {
    // SAFETY: the loader hands over a filled-in description that stays until this returns.
    let info = unsafe { &*info };
    // SAFETY: `loaded` passes a pointer to its vector, and waits.
    let images = unsafe { &mut *images.cast::<Vec<Image>>() };
    let headers = if info.dlpi_phdr.is_null() {
        &[]
    } else {
        // SAFETY: the loader keeps `dlpi_phnum` program headers of a loaded image there.
        unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) }
    };
    let name = if info.dlpi_name.is_null() {
        OsString::new()
    } else {
        // SAFETY: the loader's name of an image ends in a zero byte.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        OsStr::from_bytes(name.to_bytes()).to_owned()
    };
    let mut image = Image {
        build_id: Vec::new(),
        base: info.dlpi_addr,
        name,
        segments: Vec::new(),
        relro: 0..0,
    };
    for header in headers {
        image.take_in(header);
    }
    let mut notes = headers.iter().filter(|header| header.p_type == libc::PT_NOTE);
    image.build_id = notes.find_map(|header| image.build_id_in(header)).unwrap_or_default();
    images.push(image);
    0
}

#[cfg(test)]
impl Image {
    /// Two fresh pages of zeros, as an image with one segment.
    pub fn for_tests(flags: u32) -> Self {
        let len = 2 * memory::page_size();
        // SAFETY: a new private mapping at a place the kernel chooses disturbs nothing.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len as usize,
                memory::protection(flags),
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        } as u64;
        let segments = vec![Segment { at: base..base + len, flags }];
        Self { build_id: vec![1], base, name: OsString::new(), segments, relro: 0..0 }
    }

    /// Marks the first page as read-only after relocation.
    pub fn seal_first_page_for_tests(&mut self) {
        self.relro = self.base..self.base + memory::page_size();
    }

    /// The size in memory.
    pub fn size_for_tests(&self) -> i64 {
        (self.segments[0].at.end - self.base).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_and_its_libraries_are_listed() {
        let images = loaded();
        assert!(images[0].name.is_empty());
        assert!(images.iter().any(|image| image.name.as_bytes().ends_with(b"libc.so.6")));
        assert!(images[0].segments.iter().any(|segment| segment.flags & libc::PF_X != 0));
    }

    #[test]
    fn an_image_without_a_build_id_is_not_found_by_none() {
        assert!(Image::pinned(&[]).is_none());
        assert!(Image::pinned(&[1, 2, 3]).is_none());
    }

    #[test]
    fn what_the_loader_sealed_is_no_slot() {
        let mut image = Image::for_tests(libc::PF_R | libc::PF_W);
        image.seal_first_page_for_tests();
        let page = memory::page_size().cast_signed();
        assert!(image.span(page - 8, 8).unwrap().slot().is_none());
        assert!(image.span(page, 8).unwrap().slot().is_some());
    }
}
