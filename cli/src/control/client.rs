//! The command's side: finds the session, asks, and hears the answer out.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::Line;
use super::{Done, Place, Request, SessionFile, locate, peer};
use crate::error::{Error, Kind, Result};
use crate::report::event::Event;
use crate::{process, project};

/// How often a session that does not answer is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// The session of the project in `folder`, an absolute path, or of the one that is named.
///
/// # Errors
/// When none runs, or there is no project.
pub fn find(
    folder: &Path,
    manifest: Option<&Path>,
    target_dir: Option<&Path>,
) -> Result<SessionFile> {
    let none = |place: &Path| no_session(format!("none runs for {}", place.display()));
    match locate(folder, manifest, target_dir) {
        Place::Session(session) => Ok(*session),
        Place::Nowhere(place) => Err(none(&place)),
        Place::Unknown => {
            let target_dir = project::metadata_in(folder, manifest)?.target_directory;
            let target_dir = target_dir.as_std_path();
            SessionFile::find(target_dir).ok_or_else(|| none(target_dir))
        }
    }
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
    stream.set_read_timeout(Some(PAUSE)).map_err(ended)?;
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    loop {
        match reader.read_until(b'\n', &mut line) {
            Ok(_) if line.last() != Some(&b'\n') => return Err(ended("it closed the connection")),
            Ok(_) => match serde_json::from_slice(&line).map_err(ended)? {
                Line::Last(last) => return Ok(last.done),
                Line::Event(event) => on_event(*event),
                Line::Unknown(_) => {}
            },
            // What came of a line stays in it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if process::is_stopped(session.pid) {
                    return Err(stopped(session.pid));
                }
                continue;
            }
            Err(error) => return Err(ended(error)),
        }
        line.clear();
    }
}

fn send(mut stream: &UnixStream, request: &Request) -> io::Result<()> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn stopped(session: u32) -> Error {
    let cause = format!("it is stopped (process {session}), by Ctrl-Z for instance");
    Error::new(Kind::Session, "hear from the session", cause)
        .hint("`fg` in its terminal lets it go on")
}

fn no_session(cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Session, "reach a session", cause).hint("start one with `hotdev watch`")
}

fn ended(cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Session, "get the session's whole answer", cause)
        .hint("start another with `hotdev watch`")
}
