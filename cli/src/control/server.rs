//! The session's side: listens, reads one request a connection, and hands it over with the means
//! to answer it.
//!
//! A client can be slow, silent or gone at any moment; none of it may hold up the session. So
//! each connection is read in a thread of its own, within a limit of time and size, and an answer
//! that cannot be written is dropped.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::{Shutdown, shutdown};
use serde::Serialize;

use super::message::Last;
use super::{Done, Request, peer};
use crate::error::{Context, Kind, Result};
use crate::exit;
use crate::report::event::Event;

/// How long a client may take to send its request.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long a client may leave what is written to it unread.
const WRITE_TIME: Duration = Duration::from_secs(1);
/// Bytes in a request.
const REQUEST_LIMIT: usize = 1 << 20;
/// How long to wait when the system has no descriptor or thread left for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: Arc<UnixListener>,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `path`, in a directory that only this user can enter. `on_request` is called
    /// for one request at a time and should only pass it on.
    ///
    /// # Errors
    /// When the socket cannot be made, or somebody listens there already.
    pub fn start(
        path: &Path,
        on_request: impl Fn(Request, Responder) + Send + 'static,
    ) -> Result<Self> {
        let doing = || format!("listen at {}", path.display());
        let listener = Arc::new(bind(path).context(Kind::System, doing)?);
        let accepting = Arc::clone(&listener);
        let handler = Arc::new(Mutex::new(on_request));
        let thread = thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(&accepting, &handler))
            .context(Kind::System, doing)?;
        Ok(Self { listener, path: path.to_owned(), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Wakes the thread: accept(2) on a socket that was shut down fails with EINVAL.
        if shutdown(&*self.listener, Shutdown::Both).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds, over the socket file of a session that was killed too.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        result => result,
    }
}

fn accept<F>(listener: &UnixListener, handler: &Arc<Mutex<F>>)
where
    F: Fn(Request, Responder) + Send + 'static,
{
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::InvalidInput => return,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a control connection");
                thread::sleep(PAUSE);
                continue;
            }
        };
        let handler = Arc::clone(handler);
        let serving = thread::Builder::new().name("control-request".into());
        if let Err(error) = serving.spawn(move || serve(stream, &handler)) {
            tracing::warn!(%error, "cannot serve a control connection");
            thread::sleep(PAUSE);
        }
    }
}

fn serve<F: Fn(Request, Responder)>(stream: UnixStream, handler: &Mutex<F>) {
    if !peer::is_us(&stream).unwrap_or(false) {
        tracing::warn!("refused a control connection of another user");
        return;
    }
    let request = read_line(&stream, REQUEST_TIME);
    let responder = Responder::new(stream);
    match request.map(|line| serde_json::from_slice(&line)) {
        // Somebody only looked whether a session is there.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => responder.forget(),
        Err(error) => responder.refuse(&error.to_string()),
        Ok(Err(error)) => responder.refuse(&error.to_string()),
        Ok(Ok(request)) => {
            let handler = handler.lock().unwrap_or_else(PoisonError::into_inner);
            handler(request, responder);
        }
    }
}

/// The bytes before the first newline, all of them within `limit`.
fn read_line(mut stream: &UnixStream, limit: Duration) -> io::Result<Vec<u8>> {
    let end = Instant::now() + limit;
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the request took too long"));
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => &chunk[..read],
            Err(error) if is_temporary(&error) => continue,
            Err(error) => return Err(error),
        };
        let newline = read.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&read[..newline.unwrap_or(read.len())]);
        if line.len() > REQUEST_LIMIT {
            return Err(io::Error::new(ErrorKind::InvalidData, "the request is too long"));
        }
        if newline.is_some() {
            return Ok(line);
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Answers one request. Dropped before [`Responder::done`], it says that the session ended.
#[derive(Debug)]
pub struct Responder {
    /// Gone once the client does not read any more, or has been told everything.
    asker: Option<Asker>,
}

/// Who is answered.
enum Asker {
    /// A command, over its socket.
    Command(UnixStream),
    /// Somebody in this process, who is given the last event with the end.
    Here(Box<dyn FnOnce(Option<Event>, Done) + Send>, Option<Box<Event>>),
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command(_) => "Command",
            Self::Here(..) => "Here",
        })
    }
}

impl Responder {
    fn new(stream: UnixStream) -> Self {
        let stream = stream.set_write_timeout(Some(WRITE_TIME)).is_ok().then_some(stream);
        Self { asker: stream.map(Asker::Command) }
    }

    /// Gives the end of the answer to somebody in this process. `on_done` must not block.
    pub fn here(on_done: impl FnOnce(Option<Event>, Done) + Send + 'static) -> Self {
        Self { asker: Some(Asker::Here(Box::new(on_done), None)) }
    }

    /// Passes on something that happened.
    pub fn event(&mut self, event: &Event) {
        if let Some(Asker::Here(_, last)) = &mut self.asker {
            *last = Some(Box::new(event.clone()));
        }
        self.write(event);
    }

    /// Ends the answer; `exit` is one of [`crate::exit`].
    pub fn done(mut self, exit: u8, message: Option<String>, hint: Option<String>) {
        self.finish(Done { exit, message, hint });
    }

    fn refuse(self, cause: &str) {
        let message = format!("the session does not understand the request: {cause}");
        let hint = "use one version of hotdev for the session and for the command";
        self.done(exit::USAGE, Some(message), Some(hint.into()));
    }

    fn finish(&mut self, done: Done) {
        let here = self.asker.take_if(|asker| matches!(asker, Asker::Here(..)));
        if let Some(Asker::Here(on_done, last)) = here {
            return on_done(last.map(|event| *event), done);
        }
        self.write(&Last { done });
        self.asker = None;
    }

    fn forget(mut self) {
        self.asker = None;
    }

    fn write(&mut self, line: &impl Serialize) {
        let Some(Asker::Command(stream)) = &mut self.asker else { return };
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            stream.write_all(&bytes)
        });
        if let Err(error) = written {
            tracing::debug!(%error, "a control client is gone");
            self.asker = None;
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let message = Some("the session ended".to_owned());
        let hint = Some("start another with `hotdev watch`".to_owned());
        self.finish(Done { exit: exit::NO_SESSION, message, hint });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_never_ends_is_given_up() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"{\"command\":").unwrap();
        let error = read_line(&ours, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        theirs.write_all(b"1}\nrest").unwrap();
        assert_eq!(read_line(&ours, REQUEST_TIME).unwrap(), b"1}");
        drop(theirs);
        let error = read_line(&ours, REQUEST_TIME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn somebody_in_this_process_hears_the_end_of_the_answer_once() {
        let (sender, answers) = std::sync::mpsc::channel();
        let ask = || {
            let sender = sender.clone();
            Responder::here(move |event, done| sender.send((event, done.exit)).unwrap())
        };
        let event = Event::Unchanged { files: Vec::new() };
        let mut responder = ask();
        responder.event(&event);
        responder.done(exit::LIVE, None, None);
        drop(ask());
        let expected = [(Some(event), exit::LIVE), (None, exit::NO_SESSION)];
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_client_that_does_not_read_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut responder = Responder::new(ours);
        let begin = Instant::now();
        let event = Event::Warning { message: "x".repeat(1 << 20), hint: None };
        responder.event(&event);
        assert!(responder.asker.is_none());
        assert!(begin.elapsed() < 3 * WRITE_TIME);
    }
}
