//! The session's side of the socket.

use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use hotdev_protocol::{
    Called, Command, FailureKind, Generation, Hello, Patch, Reply, Value, Word, frame,
};
use tempfile::TempDir;

use crate::{
    build::parts,
    elf::Elf,
    program::{LIMIT, Program},
};

/// A socket that programs connect to.
pub struct Session {
    listener: UnixListener,
    dir: TempDir,
}

impl Session {
    pub fn new() -> Self {
        // The shim demands a directory that only its own user can enter.
        let private = Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener, dir }
    }

    /// A session with one program in it.
    pub fn with_program() -> (Self, Program, Connection) {
        let session = Self::new();
        let program = Program::start(Some(&session.socket()));
        let connection = session.accept();
        assert_eq!(connection.hello.pid, program.pid());
        program.prints(1);
        (session, program, connection)
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Waits for a program's connection and its hello.
    pub fn accept(&self) -> Connection {
        self.accept_within(LIMIT).expect("waited for a connection")
    }

    /// The same, but `None` when none comes.
    pub fn accept_within(&self, limit: Duration) -> Option<Connection> {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            match self.listener.accept() {
                Ok((stream, _)) => return Some(Connection::new(stream)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(5))
                }
                Err(error) => panic!("waited for a connection: {error}"),
            }
        }
        None
    }
}

/// The connection to one process.
pub struct Connection {
    pub hello: Hello,
    stream: UnixStream,
    /// What it told of its own accord while an answer was waited for.
    told: Vec<Called>,
}

impl Connection {
    fn new(mut stream: UnixStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let hello: Hello = frame::read(&mut stream).expect("waited for a hello");
        assert_eq!(hello.version, hotdev_protocol::VERSION);
        Self { hello, stream, told: Vec::new() }
    }

    pub fn ask(&mut self, command: Command) -> Reply {
        frame::write(&mut self.stream, &command).unwrap();
        self.reply()
    }

    /// Sends bytes that need not be a command.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn reply(&mut self) -> Reply {
        loop {
            match frame::read(&mut self.stream).expect("waited for a reply") {
                Reply::Called(called) => self.told.extend(called),
                reply => return reply,
            }
        }
    }

    /// Waits until the program tells of calls.
    pub fn called(&mut self) -> Vec<Called> {
        while self.told.is_empty() {
            match frame::read(&mut self.stream).expect("waited for calls") {
                Reply::Called(called) => self.told.extend(called),
                reply => panic!("waited for calls: {reply:?}"),
            }
        }
        self.told_so_far()
    }

    /// Calls that were told before the last answer.
    pub fn told_so_far(&mut self) -> Vec<Called> {
        std::mem::take(&mut self.told)
    }

    /// Waits until the program closes its end, having read everything or not.
    pub fn closed(&mut self) {
        match frame::read::<Reply>(&mut self.stream) {
            Err(frame::ReadError::Closed) => {}
            Err(frame::ReadError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {}
            other => panic!("waited for the end of the connection: {other:?}"),
        }
    }

    pub fn fails(&mut self, command: Command, kind: FailureKind) {
        failed(self.ask(command), kind);
    }

    pub fn applies(&mut self, patch: Patch) {
        let generation = patch.generation;
        assert_eq!(self.ask(Command::Prepare(patch)), Reply::Prepared(generation));
        assert_eq!(self.ask(Command::Commit(generation)), Reply::Committed(generation));
    }

    pub fn reverts(&mut self, generation: Generation) {
        assert_eq!(self.ask(Command::Revert(generation)), Reply::Reverted(generation));
    }
}

pub fn failed(reply: Reply, kind: FailureKind) {
    match reply {
        Reply::Failed(failure) if failure.kind == kind => assert!(!failure.message.is_empty()),
        other => panic!("{kind:?} was expected, not {other:?}"),
    }
}

/// A patch whose only word leads `value` from the base image to the library.
pub fn patch(generation: Generation, library: &Path) -> Patch {
    let base = Elf::open(&parts().base, 1);
    patch_over(generation, library, base.symbol("value"), &[])
}

/// The same on top of `below`, another patch's library.
pub fn patch_on(generation: Generation, library: &Path, below: &Path) -> Patch {
    let below = Elf::open(below, 2);
    patch_over(generation, library, below.symbol("value"), &[below.build_id()])
}

fn patch_over(
    generation: Generation,
    library: &Path,
    was: hotdev_protocol::Place,
    more_images: &[Vec<u8>],
) -> Patch {
    let own = Elf::open(library, 0);
    let base = Elf::open(&parts().base, 1);
    let value = Value::Address { was: Some(was), now: own.symbol("value") };
    Patch {
        generation,
        library: library.to_str().unwrap().to_owned(),
        hash: own.hash(),
        images: [vec![own.build_id(), base.build_id()], more_images.to_vec()].concat(),
        words: vec![Word { at: base.slot("value"), value }],
        records: None,
    }
}
