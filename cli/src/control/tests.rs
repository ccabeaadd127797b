use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::server::{Responder, Server};
use super::*;
use crate::error::Kind;
use crate::exit;
use crate::report::event::Event;

/// A session in a directory of its own that answers with `handler`.
struct Session {
    target: tempfile::TempDir,
    file: SessionFile,
    server: Option<Server>,
}

impl Session {
    fn start(handler: impl Fn(Request, Responder) + Send + 'static) -> Self {
        let target = tempfile::tempdir().unwrap();
        let control = target.path().join("control.sock");
        let server = Some(Server::start(&control, handler).unwrap());
        let file = SessionFile {
            pid: std::process::id(),
            control,
            workspace: "/w".into(),
            members: Vec::new(),
            version: "0.1.0".into(),
        };
        file.write(target.path()).unwrap();
        Self { target, file, server }
    }

    fn raw(&self, request: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.file.control).unwrap();
        // A server that has seen enough may hang up first.
        let _ = stream.write_all(request);
        let mut answer = String::new();
        // What the server left unread makes the end of its answer a reset.
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

fn unchanged() -> Event {
    Event::Unchanged { files: vec!["/w/a.rs".into()] }
}

fn answer(request: Request, mut responder: Responder) {
    match request {
        Request::Reload { files, .. } if files == [PathBuf::from("/w/a.rs")] => {
            responder.event(&unchanged());
            responder.event(&unchanged());
            responder.done(exit::LIVE, None, None);
        }
        Request::Rollback { generation: Some(7) } => {
            responder.done(exit::REFUSED, Some("no generation 7".into()), Some("try 6".into()));
        }
        _ => drop(responder),
    }
}

#[test]
fn a_call_hears_events_then_the_end() {
    let session = Session::start(answer);
    let found = client::find(session.target.path(), None, Some(session.target.path())).unwrap();
    assert_eq!(found, session.file);
    let mut events = Vec::new();
    let request = Request::Reload { files: vec!["/w/a.rs".into()], base: "/w".into() };
    let done = client::call(&found, &request, |event| events.push(event)).unwrap();
    assert_eq!(done, Done { exit: 0, message: None, hint: None });
    assert_eq!(events, [unchanged(), unchanged()]);
}

#[test]
fn the_bytes_are_as_documented() {
    let session = Session::start(answer);
    assert_eq!(
        session.raw(b"{\"command\":\"rollback\",\"generation\":7}\n"),
        "{\"done\":{\"exit\":2,\"message\":\"no generation 7\",\"hint\":\"try 6\"}}\n"
    );
    assert_eq!(
        session.raw(b"{\"command\":\"reload\",\"files\":[\"/w/a.rs\"]}\n").lines().next().unwrap(),
        "{\"event\":\"unchanged\",\"files\":[\"/w/a.rs\"]}"
    );
}

#[test]
fn a_request_without_an_answer_ends_with_3() {
    let session = Session::start(answer);
    let done = client::call(&session.file, &Request::Status, |_| ()).unwrap();
    assert_eq!((done.exit, done.message.as_deref()), (3, Some("the session ended")));
}

#[test]
fn a_malformed_request_ends_with_64_and_the_session_goes_on() {
    let session = Session::start(answer);
    for request in
        [&b"{\"command\":\"fly\"}\n"[..], b"\n", b"\xff\xfe\n", &[b'x'; (1 << 20) + 8192]]
    {
        let answer = session.raw(request);
        assert!(
            answer.starts_with("{\"done\":{\"exit\":64,\"message\":\"the session does"),
            "{answer}"
        );
    }
    assert!(client::call(&session.file, &Request::Status, |_| ()).is_ok());
}

#[test]
fn a_client_that_goes_away_does_no_harm() {
    let (send, receive) = std::sync::mpsc::channel();
    let session = Session::start(move |_, responder| send.send(responder).unwrap());
    let mut stream = UnixStream::connect(&session.file.control).unwrap();
    stream.write_all(b"{\"command\":\"restart\"}\n").unwrap();
    drop(stream);
    let mut responder = receive.recv().unwrap();
    responder.event(&unchanged());
    responder.event(&unchanged());
    responder.done(0, None, None);
}

#[test]
fn a_silent_client_holds_up_nobody() {
    let session = Session::start(answer);
    let _silent = UnixStream::connect(&session.file.control).unwrap();
    assert!(client::call(&session.file, &Request::Status, |_| ()).is_ok());
}

#[test]
fn an_ended_session_is_not_found() {
    let mut session = Session::start(answer);
    let second = Server::start(&session.file.control, answer).unwrap_err();
    assert_eq!(second.kind, Kind::System);
    drop(session.server.take());
    assert!(!session.file.control.exists());
    let error = client::find(session.target.path(), None, Some(session.target.path())).unwrap_err();
    assert_eq!(exit::of_error(&error), exit::NO_SESSION);
    assert_eq!(error.hint.as_deref(), Some("start one with `hotdev watch`"));
    assert!(client::call(&session.file, &Request::Status, |_| ()).is_err());
}

#[test]
fn a_killed_session_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    Server::start(&path, answer).unwrap();
}

#[test]
fn a_session_that_dies_in_its_answer_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&control).unwrap();
    let dying = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 21]).unwrap();
        stream.write_all(b"{\"event\":\"of-the-future\",\"n\":1}\n").unwrap();
    });
    let version = String::new();
    let file =
        SessionFile { pid: 1, control, workspace: "/w".into(), members: Vec::new(), version };
    let error = client::call(&file, &Request::Status, |_| panic!("no event")).unwrap_err();
    assert_eq!(error.cause, "it closed the connection");
    dying.join().unwrap();
}

#[test]
fn a_session_file_is_removed_by_its_own_session_only() {
    let session = Session::start(answer);
    let target: &Path = session.target.path();
    SessionFile { pid: 1, ..session.file.clone() }.remove(target);
    assert!(SessionFile::find(target).is_some());
    session.file.remove(target);
    assert!(SessionFile::find(target).is_none());
}
