//! Frames: a length of four bytes (little endian), then that many bytes of postcard.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Longest frame either side accepts, in bytes. A patch of 100,000 words takes about 2 MB.
pub const MAX_LEN: usize = 32 << 20;

/// Why a frame could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The other side closed the connection between two frames.
    Closed,
    /// The connection failed, or ended inside a frame.
    Io(io::Error),
    /// The length is over [`MAX_LEN`]; the stream cannot be followed any further.
    TooLong(usize),
    /// The bytes are not a message of this version; the next frame can still be read.
    Malformed(postcard::Error),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::TooLong(len) => {
                write!(f, "a frame of {len} bytes is over the limit of {MAX_LEN}")
            }
            Self::Malformed(error) => write!(f, "not a message of this version: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads one message.
///
/// # Errors
/// See [`ReadError`]. Only [`ReadError::Malformed`] leaves the stream at a frame's beginning.
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> Result<T, ReadError> {
    let mut len = [0; 4];
    let mut filled = 0;
    while filled < len.len() {
        match stream.read(&mut len[filled..]) {
            Ok(0) if filled == 0 => return Err(ReadError::Closed),
            Ok(0) => return Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::Io(error)),
        }
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_LEN {
        return Err(ReadError::TooLong(len));
    }
    // Grows as bytes arrive, so that a length alone cannot make this side allocate.
    let mut bytes = Vec::new();
    stream.take(len as u64).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() < len {
        return Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    match postcard::take_from_bytes(&bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(ReadError::Malformed(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(ReadError::Malformed(error)),
    }
}

/// Writes one message.
///
/// # Errors
/// When the connection fails, or the message is over [`MAX_LEN`].
pub fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    bytes.extend(postcard::to_stdvec(message).map_err(io::Error::other)?);
    let len = bytes.len() - 4;
    if len > MAX_LEN {
        return Err(io::Error::other(format!(
            "a frame of {len} bytes is over the limit of {MAX_LEN}"
        )));
    }
    bytes[..4].copy_from_slice(&(len as u32).to_le_bytes());
    stream.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Command, Hello, LoadedImage, Patch, Place, Settle, Value, Word};

    fn place() -> impl Strategy<Value = Place> {
        (any::<u32>(), any::<i64>()).prop_map(|(image, offset)| Place { image, offset })
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            (proptest::option::of(place()), place())
                .prop_map(|(was, now)| Value::Address { was, now }),
            (place(), place()).prop_map(|(was, now)| Value::Distance { was, now }),
            any::<(i32, i32)>().prop_map(|(was, now)| Value::Number { was, now }),
        ]
    }

    fn command() -> impl Strategy<Value = Command> {
        let word = (place(), value()).prop_map(|(at, value)| Word { at, value });
        let patch = (any::<u64>(), ".*", any::<u64>(), proptest::collection::vec(word, 0..20))
            .prop_map(|(generation, library, hash, words)| Patch {
                generation,
                library,
                hash,
                images: vec![vec![1; 20]],
                words,
                records: None,
            });
        prop_oneof![
            patch.prop_map(Command::Prepare),
            any::<u64>().prop_map(Command::Commit),
            any::<u64>().prop_map(Command::Abort),
            any::<u64>().prop_map(Command::Revert),
            any::<u32>().prop_map(|tracer| Command::Survey { tracer }),
            any::<(Vec<u64>, Vec<Vec<u8>>)>()
                .prop_map(|(base, unload)| Command::Settle(Settle { base, unload })),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(commands in proptest::collection::vec(command(), 1..5)) {
            let mut bytes = Vec::new();
            for command in &commands {
                write(&mut bytes, command).unwrap();
            }
            let mut stream = bytes.as_slice();
            for command in &commands {
                prop_assert_eq!(&read::<Command>(&mut stream).unwrap(), command);
            }
            prop_assert!(matches!(read::<Command>(&mut stream), Err(ReadError::Closed)));
        }

        #[test]
        fn any_bytes_are_an_error_or_a_message(bytes: Vec<u8>) {
            let _ = read::<Command>(&mut bytes.as_slice());
        }

        #[test]
        fn a_cut_frame_is_an_error(command in command(), cut in 1usize..64) {
            let mut bytes = Vec::new();
            write(&mut bytes, &command).unwrap();
            let len = bytes.len().saturating_sub(cut).max(1);
            prop_assert!(matches!(read::<Command>(&mut &bytes[..len]), Err(ReadError::Io(_))));
        }
    }

    #[test]
    fn a_length_alone_does_not_allocate() {
        let frame = u32::MAX.to_le_bytes();
        assert!(matches!(read::<Command>(&mut frame.as_slice()), Err(ReadError::TooLong(_))));
    }

    #[test]
    fn the_version_is_the_first_thing_in_a_hello() {
        let hello = Hello {
            version: 0x7f,
            pid: 1,
            applied: vec![],
            images: vec![LoadedImage { build_id: vec![], base: 0 }],
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &hello).unwrap();
        assert_eq!(bytes[4], 0x7f);
    }
}
