//! What counts as a change of a function.

use hotdev_cli::symbol_name::path;
use hotdev_cli::units::{self, Difference, Digest};

use crate::compile::{compile, debug, optimized, parse};

/// What differs in the newer of two objects.
#[derive(Debug)]
struct Compared {
    /// Functions whose code is other or that are new.
    functions: Vec<String>,
    rest: Difference,
}

fn compare(old: Vec<u8>, new: Vec<u8>) -> Compared {
    let (old, new) = (digest(old), digest(new));
    Compared { functions: old.missing_in(&new), rest: units::compare(&old, &new) }
}

fn digest(object: Vec<u8>) -> Digest {
    let mut digest = Digest::default();
    digest.add(&parse(object));
    digest
}

/// Paths of the functions that differ in two versions of a source.
fn changed(old: &str, new: &str) -> Vec<String> {
    paths(compare(debug(old), debug(new)))
}

fn changed_optimized(old: &str, new: &str) -> Vec<String> {
    paths(compare(optimized(old), optimized(new)))
}

fn paths(difference: Compared) -> Vec<String> {
    let mut paths: Vec<String> = difference.functions.iter().map(|name| path(name)).collect();
    paths.sort();
    paths
}

/// Checks what changes when `was` becomes `now` in a source, at both levels.
#[track_caller]
fn assert_changes(source: &str, was: &str, now: &str, expected: &[&str]) {
    let new = source.replace(was, now);
    assert_ne!(source, new, "{was} is not there");
    assert_eq!(changed(source, &new), expected);
    assert_eq!(changed_optimized(source, &new), expected, "optimized");
}

const SOURCE: &str = r#"
/*here*/
#[inline(never)] fn helper(x: u64) -> u64 { x + 1 }
#[inline(never)] fn other(x: u64) -> u64 { x + 2 }
#[inline(never)] pub fn sum(list: &[u64], at: usize) -> u64 { list[at] + list[at + 1] }
#[inline(never)] pub fn calls(x: u64) -> u64 { helper(x) * 3 }
#[inline(never)] pub fn also(x: u64) -> u64 { other(x) * helper(x) }
#[inline(never)] pub fn greeting() -> &'static str { "hello, you" }
#[inline(never)] pub fn farewell() -> &'static str { "good night" }
#[inline(never)] pub fn checked(x: Option<u64>) -> u64 { x.expect("there is a value") }
#[inline(never)] pub fn table(x: u32) -> u64 {
    match x { 0 => 10, 1 => 27, 2 => 3, 3 => 99, 4 => 5, 5 => 61, _ => 0 }
}
#[inline(never)] pub fn other_table(x: u32) -> u64 {
    match x { 0 => 11, 1 => 26, 2 => 4, 3 => 98, 4 => 6, 5 => 60, _ => 1 }
}
#[inline(never)] pub fn half(x: f64) -> f64 { x * 0.5 }
#[inline(never)] pub fn third(x: f64) -> f64 { x * 0.25 }
"#;

#[test]
fn nothing_differs_from_itself() {
    let difference = compare(debug(SOURCE), debug(SOURCE));
    assert_eq!((difference.functions, difference.rest), (Vec::new(), Difference::default()));
}

#[test]
fn without_an_older_unit_everything_is_new() {
    let functions = Digest::default().missing_in(&digest(debug(SOURCE)));
    for name in ["demo::sum", "demo::greeting", "demo::helper"] {
        assert!(functions.iter().any(|function| path(function) == name), "{name}");
    }
}

#[test]
fn a_comment_that_moves_lines_changes_nothing() {
    assert_changes(SOURCE, "/*here*/", "\n\n// a comment\n\n", &[]);
}

#[test]
fn a_comment_that_moves_columns_changes_nothing() {
    assert_changes(SOURCE, "{ list[at]", "{ /* the first */ list[at]", &[]);
}

#[test]
fn a_changed_string_is_found_and_its_neighbours_are_not() {
    assert_changes(SOURCE, "hello, you", "hello, all", &["demo::greeting"]);
    assert_changes(SOURCE, "hello, you", "hello", &["demo::greeting"]);
    assert_changes(SOURCE, "there is a value", "there is no value", &["demo::checked"]);
}

#[test]
fn a_changed_constant_in_code_is_found() {
    assert_changes(SOURCE, "helper(x) * 3", "helper(x) * 5", &["demo::calls"]);
}

#[test]
fn a_changed_float_is_found_and_its_neighbours_are_not() {
    assert_changes(SOURCE, "0.5", "0.625", &["demo::half"]);
}

#[test]
fn a_changed_value_in_a_table_is_found_and_other_tables_are_not() {
    assert_changes(SOURCE, "3 => 99", "3 => 97", &["demo::table"]);
}

#[test]
fn swapped_arms_are_found() {
    assert_changes(SOURCE, "0 => 10, 1 => 27", "1 => 10, 0 => 27", &["demo::table"]);
}

#[test]
fn another_callee_is_found() {
    assert_changes(SOURCE, "{ helper(x) * 3 }", "{ other(x) * 3 }", &["demo::calls"]);
}

#[test]
fn a_changed_private_function_is_found_and_its_callers_are_not() {
    let new = SOURCE.replace("{ x + 1 }", "{ x + 7 }");
    assert_eq!(changed(SOURCE, &new), ["demo::helper"]);
}

#[test]
fn a_new_function_is_found_with_its_caller() {
    let new = SOURCE.replace("helper(x) * 3 }", "helper(x) * added(x) }")
        + "#[inline(never)] fn added(x: u64) -> u64 { x ^ 1 }";
    assert_eq!(changed(SOURCE, &new), ["demo::added", "demo::calls"]);
}

#[test]
fn a_removed_function_is_no_change() {
    let extra = format!("{SOURCE} pub fn extra(x: u64) -> u64 {{ x ^ 1 }}");
    assert_eq!(changed(&extra, SOURCE), [""; 0]);
}

#[test]
fn strings_that_the_linker_merges_are_compared_one_by_one() {
    let source = r#"
        #[inline(never)] pub fn a() -> &'static std::ffi::CStr { c"one" }
        #[inline(never)] pub fn b() -> &'static std::ffi::CStr { c"two and more" }
        #[inline(never)] pub fn c() -> &'static std::ffi::CStr { c"three" }
        #[inline(never)] pub fn d() -> &'static str { "8 bytes!" }
        #[inline(never)] pub fn e() -> &'static str { "and more" }
    "#;
    assert_changes(source, "two and more", "two and less", &["demo::b"]);
    assert_changes(source, "8 bytes!", "8 words!", &["demo::d"]);
    assert_changes(source, "c\"three\"", "c\"thief\"", &["demo::c"]);
}

#[test]
fn a_format_string_is_part_of_its_function() {
    let source = r#"
        #[inline(never)] pub fn a(x: u64) -> String { format!("a is {x} now") }
        #[inline(never)] pub fn b(x: u64) -> String { format!("b is {x} now") }
    "#;
    let new = source.replace("b is {x} now", "b was {x} then");
    let found = changed(source, &new);
    assert!(found.contains(&"demo::b".to_owned()), "{found:?}");
    assert!(!found.contains(&"demo::a".to_owned()), "{found:?}");
}

#[test]
fn a_table_of_strings_in_optimized_code_is_compared_whole() {
    let source = r#"
        #[inline(never)] pub fn name(x: u32) -> &'static str {
            match x { 0 => "zero ###", 1 => "one ####", 2 => "two ####", 3 => "three ##", 4 => "four ###", _ => "many ###" }
        }
        #[inline(never)] pub fn a() -> &'static str { "aaaaaaaa" }
        #[inline(never)] pub fn b() -> &'static str { "bbbbbbbb" }
        #[inline(never)] pub fn c() -> &'static str { "cccccccc" }
        #[inline(never)] pub fn d() -> &'static str { "dddddddd" }
        #[inline(never)] pub fn e() -> &'static str { "eeeeeeee" }
        #[inline(never)] pub fn f() -> &'static str { "ffffffff" }
    "#;
    for name in ["zero ###", "one ####", "two ####", "three ##", "four ###"] {
        let new = source.replace(name, &name.to_uppercase().replace('#', "+"));
        assert_eq!(changed(source, &new), ["demo::name"], "{name}");
        let level = ["--crate-type=lib", "-Copt-level=3"];
        let difference = compare(compile(source, &level), compile(&new, &level));
        assert_eq!(paths(difference), ["demo::name"], "{name}, optimized");
    }
}

#[test]
fn a_constant_that_an_instruction_with_an_immediate_reads_is_compared_whole() {
    let source = r#"
        use std::arch::x86_64::*;
        #[inline(never)] pub fn a(x: __m128d) -> __m128d { unsafe { _mm_cmplt_pd(x, _mm_set_pd(3.5, 2.5)) } }
        #[inline(never)] pub fn b(x: __m128d) -> __m128d { unsafe { _mm_cmplt_pd(x, _mm_set_pd(7.5, 8.5)) } }
    "#;
    let new = source.replace("_mm_set_pd(7.5", "_mm_set_pd(-7.5");
    let level = ["--crate-type=lib", "-Copt-level=3"];
    assert_eq!(paths(compare(compile(source, &level), compile(&new, &level))), ["demo::b"]);
}

#[test]
fn a_pair_of_a_file_name_and_a_number_is_no_place_of_a_panic() {
    let source = r#"
        #[inline(never)] pub fn entry() -> &'static (&'static str, u64) { &("main.rs", 1) }
    "#;
    assert_changes(source, "(\"main.rs\", 1)", "(\"main.rs\", 2)", &["demo::entry"]);
}

#[test]
fn the_line_number_that_code_asks_for_is_a_value() {
    let source = "/*here*/\n#[inline(never)] pub fn at() -> u32 { line!() }";
    assert_changes(source, "/*here*/", "\n", &["demo::at"]);
}

#[test]
fn a_changed_initializer_is_found_in_the_static_alone() {
    let source = r#"
        static mut COUNT: u64 = 5;
        static NAMES: [&str; 2] = ["one", "two"];
        #[inline(never)] pub fn next() -> u64 { unsafe { COUNT += 1; COUNT } }
        #[inline(never)] pub fn name(x: usize) -> &'static str { NAMES[x] }
    "#;
    for (text, other, name) in
        [("= 5", "= 6", "demo::COUNT"), ("\"two\"", "\"ten\"", "demo::NAMES")]
    {
        let difference = compare(debug(source), debug(&source.replace(text, other)));
        assert_eq!(difference.functions, [""; 0]);
        let [(only, was, now)] = &*difference.rest.statics else { panic!("{difference:?}") };
        assert_eq!((path(only), was.size), (name.to_owned(), now.size));
        assert_ne!(was.value, now.value);
    }
}

#[test]
fn a_static_that_grows_is_found_with_its_sizes() {
    let source = "#[no_mangle] pub static mut COUNT: u32 = 5;
        #[no_mangle] pub fn next() -> u64 { unsafe { COUNT += 1; COUNT as u64 } }";
    let difference = compare(debug(source), debug(&source.replace("u32 = 5", "u64 = 5")));
    let [(only, was, now)] = &*difference.rest.statics else { panic!("{difference:?}") };
    assert_eq!((&**only, was.size, now.size), ("COUNT", 4, 8));
}

#[test]
fn a_static_of_another_type_under_the_same_path_is_found_as_retyped() {
    let source = "static mut COUNT: u32 = 5;
        pub fn next() -> u64 { unsafe { COUNT += 1; COUNT as u64 } }";
    let difference = compare(debug(source), debug(&source.replace("u32 = 5", "i32 = 5")));
    let found: Vec<_> = difference.rest.retyped.iter().map(|(w, n)| (path(w), path(n))).collect();
    assert_eq!(found, [("demo::COUNT".into(), "demo::COUNT".into())]);
}

#[test]
fn a_changed_method_behind_a_trait_object_is_found() {
    let source = r#"
        pub trait Shape { fn area(&self) -> u64; fn edges(&self) -> u64; }
        pub struct Square(pub u64);
        impl Shape for Square { fn area(&self) -> u64 { self.0 * self.0 } fn edges(&self) -> u64 { 4 } }
        #[inline(never)] pub fn shape(square: &Square) -> &dyn Shape { square }
    "#;
    let new = source.replace("{ 4 }", "{ 5 }");
    assert_eq!(changed(source, &new), ["<demo::Square as demo::Shape>::edges"]);
}
