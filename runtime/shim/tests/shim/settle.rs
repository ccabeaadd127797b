//! Older generations that become one, and patches that are unloaded.

use std::path::Path;

use hotdev_protocol::{Command, FailureKind, Reply, Settle, Survey};

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
    match connection.ask(Command::Survey(vec![id(library)])) {
        Reply::Surveyed(survey) => survey,
        other => panic!("{other:?}"),
    }
}

fn maps(program: &Program) -> String {
    std::fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap()
}

#[test]
fn a_patch_that_is_not_in_use_is_unloaded() {
    let (_session, program, mut connection) = Session::with_program();
    connection.applies(patch(1, &parts().two));
    connection.applies(patch_on(2, &parts().three, &parts().two));
    let gone = connection.ask(settle(&[2], &[&parts().two]));
    assert_eq!(gone, Reply::Settled(vec![id(&parts().two)]));
    assert!(!maps(&program).contains("two.so") && maps(&program).contains("three.so"));
    assert!(survey(&mut connection, &parts().two).patches.is_empty());
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
