//! Reading an object and writing it again.

use object::elf;
use object::read::elf::{ElfFile64, SectionHeader as _};
use object::{LittleEndian as LE, Object as _, ObjectComdat as _, ObjectSection as _};

use hotdev_cli::elf::object_file::ObjectFile;

use crate::compile::{Use, again, compile, debug, parse, symbol, uses};

/// Private and public functions, data, a thread-local and a C++-like group (the personality's
/// pointer is one).
const SOURCE: &str = r#"
use std::cell::Cell;
static mut COUNT: u64 = 5;
pub static NAMES: [&str; 2] = ["one", "two"];
thread_local! { static LOCAL: Cell<u32> = const { Cell::new(7) }; }
struct Loud(u32);
impl Drop for Loud { fn drop(&mut self) { LOCAL.with(|l| l.set(l.get() + self.0)); } }
fn private(x: u64) -> u64 { unsafe { COUNT += x; COUNT } }
pub fn public(x: u64, f: &dyn Fn(u64)) -> u64 { let _loud = Loud(3); f(x); private(x) + NAMES.len() as u64 }
"#;

/// What a symbol is, wherever it stands in the table.
fn symbols(object: &ObjectFile) -> Vec<(String, u8, u8, u8, u16, u64, u64)> {
    let mut symbols: Vec<_> = object
        .symbols
        .iter()
        .map(|s| (s.name.clone(), s.binding, s.kind, s.other, s.section, s.value, s.size))
        .collect();
    symbols.sort();
    symbols
}

fn sorted_uses(object: &ObjectFile) -> Vec<Use> {
    let mut uses = uses(object);
    uses.sort();
    uses
}

/// Reads the file with another reader: locals come first and `sh_info` counts them.
fn assert_locals_first(bytes: &[u8]) {
    let file = ElfFile64::<LE>::parse(bytes).expect("the object crate reads it");
    let table = file.elf_symbol_table();
    let section = file.elf_section_table().section(table.section()).expect("a symbol table");
    let locals = section.sh_info(LE) as usize;
    for (index, symbol) in table.iter().enumerate() {
        let is_local = symbol.st_info >> 4 == elf::STB_LOCAL;
        assert_eq!(is_local, index < locals, "symbol {index}, sh_info is {locals}");
    }
}

fn signatures(bytes: &[u8]) -> Vec<(String, Vec<String>)> {
    let file = ElfFile64::<LE>::parse(bytes).expect("the object crate reads it");
    let members = |comdat: &object::read::elf::ElfComdat64<'_, '_, LE>| {
        let sections = comdat.sections().map(|index| file.section_by_index(index));
        sections.map(|s| s.expect("a section").name().expect("a name").to_owned()).collect()
    };
    file.comdats().map(|c| (c.name().expect("a signature").to_owned(), members(&c))).collect()
}

#[test]
fn an_object_that_nobody_edits_stays_what_it_is() {
    let bytes = debug(SOURCE);
    let before = parse(bytes.clone());
    let written = before.clone().write().expect("it can be written");
    let after = parse(written.clone());
    assert_eq!(symbols(&before), symbols(&after));
    assert_eq!(uses(&before), uses(&after));
    for (index, (was, now)) in before.sections.iter().zip(&after.sections).enumerate() {
        assert_eq!((&was.name, was.kind, was.flags), (&now.name, now.kind, now.flags));
        if was.kind == elf::SHT_PROGBITS {
            assert_eq!(before.data(index), after.data(index), "{}", was.name);
        }
    }
    assert_locals_first(&written);
    assert_eq!(signatures(&bytes), signatures(&written));
}

#[test]
fn a_promoted_function_stands_among_the_globals_and_everything_still_leads_to_it() {
    let mut object = parse(debug(SOURCE));
    let before = sorted_uses(&object);
    let place = object.symbols.iter().position(|s| s.name == symbol(&object, "demo::private").name);
    object.symbols[place.expect("it is there")].binding = elf::STB_GLOBAL;
    let written = object.write().expect("it can be written");
    assert_locals_first(&written);
    let after = parse(written);
    assert!(symbol(&after, "demo::private").is_global());
    assert_eq!(before, sorted_uses(&after));
}

#[test]
fn a_global_made_local_stands_among_the_locals() {
    let mut object = parse(debug(SOURCE));
    let before = sorted_uses(&object);
    for symbol in object.symbols.iter_mut().filter(|s| s.is_defined() && s.is_global()) {
        symbol.binding = elf::STB_LOCAL;
    }
    let written = object.write().expect("it can be written");
    assert_locals_first(&written);
    assert_eq!(before, sorted_uses(&parse(written)));
}

#[test]
fn new_symbols_of_both_kinds_survive_writing() {
    let mut object = parse(debug(SOURCE));
    let before = sorted_uses(&object);
    let code = object.sections.iter().position(|s| s.is_code() && s.size > 0).expect("code");
    let section_symbol = object.section_symbol(code);
    let names = ["first.hotdev.stub", "a second one"];
    let undefined = names.map(|name| object.undefined_symbol(name));
    assert_eq!(undefined, names.map(|name| object.undefined_symbol(name)), "each is made once");
    assert_eq!(section_symbol, object.section_symbol(code), "each is made once");
    let table = object.relocations.iter().position(|t| t.target == code).expect("relocations");
    object.relocations[table].entries[0].symbol = undefined[1];
    let offset = object.relocations[table].entries[0].offset;

    let written = object.write().expect("it can be written");
    assert_locals_first(&written);
    let after = parse(written);
    for name in names {
        let symbol = symbol(&after, name);
        assert_eq!((symbol.section, symbol.binding), (elf::SHN_UNDEF, elf::STB_GLOBAL));
    }
    let is_it = |s: &&hotdev_cli::elf::object_file::Symbol| {
        s.kind == elf::STT_SECTION && usize::from(s.section) == code
    };
    assert_eq!(after.symbols.iter().filter(is_it).count(), 1);
    assert_eq!(after.relocations[table].entries[0].offset, offset);
    let changed = sorted_uses(&after);
    let differing: Vec<_> = changed.iter().filter(|now| !before.contains(now)).collect();
    assert!(matches!(*differing, [only] if only.target == names[1]), "{differing:?}");
}

#[test]
fn names_can_be_added_again_to_an_object_that_has_new_names() {
    let mut object = parse(debug(SOURCE));
    object.undefined_symbol("first");
    let mut object = again(object);
    object.undefined_symbol("second");
    let object = again(object);
    symbol(&object, "first");
    symbol(&object, "second");
    symbol(&object, "demo::private");
}

#[test]
fn groups_keep_their_signature_when_symbols_move() {
    let bytes = debug(SOURCE);
    let before = signatures(&bytes);
    assert!(!before.is_empty(), "the test needs an object with a group");
    let mut object = parse(bytes);
    for symbol in object.symbols.iter_mut().filter(|s| s.kind == elf::STT_FUNC && s.is_defined()) {
        symbol.binding = elf::STB_GLOBAL;
    }
    object.undefined_symbol("one more");
    let code = object.sections.iter().position(|s| s.is_code()).expect("code");
    object.section_symbol(code);
    assert_eq!(before, signatures(&object.write().expect("it can be written")));
}

#[test]
fn an_excluded_section_is_marked_for_the_linker() {
    let mut object = parse(debug(SOURCE));
    let data = object.sections.iter().position(|s| s.is_data() && s.size > 0).expect("data");
    object.exclude(data);
    let object = again(object);
    assert_ne!(object.sections[data].flags & u64::from(elf::SHF_EXCLUDE), 0);
    assert!(!object.sections[data].is_loaded());
}

#[test]
fn contents_that_were_changed_in_place_are_written() {
    let mut object = parse(debug(SOURCE));
    let count = symbol(&object, "demo::COUNT").clone();
    object.data_mut(count.section.into())[0] = 42;
    let object = again(object);
    assert_eq!(object.data(count.section.into())[..8], 42u64.to_le_bytes());
}

#[test]
fn what_is_no_object_is_an_error() {
    let program = std::fs::read(std::env::current_exe().expect("this test")).expect("is a file");
    for bytes in [Vec::new(), b"\x7fELF".to_vec(), vec![0; 4096], program] {
        assert!(ObjectFile::parse(bytes).is_err());
    }
}

#[test]
fn a_binary_crates_object_is_read_like_any_other() {
    let bytes = compile("fn main() { println!(\"{}\", 1); }", &["--crate-type=bin"]);
    let object = parse(bytes);
    assert_eq!(symbols(&object), symbols(&again(object.clone())));
}
