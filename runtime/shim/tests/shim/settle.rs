//! Older generations that become one, and patches that are unloaded.

use std::path::Path;

use hotdev_protocol::{Command, FailureKind, Patch, Place, Reply, Settle, Survey, Value, Word};

use crate::{
    build::parts,
    elf::Elf,
    program::Program,
    session::{Connection, Session, patch, patch_on},
};

fn id(library: &Path) -> Vec<u8> {
    Elf::open(library, 0).build_id()
}

fn settle(base: &[u64], unload: &[&Path]) -> Command {
    let unload = unload.iter().map(|library| id(library)).collect();
    Command::Settle(Settle { base: base.to_vec(), unload })
}

fn survey(connection: &mut Connection, library: &Path) -> Survey {
    match connection.ask(Command::Survey { tracer: 0 }) {
        Reply::Surveyed(mut survey) => {
            survey.patches.retain(|patch| patch.build_id == id(library));
            survey
        }
        other => panic!("{other:?}"),
    }
}

fn maps(program: &Program) -> String {
    std::fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap()
}

/// The addresses of a line of `maps`.
fn range(line: &str) -> std::ops::Range<u64> {
    let (begin, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    number(begin)..number(end)
}

#[test]
fn a_patch_that_is_not_in_use_is_unloaded() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    connection.applies(patch_on(2, &parts().three, &parts().two));
    let found = survey(&mut connection, &parts().two).patches.remove(0);
    let gone = connection.ask(settle(&[2], &[&parts().two]));
    assert_eq!(gone, Reply::Settled(vec![id(&parts().two)]));
    assert!(!maps(&program).contains("two.so") && maps(&program).contains("three.so"));
    assert!(survey(&mut connection, &parts().two).patches.is_empty());
    // Nothing else comes where it was.
    let place = maps(&program);
    let place = place.lines().find(|line| range(line).contains(&found.begin));
    assert!(place.is_some_and(|line| line.contains("---p") && !line.contains(".so")), "{place:?}");
    program.prints(3);
    connection.fails(Command::Revert(1), FailureKind::BadOrder);
    connection.reverts(0);
    program.prints(1);
    connection.applies(patch(3, &parts().two));
    program.prints(2);
}

#[test]
fn a_patch_in_use_stays() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    connection.fails(settle(&[1], &[&parts().two]), FailureKind::BadOrder);
    connection.fails(settle(&[7], &[]), FailureKind::BadOrder);
    program.prints(2);
    assert!(maps(&program).contains("two.so"));
    connection.reverts(0);
    program.prints(1);
}

#[test]
fn a_survey_says_where_a_patch_is() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    let survey = survey(&mut connection, &parts().two);
    let found = &survey.patches[0];
    let maps = maps(&program);
    let first = maps.lines().find(|line| line.contains("two.so")).unwrap();
    assert!(first.starts_with(&format!("{:x}-", found.begin)), "{first}");
    assert!(found.end > found.begin && found.record != 0);
    // The handlers of SIGUSR1 and SIGUSR2.
    assert!(survey.handlers.len() >= 2);
    let is_task = format!("/proc/{}/task/{}", program.pid(), survey.threads[0]);
    assert!(Path::new(&is_task).exists() && survey.threads.len() == 1);
    assert!(survey.own.iter().all(|(begin, end)| begin < end));
}

/// A patch that leads `value` to `words.so`, which is loaded already, and may write a word more.
fn patch_of_words(generation: u64, library: &Path, more: &[Word]) -> Patch {
    let [base, words] =
        [(&parts().base, 1), (&parts().words, 2)].map(|(library, image)| Elf::open(library, image));
    let mut patch = patch(generation, library);
    patch.images.push(words.build_id());
    let value = Value::Address { was: Some(base.symbol("value")), now: words.symbol("value") };
    patch.words = [more, &[Word { at: base.slot("value"), value }]].concat();
    patch
}

#[test]
fn a_word_that_led_nowhere_is_good_after_a_rollback() {
    let (_session, program, mut connection) = Session::with_program();
    let (own, base) = (Elf::open(&parts().words, 0), Elf::open(&parts().base, 1));
    let value = Value::Address { was: None, now: Place::nowhere(0) };
    let waiting = vec![Word { at: own.slot("other"), value }];
    connection.applies(Patch { words: waiting, ..patch(1, &parts().words) });
    let words = Elf::open(&parts().words, 2);
    let value = Value::Address { was: Some(Place::nowhere(2)), now: base.symbol("other") };
    let word = Word { at: words.slot("other"), value };
    connection.applies(patch_of_words(2, &parts().two, &[word]));
    program.prints(40 + 2 + 5);
    connection.reverts(0);
    program.prints(1);
    connection.applies(patch_of_words(3, &parts().three, &[]));
    program.prints(40 + 2 + 5);
}

/// Code of `words.so` reads a variable of another patch, whose address stands nowhere.
#[test]
fn what_the_code_of_a_patch_leads_to_is_told_and_stays() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    let (own, two) = (Elf::open(&parts().words, 0), Elf::open(&parts().two, 2));
    let mut other = patch_on(2, &parts().words, &parts().two);
    let (at, seen, addend) = own.field("seen");
    let place = |elf: &Elf, offset: u64| elf.place(offset.wrapping_add_signed(addend));
    let to = two.symbol("value").offset.cast_unsigned();
    let value = Value::Distance { was: place(&own, seen), now: place(&two, to) };
    other.words.push(Word { at, value });
    connection.applies(other);
    connection.reverts(0);
    program.prints(1);
    let found = survey(&mut connection, &parts().words).patches.remove(0);
    assert_eq!(found.needs, [id(&parts().two)]);
    connection.fails(settle(&[], &[&parts().two]), FailureKind::BadOrder);
    let both = settle(&[], &[&parts().two, &parts().words]);
    let Reply::Settled(gone) = connection.ask(both) else { panic!() };
    assert_eq!(gone.len(), 2);
}

#[test]
fn a_child_has_what_its_parent_had() {
    let (session, program, mut parent) = Session::with_program();
    parent.applies(patch(1, &parts().two));
    parent.applies(patch_on(2, &parts().three, &parts().two));
    program.fork();
    let mut child = session.accept();
    let gone = Reply::Settled(vec![id(&parts().two)]);
    assert_eq!(parent.ask(settle(&[2], &[&parts().two])), gone);
    assert!(survey(&mut parent, &parts().two).patches.is_empty());
    assert_eq!(survey(&mut child, &parts().two).patches.len(), 1);
    assert_eq!(child.ask(settle(&[2], &[&parts().two])), gone);
    program.process_prints(child.hello.pid, 3);
    child.reverts(0);
    program.process_prints(child.hello.pid, 1);
}

#[test]
fn a_patch_that_came_twice_is_surveyed_once() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    connection.reverts(0);
    connection.applies(patch(2, &parts().two));
    assert_eq!(survey(&mut connection, &parts().two).patches.len(), 1);
    connection.reverts(0);
    assert_eq!(
        connection.ask(settle(&[], &[&parts().two])),
        Reply::Settled(vec![id(&parts().two)])
    );
    program.prints(1);
}
