//! The code that the program runs at the first call of a function in a patch, and what it leaves.
//!
//! The program calls such a function through a word in the patch (the first of its record, see
//! [`Records`]). At first the word leads to code that puts the record's address into `r11` and jumps
//! to [`hotdev_called`], which notes the call, makes the word lead to the function, and goes on
//! there. It runs in the middle of a call, in any thread, in a signal's handler, on any stack: it
//! keeps all registers but `r11`, which no calling convention gives a meaning between functions,
//! needs a few words of stack, and touches nothing of the C library, `errno` included.

use std::{
    arch::naked_asm,
    mem::{offset_of, size_of},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use hotdev_protocol::Records;

use super::images::Image;

/// How many first calls there were. What the thread that tells of them waits on.
static RINGS: AtomicU32 = AtomicU32::new(0);

/// `FUTEX_WAKE | FUTEX_PRIVATE_FLAG` (linux/futex.h)
const WAKE: i32 = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;

/// One record, as [`Records`] describes it.
#[repr(C)]
struct Record {
    way: AtomicU64,
    distance: i64,
    called: AtomicU32,
    _unused: u32,
}

const _: () = {
    assert!(size_of::<Record>() as u64 == Records::SIZE);
    assert!(offset_of!(Record, distance) as u64 == Records::DISTANCE);
    assert!(offset_of!(Record, called) as u64 == Records::CALLED);
};

/// Notes a first call and makes it. Only for the code of a patch, which hands over its record in
/// `r11`; see the module's head.
///
/// Two threads may be in here for one record: both write the same. The order of the stores does not
/// matter to the program, and a thread that is told by the count sees the mark.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn hotdev_called() {
    naked_asm!(
        "push rax",
        // The word leads to the function from now on.
        "mov rax, [r11 + 8]",
        "add rax, r11",
        "mov [r11], rax",
        // Only the first one tells.
        "mov eax, 1",
        "xchg [r11 + 16], eax",
        "test eax, eax",
        "jnz 2f",
        // A system call leaves all but rax, rcx and r11 as they are.
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push r11",
        "lea rdi, [rip + {rings}]",
        "lock inc dword ptr [rdi]",
        "mov esi, {wake}",
        "mov edx, 1",
        "mov eax, {futex}",
        "syscall",
        "pop r11",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "2:",
        "pop rax",
        "jmp qword ptr [r11]",
        rings = sym RINGS,
        wake = const WAKE,
        futex = const libc::SYS_futex,
    )
}

/// The records of a loaded patch. Only to be used while the patch is loaded.
pub struct Table(&'static [Record]);

impl Table {
    /// The table at `records` of an image, if it lies there as it has to.
    pub fn of(image: &Image, records: Records) -> Option<Self> {
        let count = u64::from(records.count);
        let span = image.span(records.offset, count.checked_mul(Records::SIZE)?)?;
        if !span.address.is_multiple_of(8) || span.flags & libc::PF_W == 0 {
            return None;
        }
        let first = span.address as *const Record;
        // SAFETY: the bytes lie in a readable segment of the image and are aligned, any bytes are a
        // valid record, and all that is written while the program runs are the two atomics. The
        // image stays while the table does: the state keeps it next to its library.
        Some(Self(unsafe { std::slice::from_raw_parts(first, records.count as usize) }))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the function of a record is, if it has one.
    pub fn function(&self, index: usize) -> Option<u64> {
        let record = self.0.get(index).filter(|record| record.distance != 0)?;
        Some((&raw const *record as u64).wrapping_add_signed(record.distance))
    }

    /// Whether the function of a record has been called.
    pub fn is_called(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|record| record.called.load(Ordering::Acquire) != 0)
    }
}

/// How many first calls there were.
pub fn rings() -> u32 {
    RINGS.load(Ordering::SeqCst)
}

/// Waits until there are others than `seen`, or for no reason.
pub fn wait(seen: u32) {
    let none: *const libc::timespec = std::ptr::null();
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is a static, and without a timeout nothing else is read or written.
    unsafe { libc::syscall(libc::SYS_futex, RINGS.as_ptr(), operation, seen, none) };
}

/// Has the thread that waits look.
pub fn ring() {
    RINGS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_futex, RINGS.as_ptr(), WAKE, 1) };
}
