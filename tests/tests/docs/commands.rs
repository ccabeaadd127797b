//! Commands of the documentation, run for real in a project that is made for them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotdev_tests::{BUILD_LIMIT, LIMIT, Log, Signal, Workspace, run_to_end};

use super::blocks::Block;

/// What the documentation calls the project that is there already; anywhere else it is a counter.
const YOURS: &str = "your-project";

/// The counter template, in a folder of its own.
pub struct Project {
    workspace: Workspace,
    name: &'static str,
}

/// A `hotdev watch` or `run` that goes on while the next commands are run.
struct Running {
    child: Child,
    log: Arc<Log>,
}

impl Project {
    /// The project that a block is about.
    pub fn of(block: &Block) -> Self {
        let workspace = Workspace::empty();
        let name = if block.text.contains(YOURS) { YOURS } else { "counter" };
        let output = workspace.command(&["init", name, "--template", "counter"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        Self { workspace, name }
    }

    /// Runs each command of a block; one that fails where nothing says that it does, or prints
    /// something else than what is shown, is a failure of the test.
    pub fn run(&self, block: &Block) {
        let project = self.workspace.path(self.name);
        let enters = block.text.lines().any(|line| line.trim() == format!("cd {}", self.name));
        let mut folder = if enters { self.workspace.root().to_owned() } else { project };
        let mut running = None;
        if block.wants_session() {
            running = Some(self.start("hotdev watch", &folder, block));
        }
        for (command, shown) in commands(block) {
            if let Some(name) = command.strip_prefix("cd ") {
                folder = folder.join(name.trim());
                assert!(folder.is_dir(), "{block}: there is no folder {}", folder.display());
            } else if command.starts_with("hotdev watch") || command.starts_with("hotdev run") {
                assert!(running.is_none(), "{block}: a session runs already");
                running = Some(self.start(&command, &folder, block));
            } else {
                self.run_one(&command, &shown, &folder, block);
            }
        }
        running.into_iter().for_each(|running| running.end(block));
    }

    fn run_one(&self, command: &str, shown: &[String], folder: &Path, block: &Block) {
        let both = if shown.is_empty() { "" } else { "exec 2>&1; " };
        let output = run_to_end(&mut self.shell(&format!("{both}{command}"), folder));
        assert_eq!(output.code, Some(0), "{block}: `{command}`: {output:#?}");
        let missing = missing(shown, &output.stdout);
        assert_eq!(
            missing, None,
            "{block}: `{command}` does not print this, but\n{}",
            output.stdout
        );
    }

    /// A shell's command, in a home of its own.
    fn shell(&self, command: &str, folder: &Path) -> Command {
        let mut shell = self.workspace.program(Path::new("sh"), &["-c", command]);
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if std::env::var_os(variable).is_none() {
                shell.env(variable, home.join(folder));
            }
        }
        shell.env("HOME", self.workspace.path("home")).env_remove("XDG_CONFIG_HOME");
        shell.env("XDG_RUNTIME_DIR", self.workspace.runtime());
        shell.current_dir(folder);
        shell
    }

    /// Starts a command that does not end, and waits until its program prints something.
    fn start(&self, command: &str, folder: &Path, block: &Block) -> Running {
        let mut shell = self.shell(&format!("exec {command}"), folder);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().expect("sh starts");
        let log = Arc::new(Log::default());
        log.read_output(child.stdout.take().expect("piped"));
        log.read_output(child.stderr.take().expect("piped"));
        let runs = log.wait(BUILD_LIMIT, |seen| {
            seen.lines.iter().any(|line| line.starts_with("step 1:")).then_some(())
        });
        assert!(runs.is_some(), "{block}: `{command}` starts no program\n{}", log.tail(20));
        Running { child, log }
    }

    /// Whether cargo takes a block as a part of a manifest.
    pub fn understands_manifest(&self, block: &Block) {
        let manifest = format!("{}/Cargo.toml", self.name);
        let own = self.workspace.read(&manifest);
        let text = if block.text.contains("[package]") { String::new() } else { own };
        self.workspace.write(&manifest, &format!("{text}\n{}", block.text));
        let args = ["metadata", "--offline", "--no-deps", "--format-version", "1"];
        let mut cargo = hotdev_tests::cargo(&self.workspace.path(self.name), &args);
        let output = run_to_end(&mut cargo);
        assert_eq!(output.code, Some(0), "{block}: {output:#?}");
    }
}

impl Running {
    /// Ends it with Ctrl-C.
    fn end(mut self, block: &Block) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::INT).expect("it runs");
        let end = Instant::now() + LIMIT;
        while self.child.try_wait().expect("a child can be waited for").is_none() {
            assert!(Instant::now() < end, "{block}: Ctrl-C does not end it\n{}", self.log.tail(20));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The commands of a block, each with what is shown of its output.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
        match (block.language.as_str(), line.strip_prefix("$ ")) {
            ("console", None) => match all.last_mut() {
                Some((_, shown)) => shown.push(line.to_owned()),
                None => panic!("{block}: `{line}` is no command, and comes before all of them"),
            },
            (_, command) => all.push((command.unwrap_or(line).to_owned(), Vec::new())),
        }
    }
    all
}

/// The first line that is shown and not printed, in order. Numbers are any numbers, `...` at the end
/// of a line is any end, and alone any lines.
fn missing(shown: &[String], printed: &str) -> Option<String> {
    let mut printed = printed.lines().map(plain);
    let wanted = shown.iter().filter(|line| line.trim() != "...");
    wanted
        .into_iter()
        .find(|line| {
            let line = plain(line);
            let fits = |printed: String| match line.strip_suffix("...") {
                Some(begins) => printed.starts_with(begins.trim_end()),
                None => printed == line,
            };
            !printed.any(fits)
        })
        .cloned()
}

/// A line with 0 for every number and one space for several.
fn plain(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut text = String::new();
    for c in words.join(" ").chars() {
        match c {
            '0'..='9' if text.ends_with('0') => {}
            '0'..='9' => text.push('0'),
            c => text.push(c),
        }
    }
    text
}

#[test]
fn what_is_shown_is_compared() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let printed = "live 12 (140 ms): a::b\nand more\nthe end\n";
    assert_eq!(missing(&shown(&["live 1 (81 ms): a::b", "...", "the end"]), printed), None);
    assert_eq!(missing(&shown(&["live 1 ..."]), printed), None);
    let wrong = missing(&shown(&["the end", "live 1 ..."]), printed);
    assert_eq!(wrong.as_deref(), Some("live 1 ..."), "it does not come after that");
    assert!(missing(&shown(&["live 1 (81 ms): a::c"]), printed).is_some());
}
