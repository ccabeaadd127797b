//! What the other side may do to the connection.

use hotdev_protocol::{Command, FailureKind, Reply, frame};

use crate::{
    build::parts,
    program::Program,
    session::{Connection, Session, failed, patch},
};

/// Lets `spoil` ruin a connection; the program comes back on a new one and takes a patch.
fn survives(spoil: impl FnOnce(Connection)) {
    let (session, program, connection) = Session::with_program();
    spoil(connection);
    program.prints(1);
    let mut connection = session.accept();
    assert_eq!(connection.hello.pid, program.pid());
    connection.applies(patch(1, &parts().two));
    program.prints(2);
}

fn frame_of(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, command).unwrap();
    bytes
}

#[test]
fn an_oversized_frame() {
    survives(|mut connection| {
        connection.send(&u32::MAX.to_le_bytes());
        failed(connection.reply(), FailureKind::BadMessage);
        connection.closed();
    });
}

#[test]
fn a_truncated_frame() {
    survives(|mut connection| {
        let bytes = frame_of(&Command::Prepare(patch(1, &parts().two)));
        connection.send(&bytes[..bytes.len() / 2]);
    });
}

#[test]
fn a_connection_closed_between_prepare_and_commit() {
    survives(|mut connection| {
        assert_eq!(connection.ask(Command::Prepare(patch(1, &parts().two))), Reply::Prepared(1));
    });
}

#[test]
fn a_connection_closed_at_once_many_times() {
    let (session, program, connection) = Session::with_program();
    drop(connection);
    for _ in 0..5 {
        drop(session.accept());
    }
    program.prints(1);
    session.accept().applies(patch(1, &parts().two));
    program.prints(2);
}

#[test]
fn garbage_in_a_frame_is_answered_and_skipped() {
    let (_session, program, mut connection) = Session::with_program();
    for garbage in [&[0xff; 64][..], &[], &[4], &[1, 1, 1]] {
        connection.send(&(garbage.len() as u32).to_le_bytes());
        connection.send(garbage);
        failed(connection.reply(), FailureKind::BadMessage);
    }
    program.prints(1);
    connection.applies(patch(1, &parts().two));
    program.prints(2);
}

#[test]
fn a_later_session_finds_what_is_applied() {
    let (session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    drop(connection);
    let mut connection = session.accept();
    assert_eq!(connection.hello.applied, [1]);
    connection.reverts(0);
    program.prints(1);
}

#[test]
fn a_program_waits_for_a_session_that_is_not_there_yet() {
    let session = Session::new();
    let later = session.socket().with_file_name("later");
    let program = Program::start(Some(&later));
    program.prints(1);
    std::fs::rename(session.socket(), &later).unwrap();
    session.accept().applies(patch(1, &parts().two));
    program.prints(2);
}

#[test]
fn a_program_that_closes_every_descriptor_keeps_its_own() {
    let (session, program, mut connection) = Session::with_program();
    program.close_descriptors();
    connection.send(&frame_of(&Command::Commit(1)));
    connection.closed();
    let mut connection = session.accept();
    connection.applies(patch(1, &parts().two));
    program.prints(2);
}
