//! A language server, spoken to as an editor does.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::LIMIT;

/// A server that has been initialized.
#[derive(Debug)]
pub struct LanguageServer {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
}

impl LanguageServer {
    /// Starts it and initializes it with these parameters; returns its answer too.
    ///
    /// # Panics
    /// When it does not start or answer.
    pub fn start(command: &mut Command, parameters: Value) -> (Self, Value) {
        let mut child = (command.stdin(Stdio::piped()).stdout(Stdio::piped()))
            .spawn()
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
        server.send(json!({"id": 1, "method": "initialize", "params": parameters}));
        let answer = server.receive();
        server.send(json!({"method": "initialized", "params": {}}));
        (server, answer)
    }

    /// Sends one message.
    ///
    /// # Panics
    /// When the server has closed its stdin.
    pub fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("it reads");
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn receive(&self) -> Value {
        self.messages.recv_timeout(LIMIT).expect("the server answers in time")
    }

    /// Waits for a message and answers the server's own requests meanwhile; `None` when `limit` is
    /// over.
    pub fn wait(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).ok()?;
            if wanted(&message) {
                return Some(message);
            }
            if !message["method"].is_null() && !message["id"].is_null() {
                self.send(json!({"id": message["id"], "result": null}));
            }
        }
    }

    /// Has it end, as it should, and returns what it said before.
    ///
    /// # Panics
    /// When it does not end, or fails.
    pub fn end(mut self) -> Vec<Value> {
        self.send(json!({"id": 2, "method": "shutdown"}));
        self.send(json!({"method": "exit"}));
        let mut said = Vec::new();
        while let Ok(message) = self.messages.recv_timeout(LIMIT) {
            said.push(message);
        }
        said.retain(|message| message["id"] != 2);
        let status = crate::binary::wait_for(&mut self.child, LIMIT);
        assert!(status.is_some_and(|status| status.success()), "it ends with {status:?}");
        said
    }
}

impl Drop for LanguageServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
