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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the function found in its registers.
    static SEEN: [AtomicU64; 17] = [const { AtomicU64::new(0) }; 17];

    /// A function that keeps what it gets.
    #[unsafe(naked)]
    extern "C" fn function() {
        naked_asm!(
            "lea r11, [rip + {seen}]",
            "mov [r11], rax",
            "mov [r11 + 8], rbx",
            "mov [r11 + 16], rcx",
            "mov [r11 + 24], rdx",
            "mov [r11 + 32], rsi",
            "mov [r11 + 40], rdi",
            "mov [r11 + 48], rbp",
            "mov [r11 + 56], r8",
            "mov [r11 + 64], r9",
            "mov [r11 + 72], r10",
            "mov [r11 + 80], r12",
            "mov [r11 + 88], r13",
            "mov [r11 + 96], r14",
            "mov [r11 + 104], r15",
            "movq [r11 + 112], xmm0",
            "movq [r11 + 120], xmm15",
            // What its caller has pushed last.
            "mov rax, [rsp + 8]",
            "mov [r11 + 128], rax",
            "ret",
            seen = sym SEEN,
        )
    }

    /// Calls the function of a record as the code of a patch does, with 1, 2, 3, ... in registers.
    #[unsafe(naked)]
    extern "C" fn call(record: &Record) {
        naked_asm!(
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "push 17",
            "mov r11, rdi",
            "mov eax, 15",
            "movq xmm0, rax",
            "mov eax, 16",
            "movq xmm15, rax",
            "mov eax, 1",
            "mov ebx, 2",
            "mov ecx, 3",
            "mov edx, 4",
            "mov esi, 5",
            "mov edi, 6",
            "mov ebp, 7",
            "mov r8d, 8",
            "mov r9d, 9",
            "mov r10d, 10",
            "mov r12d, 11",
            "mov r13d, 12",
            "mov r14d, 13",
            "mov r15d, 14",
            "call {called}",
            "pop r11",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbp",
            "pop rbx",
            "ret",
            called = sym hotdev_called,
        )
    }

    #[test]
    fn a_first_call_keeps_all_registers_and_rings_once() {
        let (way, called) = (AtomicU64::new(0), AtomicU32::new(0));
        let record = Box::leak(Box::new(Record { way, distance: 0, called, _unused: 0 }));
        record.distance = (function as *const () as i64).wrapping_sub(&raw const *record as i64);
        let before = rings();
        for _ in 0..2 {
            SEEN.iter().for_each(|seen| seen.store(0, Ordering::Relaxed));
            call(record);
            let seen: Vec<u64> = SEEN.iter().map(|seen| seen.load(Ordering::Relaxed)).collect();
            assert_eq!(seen, (1..=17).collect::<Vec<_>>());
            assert_eq!(record.way.load(Ordering::Relaxed), function as *const () as u64);
            assert_eq!(record.called.load(Ordering::Relaxed), 1);
            assert_eq!(rings(), before + 1);
        }
    }
}
