//! What is patched: every function knows the version that it was compiled in.

use std::panic::panic_any;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A version, and a number that must fit it.
pub struct Answer {
    pub version: u64,
    pub proof: u64,
}

impl Answer {
    /// The version, if both were made by the same code.
    pub fn whole(&self) -> Option<u64> {
        (self.proof == self.version * 31 + 7).then_some(self.version)
    }
}

pub trait Speak: Send {
    fn speak(&self, salt: u64) -> Answer;
}

struct Speaker {
    salt: u64,
}

impl Speak for Speaker {
    fn speak(&self, salt: u64) -> Answer {
        let noise = std::hint::black_box(self.salt ^ salt);
        Answer { version: (__MARKER__ ^ noise) ^ noise, proof: __MARKER__ * 31 + 7 }
    }
}

pub fn object() -> Box<dyn Speak> {
    Box::new(Speaker { salt: 5 })
}

pub fn plain() -> u64 {
    __MARKER__
}

pub fn deep(levels: u32) -> Answer {
    if levels == 0 { bottom() } else { deep(levels - 1) }
}

fn bottom() -> Answer {
    Answer { version: __MARKER__, proof: __MARKER__ * 31 + 7 }
}

pub fn generic(salt: u64) -> Answer {
    spread([salt, 1, 2])
}

fn spread<const N: usize>(values: [u64; N]) -> Answer {
    let noise: u64 = values.iter().fold(__SELDOM__, |sum, value| sum ^ value);
    let Answer { version, proof } = bottom();
    Answer { version: (version + noise) - noise, proof }
}

pub fn texts(count: usize) -> Vec<String> {
    (0..count).map(|_| format!("version {}", __MARKER__)).collect()
}

pub fn closure() -> Box<dyn Fn() -> u64> {
    let version = std::hint::black_box(__MARKER__);
    Box::new(move || version)
}

pub fn panics(salt: u64) -> u64 {
    let held = vec![salt; 64];
    if held.len() == 64 {
        panic_any(__MARKER___u64);
    }
    salt
}

pub fn count() -> u64 {
    COUNT.fetch_add(1, Ordering::SeqCst) + 1
}

pub fn changing() -> Answer {
    __CHANGING__
}
