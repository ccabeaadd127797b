//! The build id among an image's ELF notes (`NT_GNU_BUILD_ID`; layout from the ELF gABI: three
//! 32-bit lengths and numbers, then name and contents, each padded).

const GNU_BUILD_ID: usize = 3;
const OWNER: &[u8] = b"GNU\0";

/// The contents of the first build id note. Bytes that are no notes have none.
pub fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    loop {
        let (header, rest) = notes.split_first_chunk::<12>()?;
        let [name_len, len, kind] = [0, 4, 8].map(|at| word(header, at));
        let (name, rest) = take(rest, name_len, align)?;
        let (contents, rest) = take(rest, len, align)?;
        if kind == GNU_BUILD_ID && name == OWNER && !contents.is_empty() {
            return Some(contents);
        }
        notes = rest;
    }
}

fn word(header: &[u8; 12], at: usize) -> usize {
    u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
}

/// Splits off `len` bytes and their padding, which the last ones may lack.
fn take(bytes: &[u8], len: usize, align: usize) -> Option<(&[u8], &[u8])> {
    let taken = bytes.get(..len)?;
    let rest = bytes.get(len.next_multiple_of(align)..).unwrap_or(&[]);
    Some((taken, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, name: &[u8], contents: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [name.len() as u32, contents.len() as u32, kind] {
            bytes.extend(number.to_ne_bytes());
        }
        for part in [name, contents] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_build_id_is_found_among_others() {
        let mut notes = note(1, b"GNU\0", &[9; 16]);
        notes.extend(note(3, b"Other\0", &[8; 5]));
        notes.extend(note(3, b"GNU\0", &[1, 2, 3, 4, 5]));
        assert_eq!(build_id(&notes, 4), Some(&[1, 2, 3, 4, 5][..]));
    }

    #[test]
    fn cut_or_senseless_notes_have_none() {
        let notes = note(3, b"GNU\0", &[1; 20]);
        for len in 0..notes.len() {
            assert_eq!(build_id(&notes[..len], 4), None);
        }
        for byte in [0, 1, 3, 0x7f, 0xff] {
            assert_eq!(build_id(&[byte; 64], 4), None);
            assert_eq!(build_id(&[byte; 64], 8), None);
        }
        assert_eq!(build_id(&note(3, b"GNU\0", &[]), 4), None);
    }
}
