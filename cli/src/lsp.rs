//! `hotdev lsp`: a language server for editors whose list of problems only language servers fill.
//!
//! It knows one thing: a file was saved. Then it asks the session for its verdict, as `hotdev
//! reload` does, and publishes what cannot go in as diagnostics. Where no session runs it has
//! nothing to say. A reader thread takes the editor's messages meanwhile: saves that come while a
//! verdict is awaited are asked for together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use lsp_server::{Connection, Message, Notification};
use lsp_types::{
    Diagnostic, DiagnosticSeverity, DidSaveTextDocumentParams, MessageType, Position,
    PublishDiagnosticsParams, Range, SaveOptions, ServerCapabilities, ShowMessageParams,
    TextDocumentSyncCapability, TextDocumentSyncOptions,
};
use serde::Serialize;

use crate::control::{Request, client};
use crate::error::{Context, Error, Kind, Result};
use crate::exit;
use crate::report::event::Event;
use crate::report::reload;

/// Serves one editor until it says that it is done.
///
/// # Errors
/// When what comes on stdin is not the protocol.
pub fn run() -> Result<u8> {
    let doing = || "speak with the editor".to_owned();
    let (connection, threads) = Connection::stdio();
    let capabilities = serde_json::to_value(capabilities()).context(Kind::System, doing)?;
    connection.initialize(capabilities).context(Kind::System, doing)?;
    let (saved, saves) = channel();
    let sender = connection.sender.clone();
    let asking = std::thread::spawn(move || {
        let mut editor =
            Editor { published: BTreeSet::new(), send: |message| sender.send(message).is_ok() };
        editor.answer_saves(&saves);
    });
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).context(Kind::System, doing)? {
                    break;
                }
            }
            Message::Notification(notification) => {
                // Nobody listens only where the other thread has ended, and then so do we.
                let _ = saved_file(notification).map(|file| saved.send(file));
            }
            Message::Response(_) => {}
        }
    }
    drop((saved, connection));
    // A verdict that is still awaited interests nobody any more.
    if asking.is_finished() {
        threads.join().context(Kind::System, doing)?;
    }
    Ok(exit::LIVE)
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            save: Some(SaveOptions::default().into()),
            ..TextDocumentSyncOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

fn saved_file(notification: Notification) -> Option<PathBuf> {
    if notification.method != "textDocument/didSave" {
        return None;
    }
    let params: DidSaveTextDocumentParams = serde_json::from_value(notification.params).ok()?;
    url::Url::parse(params.text_document.uri.as_str()).ok()?.to_file_path().ok()
}

/// What the editor shows, and the way to it.
struct Editor<S> {
    /// Files with diagnostics of the last verdict.
    published: BTreeSet<PathBuf>,
    send: S,
}

impl<S: Fn(Message) -> bool> Editor<S> {
    fn answer_saves(&mut self, saves: &Receiver<PathBuf>) {
        while let Ok(first) = saves.recv() {
            let mut files: Vec<PathBuf> = std::iter::once(first).chain(saves.try_iter()).collect();
            files.dedup();
            match ask(files) {
                Ok(Some(verdict)) => self.show(&verdict),
                // A project without a session.
                Ok(None) => self.publish(BTreeMap::new()),
                Err(error) => self.say(MessageType::ERROR, error.to_string()),
            }
        }
    }

    fn show(&mut self, verdict: &Event) {
        self.publish(diagnostics(verdict));
        let text = reload::render(verdict, Path::new("/"), false);
        let line = text.lines().find(|line| !line.starts_with([' ', '/'])).unwrap_or_default();
        match verdict {
            Event::Unchanged { .. } => {}
            Event::CompileError { .. } | Event::Refused { .. } => {
                self.say(MessageType::WARNING, format!("hotdev: {line}"));
            }
            _ => self.say(MessageType::INFO, format!("hotdev: {line}")),
        }
    }

    /// Shows these diagnostics, and those of the verdict before no longer.
    fn publish(&mut self, mut found: BTreeMap<PathBuf, Vec<Diagnostic>>) {
        let files: BTreeSet<PathBuf> = found.keys().cloned().collect();
        for file in self.published.union(&files) {
            let Some(uri) = uri(file) else { continue };
            let diagnostics = found.remove(file).unwrap_or_default();
            let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
            self.notify("textDocument/publishDiagnostics", params);
        }
        self.published = files;
    }

    fn say(&self, typ: MessageType, message: String) {
        self.notify("window/showMessage", ShowMessageParams { typ, message });
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        // An editor that is gone needs no answer.
        let _ = (self.send)(Notification::new(method.to_owned(), params).into());
    }
}

fn uri(file: &Path) -> Option<lsp_types::Uri> {
    url::Url::from_file_path(file).ok()?.as_str().parse().ok()
}

/// The verdict on the files as they are now; nothing where no session runs.
fn ask(files: Vec<PathBuf>) -> Result<Option<Event>> {
    let base = files.last().and_then(|file| file.parent()).unwrap_or(Path::new("/")).to_owned();
    let session = match client::find(&base, None, None) {
        Ok(session) => session,
        Err(Error { kind: Kind::Session | Kind::Project, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut verdict = None;
    let request = Request::Reload { files, base };
    let done = client::call(&session, &request, |event| match event {
        Event::Building { .. } | Event::Warning { .. } => {}
        event => verdict = Some(event),
    })?;
    match (verdict, done.message) {
        (Some(verdict), _) => Ok(Some(verdict)),
        (None, Some(message)) => Err(Error::new(Kind::Session, "get a verdict", message)),
        (None, None) => Ok(None),
    }
}

/// What a verdict has to say of files.
fn diagnostics(verdict: &Event) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let mut found: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    match verdict {
        Event::CompileError { diagnostics } => {
            for one in diagnostics.iter().filter(|one| !one.file.as_os_str().is_empty()) {
                let severity = match one.level.as_str() {
                    "warning" => DiagnosticSeverity::WARNING,
                    _ => DiagnosticSeverity::ERROR,
                };
                let place = (one.line, one.column);
                let diagnostic = diagnostic(place, severity, one.message.clone());
                found.entry(one.file.clone()).or_default().push(diagnostic);
            }
        }
        Event::Refused { items, message, .. } => {
            for item in items {
                let Some(file) = &item.file else { continue };
                let text = format!("{}: {} -> {}\n{message}", item.name, item.was, item.now);
                let place = (item.line.unwrap_or(1), 1);
                let diagnostic = diagnostic(place, DiagnosticSeverity::ERROR, text);
                found.entry(file.clone()).or_default().push(diagnostic);
            }
        }
        _ => {}
    }
    found
}

/// A diagnostic at one place; lines and columns count from 1 here and from 0 in the protocol.
fn diagnostic(
    (line, column): (u32, u32),
    severity: DiagnosticSeverity,
    message: String,
) -> Diagnostic {
    let position = Position::new(line.saturating_sub(1), column.saturating_sub(1));
    Diagnostic {
        range: Range::new(position, position),
        severity: Some(severity),
        source: Some("hotdev".to_owned()),
        message,
        ..Diagnostic::default()
    }
}
