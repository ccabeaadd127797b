//! Damaged files: an error or an object, never a panic.

use std::sync::OnceLock;

use hotdev_cli::elf::image::{Image, applied_relocations};
use hotdev_cli::elf::object_file::ObjectFile;
use hotdev_cli::elf::rewrite::rewrite;
use hotdev_cli::elf::thread_locals::keep_thread_locals;
use hotdev_cli::types::Summary;
use hotdev_cli::{types, units};
use proptest::prelude::*;

use crate::compile::{Known, debug, link, rewritten};

const SOURCE: &str = r#"
static mut COUNT: u64 = 5;
pub static NAMES: [&str; 2] = ["one", "two"];
pub static TABLE: [fn(u64) -> u64; 1] = [private];
pub struct Point { pub x: u32, pub y: Option<Box<Point>> }
fn private(x: u64) -> u64 { unsafe { COUNT += x; COUNT } }
pub fn public(x: u64) -> u64 { private(x) + NAMES[x as usize].len() as u64 }
pub fn point(point: &Point) -> u32 { point.x }
"#;

fn object() -> &'static [u8] {
    static OBJECT: OnceLock<Vec<u8>> = OnceLock::new();
    OBJECT.get_or_init(|| debug(SOURCE))
}

fn library() -> &'static [u8] {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let (object, _) = rewritten(object().to_vec(), false);
        link(&[object.write().expect("it can be written")], &["--emit-relocs"])
    })
}

/// Where the headers that steer a reader are: the file's own and those of the sections.
fn header_bytes(bytes: &[u8]) -> Vec<usize> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let (start, count) = (word(0x28) as usize, usize::from(bytes[0x3c]));
    (0..64).chain(start..start + count * 64).collect()
}

/// Bytes to be written over others, by place.
fn damage(bytes: &'static [u8]) -> impl Strategy<Value = Vec<(usize, u8)>> {
    let headers = header_bytes(bytes);
    let anywhere = (0..bytes.len(), any::<u8>());
    let header = (prop::sample::select(headers), prop_oneof![any::<u8>(), Just(0xff), Just(0x7f)]);
    prop::collection::vec(prop_oneof![anywhere, header], 1..6)
}

fn damaged(bytes: &[u8], damage: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    damage.iter().for_each(|(at, value)| bytes[*at] = *value);
    bytes
}

/// Everything that is done with an object before it is linked.
fn use_object(bytes: Vec<u8>) {
    let Ok(object) = ObjectFile::parse(bytes) else { return };
    let _ = object.clone().write();
    let mut edited = object.clone();
    edited.undefined_symbol("one more");
    if !edited.sections.is_empty() {
        edited.section_symbol(0);
    }
    let _ = edited.write();
    let mut kept = object.clone();
    keep_thread_locals(&mut kept);
    let _ = kept.write();
    let known = Known::of(&[&object]);
    let mut object = object;
    units::Digest::default().add(&object);
    rewrite(&mut object, &known, false);
    let _ = object.write();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_object_never_panics(damage in damage(object())) {
        use_object(damaged(object(), &damage));
    }

    #[test]
    fn an_object_that_is_cut_short_never_panics(len in 0..object().len()) {
        use_object(object()[..len].to_vec());
    }

    #[test]
    fn a_damaged_image_never_panics(damage in damage(library())) {
        let bytes = damaged(library(), &damage);
        let _ = applied_relocations(&bytes);
        if let Ok(image) = Image::parse(&bytes) {
            let places = image.exports.values().chain(image.statics.values()).map(|d| d.place);
            for place in places.chain([0, u64::MAX]) {
                let _ = image.file_offset(place);
            }
            for name in image.statics.keys() {
                let _ = image.thread_pointer_offset(name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_debug_information_never_panics(damage in damage(object())) {
        if let (Ok(old), Ok(new)) = (types::read(object()), types::read(&damaged(object(), &damage))) {
            let _ = types::compare(&old, &new);
            let all = new.shape_hashes().into_iter().map(|(path, _)| path).collect();
            let _ = (new.functions_with(&all), Summary::of(&new, &|_| None));
        }
    }
}
