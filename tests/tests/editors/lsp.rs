//! `hotdev lsp`, spoken to as an editor does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use hotdev_tests::{LIMIT, Session, Workspace};
use serde_json::{Value, json};

struct Server {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
}

impl Server {
    fn start(workspace: &Workspace) -> Self {
        let mut command = workspace.hotdev(&["lsp"]);
        let mut child = (command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn())
            .expect("the server starts");
        let stdin = child.stdin.take().expect("piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, messages) = channel();
        thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, stdin, messages };
        let id = std::process::id();
        server.send(json!({"id": 1, "method": "initialize",
            "params": {"processId": id, "rootUri": null, "capabilities": {}}}));
        let answer = server.receive();
        let saves = &answer["result"]["capabilities"]["textDocumentSync"]["save"];
        assert!(!saves.is_null(), "it wants to know of saves: {answer}");
        server.send(json!({"method": "initialized", "params": {}}));
        server
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("it reads");
    }

    fn saved(&mut self, workspace: &Workspace, file: &str) {
        self.send(json!({"method": "textDocument/didSave",
            "params": {"textDocument": {"uri": uri(workspace, file)}}}));
    }

    fn receive(&self) -> Value {
        self.messages.recv_timeout(LIMIT).expect("the server answers in time")
    }

    /// The next diagnostics, and the message after them.
    fn verdict(&self) -> (Value, String) {
        let published = self.receive();
        assert_eq!(published["method"], "textDocument/publishDiagnostics", "{published}");
        let said = self.receive();
        assert_eq!(said["method"], "window/showMessage", "{said}");
        (published["params"].clone(), said["params"]["message"].as_str().unwrap().to_owned())
    }

    fn end(mut self) {
        self.send(json!({"id": 2, "method": "shutdown"}));
        self.send(json!({"method": "exit"}));
        while self.messages.recv_timeout(LIMIT).is_ok() {}
        assert!(self.child.wait().expect("it ends").success());
    }
}

fn read(stream: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn uri(workspace: &Workspace, file: &str) -> String {
    format!("file://{}", workspace.path(file).display())
}

const MAIN: &str = "src/main.rs";
const GAME: &str = "src/game.rs";

#[test]
fn saves_are_answered_with_diagnostics() {
    let mut hot = Session::start("single");
    let mut server = Server::start(hot.workspace());
    hot.edit(MAIN, "number * 2", "number * true");
    server.saved(hot.workspace(), MAIN);
    let (published, said) = server.verdict();
    assert_eq!(published["uri"], uri(hot.workspace(), MAIN));
    let found = &published["diagnostics"][0];
    assert_eq!(found["range"]["start"], json!({"line": 14, "character": 11}), "{published}");
    assert_eq!(found["message"], "cannot multiply `u32` by `bool`");
    assert_eq!(said, "hotdev: compile error: 1 error");

    hot.edit(MAIN, "number * true", "number * 3");
    server.saved(hot.workspace(), MAIN);
    let (published, said) = server.verdict();
    assert_eq!(published["diagnostics"], json!([]), "it is taken back");
    assert!(said.starts_with("hotdev: live 1 "), "{said}");
    hot.expect_verdict("compile-error");
    hot.expect_verdict("live");
    server.end();
    hot.end();
}

#[test]
fn refused_items_are_diagnostics_too() {
    let mut hot = Session::start("layouts");
    let mut server = Server::start(hot.workspace());
    hot.edit(GAME, "pub score: u32", "pub score: u64");
    server.saved(hot.workspace(), GAME);
    hot.expect_verdict("refused");
    let (published, said) = server.verdict();
    let message = published["diagnostics"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("u32") && message.contains("u64"), "{published}");
    assert!(said.starts_with("hotdev: refused: "), "{said}");
    server.end();
    hot.end();
}

#[test]
fn without_a_session_it_is_silent() {
    let workspace = Workspace::copy("single");
    let mut server = Server::start(&workspace);
    server.saved(&workspace, MAIN);
    server.send(json!({"id": 2, "method": "shutdown"}));
    assert_eq!(server.receive()["id"], 2, "the answer to the request is all there is");
    server.send(json!({"method": "exit"}));
    assert!(server.child.wait().expect("it ends").success());
}
