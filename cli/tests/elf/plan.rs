//! Plans for patches of real objects.

use std::collections::BTreeSet;
use std::fs;

use hotdev_cli::check::CheckedPatch;
use hotdev_cli::elf::image::Image;
use hotdev_cli::elf::rewrite::rewrite;
use hotdev_cli::elf::stub;
use hotdev_cli::images::ImageRecord;
use hotdev_cli::layout::Layout;
use hotdev_cli::patch::{self, Contents, PatchLibrary};
use hotdev_cli::plan::{Plan, Planned, Unplanned, plan};
use hotdev_cli::program::{Brought, Program};
use hotdev_protocol::{Value, Word};

use crate::compile::{Known, compile, link, lld, parse, rewritten};

const SOURCE: &str = r#"
#[no_mangle] pub fn callee(x: u64) -> u64 { x + 1 }
#[no_mangle] pub fn caller(x: u64) -> u64 { callee(x) }
#[no_mangle] pub fn calls_both(x: u64) -> u64 { caller(x) + next() }
#[no_mangle] pub fn next() -> u64 { unsafe { COUNT = COUNT.wrapping_add(1); COUNT as u64 } }
#[no_mangle] pub static mut COUNT: u32 = 5;
#[no_mangle] pub static TABLE: [fn(u64) -> u64; 1] = [callee];
static mut PRIVATE: u64 = 7;
#[no_mangle] pub fn private() -> u64 { unsafe { PRIVATE = PRIVATE.wrapping_add(1); PRIVATE } }
"#;

/// Where images stand in a patch: the patch itself, the executable, the hot image, older patches.
const OWN: u32 = 0;
const HOT: u32 = 2;
const FIRST_PATCH: u32 = 3;

/// An object without the checks that would need functions of core.
fn bare(source: &str) -> Vec<u8> {
    compile(source, &["--crate-type=lib", "-Cdebug-assertions=off"])
}

fn program() -> Program {
    let (object, found) = rewritten(bare(SOURCE), false);
    let stubs = stub::object(found.stubs.iter()).expect("stubs");
    let hot = link(&[object.write().expect("an object"), stubs], &["-zundefs"]);
    Program::new(Image::default(), Image::parse(&hot).expect("an image"))
}

/// Links a patch of `source` as hotdev does.
fn library(source: &str, program: &Program) -> PatchLibrary {
    let folder = tempfile::tempdir().expect("a folder");
    let mut object = parse(bare(source));
    let known = Known::of(&[&parse(bare(SOURCE)), &object.clone()]);
    rewrite(&mut object, &Unique(known), false);
    let (file, empty) = (folder.path().join("patch.o"), folder.path().join("empty.o"));
    fs::write(&file, object.write().expect("an object")).expect("a file");
    fs::write(&empty, stub::object(std::iter::empty::<String>()).expect("an object"))
        .expect("a file");
    let layout = Layout::of_state(folder.path());
    fs::create_dir_all(layout.generations()).expect("a folder");
    let record = ImageRecord {
        build_id: Vec::new(),
        binary: String::new(),
        libraries: Vec::new(),
        folder: folder.path().to_owned(),
        dependencies: Vec::new(),
        lld: lld().to_owned(),
        builtins: empty,
        plain: None,
    };
    patch::link(
        Contents { units: &[], brought: &Brought::default(), archives: &[file], watched: &[] },
        program.generation() + 1,
        program,
        &record,
        &layout,
    )
    .unwrap_or_else(|error| panic!("{error:?}"))
}

/// Knows both generations, so that every name stands twice and is unique nevertheless.
struct Unique(Known);

impl hotdev_cli::elf::rewrite::Linkage for Unique {
    fn kind(&self, name: &str) -> Option<hotdev_cli::elf::SymbolKind> {
        self.0.kind(name)
    }

    fn is_unique(&self, _: &str) -> bool {
        true
    }
}

fn planned(source: &str, program: &Program, apart: &[&str]) -> Planned<Plan> {
    let mut checked = CheckedPatch::default();
    checked.brought.apart.extend(apart.iter().map(|name| (*name).to_owned()));
    plan(&library(source, program), &checked, program)
}

fn good(source: &str, program: &Program, apart: &[&str]) -> Plan {
    planned(source, program, apart).unwrap_or_else(|error| panic!("{error:?}"))
}

fn outside(plan: &Plan) -> impl Iterator<Item = &Word> {
    plan.patch.words.iter().filter(|word| word.at.image != OWN)
}

/// Takes a plan in as if every process had.
fn take(program: &mut Program, plan: Plan, apart: &[&str]) {
    let apart: BTreeSet<String> = apart.iter().map(|name| (*name).to_owned()).collect();
    let brought = Brought { apart, ..Brought::default() };
    program.push(plan.patch.generation, plan.image, &brought);
}

#[test]
fn every_slot_of_a_patched_function_goes_from_the_old_version_to_the_new() {
    let program = program();
    let plan = good(SOURCE, &program, &[]);
    let old = program.export("callee").expect("it is there").definition.place as i64;
    let new = plan.image.exports["callee"].place as i64;
    let slots: Vec<_> = program.slots("callee").collect();
    assert!(!slots.is_empty());
    for (image, slot) in slots {
        let at = (image as u32 + 1, slot.place as i64);
        let word = outside(&plan).find(|word| (word.at.image, word.at.offset) == at);
        let Some(Word { value: Value::Address { was: Some(was), now }, .. }) = word else {
            panic!("{word:?}")
        };
        assert_eq!((was.image, was.offset), (HOT, old));
        assert_eq!((now.image, now.offset), (OWN, new));
    }
    assert_eq!(plan.slots, outside(&plan).count());
}

#[test]
fn a_second_patch_expects_the_first() {
    let mut program = program();
    let first = good(SOURCE, &program, &[]);
    let place = first.image.exports["callee"].place as i64;
    take(&mut program, first, &[]);
    let second = good(SOURCE, &program, &[]);
    let from: BTreeSet<_> = outside(&second)
        .filter_map(|word| match word.value {
            Value::Address { was: Some(was), .. } => Some((was.image, was.offset)),
            _ => None,
        })
        .collect();
    assert!(from.contains(&(FIRST_PATCH, place)), "{from:?}");
    assert!(from.iter().all(|(image, _)| *image == FIRST_PATCH), "{from:?}");
}

#[test]
fn slots_of_functions_apart_are_left() {
    let mut program = program();
    let first = good(SOURCE, &program, &["callee"]);
    let new = first.image.exports["callee"].place as i64;
    let leads_there = |word: &&Word| matches!(word.value, Value::Address { now, .. } if now.image == OWN && now.offset == new);
    assert_eq!(outside(&first).filter(leads_there).count(), 0);
    assert!(outside(&first).count() > 0, "other functions are led to the patch");
    assert!(first.patch.words.iter().any(|word| leads_there(&word)), "and so are its own slots");
    take(&mut program, first, &["callee"]);

    // Later versions reach the slots of the patch that put it apart, and no older ones.
    let second = good(SOURCE, &program, &[]);
    let new = second.image.exports["callee"].place as i64;
    let images: BTreeSet<u32> = outside(&second)
        .filter(|word| {
            matches!(word.value, Value::Address { now, .. } if now.image == OWN && now.offset == new)
        })
        .map(|word| word.at.image)
        .collect();
    assert_eq!(images, [FIRST_PATCH].into());
}

#[test]
fn a_patchs_own_slots_lead_to_the_newest_version_of_what_it_does_not_define() {
    let mut program = program();
    let one = "#[no_mangle] pub fn callee(x: u64) -> u64 { x + 2 }";
    let first = good(one, &program, &[]);
    let place = first.image.exports["callee"].place as i64;
    take(&mut program, first, &[]);
    let user = r#"extern "Rust" { fn callee(x: u64) -> u64; }
        #[no_mangle] pub fn caller(x: u64) -> u64 { unsafe { callee(x) * 3 } }"#;
    let second = good(user, &program, &[]);
    let slots = &second.image.slots["callee"];
    assert!(!slots.is_empty());
    for slot in slots {
        let is_it = |word: &&Word| word.at.image == OWN && word.at.offset == slot.place as i64;
        let word = second.patch.words.iter().find(is_it).expect("the slot is written");
        let Value::Address { was: None, now } = word.value else { panic!("{word:?}") };
        assert_eq!((now.image, now.offset), (FIRST_PATCH, place));
    }
}

#[test]
fn a_private_static_is_reached_where_the_first_generation_has_it() {
    let program = program();
    let plan = good(SOURCE, &program, &[]);
    let (name, here) =
        plan.image.statics.iter().find(|(name, _)| name.contains("PRIVATE")).expect("it is there");
    let first = program.static_item(name).expect("it is there").definition;
    let distances: Vec<_> = plan
        .patch
        .words
        .iter()
        .filter_map(|word| match word.value {
            Value::Distance { was, now } => Some((was, now)),
            _ => None,
        })
        .filter(|(was, _)| (here.place as i64 - was.offset).abs() <= 8)
        .collect();
    assert!(!distances.is_empty());
    for (was, now) in distances {
        assert_eq!((was.image, now.image), (OWN, HOT));
        assert_eq!(now.offset - first.place as i64, was.offset - here.place as i64);
    }
}

#[test]
fn a_static_that_is_new_stays_the_patchs_own() {
    let program = program();
    let source = "static mut FRESH: u64 = 1;
        #[no_mangle] pub fn fresh() -> u64 { unsafe { FRESH = FRESH.wrapping_add(1); FRESH } }";
    let plan = good(source, &program, &[]);
    assert!(!plan.patch.words.iter().any(|word| matches!(word.value, Value::Distance { .. })));
}

#[test]
fn a_static_of_another_size_is_refused() {
    let result = planned(&SOURCE.replace("COUNT: u32", "COUNT: u64"), &program(), &[]);
    assert!(matches!(result, Err(Unplanned::Refused(_))), "{result:?}");
}

#[test]
fn a_rust_name_that_nothing_defines_is_told() {
    let name = "_ZN4demo4gone17h0123456789abcdefE";
    let source = format!(
        "extern \"Rust\" {{ #[link_name = \"{name}\"] fn gone(); }}
        #[no_mangle] pub fn caller(_: u64) {{ unsafe {{ gone() }} }}"
    );
    let result = planned(&source, &program(), &[]);
    assert!(matches!(&result, Err(Unplanned::Unresolved(names)) if names == &[name]), "{result:?}");
}

#[test]
fn a_patch_without_the_function_that_changed_is_a_failure() {
    let program = program();
    let mut checked = CheckedPatch::default();
    checked.functions.push("callee".into());
    let source = "#[no_mangle] pub fn caller(x: u64) -> u64 { x }";
    let result = plan(&library(source, &program), &checked, &program);
    assert!(matches!(result, Err(Unplanned::Failed(_))), "{result:?}");
}

#[test]
fn the_patch_names_its_images_by_their_build_ids() {
    let program = program();
    let plan = good(SOURCE, &program, &[]);
    let ids: Vec<Vec<u8>> = std::iter::once(plan.image.build_id.clone())
        .chain(program.build_ids().map(<[u8]>::to_vec))
        .collect();
    assert_eq!(plan.patch.images, ids);
    assert_eq!(plan.patch.generation, 1);
    for word in &plan.patch.words {
        assert!((word.at.image as usize) < plan.patch.images.len());
    }
}

#[test]
fn no_word_is_written_twice() {
    let plan = good(SOURCE, &program(), &[]);
    let places: BTreeSet<_> =
        plan.patch.words.iter().map(|word| (word.at.image, word.at.offset)).collect();
    assert_eq!(places.len(), plan.patch.words.len());
}
