//! Editors that need a terminal: helix, in a pseudo-terminal, typed into and read off the screen.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use hotdev_tests::{LIMIT, Session, run_to_end};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const ROWS: NonZero<u16> = NonZero::new(40).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(140).unwrap();
const SIZE: PtySize =
    PtySize { rows: ROWS.get(), cols: COLUMNS.get(), pixel_width: 0, pixel_height: 0 };

/// A program and what its screen shows.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(SIZE).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("the editor starts");
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        let keys = pair.master.take_writer().expect("its input");
        Self { child, keys, output, screen, _master: pair.master }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the editor reads its terminal");
        self.keys.flush().expect("the editor reads its terminal");
    }

    /// Waits until the screen shows a text; false when `limit` is over.
    fn shows(&mut self, text: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            if self.screen.screen().contents().contains(text) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(_) => return false,
            }
        }
    }

    fn expect(&mut self, text: &str) {
        assert!(
            self.shows(text, LIMIT),
            "no `{text}` on the screen:\n{}",
            self.screen.screen().contents()
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Selects the one place where `old` stands, and types over it.
fn replace(old: &str, new: &str) -> String {
    format!("%s{old}\rc{new}\x1b")
}

/// The editor alone, its language servers found only where hotdev and the system's own are.
fn command(hot: &Session, helix: &Path) -> CommandBuilder {
    let workspace = hot.workspace();
    let plain = workspace.program(helix, &["src/main.rs"]);
    let path = plain.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    let own = std::env::split_paths(path.expect("it is set")).next().expect("hotdev's folder");
    let mut command = CommandBuilder::new(helix);
    command.arg("src/main.rs");
    // What cargo tells the test of itself is not meant for the project.
    command.env_clear();
    command.cwd(workspace.root());
    command.env("HOME", workspace.path("home"));
    command.env("XDG_CONFIG_HOME", workspace.path("home/.config"));
    command.env("TERM", "xterm-256color");
    let folders = [own, "/usr/bin".into(), "/bin".into()];
    command.env("PATH", std::env::join_paths(folders).expect("no colons"));
    command
}

#[test]
fn helix_lists_the_diagnostics() {
    let Some(helix) = crate::installed(&["hx", "helix"]) else { return };
    let mut hot = Session::start("single");
    let (pid, line) = (hot.pid(), hot.newest_line());
    let init = run_to_end(&mut hot.workspace().hotdev(&["init", "--editor", "helix"]));
    assert_eq!(init.code, Some(0), "{init:#?}");

    let mut editor = Terminal::start(command(&hot, &helix));
    editor.expect("old greeting");
    editor.press(&replace("old greeting", "new greeting"));
    editor.expect("new greeting");
    editor.press(":w\r");
    hot.expect_verdict("live");
    hot.expect_output("new greeting");

    editor.press(&replace("number \\* 2", "number * true"));
    editor.expect("number * true");
    // It says nothing of when its language server is ready: a save before that is not told of.
    let is_told = (0..10).any(|_| {
        editor.press(":w\r");
        editor.shows("hotdev: compile error", LIMIT / 10)
    });
    assert!(is_told, "no verdict on the screen:\n{}", editor.screen.screen().contents());
    hot.expect_verdict("compile-error");
    editor.press(" D");
    editor.expect("cannot multiply");
    // Not Escape: with the key after it, that would be another one.
    editor.press("\x03");

    editor.press(&replace("number \\* true", "number * 3"));
    editor.expect("number * 3");
    editor.press(":w\r");
    editor.expect("hotdev: live 2");
    hot.expect_verdict("live");
    assert_eq!(hot.pid(), pid, "it is the same process");
    hot.counts_on("tick", line);
    editor.press(":q!\r");
    hot.end();
}
