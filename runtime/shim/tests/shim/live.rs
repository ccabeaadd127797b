//! Patches that go in and come out.

use hotdev_protocol::{Command, FailureKind, Generation, Patch, Reply, Value, Word};

use crate::{
    build::parts,
    elf::Elf,
    session::{Session, patch, patch_on},
};

#[test]
fn a_patch_goes_in_and_comes_out() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    program.prints(2);
    connection.reverts(0);
    program.prints(1);
}

#[test]
fn generations_stack_and_an_earlier_one_can_be_current_again() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    connection.applies(patch_on(2, &parts().three, &parts().two));
    program.prints(3);
    connection.reverts(1);
    program.prints(2);
    connection.applies(patch_on(3, &parts().three, &parts().two));
    program.prints(3);
    connection.reverts(0);
    program.prints(1);
    connection.fails(Command::Revert(2), FailureKind::BadOrder);
    connection.applies(patch(4, &parts().two));
    program.prints(2);
}

#[test]
fn an_aborted_patch_can_be_prepared_again() {
    let (_session, program, mut connection) = Session::with_program();
    for _ in 0..3 {
        assert_eq!(connection.ask(Command::Prepare(patch(1, &parts().two))), Reply::Prepared(1));
        program.prints(1);
        assert_eq!(connection.ask(Command::Abort(1)), Reply::Aborted(1));
    }
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
    assert!(!maps.contains("two.so"));
    connection.applies(patch(1, &parts().two));
    program.prints(2);
}

/// A constructor may have had its functions called later: by a thread, at the end.
#[test]
fn an_aborted_patch_whose_code_has_run_stays_loaded() {
    let (_session, program, mut connection) = Session::with_program();
    let begins = patch(1, &parts().begins);
    assert_eq!(connection.ask(Command::Prepare(begins)), Reply::Prepared(1));
    assert_eq!(connection.ask(Command::Abort(1)), Reply::Aborted(1));
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
    assert!(maps.contains("begins.so"));
    program.prints(1);
}

/// `words.so` with its variable, its constant and its call led elsewhere: 70 + 30 + 1.
fn patch_with_words(generation: Generation) -> Patch {
    let mut patch = patch(generation, &parts().words);
    let own = Elf::open(&parts().words, 0);
    let base = Elf::open(&parts().base, 1);
    let (at, seen, addend) = own.field("seen");
    let counter = base.symbol("counter").offset.cast_unsigned();
    let place = |elf: &Elf, offset: u64| elf.place(offset.wrapping_add_signed(addend));
    let distance = Value::Distance { was: place(&own, seen), now: place(&base, counter) };
    patch.words.push(Word { at, value: distance });
    patch.words.push(Word { at: own.symbol("number"), value: Value::Number { was: 2, now: 30 } });
    let call = Value::Address { was: None, now: base.symbol("value") };
    patch.words.push(Word { at: own.slot("other"), value: call });
    patch
}

#[test]
fn words_of_the_patch_itself_are_written() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch_with_words(2));
    program.prints(70 + 30 + 1);
    connection.reverts(0);
    // The library stays loaded, and the same words find it as they left it.
    connection.applies(patch_with_words(3));
    program.prints(70 + 30 + 1);

    let maps = std::fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
    assert!(!maps.lines().any(|line| line.contains("words.so") && line.contains("rwx")), "{maps}");
    assert!(maps.lines().any(|line| line.contains("words.so") && line.contains("r-x")), "{maps}");
}

#[test]
fn code_that_may_run_is_not_written() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().words));
    program.prints(40 + 2 + 5);
    connection.reverts(0);
    connection.fails(Command::Prepare(patch_with_words(2)), FailureKind::BadOrder);
    connection.applies(patch(3, &parts().words));
    program.prints(40 + 2 + 5);
}

#[test]
fn a_patch_may_name_the_executable() {
    let (_session, program, mut connection) = Session::with_program();
    let mut patch = patch(1, &parts().two);
    patch.images.push(Elf::open(&parts().program, 2).build_id());
    connection.applies(patch);
    program.prints(2);
}

#[test]
fn the_hello_names_the_images() {
    let (_session, _program, connection) = Session::with_program();
    let base = Elf::open(&parts().base, 1).build_id();
    assert!(connection.hello.applied.is_empty());
    assert!(connection.hello.images.iter().any(|image| image.build_id == base && image.base != 0));
}
