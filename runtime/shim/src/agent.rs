//! The thread inside the program: connect, say hello, answer commands; when the connection ends,
//! try again for ever, because a later session may come.
//!
//! Whatever the other side sends, the program goes on: a frame that is no command is answered and
//! skipped, and a panic in here is an answer too.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use hotdev_protocol::{Command, FailureKind, Hello, LoadedImage, Reply, VERSION, frame};

use crate::{
    called,
    failure::failure,
    gate,
    state::State,
    sys::{
        calls, images,
        socket::{self, Connection},
        start, user,
    },
};

/// Pause before connecting again, doubled after each attempt that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Pause of a forked child before it connects: most children are another program by then.
const CHILD_PAUSE: Duration = Duration::from_millis(20);

static SOCKET: OnceLock<PathBuf> = OnceLock::new();

/// Only locked inside of the gate, so it is free in every forked child.
static STATE: Mutex<State> = Mutex::new(State::new());

/// Starts the thread; `socket` is where sessions listen.
pub fn start(socket: PathBuf) -> io::Result<()> {
    let _ = SOCKET.set(socket);
    start::spawn("hotdev", || run(Duration::ZERO))
}

/// In a forked child, inside of the gate: makes the copied state the child's own.
pub fn start_in_child() {
    state().forget_prepared();
    called::forget();
    socket::forget_writer();
    // Without a thread the child runs on unpatched; there is nobody to tell.
    let _ = start::spawn("hotdev", || run(CHILD_PAUSE));
}

/// What this process has of the session's work. To be asked for inside of the gate.
pub fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until the process ends.
fn run(first_pause: Duration) {
    let Some(socket) = SOCKET.get() else { return };
    thread::sleep(first_pause);
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(Ok(())) = panic::catch_unwind(|| talk(socket)) {
            pause = FIRST_PAUSE;
        }
        thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// One connection, from hello to its end. Fails when it does not come to a hello.
fn talk(socket: &Path) -> io::Result<()> {
    check_directory(socket)?;
    let mut connection = Connection::open(socket)?;
    if connection.peer()? != user::effective() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    frame::write(&mut connection, &hello())?;
    open();
    // What becomes of the connection afterwards makes no difference: the next one follows.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| serve(&mut connection)));
    // A session that is gone will neither commit nor abort.
    let _pass = gate::enter();
    called::set_open(false);
    state().abandon();
    Ok(())
}

/// A session that has just come knows of no calls.
fn open() {
    let _pass = gate::enter();
    state().forget_told();
    called::set_open(true);
    if state().has_records() {
        called::begin();
        calls::ring();
    }
}

/// Whoever can write the socket's directory can put a socket of their own there.
fn check_directory(socket: &Path) -> io::Result<()> {
    let about = fs::metadata(socket.parent().unwrap_or(Path::new("/")))?;
    if about.uid() == user::effective() && about.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn hello() -> Hello {
    let _pass = gate::enter();
    let images = images::loaded()
        .into_iter()
        .filter(|image| !image.build_id.is_empty())
        .map(|image| LoadedImage { base: image.base, build_id: image.build_id })
        .collect();
    Hello { version: VERSION, pid: process::id(), applied: state().applied(), images }
}

/// Answers commands until the connection ends.
fn serve(connection: &mut Connection) -> io::Result<()> {
    loop {
        let (reply, last) = match frame::read::<Command>(connection) {
            Ok(command) => (answer(command), false),
            Err(frame::ReadError::Closed) => return Ok(()),
            Err(frame::ReadError::Io(error)) => return Err(error),
            Err(error @ frame::ReadError::TooLong(_)) => (bad_message(error), true),
            Err(error @ frame::ReadError::Malformed(_)) => (bad_message(error), false),
        };
        connection.alone(|connection| frame::write(connection, &reply))?;
        if last {
            return Ok(());
        }
    }
}

fn answer(command: Command) -> Reply {
    let _pass = gate::enter();
    let reply = panic::catch_unwind(|| state().answer(command))
        .unwrap_or_else(|_| bad_message("the shim panicked at this command"));
    if matches!(reply, Reply::Committed(_)) && state().has_records() {
        called::begin();
    }
    reply
}

fn bad_message(why: impl ToString) -> Reply {
    Reply::Failed(failure(FailureKind::BadMessage, why.to_string()))
}
