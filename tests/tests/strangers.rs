//! Who may speak to a session, and that nonsense on its sockets harms nothing.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use hotdev_tests::{Session, Signal};

/// Every socket below a folder.
fn sockets(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.file_type().is_socket() {
            found.push(path);
        } else if metadata.is_dir() {
            found.extend(sockets(&path));
        }
    }
    found
}

#[test]
fn only_this_user_can_enter_where_the_sockets_are() {
    let hot = Session::start("single");
    let sockets = sockets(hot.workspace().runtime());
    assert!(!sockets.is_empty(), "the session's socket is in the runtime directory");
    for socket in sockets {
        let folder = socket.parent().expect("a socket lies in a folder");
        let mode = fs::metadata(folder).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{} has mode {mode:o}", folder.display());
    }
    hot.end();
}

#[test]
fn nonsense_on_the_sockets() {
    let mut hot = Session::start("single");
    let said: [&[u8]; 6] = [
        b"",
        b"\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        // A frame of 4 GB, one that is cut short, and one of another version.
        b"\xff\xff\xff\xff\x00",
        b"\x40\x00\x00\x00\x01\x02",
        b"\x05\x00\x00\x00\x7f\x01\x00\x00\x00",
    ];
    for socket in sockets(hot.workspace().runtime()) {
        for bytes in said {
            let mut stream = UnixStream::connect(&socket).expect("the session listens");
            let limit = Some(Duration::from_millis(200));
            stream.set_read_timeout(limit).expect("a limit above 0");
            // What it answers, or whether it hangs up, is its own affair.
            let _ = stream.write_all(bytes);
            let _ = stream.read(&mut [0; 64]);
        }
    }
    // One that connects and says nothing, for as long as the test runs.
    let silent: Vec<_> =
        sockets(hot.workspace().runtime()).iter().map(UnixStream::connect).collect();
    hot.edit("src/main.rs", "old greeting", "new greeting");
    hot.expect_verdict("live");
    hot.expect_output("new greeting");
    drop(silent);
    hot.end();
}

#[test]
fn nothing_is_left_in_the_runtime_directory() {
    let mut hot = Session::start("single");
    let runtime = hot.workspace().runtime().to_owned();
    hot.signal(Signal::INT);
    hot.ends_clean();
    assert_eq!(sockets(&runtime), Vec::<PathBuf>::new());
}
