//! First calls of functions in patches.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    thread,
    time::{Duration, Instant},
};

use hotdev_protocol::{Called, Command, FailureKind, Generation, Patch, Place, Records, Value};

use crate::{
    build::parts,
    elf::Elf,
    program::{LIMIT, Program},
    session::{Connection, Session, patch, patch_on},
};

/// `four.so`, whose first call is told.
fn four() -> Elf {
    Elf::open(&parts().four, 0)
}

fn watched(mut patch: Patch) -> Patch {
    let [record, entry] = ["record", "entry"].map(|name| four().symbol(name));
    patch.records = Some(Records { offset: record.offset, count: 1, entries: entry.offset });
    let Value::Address { was, .. } = patch.words[0].value else { unreachable!() };
    patch.words[0].value = Value::Address { was, now: entry };
    patch
}

/// A patch on top of `four.so`: what the slot held is the entry, as far as a session knows.
fn on_four(generation: Generation) -> Patch {
    let mut patch = patch_on(generation, &parts().two, &parts().four);
    let Value::Address { now, .. } = patch.words[0].value else { unreachable!() };
    let was = Some(Place { image: 2, offset: four().symbol("entry").offset });
    patch.words[0].value = Value::Address { was, now };
    patch
}

fn call() -> Vec<Called> {
    vec![Called { build_id: four().build_id(), records: vec![0] }]
}

fn load_address(connection: &Connection, build_id: &[u8]) -> u64 {
    connection.hello.images.iter().find(|image| image.build_id == build_id).unwrap().base
}

/// Waits until the slot through which the program calls `value` leads to `four` itself.
fn is_led_past_the_entry(program: &Program, connection: &Connection) {
    let memory = File::open(format!("/proc/{}/mem", program.pid())).unwrap();
    let base = Elf::open(&parts().base, 1);
    let slot = load_address(connection, &base.build_id()) + base.slot("value").offset as u64;
    let [entry, function] = ["entry", "four"].map(|name| four().symbol(name).offset as u64);
    let begin = Instant::now();
    loop {
        let mut word = [0; 8];
        memory.read_exact_at(&mut word, slot).unwrap();
        let word = u64::from_le_bytes(word);
        // The patch begins at a page; which one is not known here.
        if word & 0xfff == function & 0xfff {
            return;
        }
        assert_eq!(word & 0xfff, entry & 0xfff);
        assert!(begin.elapsed() < LIMIT, "the slot still leads to the entry");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_first_call_is_told_once_and_leaves_nothing_in_the_way() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(watched(patch(1, &parts().four)));
    assert_eq!(connection.called(), call());
    program.prints(4);
    is_led_past_the_entry(&program, &connection);
    connection.applies(on_four(2));
    program.prints(2);
    connection.reverts(1);
    program.prints(4);
    connection.reverts(0);
    program.prints(1);
    assert_eq!(connection.told_so_far(), []);
}

#[test]
fn a_function_that_is_not_called_is_not_told() {
    let (_session, program, mut connection) = Session::with_program();
    let mut idle = watched(patch(1, &parts().four));
    idle.words.clear();
    connection.applies(idle);
    program.prints(1);
    // Whatever comes first comes after all that was told.
    connection.applies(patch(2, &parts().two));
    program.prints(2);
    connection.reverts(0);
    assert_eq!(connection.told_so_far(), []);
}

#[test]
fn each_session_and_each_process_tells_of_its_own_calls() {
    let (session, program, mut connection) = Session::with_program();
    connection.applies(watched(patch(1, &parts().four)));
    assert_eq!(connection.called(), call());
    drop(connection);
    let mut connection = session.accept();
    assert_eq!(connection.called(), call());
    program.fork();
    let mut child = session.accept();
    assert_eq!(child.hello.applied, [1]);
    assert_eq!(child.called(), call());
    child.reverts(0);
    program.process_prints(child.hello.pid, 1);
    program.prints(4);
}

#[test]
fn who_tells_is_a_thread_that_sleeps() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    assert!(!program.threads().contains(&"hotdev-calls".to_owned()));
    connection.reverts(0);
    connection.applies(watched(patch(2, &parts().four)));
    assert_eq!(connection.called(), call());
    is_led_past_the_entry(&program, &connection);
    assert!(program.threads().contains(&"hotdev-calls".to_owned()));
    let before = program.switches("hotdev-calls");
    (0..20).for_each(|_| program.prints(4));
    let after = program.switches("hotdev-calls");
    assert!(after <= before + 2, "{before} to {after}: it is waiting for something to happen");
}

#[test]
fn records_outside_of_the_patch_are_refused() {
    for offset in [-8, 0, 1 << 40, i64::MAX - 7] {
        let (_session, program, mut connection) = Session::with_program();
        let mut patch = watched(patch(1, &parts().four));
        patch.records.as_mut().unwrap().offset = offset;
        connection.fails(Command::Prepare(patch), FailureKind::SlotMismatch);
        program.prints(1);
    }
}
