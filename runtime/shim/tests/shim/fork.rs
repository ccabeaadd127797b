//! More processes, and none.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use hotdev_protocol::{Command, Reply};

use crate::{
    build::parts,
    program::Program,
    session::{Session, patch},
};

/// Long enough for a connection that must not come.
const A_WHILE: Duration = Duration::from_millis(500);

#[test]
fn a_forked_child_has_its_own_connection_and_what_was_applied() {
    let (session, program, mut parent) = Session::with_program();
    parent.applies(patch(1, &parts().two));
    program.fork();
    let mut child = session.accept();
    assert_ne!(child.hello.pid, program.pid());
    assert_eq!(child.hello.applied, [1]);
    program.process_prints(child.hello.pid, 2);

    child.reverts(0);
    program.process_prints(child.hello.pid, 1);
    program.prints(2);
    parent.reverts(0);
    program.prints(1);
}

#[test]
fn a_fork_between_prepare_and_commit() {
    let (session, program, mut parent) = Session::with_program();
    assert_eq!(parent.ask(Command::Prepare(patch(1, &parts().two))), Reply::Prepared(1));
    program.fork();
    let mut child = session.accept();
    assert!(child.hello.applied.is_empty());
    assert_eq!(parent.ask(Command::Commit(1)), Reply::Committed(1));
    program.prints(2);
    program.process_prints(child.hello.pid, 1);
    child.applies(patch(1, &parts().two));
    program.process_prints(child.hello.pid, 2);
}

#[test]
fn forks_while_patches_come_and_go() {
    let (session, program, mut parent) = Session::with_program();
    for _ in 0..10 {
        program.fork();
        for generation in 1..20 {
            parent.applies(patch(generation, &parts().two));
            parent.reverts(0);
        }
        let mut child = session.accept();
        child.reverts(0);
        program.process_prints(child.hello.pid, 1);
    }
    program.prints(1);
}

#[test]
fn the_agent_is_one_thread() {
    let (_session, program, _connection) = Session::with_program();
    let mut threads = program.threads();
    threads.sort();
    assert_eq!(threads, ["hotdev", "program"]);
}

#[test]
fn without_a_session_nothing_happens() {
    let session = Session::new();
    let program = Program::start(None);
    program.prints(1);
    assert_eq!(program.threads(), ["program"]);
    assert!(session.accept_within(A_WHILE).is_none());
}

#[test]
fn a_socket_that_others_could_have_made_is_left_alone() {
    let session = Session::new();
    let dir = session.socket().parent().unwrap().to_owned();
    fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
    let program = Program::start(Some(&session.socket()));
    program.prints(1);
    assert!(session.accept_within(A_WHILE).is_none());
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    session.accept().applies(patch(1, &parts().two));
    program.prints(2);
}
