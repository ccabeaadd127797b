//! The program against a model that keeps what every slot of every image leads to.

use std::collections::{BTreeMap, BTreeSet};

use hotdev_cli::elf::SymbolKind;
use hotdev_cli::elf::image::{Definition, Image, Slot};
use hotdev_cli::program::{Brought, Program};
use proptest::prelude::*;

/// The first two stand in the hot image, the others come with patches.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What can happen to a program.
#[derive(Clone, Debug)]
enum Step {
    /// A patch with these functions, by index in `NAMES`, and whether each is apart.
    Push(BTreeMap<usize, bool>),
    /// Back by so many generations.
    Revert(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let functions = prop::collection::btree_map(0..NAMES.len(), prop::bool::weighted(0.3), 0..4);
    let step = prop_oneof![
        3 => functions.prop_map(Step::Push),
        1 => (0..4usize).prop_map(Step::Revert),
    ];
    prop::collection::vec(step, 0..12)
}

/// What a slot leads to: image and place.
type Target = Option<(usize, u64)>;

/// One moment of the program.
#[derive(Clone)]
struct Moment {
    generation: u64,
    /// For each image and function: what its slot leads to, and whether it is cut off from patches.
    slots: Vec<[(Target, bool); 4]>,
    newest: [Target; 4],
}

struct Model {
    history: Vec<Moment>,
}

impl Model {
    fn new() -> Self {
        let newest = [Some((1, 100)), Some((1, 101)), None, None];
        let slots = vec![newest.map(|target| (target, false)); 2];
        Self { history: vec![Moment { generation: 0, slots, newest }] }
    }

    fn now(&self) -> &Moment {
        self.history.last().expect("there is always the beginning")
    }

    fn push(&mut self, generation: u64, functions: &BTreeMap<usize, bool>) {
        let mut now = self.now().clone();
        let image = now.slots.len();
        for (name, apart) in functions {
            let target = Some((image, place(image, *name)));
            now.newest[*name] = target;
            for slots in &mut now.slots {
                let (slot, cut) = &mut slots[*name];
                *cut |= apart;
                if !*cut {
                    *slot = target;
                }
            }
        }
        now.slots.push(now.newest.map(|target| (target, false)));
        now.generation = generation;
        self.history.push(now);
    }

    fn revert(&mut self, generation: u64) {
        self.history.retain(|moment| moment.generation <= generation);
    }
}

fn place(image: usize, name: usize) -> u64 {
    (image * 100 + name) as u64
}

fn function(place: u64) -> Definition {
    Definition { place, size: 8, kind: SymbolKind::Function }
}

fn made(fill: impl FnOnce(&mut Image)) -> Image {
    let mut image = Image::default();
    fill(&mut image);
    image
}

fn image(number: u64, functions: impl Iterator<Item = (usize, u64)>) -> Image {
    made(|image| {
        image.build_id = number.to_le_bytes().to_vec();
        image.exports =
            functions.map(|(name, place)| (NAMES[name].to_owned(), function(place))).collect();
    })
}

fn start() -> Program {
    let hot = image(1, [(0, 100), (1, 101)].into_iter());
    Program::new(image(0, std::iter::empty()), hot)
}

fn check(program: &Program, model: &Model) -> Result<(), TestCaseError> {
    let now = model.now();
    prop_assert_eq!(program.generation(), now.generation);
    prop_assert_eq!(program.len(), now.slots.len());
    prop_assert_eq!(program.build_ids().count(), now.slots.len());
    let generations: Vec<u64> = model.history[1..].iter().map(|m| m.generation).collect();
    prop_assert_eq!(program.generations(), generations);
    for (index, name) in NAMES.iter().enumerate() {
        prop_assert_eq!(program.function(name), now.newest[index]);
        for (image, slots) in now.slots.iter().enumerate() {
            let (target, cut) = slots[index];
            prop_assert_eq!(program.is_apart(name, image), cut, "{} in image {}", name, image);
            // An image that never knew the function has no slot for it.
            if target.is_some() {
                prop_assert_eq!(program.version(name, image), target, "{} in {}", name, image);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_slot_leads_where_patches_and_rollbacks_have_led_it(steps in steps()) {
        let (mut program, mut model) = (start(), Model::new());
        let mut generation = 0;
        for step in steps {
            match step {
                Step::Push(functions) => {
                    generation += 1;
                    let image_index = program.len();
                    let defined = functions.keys().map(|name| (*name, place(image_index, *name)));
                    let apart: BTreeSet<String> = functions
                        .iter()
                        .filter(|(_, apart)| **apart)
                        .map(|(name, _)| NAMES[*name].to_owned())
                        .collect();
                    program.push(generation, image(generation + 1, defined), &Brought { apart, ..Brought::default() });
                    model.push(generation, &functions);
                }
                Step::Revert(back) => {
                    let to = program.generation().saturating_sub(back as u64);
                    program.revert(to);
                    model.revert(to);
                }
            }
            check(&program, &model)?;
        }
    }
}

#[test]
fn a_program_that_was_just_started_is_of_generation_zero() {
    let program = start();
    assert_eq!((program.generation(), program.len(), program.is_empty()), (0, 2, false));
    assert_eq!(program.executable().build_id, 0u64.to_le_bytes());
}

#[test]
fn a_static_is_the_first_one_and_never_the_executables() {
    let with = |place, size| {
        let definition = Definition { place, size, kind: SymbolKind::Data };
        made(|image| image.statics = [("S".to_owned(), definition)].into())
    };
    let mut program = Program::new(with(1, 8), Image::default());
    assert!(program.static_item("S").is_none());
    program.push(1, with(3, 8), &Brought::default());
    program.push(2, with(4, 8), &Brought::default());
    let found = program.static_item("S").expect("the first patch has it");
    assert_eq!((found.image, found.definition.place), (2, 3));
    program.revert(0);
    assert!(program.static_item("S").is_none());
}

#[test]
fn a_static_that_began_anew_is_the_newest_one_until_it_is_rolled_back() {
    let with = |place| {
        let definition = Definition { place, size: 8, kind: SymbolKind::Data };
        made(|image| image.statics = [("S".to_owned(), definition)].into())
    };
    let place = |program: &Program| program.static_item("S").map(|found| found.definition.place);
    let mut program = Program::new(Image::default(), with(1));
    program.push(1, with(2), &Brought { fresh: ["S".to_owned()].into(), ..Brought::default() });
    assert_eq!(place(&program), Some(2));
    program.push(2, with(3), &Brought::default());
    assert_eq!(place(&program), Some(2));
    program.revert(0);
    assert_eq!(place(&program), Some(1));
}

#[test]
fn slots_are_those_of_all_images_that_are_loaded() {
    let with = |place| {
        let slots = [("a".to_owned(), vec![Slot { place, addend: 0, in_data: false }])].into();
        made(|image| image.slots = slots)
    };
    let mut program = Program::new(with(8), with(16));
    program.push(1, with(24), &Brought::default());
    let all: Vec<_> = program.slots("a").map(|(image, slot)| (image, slot.place)).collect();
    assert_eq!(all, [(0, 8), (1, 16), (2, 24)]);
    assert_eq!(program.slots("b").count(), 0);
    program.revert(0);
    assert_eq!(program.slots("a").count(), 2);
}

#[test]
fn a_data_export_is_no_function() {
    let definition = Definition { place: 1, size: 8, kind: SymbolKind::Data };
    let hot = made(|image| image.exports = [("a".to_owned(), definition)].into());
    let program = Program::new(Image::default(), hot);
    assert!(program.export("a").is_some() && program.function("a").is_none());
}

#[test]
fn the_executables_private_functions_do_not_count() {
    let with = || {
        let private_functions = [("a".to_owned(), 8)].into();
        made(|image| image.private_functions = private_functions)
    };
    assert!(!Program::new(with(), Image::default()).is_private_function("a"));
    assert!(Program::new(Image::default(), with()).is_private_function("a"));
}
