//! The messages between a hotdev session and the shim inside a running program.
//!
//! The shim connects to the session's Unix socket and says [`Hello`]; from then on the session
//! commands and the shim answers, one [`Reply`] for each [`Command`], in order; between answers it
//! may say [`Reply::Called`]. A message travels
//! as a frame (see [`frame`]); a frame that cannot be read is answered with [`Reply::Failed`], and
//! the program goes on.
//!
//! Rules for changing it: a session and its shim are always of one hotdev build, but a program
//! may outlive its session. Any change of a type here raises [`VERSION`], and a session refuses a
//! program of another version by name instead of guessing at its bytes.

pub mod frame;
mod message;

pub use message::*;

/// The version both sides must agree on. Raised by any change of a message.
pub const VERSION: u16 = 4;

/// Environment variable that names the session's socket to the shim. A program without it does
/// not run under hotdev, and the shim does nothing at all.
pub const SOCKET_ENV: &str = "HOTDEV_SOCKET";

/// A 64-bit FNV-1a hash: tells a file apart from another build of it, or from a half-written one.
///
/// It is no protection against somebody who forges files; the owner and mode of the file are.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>, parameters for 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct ContentHash(u64);

impl Default for ContentHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl ContentHash {
    /// Takes in the next bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash of everything written so far.
    pub fn finish(self) -> u64 {
        self.0
    }

    /// The hash of one slice.
    pub fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::default();
        hash.write(bytes);
        hash.finish()
    }
}
