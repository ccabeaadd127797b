//! The command's side: finds the session, asks, and hears the answer out.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::message::Line;
use super::{Done, Request, SessionFile, peer};
use crate::error::{Error, Kind, Result};
use crate::report::event::Event;

/// The session of the project that is built into `target_dir`.
///
/// # Errors
/// When none runs.
pub fn find(target_dir: &Path) -> Result<SessionFile> {
    SessionFile::find(target_dir).ok_or_else(|| {
        let cause = format!("none runs for {}", target_dir.display());
        no_session(cause)
    })
}

/// Asks the session and waits for the end of its answer, however long a build takes.
///
/// # Errors
/// When no session is there, or when it ends before its answer does.
pub fn call(
    session: &SessionFile,
    request: &Request,
    mut on_event: impl FnMut(Event),
) -> Result<Done> {
    let stream = UnixStream::connect(&session.control).map_err(no_session)?;
    if !peer::is_us(&stream).map_err(no_session)? {
        return Err(no_session("it belongs to another user"));
    }
    send(&stream, request).map_err(ended)?;
    for line in BufReader::new(stream).split(b'\n') {
        match serde_json::from_slice(&line.map_err(ended)?).map_err(ended)? {
            Line::Last(last) => return Ok(last.done),
            Line::Event(event) => on_event(*event),
            Line::Unknown(_) => {}
        }
    }
    Err(ended("it closed the connection"))
}

fn send(mut stream: &UnixStream, request: &Request) -> io::Result<()> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn no_session(cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Session, "reach a session", cause).hint("start one with `hotdev watch`")
}

fn ended(cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Session, "get the session's whole answer", cause)
        .hint("start another with `hotdev watch`")
}
