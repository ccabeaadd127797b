//! The shim's own heap.
//!
//! hotdev searches the program's memory for addresses of old code before it has any unloaded. What
//! the shim allocates is full of such addresses and means nothing to the program, so it lies in a
//! place of its own, which the search leaves out. It is a piece of this library's zeroed data: only
//! pages that were used take memory.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::{Cell, UnsafeCell},
    ops::Range,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Bytes of the heap. What does not fit comes from the program's allocator.
const SIZE: usize = 64 << 20;
/// Blocks are powers of two from 16 bytes on.
const SMALLEST: u32 = 4;
const CLASSES: usize = 23;
/// How long a fork waits for a thread to come out, which takes it some instructions. In a child that
/// was made without handlers there may be nobody to come out.
const PATIENCE: Duration = Duration::from_millis(200);

thread_local! {
    /// Whether this thread is between the beginning and the end of a fork, with all others out.
    static CLOSED: Cell<bool> = const { Cell::new(false) };
}

/// Larger blocks are only aligned to this.
const PAGE: usize = 4096;

#[global_allocator]
static ARENA: Arena = Arena {
    taken: AtomicBool::new(false),
    lists: UnsafeCell::new(Lists { used: 0, free: [ptr::null_mut(); CLASSES] }),
    memory: Memory(UnsafeCell::new([0; SIZE])),
};

struct Arena {
    taken: AtomicBool,
    lists: UnsafeCell<Lists>,
    memory: Memory,
}

#[repr(align(4096))]
struct Memory(UnsafeCell<[u8; SIZE]>);

struct Lists {
    /// Bytes that have been handed out at least once.
    used: usize,
    /// Blocks that were given back. The first word of each leads to the next.
    free: [*mut u8; CLASSES],
}

// SAFETY: `lists` is only touched while `taken` is set by the one who touches it, and `memory` only
// by the owners of blocks that do not overlap.
unsafe impl Sync for Arena {}

/// The addresses that the heap takes up.
pub fn range() -> Range<u64> {
    let begin = ARENA.memory.0.get() as u64;
    begin..begin + SIZE as u64
}

/// Waits until no thread is inside, and keeps all out: before a fork. A signal's handler may fork
/// while the thread that it came to does.
pub fn close() {
    let begin = Instant::now();
    while !CLOSED.get() && begin.elapsed() < PATIENCE {
        match ARENA.try_enter() {
            true => CLOSED.set(true),
            false => thread::yield_now(),
        }
    }
}

/// Lets threads in again that [`close`] kept out: after a fork, in the parent and in the child.
/// With `false`, it kept none out, and a child must not allocate.
pub fn open() -> bool {
    let is_closed = CLOSED.replace(false);
    if is_closed {
        ARENA.leave();
    }
    is_closed
}

impl Arena {
    fn try_enter(&self) -> bool {
        !self.taken.swap(true, Ordering::Acquire)
    }

    fn leave(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// Runs `work` alone with the lists.
    fn with<T>(&self, work: impl FnOnce(&mut Lists) -> T) -> T {
        while !self.try_enter() {
            thread::yield_now();
        }
        // SAFETY: `taken` has been set just now, so nobody else touches the lists until `leave`.
        let result = work(unsafe { &mut *self.lists.get() });
        self.leave();
        result
    }

    fn owns(&self, block: *mut u8) -> bool {
        range().contains(&(block as u64))
    }
}

/// The class of block for a layout; none where only another allocator will do.
fn class_of(layout: Layout) -> Option<usize> {
    let bits = layout.size().max(layout.align()).checked_next_power_of_two()?.ilog2();
    let class = bits.saturating_sub(SMALLEST) as usize;
    (class < CLASSES && layout.align() <= PAGE).then_some(class)
}

impl Lists {
    fn take(&mut self, class: usize) -> *mut u8 {
        let block = self.free[class];
        if !block.is_null() {
            // SAFETY: a block in a list was given back by its owner, and its first word, aligned to
            // 16 bytes, was written by `give`.
            self.free[class] = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let size = 1 << (class as u32 + SMALLEST);
        let begin = self.used.next_multiple_of(size.min(PAGE));
        if begin + size > SIZE {
            return ptr::null_mut();
        }
        self.used = begin + size;
        // SAFETY: the block ends inside of the memory, as was just checked.
        unsafe { ARENA.memory.0.get().cast::<u8>().add(begin) }
    }

    fn give(&mut self, class: usize, block: *mut u8) {
        // SAFETY: the caller owned the block, which has at least 16 bytes, and has given it up.
        unsafe { block.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = block;
    }
}

// SAFETY: blocks of the arena are as large and aligned as their class, which is never less than the
// layout asks for, and no two that are in use overlap; all others are the system allocator's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = class_of(layout).map(|class| self.with(|lists| lists.take(class)));
        match block {
            Some(block) if !block.is_null() => block,
            // SAFETY: the caller's layout, as it came.
            _ => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class_of(layout).filter(|_| self.owns(block)) {
            Some(class) => self.with(|lists| lists.give(class, block)),
            // SAFETY: a block that is not the arena's came from the system allocator.
            None => unsafe { System.dealloc(block, layout) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_inside_a_fork_and_one_that_nobody_waits_for_end() {
        close();
        close();
        assert!(!ARENA.try_enter());
        assert!(open() && !open());
        while !ARENA.try_enter() {
            thread::yield_now();
        }
        close();
        assert!(!open());
        ARENA.leave();
    }

    #[test]
    fn blocks_are_the_arenas_aligned_and_used_again() {
        for (size, align) in [(1, 1), (24, 8), (100, 64), (5000, 4096), (3 << 20, 16)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout is not empty; the block is written inside its size, given back
            // once, and not used afterwards.
            unsafe {
                let block = ARENA.alloc(layout);
                assert!(ARENA.owns(block) && (block as usize).is_multiple_of(align));
                block.write_bytes(1, size);
                ARENA.dealloc(block, layout);
            }
        }
        // SAFETY: as above; this one is too large for the arena.
        unsafe {
            let layout = Layout::from_size_align(SIZE + 1, 8).unwrap();
            let block = ARENA.alloc(layout);
            assert!(!block.is_null() && !ARENA.owns(block));
            ARENA.dealloc(block, layout);
        }
    }
}
