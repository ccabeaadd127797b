//! Commands that are refused. After each of them the program goes on as before, and the next good
//! patch goes in.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use hotdev_protocol::{Command, FailureKind, Patch, Place, Reply, Value};

use crate::{
    build::parts,
    elf::Elf,
    session::{Connection, Session, patch},
};

/// Runs `bad` in a program and sees that it has done no harm.
fn harmless(bad: impl FnOnce(&mut Connection)) {
    let (_session, program, mut connection) = Session::with_program();
    bad(&mut connection);
    program.prints(1);
    connection.applies(patch(9, &parts().two));
    program.prints(2);
    connection.reverts(0);
    program.prints(1);
}

/// A good patch, spoilt, is refused when it is prepared.
fn refused(kind: FailureKind, spoil: impl FnOnce(&mut Patch)) {
    let mut patch = patch(1, &parts().two);
    spoil(&mut patch);
    harmless(|connection| connection.fails(Command::Prepare(patch), kind));
}

/// A copy of a patch library in a directory of its own.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.so");
    fs::copy(&parts().two, &path).unwrap();
    (dir, path)
}

fn text(path: &std::path::Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn wrong_hash() {
    refused(FailureKind::BadLibrary, |patch| patch.hash ^= 1);
}

#[test]
fn missing_file() {
    refused(FailureKind::BadLibrary, |patch| patch.library = "/nowhere/at-all.so".into());
}

#[test]
fn relative_path() {
    refused(FailureKind::BadLibrary, |patch| patch.library = "two.so".into());
}

#[test]
fn file_that_the_group_can_write() {
    let (_dir, path) = copy();
    fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
    refused(FailureKind::BadLibrary, |patch| patch.library = text(&path));
}

#[test]
fn link_to_a_file() {
    let (dir, path) = copy();
    let link = dir.path().join("link.so");
    symlink(path, &link).unwrap();
    refused(FailureKind::BadLibrary, |patch| patch.library = text(&link));
}

#[test]
fn named_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    refused(FailureKind::BadLibrary, |patch| patch.library = text(&pipe));
}

#[test]
fn file_that_is_no_library() {
    let (_dir, path) = copy();
    fs::write(&path, "not an ELF file").unwrap();
    refused(FailureKind::LoadFailed, |patch| {
        patch.library = text(&path);
        patch.hash = Elf::open(&path, 0).hash();
    });
}

#[test]
fn library_with_another_build_id() {
    let other = Elf::open(&parts().three, 0);
    refused(FailureKind::UnknownImage, |patch| {
        patch.library = text(&parts().three);
        patch.hash = other.hash();
    });
}

#[test]
fn unknown_image() {
    refused(FailureKind::UnknownImage, |patch| patch.images[1] = vec![7; 20]);
}

#[test]
fn no_images() {
    refused(FailureKind::UnknownImage, |patch| patch.images.clear());
}

#[test]
fn slot_with_another_value() {
    refused(FailureKind::SlotMismatch, |patch| {
        let own = Elf::open(&parts().two, 0).symbol("value");
        let other = Elf::open(&parts().base, 1).symbol("other");
        patch.words[0].value = Value::Address { was: Some(other), now: own };
    });
}

#[test]
fn slot_of_the_program_without_a_known_value() {
    refused(FailureKind::SlotMismatch, |patch| {
        let own = Elf::open(&parts().two, 0).symbol("value");
        patch.words[0].value = Value::Address { was: None, now: own };
    });
}

#[test]
fn misaligned_word() {
    refused(FailureKind::SlotMismatch, |patch| patch.words[0].at.offset += 4);
}

#[test]
fn word_outside_of_its_image() {
    for offset in [-8, 1 << 40, i64::MAX - 7, i64::MIN] {
        refused(FailureKind::SlotMismatch, |patch| patch.words[0].at.offset = offset);
    }
}

#[test]
fn word_in_the_text_of_the_program() {
    refused(FailureKind::SlotMismatch, |patch| {
        let text = Elf::open(&parts().base, 1).symbol("value");
        patch.words[0].at = Place { offset: text.offset & !7, ..text };
    });
}

#[test]
fn one_bad_word_among_good_ones() {
    refused(FailureKind::SlotMismatch, |patch| {
        let mut bad = patch.words[0];
        bad.at.offset += 1 << 40;
        patch.words.push(bad);
    });
}

#[test]
fn commit_abort_and_revert_of_nothing() {
    harmless(|connection| {
        for command in [Command::Commit(1), Command::Abort(1), Command::Revert(1)] {
            connection.fails(command, FailureKind::BadOrder);
        }
    });
}

#[test]
fn two_prepares() {
    harmless(|connection| {
        assert_eq!(connection.ask(Command::Prepare(patch(1, &parts().two))), Reply::Prepared(1));
        connection.fails(Command::Prepare(patch(2, &parts().three)), FailureKind::BadOrder);
        connection.fails(Command::Commit(2), FailureKind::BadOrder);
        assert_eq!(connection.ask(Command::Abort(1)), Reply::Aborted(1));
    });
}

#[test]
fn a_generation_that_is_applied_already() {
    harmless(|connection| {
        connection.applies(patch(1, &parts().two));
        connection.fails(Command::Prepare(patch(1, &parts().two)), FailureKind::BadOrder);
        connection.fails(Command::Prepare(patch(0, &parts().two)), FailureKind::BadOrder);
        connection.reverts(0);
    });
}
