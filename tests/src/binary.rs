//! The `hotdev` under test, and how commands are run: with the environment of a developer's shell,
//! not the one that `cargo test` adds to.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use crate::{BUILD_LIMIT, Log};

/// Variables that the outer cargo, or a wrapper around it, sets for its own build.
const FOREIGN: &[&str] = &[
    "CARGO_BIN_",
    "CARGO_BUILD_",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "HOTDEV_SOCKET",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
];

/// Variables that cargo describes the test's own package with.
const OF_THIS_PACKAGE: &[&str] =
    &["CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_PACKAGE"];

/// How long a program that is only started may take to print something.
const PRINT_LIMIT: Duration = Duration::from_secs(5);

/// How a command that was run to its end ended.
#[derive(Clone, Debug)]
pub struct CommandOutput {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

/// The `hotdev` binary of the profile that the tests run in, built on first use; or the one that
/// `HOTDEV_TEST_BINARY` names, an installed one for instance.
pub(crate) fn hotdev() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("HOTDEV_TEST_BINARY") {
        Some(path) => PathBuf::from(path),
        None => build_hotdev(),
    })
}

fn build_hotdev() -> PathBuf {
    // The test runs from TARGET/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe().expect("the test knows its own path");
    let output = test.ancestors().nth(2).expect("the test lies in a target directory");
    let target = output.parent().expect("the profile's folder lies in a target directory");
    let mut command = Command::new(env!("CARGO"));
    without(&mut command, OF_THIS_PACKAGE);
    command.args(["build", "--quiet", "-p", "hotdev-cli", "--bins", "--target-dir"]).arg(target);
    match output.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => {}
        Some(profile) => drop(command.args(["--profile", profile])),
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let status = command.status().expect("cargo starts");
    assert!(status.success(), "hotdev itself does not build");
    output.join("hotdev")
}

/// A cargo command as the developer would type it in `folder`.
pub fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(folder);
    without(&mut command, FOREIGN);
    command
}

/// A hotdev command in `folder`, with a runtime directory of its own.
pub(crate) fn hotdev_command(folder: &Path, runtime: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(hotdev());
    command.args(args).current_dir(folder);
    without(&mut command, FOREIGN);
    command.env("XDG_RUNTIME_DIR", runtime);
    command
}

/// Another program in `folder`, which finds the hotdev under test by its name.
pub(crate) fn beside_hotdev(folder: &Path, program: &Path, args: &[&str]) -> Command {
    let own = hotdev().parent().expect("hotdev lies in a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path)));
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    without(&mut command, FOREIGN);
    command.env("PATH", path.expect("folders of PATH hold no colon"));
    command
}

fn without(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        if prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it does not start, or takes longer than a build may.
pub fn run_to_end(command: &mut Command) -> CommandOutput {
    run_within(BUILD_LIMIT, command)
}

/// The same with another limit.
///
/// # Panics
/// When it does not start, or takes longer than that.
pub fn run_within(limit: Duration, command: &mut Command) -> CommandOutput {
    let name = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let (stdout, stderr) = (Arc::new(Log::default()), Arc::new(Log::default()));
    let readers = [
        stdout.read_output(child.stdout.take().expect("piped")),
        stderr.read_output(child.stderr.take().expect("piped")),
    ];
    let code = match wait_for(&mut child, limit) {
        Some(status) => status.code(),
        None => {
            let _ = child.kill();
            panic!("{name} did not end\n{}\n{}", stdout.tail(60), stderr.tail(60));
        }
    };
    for reader in readers {
        reader.join().expect("the reader does not panic");
    }
    let text = |log: &Log| log.seen().lines.join("\n");
    CommandOutput { code, stdout: text(&stdout), stderr: text(&stderr) }
}

/// Starts a program, waits until it prints a line that holds all of the texts, and kills it.
///
/// # Errors
/// When it does not start, or no such line comes; in words.
pub fn prints(program: &mut Command, texts: &[&str]) -> Result<String, String> {
    let mut child = (program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn())
        .map_err(|error| format!("{program:?} does not start: {error}"))?;
    let log = Arc::new(Log::default());
    log.read_output(child.stdout.take().expect("piped"));
    let line = log.wait(PRINT_LIMIT, |seen| {
        seen.lines.iter().find(|line| texts.iter().all(|text| line.contains(text))).cloned()
    });
    let _ = child.kill();
    let _ = child.wait();
    line.ok_or_else(|| format!("{program:?} prints no line with {texts:?}\n{}", log.tail(5)))
}

/// Waits for a child's end; `None` when `limit` is over.
pub(crate) fn wait_for(
    child: &mut std::process::Child,
    limit: Duration,
) -> Option<std::process::ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
