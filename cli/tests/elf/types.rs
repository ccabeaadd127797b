//! Types as the debug information has them.

use std::collections::HashSet;

use hotdev_cli::symbol_name::path;
use hotdev_cli::types::{self, Differences, Types};

use crate::compile::{debug, optimized, parse, symbol};

fn read(source: &str) -> Types {
    types::read(&debug(source)).expect("rustc's debug information can be read")
}

fn compare(old: &str, new: &str) -> Differences {
    types::compare(&read(old), &read(new))
}

/// What differs when `was` becomes `now` in a source.
#[track_caller]
fn edit(source: &str, was: &str, now: &str) -> Differences {
    let new = source.replace(was, now);
    assert_ne!(source, new, "{was} is not there");
    compare(source, &new)
}

/// Checks that a change of the type is found under its name and nothing is taken for a closure.
#[track_caller]
fn assert_named(source: &str, was: &str, now: &str, name: &str) {
    let found = edit(source, was, now);
    let names: Vec<_> = found.named.iter().map(|changed| changed.name.clone()).collect();
    let is_it = |found: &String| {
        *found == name
            || found.starts_with(&format!("{name}."))
            || found.starts_with(&format!("{name}::"))
    };
    assert!(names.iter().any(is_it), "{name} is not in {names:?}");
    assert!(found.anonymous.is_empty(), "{:?}", found.anonymous);
}

#[track_caller]
fn assert_same(source: &str, was: &str, now: &str) {
    let found = edit(source, was, now);
    assert!(found.named.is_empty() && found.anonymous.is_empty(), "{found:?}");
}

const STRUCT: &str = r#"
/*here*/
#[repr(C)] pub struct State { pub score: u32, pub lives: i32, pub name: [u8; 4] }
pub struct Meters(pub f32);
pub fn use_it(state: &State, m: Meters) -> u32 { state.lives as u32 + m.0 as u32 }
"#;

#[test]
fn a_type_that_stays_the_same_is_not_found() {
    assert_same(STRUCT, "/*here*/", "// a comment\n\n");
    assert_same(STRUCT, "as u32 + m", "as u32 * 3 + m");
}

#[test]
fn a_field_of_another_type_is_found() {
    assert_named(STRUCT, "score: u32", "score: i32", "demo::State");
    assert_named(STRUCT, "name: [u8; 4]", "name: [i8; 4]", "demo::State");
    assert_named(STRUCT, "name: [u8; 4]", "name: [u8; 8]", "demo::State");
    assert_named(STRUCT, "f32", "f64", "demo::Meters");
}

#[test]
fn a_field_of_another_type_is_told_in_its_own_words() {
    let found = edit(STRUCT, "score: u32", "score: f32");
    let [only] = &*found.named else { panic!("{found:?}") };
    assert_eq!(only.name, "demo::State.score");
    assert_eq!((&*only.was, &*only.now), ("u32 at 0", "f32 at 0"));
}

#[test]
fn fields_in_another_order_are_found() {
    let (was, now) = ("score: u32, pub lives: i32", "lives: i32, pub score: u32");
    assert_named(STRUCT, was, now, "demo::State");
}

#[test]
fn a_renamed_field_is_found() {
    let source = "pub struct A { pub x: u32 } pub fn f(a: &A) -> u32 { a.x }";
    let found = compare(source, &source.replace("x: u32", "y: u32").replace("a.x", "a.y"));
    assert_eq!(found.named.len(), 1, "{found:?}");
}

#[test]
fn a_new_field_is_found_even_where_it_fills_a_gap() {
    let source = "#[repr(C)] pub struct A { pub x: u64, pub y: u8 } pub fn f(a: &A) -> u64 { a.x }";
    assert_named(source, "y: u8 }", "y: u8, pub z: u8 }", "demo::A");
}

#[test]
fn another_alignment_is_found_where_the_size_stays() {
    let source = "pub struct A { pub x: [u64; 4] } pub fn f(a: &A) -> u64 { a.x[0] }";
    assert_named(source, "pub struct", "#[repr(align(32))] pub struct", "demo::A");
}

#[test]
fn a_type_that_nothing_described_before_is_not_found() {
    assert_same(
        STRUCT,
        "pub struct Meters",
        "pub struct Extra(pub u8); pub fn extra(e: &Extra) -> u8 { e.0 } pub struct Meters",
    );
}

#[test]
fn a_pointee_of_another_type_is_found() {
    let source = "pub struct A { pub x: *const u32, pub y: Box<u64> } pub fn f(a: &A) -> usize { a.x as usize }";
    assert_named(source, "*const u32", "*const u64", "demo::A");
    assert_named(source, "*const u32", "*mut u32", "demo::A");
    assert_named(source, "Box<u64>", "Box<i64>", "demo::A");
}

#[test]
fn a_function_pointer_of_another_signature_is_found() {
    let source =
        "pub struct A { pub x: fn(u32) -> u32 } pub fn f(a: &A) -> u32 { a.x as usize as u32 }";
    assert_named(source, "fn(u32) -> u32 }", "fn(u32) -> i32 }", "demo::A");
    assert_named(source, "fn(u32) -> u32 }", "extern \"C\" fn(u32) -> u32 }", "demo::A");
}

const ENUMS: &str = r#"
pub enum Plain { A, B, C }
pub enum Data { A(u32), B { x: u64, y: u8 }, C }
pub enum Niche { None, Some(&'static u32) }
pub enum Small { A, B(bool) }
#[repr(u8)] pub enum Numbered { A = 1, B = 2 }
pub fn f(a: Plain, b: Data, c: Niche, d: Small, e: Numbered) -> u32 {
    match (a, b, c, d, e) { (Plain::A, Data::A(x), Niche::Some(y), Small::B(true), Numbered::A) => x as u32 + y, _ => 0 }
}
"#;

#[test]
fn a_variant_inserted_before_others_is_found() {
    assert_named(ENUMS, "Plain { A, B", "Plain { A, A2, B", "demo::Plain");
    assert_named(ENUMS, "A(u32), B {", "A(u32), A2(u8), B {", "demo::Data");
}

#[test]
fn a_variant_at_the_end_is_found() {
    assert_named(ENUMS, "B, C }\npub enum Data", "B, C, D }\npub enum Data", "demo::Plain");
    assert_named(ENUMS, "y: u8 }, C }", "y: u8 }, C, D }", "demo::Data");
    assert_named(ENUMS, "Small { A, B(bool)", "Small { A, B(bool), C", "demo::Small");
}

#[test]
fn swapped_variants_are_found() {
    assert_named(ENUMS, "Plain { A, B,", "Plain { B, A,", "demo::Plain");
    assert_named(ENUMS, "A = 1, B = 2", "A = 2, B = 1", "demo::Numbered");
    let (was, now) = ("A(u32), B { x: u64, y: u8 }, C", "A(u32), C, B { x: u64, y: u8 }");
    assert_named(ENUMS, was, now, "demo::Data");
}

#[test]
fn a_payload_of_another_type_is_found() {
    assert_named(ENUMS, "A(u32)", "A(u16)", "demo::Data");
}

#[test]
fn a_niche_that_moves_is_found() {
    assert_named(ENUMS, "Some(&'static u32)", "Some(&'static u32), Other(u64)", "demo::Niche");
    let source = r#"
        pub enum Moved { A(u8, bool), B } pub fn f(a: Moved) -> u8 { match a { Moved::A(x, _) => x, Moved::B => 0 } }
    "#;
    assert_named(source, "A(u8, bool)", "A(u8, std::cmp::Ordering)", "demo::Moved");
}

#[test]
fn a_union_of_another_shape_is_found() {
    let source = "#[repr(C)] pub union U { pub a: u32, pub b: f32 } pub fn f(u: &U) -> u32 { unsafe { u.a } }";
    assert_named(source, "b: f32", "b: i32", "demo::U");
}

#[test]
fn an_instance_of_a_generic_type_is_found_by_its_full_name() {
    let source = "pub struct G<T> { pub x: T, pub n: u32 } pub fn f(g: &G<u64>) -> u64 { g.x }";
    assert_named(source, "n: u32", "n: i32", "demo::G<u64>");
}

#[test]
fn types_of_one_name_in_one_function_are_told_apart() {
    let source = r#"
        pub fn f(x: u64) -> u64 {
            let a = { #[repr(C)] struct S { a: u64 } let s = S { a: x }; s.a };
            let b = { #[repr(C)] struct S { a: u32, b: u32 } let s = S { a: 1, b: x as u32 }; (s.a + s.b) as u64 };
            a + b
        }
    "#;
    for (was, now) in [("S { a: u64 }", "S { a: u64, c: u8 }"), ("b: u32 }", "b: u32, c: u8 }")] {
        let fill = |text: &str| match was {
            "b: u32 }" => text.replace("b: x as u32 }", "b: x as u32, c: 0 }"),
            _ => text.replace("S { a: x }", "S { a: x, c: 0 }"),
        };
        let found = compare(source, &fill(&source.replace(was, now)));
        assert!(!found.named.is_empty(), "{was} -> {now}");
    }
}

const TRAIT: &str = r#"
pub trait Shape { fn area(&self) -> u64; fn edges(&self) -> u64; }
pub struct Square(pub u64);
impl Shape for Square { fn area(&self) -> u64 { self.0 } fn edges(&self) -> u64 { 4 } }
pub fn shape(square: &Square) -> &dyn Shape { square }
"#;

#[test]
fn a_new_method_changes_the_table_of_methods() {
    let new = TRAIT.replace("-> u64; }", "-> u64; fn more(&self) {} }");
    let found = compare(TRAIT, &new);
    assert!(found.named.iter().any(|c| c.name.contains("vtable_type")), "{found:?}");
}

#[test]
fn a_method_that_is_gone_changes_the_table_of_methods() {
    let new = TRAIT
        .replace(" fn edges(&self) -> u64; }", " }")
        .replace("fn edges(&self) -> u64 { 4 }", "");
    let found = compare(TRAIT, &new);
    assert!(found.named.iter().any(|c| c.name.contains("vtable_type")), "{found:?}");
}

#[test]
fn methods_in_another_order_change_the_table_of_methods() {
    let new = TRAIT.replace(
        "fn area(&self) -> u64; fn edges(&self) -> u64;",
        "fn edges(&self) -> u64; fn area(&self) -> u64;",
    );
    assert_ne!(TRAIT, new);
    let found = compare(TRAIT, &new);
    assert!(found.named.iter().any(|c| c.name.contains("vtable")), "{found:?}");
}

#[test]
fn a_method_of_another_body_changes_no_table() {
    assert_same(TRAIT, "{ 4 }", "{ 5 }");
}

const CLOSURE: &str = r#"
pub struct Held<F> { pub run: F, pub n: u32 }
pub struct Chain<F> { pub run: Option<F>, pub next: Option<Box<Chain<F>>> }
#[inline(never)] pub fn by_value<F: Fn(u64) -> u64>(f: F) -> u64 { f(1) }
#[inline(never)] pub fn by_reference<F: Fn(u64) -> u64>(f: &F) -> u64 { f(2) }
#[inline(never)] pub fn in_a_struct<F: Fn(u64) -> u64>(held: &mut Held<F>) -> u64 { (held.run)(3) }
#[inline(never)] pub fn in_a_circle<F: Fn(u64) -> u64>(chain: &Chain<F>) -> u64 { chain.next.is_some() as u64 }
#[inline(never)] pub fn gives<F>(n: u32, f: impl Fn() -> F) -> Held<F> { Held { run: f(), n } }
#[inline(never)] pub fn has_nothing(x: u64) -> u64 { x }
impl<F: Fn(u64) -> u64> Held<F> { #[inline(never)] pub fn method(&self) -> u64 { (self.run)(5) } }
pub fn make(a: u64, b: u32) -> u64 {
    let closure = move |x: u64| x + a/*more*/;
    by_reference(&closure);
    let mut held = gives(1, || closure);
    in_a_struct(&mut held);
    held.method();
    in_a_circle(&Chain { run: Some(closure), next: None });
    by_value(closure) + has_nothing(1)
}
"#;

#[test]
fn a_closure_that_captures_more_is_anonymous() {
    let found = edit(CLOSURE, "/*more*/", "+ b as u64");
    assert!(found.named.is_empty(), "{:?}", found.named);
    assert!(found.anonymous.values().any(|name| name.contains("make::{closure_env#")), "{found:?}");
}

#[test]
fn a_closure_of_another_body_is_the_same() {
    assert_same(CLOSURE, "x + a/*more*/", "x * a");
}

#[test]
fn a_new_closure_in_a_function_makes_its_others_anonymous() {
    let found = edit(CLOSURE, "let closure", "let _ = by_value(|x| x + 9); let closure");
    assert!(!found.anonymous.is_empty(), "{found:?}");
}

#[test]
fn a_future_that_holds_more_is_anonymous() {
    let source = r#"
        async fn step(_x: u64) {}
        pub async fn run(a: u64) -> u64 { step(a).await; /*more*/ a }
        pub fn start() -> impl std::future::Future<Output = u64> { run(1) }
        pub fn poll(f: std::pin::Pin<&mut dyn std::future::Future<Output = u64>>, c: &mut std::task::Context<'_>) -> bool {
            let mut g = start(); let g = unsafe { std::pin::Pin::new_unchecked(&mut g) };
            std::future::Future::poll(g, c).is_ready() | f.poll(c).is_ready()
        }
    "#;
    let more = "let held = [a; 4]; step(a).await; let a = held[1] +";
    let found = edit(source, "/*more*/ a }", &format!("{more} 1; a }}"));
    assert!(found.named.is_empty(), "{:?}", found.named);
    assert!(found.anonymous.values().any(|name| name.contains("async_fn_env#")), "{found:?}");
}

/// Paths of the functions that a change of the closure in `CLOSURE` puts apart.
fn apart(object: &[u8]) -> Vec<String> {
    let types = types::read(object).expect("debug information");
    let all = types.shape_hashes().into_iter().map(|(path, _)| path).collect();
    let environments: HashSet<u64> = types
        .shapes(&all)
        .into_iter()
        .filter(|(_, name, _)| name.starts_with("demo::make::{closure_env#0}"))
        .map(|(path, ..)| path)
        .collect();
    assert!(!environments.is_empty());
    types.functions_with(&environments).iter().map(|name| path(name)).collect()
}

#[test]
fn functions_that_take_or_give_a_closure_are_found_however_they_hold_it() {
    let apart = apart(&debug(CLOSURE));
    let takers = ["by_value", "by_reference", "in_a_struct", "in_a_circle", "gives"];
    for name in takers.map(|name| format!("demo::{name}")) {
        assert!(apart.contains(&name), "{name} is not in {apart:?}");
    }
    assert!(apart.iter().any(|name| name.ends_with("::method")), "{apart:?}");
    assert!(apart.iter().any(|name| name.contains("make::{{closure}}")), "{apart:?}");
}

#[test]
fn functions_that_have_nothing_of_a_closure_are_not_found() {
    let apart = apart(&debug(CLOSURE));
    for name in ["demo::has_nothing", "demo::make"] {
        assert!(!apart.contains(&name.to_owned()), "{name} is in {apart:?}");
    }
}

#[test]
fn functions_that_take_a_closure_are_found_in_optimized_objects() {
    let apart = apart(&optimized(CLOSURE));
    for name in ["demo::by_reference", "demo::in_a_struct"] {
        assert!(apart.contains(&name.to_owned()), "{name} is not in {apart:?}");
    }
}

const DROPPED: &str = r#"
pub fn make(a: String, n: u64) -> Box<dyn FnOnce() -> u64> { Box::new(move || a.len() as u64 + n) }
pub fn run(f: Box<dyn FnOnce() -> u64>) -> u64 { f() }
pub fn keep(a: String, n: u64) -> Box<dyn Fn() -> u64> { Box::new(move || a.len() as u64 + n) }
"#;

#[test]
fn what_drops_a_closure_is_found() {
    let apart = apart(&debug(DROPPED));
    assert!(apart.iter().any(|name| name.contains("drop_in_place")), "{apart:?}");
}

#[test]
fn what_calls_a_boxed_closure_once_is_found() {
    let apart = apart(&debug(DROPPED));
    assert!(apart.iter().any(|name| name.contains("call_once")), "{apart:?}");
}

#[test]
fn the_type_of_a_static_is_known() {
    let source = "pub static COUNT: [u32; 3] = [1, 2, 3];";
    let object = parse(debug(source));
    let name = &symbol(&object, "demo::COUNT").name;
    assert_eq!(read(source).type_of_static(name), "[u32; 3]");
    assert_eq!(read(source).type_of_static("NOBODY"), "");
}

#[test]
fn the_type_of_an_unmangled_static_is_known() {
    let source = "#[no_mangle] pub static COUNT: [u32; 3] = [1, 2, 3];";
    assert_eq!(read(source).type_of_static("COUNT"), "[u32; 3]");
}

#[test]
fn a_declaration_is_found_by_the_last_name_of_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.rs");
    std::fs::write(&file, "// the state\nuse x::State;\npub(crate) struct State {\n")
        .expect("a file");
    let found = types::declaration(&file, "demo::State.score");
    assert_eq!(found.map(|(_, line)| line), Some(3));
    assert_eq!(types::declaration(&file, "demo::Other"), None);
}
