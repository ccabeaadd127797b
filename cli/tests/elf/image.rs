//! What is read of linked images.

use hotdev_cli::elf::SymbolKind;
use hotdev_cli::elf::image::{Image, applied_relocations};
use object::{LittleEndian as LE, Object as _, ObjectSegment as _, elf, read::elf::ElfFile64};

use crate::compile::{debug, link, rewritten};

const SOURCE: &str = r#"
#[no_mangle] pub fn callee(x: u64) -> u64 { x + 1 }
#[no_mangle] pub fn caller(x: u64) -> u64 { callee(x) + unsafe { COUNT } }
#[no_mangle] pub fn pointer() -> fn(u64) -> u64 { callee }
pub trait Shape { fn area(&self) -> u64; }
impl Shape for u64 { #[inline(never)] fn area(&self) -> u64 { *self } }
#[no_mangle] pub fn shape(x: &'static u64) -> &'static dyn Shape { x }
#[no_mangle] pub fn count() -> u64 { unsafe { COUNT += 1; COUNT } }
static mut COUNT: u64 = 0x1122334455667788;
"#;

/// The library that hotdev would link of the source.
fn library() -> Vec<u8> {
    link(&[object(SOURCE)], &["--emit-relocs", "-zundefs"])
}

fn object(source: &str) -> Vec<u8> {
    rewritten(debug(source), false).0.write().expect("it can be written")
}

fn image() -> Image {
    Image::parse(&library()).expect("an image")
}

fn named<'a, T>(map: &'a std::collections::HashMap<String, T>, part: &str) -> &'a T {
    let found: Vec<_> = map.iter().filter(|(name, _)| name.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part} in {:?}", map.keys());
    found[0].1
}

/// The file's eight bytes at a place of the image.
fn word(bytes: &[u8], image: &Image, place: u64) -> u64 {
    let offset = image.file_offset(place).expect("a place in the file");
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("8 bytes"))
}

#[test]
fn every_word_that_holds_a_functions_address_is_found_by_its_name() {
    let (bytes, image) = (library(), image());
    let file = ElfFile64::<LE>::parse(&*bytes).expect("an ELF file");
    let mut relocations: Vec<u64> =
        file.dynamic_relocations().expect("relocations").map(|(place, _)| place).collect();
    relocations.sort_unstable();
    assert!(!image.slots["callee"].is_empty());
    for slot in &image.slots["callee"] {
        assert!(relocations.binary_search(&slot.place).is_ok());
        assert_eq!((slot.place % 8, slot.addend), (0, 0));
    }
    let method = named(&image.slots, "Shape");
    assert!(matches!(&**method, [_]), "the word in the table of methods: {method:?}");
}

#[test]
fn what_other_images_bind_to_has_its_place_size_and_kind() {
    let (bytes, image) = (library(), image());
    let file = ElfFile64::<LE>::parse(&*bytes).expect("an ELF file");
    for symbol in object::Object::dynamic_symbols(&file) {
        use object::ObjectSymbol as _;
        if symbol.is_undefined() {
            continue;
        }
        let found = image.exports[symbol.name().expect("a name")];
        assert_eq!((found.place, found.size), (symbol.address(), symbol.size()));
    }
    assert_eq!(image.exports["callee"].kind, SymbolKind::Function);
}

#[test]
fn a_private_static_has_its_place() {
    let (bytes, image) = (library(), image());
    let count = named(&image.statics, "COUNT");
    assert_eq!((count.size, count.kind), (8, SymbolKind::Data));
    assert_eq!(word(&bytes, &image, count.place), 0x1122334455667788);
}

#[test]
fn the_build_id_is_that_of_the_file() {
    let bytes = link(&[object(SOURCE)], &["-zundefs", "--build-id=sha1"]);
    let image = Image::parse(&bytes).expect("an image");
    let file = ElfFile64::<LE>::parse(&*bytes).expect("an ELF file");
    assert_eq!(Some(&*image.build_id), file.build_id().expect("notes"));
    assert_eq!(image.build_id.len(), 20);
}

#[test]
fn a_place_outside_the_file_has_no_offset() {
    let (bytes, image) = (library(), image());
    let file = ElfFile64::<LE>::parse(&*bytes).expect("an ELF file");
    for segment in file.segments() {
        let (offset, len) = segment.file_range();
        assert_eq!(image.file_offset(segment.address()), (len > 0).then_some(offset as usize));
        if len > 0 {
            let last = (offset + len - 1) as usize;
            assert_eq!(image.file_offset(segment.address() + len - 1), Some(last));
        }
    }
    assert_eq!(image.file_offset(1 << 40), None);
}

#[test]
fn the_relocations_that_the_linker_applied_name_private_statics() {
    let (bytes, image) = (library(), image());
    let applied = applied_relocations(&bytes).expect("relocations");
    let count = named(&image.statics, "COUNT");
    let uses: Vec<_> = applied.iter().filter(|r| r.symbol.contains("COUNT")).collect();
    assert!(!uses.is_empty());
    for used in uses {
        assert!(used.in_code && used.kind == elf::R_X86_64_PC32 && used.value == count.place);
        let at = image.file_offset(used.place).expect("a place in the file");
        let field = i32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let leads_to = used.place as i64 + i64::from(field);
        assert_eq!(leads_to, count.place as i64 + used.addend, "S + A - P");
    }
}

#[test]
fn debug_information_and_unwind_tables_are_left_out_of_the_applied_relocations() {
    let (bytes, image) = (library(), image());
    for applied in applied_relocations(&bytes).expect("relocations") {
        assert!(applied.kind != elf::R_X86_64_NONE && image.file_offset(applied.place).is_some());
    }
}

#[test]
fn names_from_elsewhere_are_imports() {
    let source =
        "extern \"Rust\" { fn elsewhere(); } #[no_mangle] pub fn f() { unsafe { elsewhere() } }";
    let image = Image::parse(&link(&[object(source)], &["-zundefs"])).expect("an image");
    assert_eq!(image.imports, ["elsewhere"]);
    assert!(!image.slots["elsewhere"].is_empty());
}

#[test]
fn thread_locals_of_a_library_have_offsets_and_one_pair() {
    let source = r#"
        use std::cell::Cell;
        thread_local! { static FIRST: Cell<u64> = const { Cell::new(3) }; }
        thread_local! { static SECOND: Cell<u32> = const { Cell::new(4) }; }
        #[no_mangle] pub fn locals() -> u64 { FIRST.with(|f| f.get()) + SECOND.with(|s| s.get()) as u64 }
    "#;
    let bytes = link(&[object(source)], &["-zundefs", "--emit-relocs"]);
    let image = Image::parse(&bytes).expect("an image");
    let locals = image.statics.values().filter(|d| d.kind == SymbolKind::ThreadLocal);
    let mut places: Vec<_> = locals.map(|d| (d.place, d.size)).collect();
    places.sort_unstable();
    let (_, size, _) = image.thread_local_segment.expect("a segment");
    assert!(places.len() >= 2);
    places.push((size, 0));
    assert!(places.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{places:?}");
    let pair = image.thread_local_pair.expect("the code uses it");
    let applied = applied_relocations(&bytes).expect("relocations");
    let of_module: Vec<_> = applied.iter().filter(|r| r.kind == elf::R_X86_64_TLSLD).collect();
    assert!(!of_module.is_empty());
    for used in of_module {
        let at = image.file_offset(used.place).expect("a place in the file");
        let field = i32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!(used.place as i64 + i64::from(field) - used.addend, pair as i64);
    }
}

#[test]
fn an_executables_thread_local_is_below_the_thread_pointer() {
    let source = r#"
        use std::cell::Cell;
        thread_local! { static LOCAL: Cell<u64> = const { Cell::new(3) }; }
        #[no_mangle] pub fn _start() -> u64 { LOCAL.with(|l| l.get()) }
    "#;
    let bytes = link(&[debug(source)], &["-zundefs"]);
    let image = Image::parse(&bytes).expect("an image");
    let (_, size, align) = image.thread_local_segment.expect("a segment");
    let locals = image.statics.iter().filter(|(_, d)| d.kind == SymbolKind::ThreadLocal);
    let last = locals.max_by_key(|(_, d)| d.place).expect("LOCAL");
    let ends = image.thread_pointer_offset(last.0).expect("an offset") + last.1.size as i64;
    // The segment is a whole number of words long, so it ends where the pointer is.
    assert_eq!((size % align, ends), (0, 0));
    assert_eq!(image.thread_pointer_offset("nobody"), None);
}

#[test]
fn what_is_no_image_is_an_error() {
    assert!(Image::parse(b"#!/bin/sh").is_err());
    assert!(applied_relocations(b"").is_err());
    let error = Image::read(std::path::Path::new("nowhere/at/all")).expect_err("there is no file");
    assert!(error.doing.contains("nowhere/at/all"));
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let bytes = link(&[object(SOURCE)], &["-zundefs", "--build-id=sha1"]);
    std::fs::write(file.path(), &bytes).expect("it is written");
    let (read, parsed) =
        (Image::read(file.path()).expect("an image"), Image::parse(&bytes).expect("an image"));
    assert!(!read.build_id.is_empty() && read.build_id == parsed.build_id);
    assert!(!read.exports.is_empty() && read.exports == parsed.exports);
    assert!(!read.statics.is_empty() && read.statics == parsed.statics);
    assert!(!read.slots.is_empty() && read.slots == parsed.slots);
    assert_eq!(read.private_functions, parsed.private_functions);
    assert_eq!(read.imports, parsed.imports);
    let place = read.exports.values().next().expect("there are some").place;
    assert!(
        read.file_offset(place).is_some() && read.file_offset(place) == parsed.file_offset(place)
    );

    // Cut short anywhere, it is an error or what there is, never a panic.
    for length in [0, 10, 64, 200, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(file.path(), &bytes[..length]).expect("it is written");
        let _ = Image::read(file.path());
    }
}
