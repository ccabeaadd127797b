//! What a process has mapped, and the words of its that only the kernel holds.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::Unknown;

/// Bytes in a page.
pub const PAGE: u64 = 4096;

/// Shared memory that is searched. A process with more keeps its old code.
const SHARED_LIMIT: u64 = 64 << 20;

/// A line of `/proc/PID/maps`.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub range: Range<u64>,
    is_writable: bool,
    is_shared: bool,
    pub path: String,
}

/// Every mapping in which an address may stand.
///
/// # Errors
/// When they cannot be read, or there are some whose contents nobody can know.
pub fn read(pid: u32) -> Result<Vec<Mapping>, Unknown> {
    let text = fs::read(format!("/proc/{pid}/maps"))?;
    let text = String::from_utf8_lossy(&text);
    let all: Vec<Mapping> = text.lines().filter_map(parse).collect();
    // Requests under way in the kernel hold addresses of the program's.
    if let Some(found) =
        all.iter().find(|map| map.path.contains("[io_uring]") || map.path.contains("[aio]"))
    {
        return Err(Unknown::Hidden(format!("the program uses {}", found.path)));
    }
    let all: Vec<Mapping> = all.into_iter().filter(Mapping::may_hold_addresses).collect();
    let shared = all.iter().filter(|map| map.is_shared).map(|map| map.range.end - map.range.start);
    if shared.sum::<u64>() > SHARED_LIMIT {
        return Err(Unknown::Hidden("the program shares much memory with others".into()));
    }
    Ok(all)
}

fn parse(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let flags = words.next()?;
    let path = words.skip(3).collect::<Vec<_>>().join(" ");
    Some(Mapping {
        range: u64::from_str_radix(begin, 16).ok()?..u64::from_str_radix(end, 16).ok()?,
        is_writable: flags.contains('w'),
        is_shared: flags.ends_with('s'),
        path,
    })
}

impl Mapping {
    /// Memory of the kernel's and of devices holds none. Files that are shared and not to be written
    /// hold what others wrote; memory that has no name in a file system may be written elsewhere.
    fn may_hold_addresses(&self) -> bool {
        let of_kernel = ["[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"];
        let is_memory = self.path.ends_with(" (deleted)")
            || self.path.starts_with("/memfd:")
            || self.path.is_empty();
        // Anonymous shared memory is called `/dev/zero (deleted)`.
        let in_memory = ["/dev/shm/", "/dev/zero", "/dev/hugepages"];
        let is_device = self.path.starts_with("/dev/")
            && !in_memory.iter().any(|folder| self.path.starts_with(folder));
        !of_kernel.contains(&self.path.as_str())
            && !(self.is_shared && (is_device || !self.is_writable && !is_memory))
    }

    /// The pages that the process has written: all of shared memory; otherwise those that are not
    /// as in a file, and not untouched.
    ///
    /// `go_on` is asked again and again whether there is time.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn written(
        &self,
        pagemap: &File,
        go_on: &dyn Fn() -> Result<(), Unknown>,
    ) -> Result<Vec<Range<u64>>, Unknown> {
        if self.is_shared {
            return Ok(vec![self.range.clone()]);
        }
        let mut runs: Vec<Range<u64>> = Vec::new();
        let mut entries = vec![0; 8 * 8192];
        let mut begin = self.range.start;
        while begin < self.range.end {
            go_on()?;
            let pages = ((self.range.end - begin) / PAGE).min(8192);
            let entries = &mut entries[..pages as usize * 8];
            pagemap.read_exact_at(entries, begin / PAGE * 8)?;
            for (number, entry) in entries.chunks_exact(8).enumerate() {
                // Byte 7: present (bit 63), swapped (62), of a file or shared (61), a guard that
                // nobody can read (58). Source: the kernel's admin-guide/mm/pagemap.
                let is_own = entry[7] & 0x40 != 0 || entry[7] & 0xa0 == 0x80;
                let is_own = is_own && entry[7] & 0x04 == 0;
                let page = begin + number as u64 * PAGE;
                match runs.last_mut() {
                    _ if !is_own => {}
                    Some(last) if last.end == page => last.end += PAGE,
                    _ => runs.push(page..page + PAGE),
                }
            }
            begin += pages * PAGE;
        }
        Ok(runs)
    }
}

/// Words that the program gave the kernel to give back: with events of an epoll, with the signals of
/// a timer.
///
/// # Errors
/// When they cannot be read, or the kernel holds what cannot be known.
pub fn kernel_held(pid: u32) -> Result<Vec<u64>, Unknown> {
    let mut words = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        if target.as_os_str() == "anon_inode:[userfaultfd]" {
            // To read such memory may mean to wait for a thread that is stopped.
            return Err(Unknown::Hidden(
                "the program fills its memory itself (userfaultfd)".into(),
            ));
        }
        if target.as_os_str() == "anon_inode:[io_uring]" {
            // It may have no mapping (IORING_SETUP_NO_MMAP).
            return Err(Unknown::Hidden("the program uses io_uring".into()));
        }
        if target.as_os_str() == "anon_inode:[eventpoll]" {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{name}"))?;
            words.extend(after(&text, "data:"));
        }
    }
    // Not every kernel has it. Where it is missing, nobody can tell what timers hold.
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/timers")) {
        let signals = text.lines().filter_map(|line| line.strip_prefix("signal:"));
        words.extend(
            signals.filter_map(|signal| {
                u64::from_str_radix(signal.split_once('/')?.1.trim(), 16).ok()
            }),
        );
    }
    Ok(words)
}

/// The hexadecimal numbers that follow a word.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = u64> + 'a {
    let parts = text.split(word).skip(1);
    parts.filter_map(|part| u64::from_str_radix(part.split_whitespace().next()?, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_addresses() {
        let is = |line: &str| parse(line).unwrap().may_hold_addresses();
        assert!(is("7f00-8f00 rw-p 00000000 00:00 0"));
        assert!(is("7f00-8f00 ---p 00000000 00:00 0"));
        assert!(is("7f00-8f00 rw-s 00000000 00:01 9  /dev/shm/pool of mine"));
        assert!(is("7f00-8f00 rw-s 00000000 00:01 9  /dev/zero (deleted)"));
        assert!(is("7f00-8f00 rw-s 00000000 00:01 9  /dev/hugepages/pool"));
        assert!(is("7f00-8f00 r--s 00000000 00:01 9  /memfd:ring (deleted)"));
        assert!(is("7f00-8f00 r--s 00000000 00:01 9  /SYSV00000000 (deleted)"));
        assert!(!is("7f00-8f00 r--s 00000000 00:01 9  /usr/lib/locale"));
        assert!(!is("7f00-8f00 rw-s 00000000 00:01 9  /dev/dri/renderD128"));
        assert!(!is("7f00-8f00 r-xp 00000000 00:00 0  [vdso]"));
    }

    #[test]
    fn data_of_an_epoll_is_found() {
        let text = "pos:\t0\ntfd:        5 events:       19 data: 7f12  pos:0 ino:1\n\
            tfd:        6 events:       19 data:                5  pos:0 ino:1\n";
        assert_eq!(after(text, "data:").collect::<Vec<_>>(), [0x7f12, 5]);
    }

    #[test]
    fn a_written_page_is_one_and_code_is_not() {
        let data = Box::new(1_u64);
        let pages = [&raw const *data as u64, read as *const () as u64];
        let maps = read(std::process::id()).unwrap();
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        let is_written = pages.map(|page| {
            let map = maps.iter().find(|map| map.range.contains(&page)).unwrap();
            map.written(&pagemap, &|| Ok(())).unwrap().iter().any(|run| run.contains(&page))
        });
        assert_eq!(is_written, [true, false]);
    }
}
