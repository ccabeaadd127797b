//! What rewriting makes of calls, pointers and thread-locals.

use hotdev_cli::elf::object_file::ObjectFile;
use hotdev_cli::elf::rewrite::rewrite;
use hotdev_cli::elf::thread_locals::keep_thread_locals;
use object::elf;

use crate::compile::{
    Known, again, compile, debug, optimized, parse, rewritten, symbol, uses, uses_of,
};

const CALLS: &str = r#"
#[inline(never)] fn private(x: u64) -> u64 { x.wrapping_mul(3) ^ 5 }
#[inline(never)] pub fn caller(x: u64) -> u64 { private(x) + private(x + 1) }
#[inline(never)] pub fn pointer() -> fn(u64) -> u64 { private }
"#;

fn assert_replaceable(object: &ObjectFile, name: &str) {
    let symbol = symbol(object, name);
    let is = (symbol.binding, symbol.visibility());
    assert_eq!(is, (elf::STB_GLOBAL, elf::STV_DEFAULT), "{name}");
}

#[test]
fn a_private_function_is_called_through_a_slot() {
    let (object, _) = rewritten(debug(CALLS), false);
    assert_replaceable(&object, "demo::private");
    let calls = uses_of(&object, "demo::caller", "demo::private");
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.kind == elf::R_X86_64_PLT32 && call.addend == -4));
}

#[test]
fn a_pointer_to_a_private_function_is_that_of_its_slot() {
    let (object, _) = rewritten(debug(CALLS), false);
    let taken = uses_of(&object, "demo::pointer", "demo::private");
    assert!(matches!(&*taken, [one] if one.kind == elf::R_X86_64_PLT32), "{taken:?}");
}

#[test]
fn a_pointer_from_the_got_is_computed_instead_of_loaded() {
    let source = r#"
        extern "Rust" { fn other(x: u64) -> u64; }
        pub fn pointer() -> unsafe fn(u64) -> u64 { other }
        pub fn library() -> unsafe extern "C" fn(i32) -> i32 { abs }
        extern "C" { fn abs(x: i32) -> i32; }
    "#;
    let other = parse(debug("#[no_mangle] pub fn other(x: u64) -> u64 { x }"));
    let mut object = parse(debug(source));
    let before = uses_of(&object, "demo::pointer", "other")[0].clone();
    assert_ne!(before.kind, elf::R_X86_64_PLT32, "the test needs a load");
    let known = Known::of(&[&object, &other]);
    rewrite(&mut object, &known, false);
    let object = again(object);

    let after = uses_of(&object, "demo::pointer", "other")[0].clone();
    assert_eq!((after.kind, after.addend), (elf::R_X86_64_PLT32, -4));
    let code = usize::from(symbol(&object, "demo::pointer").section);
    let opcode = object.data(code)[after.offset as usize - 2];
    assert_eq!(opcode, 0x8d, "lea");
    // What is not hot is loaded as before.
    let library = uses_of(&object, "demo::library", "abs")[0].clone();
    assert_ne!(library.kind, elf::R_X86_64_PLT32);
    let code = usize::from(symbol(&object, "demo::library").section);
    assert_eq!(object.data(code)[library.offset as usize - 2], 0x8b, "mov");
}

#[test]
fn statics_stay_where_they_are_and_local() {
    let source = r#"
        static mut COUNT: u64 = 5;
        pub fn next() -> u64 { unsafe { COUNT += 1; COUNT } }
    "#;
    let before = parse(debug(source));
    let (after, _) = rewritten(debug(source), false);
    let (was, now) = (symbol(&before, "demo::COUNT"), symbol(&after, "demo::COUNT"));
    assert_eq!((was.binding, was.section, was.value), (now.binding, now.section, now.value));
    assert!(!now.is_global());
    let uses = uses_of(&after, "demo::next", "demo::COUNT");
    assert!(!uses.is_empty(), "every use is named");
    assert!(uses.iter().all(|used| used.kind == elf::R_X86_64_PC32), "{uses:?}");
}

const NAMED: &str = r#"
    #[no_mangle] pub static NAMED: [u8; 4] = [5; 4];
    #[inline(never)] pub fn of(at: usize) -> u8 { NAMED[at] }
    pub fn main() { println!("{} {NAMED:?}", of(2)); }
"#;

/// Binding and type of the uses of a static in code.
fn uses_in_code(object: &ObjectFile, name: &str) -> Vec<(u8, u32)> {
    let tables = object.relocations.iter().filter(|table| object.sections[table.target].is_code());
    let entries = tables.flat_map(|table| &table.entries);
    let named = entries.map(|entry| (&object.symbols[entry.symbol as usize], entry.kind));
    named
        .filter(|(symbol, _)| symbol.name == name)
        .map(|(symbol, kind)| (symbol.binding, kind))
        .collect()
}

#[test]
fn a_distance_to_a_visible_static_is_to_a_local_symbol_at_its_place() {
    let bytes = compile(NAMED, &["--crate-type=bin", "-Crelocation-model=pie"]);
    let before = uses_in_code(&parse(bytes.clone()), "NAMED");
    assert!(before.contains(&(elf::STB_GLOBAL, elf::R_X86_64_PC32)), "the test needs one");
    let (object, _) = rewritten(bytes, false);
    let after = uses_in_code(&object, "NAMED");
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|used| *used == (elf::STB_LOCAL, elf::R_X86_64_PC32)), "{after:?}");
    let both: Vec<_> = object.symbols.iter().filter(|symbol| symbol.name == "NAMED").collect();
    let [local, visible] = *both else { panic!("{both:?}") };
    assert_eq!((local.section, local.value), (visible.section, visible.value));
    assert_eq!((visible.binding, visible.visibility()), (elf::STB_GLOBAL, elf::STV_DEFAULT));
}

#[test]
fn a_visible_static_that_is_loaded_from_the_got_keeps_its_slot() {
    let (object, _) = rewritten(debug(NAMED), false);
    let after = uses_in_code(&object, "NAMED");
    assert!(!after.is_empty());
    for (binding, kind) in after {
        assert_eq!(binding, elf::STB_GLOBAL);
        assert_ne!(kind, elf::R_X86_64_PC32);
    }
}

#[test]
fn in_optimized_objects_calls_within_the_object_stay_direct() {
    let (object, _) = rewritten(optimized(CALLS), true);
    assert!(!symbol(&object, "demo::private").is_global());
    let code: Vec<_> = uses(&object).into_iter().filter(|u| u.within == "demo::caller").collect();
    assert!(!code.is_empty(), "the test needs a call");
    for call in code {
        assert!(call.of_section && call.kind == elf::R_X86_64_PC32, "{call:?}");
        assert!(call.target.contains("private"), "{call:?}");
    }
}

const PUBLIC: &str = "#[inline(never)] pub fn callee(x: u64) -> u64 { x ^ 77 }
    #[inline(never)] pub fn caller(x: u64) -> u64 { callee(x) + callee(x + 1) }";

#[test]
fn in_optimized_objects_public_functions_can_be_replaced_from_outside() {
    assert_replaceable(&rewritten(optimized(PUBLIC), true).0, "demo::callee");
}

#[test]
fn in_optimized_objects_calls_of_public_functions_stay_direct() {
    let (object, _) = rewritten(optimized(PUBLIC), true);
    let direct = uses(&object).into_iter().filter(|u| u.within == "demo::caller");
    assert!(direct.inspect(|u| assert!(u.of_section, "{u:?}")).count() > 0);
}

#[test]
fn a_function_whose_name_is_not_unique_stays_local() {
    let mut object = parse(debug(CALLS));
    let mut known = Known::of(&[&object]);
    known.repeated.push("demo::private".into());
    rewrite(&mut object, &known, false);
    let object = again(object);
    assert!(!symbol(&object, "demo::private").is_global());
    assert_replaceable(&object, "demo::caller");
}

const TABLES: &str = r#"
fn first(x: u64) -> u64 { x + 1 }
fn second(x: u64) -> u64 { x + 2 }
pub static TABLE: [fn(u64) -> u64; 2] = [first, second];
pub struct Command { pub name: &'static str, pub run: fn(u64) -> u64 }
pub const COMMAND: &Command = &Command { name: "second", run: second };
pub fn run(x: u64) -> u64 { (COMMAND.run)(x) }
pub trait Shape { fn area(&self) -> u64; fn name(&self) -> &'static str; }
pub struct Square(pub u64);
impl Shape for Square { fn area(&self) -> u64 { self.0 * self.0 } fn name(&self) -> &'static str { "square" } }
pub fn shape(square: Box<Square>) -> Box<dyn Shape> { square }
"#;

#[test]
fn function_pointers_in_a_static_lead_to_stubs() {
    let (object, found) = rewritten(debug(TABLES), false);
    let table: Vec<_> = uses(&object).into_iter().filter(|u| u.within == "demo::TABLE").collect();
    assert_eq!(table.len(), 2);
    for entry in table {
        assert_eq!(entry.kind, elf::R_X86_64_64);
        assert!(entry.target.ends_with(".hotdev.stub"), "{entry:?}");
    }
    let stubs: Vec<_> =
        found.stubs.iter().map(|name| hotdev_cli::symbol_name::path(name)).collect();
    assert_eq!(stubs, ["demo::first", "demo::second"]);
}

#[test]
fn function_pointers_in_a_constant_lead_to_stubs() {
    let (object, _) = rewritten(debug(TABLES), false);
    let data: Vec<_> = uses(&object)
        .into_iter()
        .filter(|u| u.within.contains("anon.") && u.target.contains("second"))
        .collect();
    assert!(!data.is_empty(), "the constant keeps its pointer");
    assert!(data.iter().all(|u| u.target.ends_with(".hotdev.stub")), "{data:?}");
}

#[test]
fn tables_of_methods_keep_the_methods_themselves() {
    let (object, found) = rewritten(debug(TABLES), false);
    let methods: Vec<_> = uses(&object)
        .into_iter()
        .filter(|u| u.kind == elf::R_X86_64_64 && u.target.contains("Square as demo::Shape"))
        .collect();
    assert_eq!(methods.len(), 2);
    assert!(methods.iter().all(|u| !u.target.ends_with(".hotdev.stub")), "{methods:?}");
    assert!(!found.stubs.iter().any(|name| name.contains("Shape")), "{:?}", found.stubs);
}

/// A binary's own thread-local, that `main` adds to.
const BINARY: &str = r#"
    use std::cell::Cell;
    thread_local! { static LOCAL: Cell<u32> = const { Cell::new(7) }; }
    #[inline(never)] fn bump() -> u32 { LOCAL.with(|l| { l.set(l.get() + 1); l.get() }) }
    fn main() { println!("{}", bump()); }
"#;

#[test]
fn a_binarys_uses_of_its_thread_locals_are_reported_and_emptied() {
    let bytes = compile(BINARY, &["--crate-type=bin", "-Crelocation-model=pie"]);
    let before = uses(&parse(bytes.clone()));
    let before = before.iter().filter(|u| u.kind == elf::R_X86_64_TPOFF32).count();
    let (object, found) = rewritten(bytes, false);
    assert!(before > 0, "the test needs such a use");
    assert_eq!(found.thread_locals.len(), before);
    for (used, field) in &found.thread_locals {
        let name = hotdev_cli::symbol_name::path(&used.name);
        assert!(name.contains("LOCAL"), "{name}");
        let function = object.symbols.iter().find(|s| s.name == used.function);
        let function = function.expect("the function that is named");
        assert_eq!(usize::from(function.section), field.section);
        assert_eq!(function.value + used.delta, field.offset);
    }
    assert!(!uses(&object).iter().any(|u| u.kind == elf::R_X86_64_TPOFF32));
}

#[test]
fn the_executables_copy_of_a_binary_offers_its_thread_locals_and_nothing_else() {
    let mut object = parse(compile(BINARY, &["--crate-type=bin", "-Crelocation-model=pie"]));
    keep_thread_locals(&mut object);
    let object = again(object);
    let offered: Vec<_> = object
        .symbols
        .iter()
        .filter(|s| s.is_defined() && s.binding == elf::STB_GLOBAL)
        .map(|s| s.kind)
        .collect();
    assert!(!offered.is_empty() && offered.iter().all(|kind| *kind == elf::STT_TLS), "{offered:?}");
}

#[test]
fn rewriting_twice_changes_nothing_more() {
    let (mut object, _) = rewritten(debug(TABLES), false);
    let before = uses(&object);
    let known = Known::of(&[&object]);
    rewrite(&mut object, &known, false);
    assert_eq!(before, uses(&again(object)));
}
