//! A real tmux, in which a terminal becomes larger while hotdev, or a program of its, has drawn on it:
//! nothing of that is left in the scrollback.
//!
//! Skipped where tmux is not installed, unless `HOTDEV_TEST_EDITORS=all`.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hotdev_tests::{BUILD_LIMIT, CommandOutput, Workspace, run_to_end};

/// A program that draws over the whole width, whenever that changes, and never ends by itself.
const DRAWS: &str = r##"
use std::process::{Command, Stdio};

fn main() {
    let _ = Command::new("stty").arg("raw").status();
    print!("\x1b[?1049h\x1b[2J");
    let mut last = String::new();
    loop {
        let size = Command::new("stty").arg("size").stdin(Stdio::inherit()).output().unwrap().stdout;
        let size = String::from_utf8(size).unwrap();
        if size != last {
            let mut both = size.split_whitespace().map(|word| word.parse::<usize>().unwrap());
            let (rows, columns) = (both.next().unwrap(), both.next().unwrap());
            for row in 1..=rows {
                print!("\x1b[{row};1H{}", "#".repeat(columns));
            }
            println!("\x1b[1;1Hdrawn for {columns}");
            last = size;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
"##;

/// A server of its own.
struct Tmux {
    workspace: Workspace,
    name: String,
}

impl Tmux {
    /// With a shell in the workspace, in a small terminal; nothing where there is no tmux.
    fn start(workspace: Workspace) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            let all = std::env::var("HOTDEV_TEST_EDITORS").is_ok_and(|value| value == "all");
            assert!(!all, "tmux is not installed");
            return None;
        }
        let name = format!("hotdev-test-{}-{:?}", std::process::id(), thread::current().id());
        let tmux = Self { workspace, name: name.replace(['(', ')'], "") };
        tmux.tell(&["-f", "/dev/null", "new-session", "-d", "-x", "50", "-y", "12", "sh"]);
        Some(tmux)
    }

    fn tell(&self, args: &[&str]) -> CommandOutput {
        let mut command =
            self.workspace.program("tmux".as_ref(), &[&["-L", &self.name], args].concat());
        run_to_end(command.env_remove("TMUX").env("TERM", "xterm-256color").env("LANG", "C.UTF-8"))
    }

    /// Types a line.
    fn type_line(&self, line: &str) {
        self.tell(&["send-keys", line, "Enter"]);
    }

    /// All that is to be seen, with what has scrolled away.
    fn text(&self) -> String {
        self.tell(&["capture-pane", "-p", "-S", "-"]).stdout
    }

    fn expect(&self, wanted: &str) {
        let end = Instant::now() + BUILD_LIMIT;
        while !self.text().contains(wanted) {
            assert!(Instant::now() < end, "no sign of {wanted:?}; there is\n{}", self.text());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn grow(&self) {
        self.tell(&["resize-window", "-x", "100", "-y", "30"]);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tell(&["kill-server"]);
    }
}

#[test]
fn a_program_that_is_restarted_leaves_nothing_in_the_scrollback() {
    let workspace = Workspace::copy("single");
    workspace.write("src/main.rs", DRAWS);
    let Some(tmux) = Tmux::start(workspace) else { return };
    tmux.type_line("hotdev run; echo at the e''nd");
    tmux.expect("drawn for 50");
    tmux.grow();
    tmux.expect("drawn for 100");
    assert_eq!(tmux.workspace.command(&["restart"]).code, Some(0));
    tmux.expect("drawn for 100");
    let left = tmux.text().lines().filter(|line| line.contains("####")).count();
    assert!(left <= 30, "more than the screen\n{}", tmux.text());
    let session = tmux.workspace.command(&["status", "--json"]).stdout;
    let session: serde_json::Value = serde_json::from_str(session.lines().next().unwrap()).unwrap();
    let kill = format!("kill {}", session["session"]);
    run_to_end(&mut tmux.workspace.program("sh".as_ref(), &["-c", &kill]));
    tmux.expect("at the end");
    assert!(!tmux.text().contains("####"), "{}", tmux.text());
}

#[test]
fn the_terminal_ui_leaves_nothing_in_the_scrollback() {
    let Some(tmux) = Tmux::start(Workspace::copy("single")) else { return };
    tmux.type_line("hotdev watch; echo at the e''nd");
    tmux.expect("generation 0");
    tmux.grow();
    tmux.expect("R restart");
    tmux.tell(&["send-keys", "q"]);
    tmux.expect("at the end");
    let text = tmux.text();
    assert!(!["ending", "generations", "rustc"].iter().any(|word| text.contains(word)), "{text}");
}
