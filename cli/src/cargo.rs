//! The real `cargo build`: the first build, and whatever only a restart can apply.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use cargo_metadata::Message;

use crate::args::Selection;
use crate::diagnostics;
use crate::error::{Context, Error, Kind, Result};
use crate::layout::Layout;
use crate::process;
use crate::project::Project;
use crate::rebuild::Cancel;
use crate::report::event::Diagnostic;
use crate::wrapper;

/// How many bytes of cargo's own error messages are kept.
const ERROR_LIMIT: usize = 4096;

/// What a build came to.
#[derive(Debug)]
pub enum Built {
    /// The program can be started.
    Program(Executable),
    /// rustc refused the files.
    CompileError(Vec<Diagnostic>),
    /// Somebody else needs the build no longer.
    Cancelled,
}

/// The program as cargo left it.
#[derive(Clone, Debug)]
pub struct Executable {
    /// Its file.
    pub path: PathBuf,
    /// Folders that `cargo run` would add to `LD_LIBRARY_PATH`.
    pub library_folders: Vec<PathBuf>,
}

/// Where cargo's own lines go: to stderr, or to somebody who shows them. Those about progress begin
/// with a word and a bar, as in `Building [===>   ] 3/12: serde`.
#[derive(Clone, Default)]
pub enum Messages {
    /// hotdev's stderr.
    #[default]
    Stderr,
    /// One call for each line, from another thread; it must not block.
    To(Arc<dyn Fn(&str) + Send + Sync>),
}

/// cargo's own program, as cargo itself names it to its subcommands.
pub fn program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Builds the project's program with hotdev as wrapper. cargo's progress goes to `messages`.
///
/// # Errors
/// When cargo cannot be started, or fails without a diagnostic.
pub fn build(
    project: &Project,
    selection: &Selection,
    layout: &Layout,
    exclude: &[String],
    messages: &Messages,
    cancel: &Cancel,
) -> Result<Built> {
    let mut command = Command::new(program());
    command.arg("build").args(selection.cargo_args()).args(target_args(project, selection));
    command.arg("--message-format=json");
    command.env("RUSTC_WORKSPACE_WRAPPER", &layout.tool);
    command.env(wrapper::STATE_ENV, &layout.state).env(wrapper::EXCLUDE_ENV, exclude.join(","));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    if let Messages::To(_) = messages {
        // cargo shows its progress to no pipe by itself.
        command.args(["--color", "never"]).stderr(Stdio::piped());
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80");
    }
    let mut child =
        process::spawn_group(&mut command).context(Kind::Build, || "start cargo".into())?;
    let stdout = child.stdout.take();
    let id = child.id();
    let guard = cancel.kills_group(id);
    let lines = pass_on(child.stderr.take(), messages);
    let output = read(stdout.map(BufReader::new), project);
    let status = child.wait().context(Kind::Build, || "wait for cargo".into())?;
    drop(guard);
    let said = lines.and_then(|lines| lines.join().ok());
    if cancel.is_set() {
        return Ok(Built::Cancelled);
    }
    if status.success() {
        return output.executable.map(Built::Program).ok_or_else(|| {
            Error::new(Kind::Build, "build the program", "cargo named no executable for it")
        });
    }
    let errors = output.diagnostics.iter().any(|diagnostic| diagnostic.level == "error");
    if errors {
        return Ok(Built::CompileError(output.diagnostics));
    }
    let cause = match said {
        Some(said) => format!("cargo ended with {status}: {}", said.trim()),
        None => format!("cargo ended with {status}; its messages are above"),
    };
    Err(Error::new(Kind::Build, "build the program", cause))
}

/// Reads cargo's lines, which end with a carriage return where the next one replaces them, and
/// gives back what it said of errors.
fn pass_on(stderr: Option<ChildStderr>, messages: &Messages) -> Option<JoinHandle<String>> {
    let (Messages::To(to), Some(stderr)) = (messages.clone(), stderr) else { return None };
    Some(std::thread::spawn(move || {
        let (mut said, mut is_error, mut line) = (String::new(), false, Vec::new());
        for byte in BufReader::new(stderr).bytes().map_while(std::result::Result::ok) {
            if byte != b'\n' && byte != b'\r' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            is_error |= text.starts_with("error");
            if is_error && said.len() < ERROR_LIMIT {
                said.extend([text.as_str(), "\n"]);
            }
            if !text.is_empty() {
                to(&text);
            }
        }
        said
    }))
}

/// Names the one target that runs, whatever else the selection leaves open.
fn target_args(project: &Project, selection: &Selection) -> Vec<String> {
    let mut args = Vec::new();
    if selection.package.is_none() {
        args.extend(["--package".into(), project.program.spec.clone()]);
    }
    if selection.bin.is_none() && selection.example.is_none() {
        let kind = if project.program.is_example { "--example" } else { "--bin" };
        args.extend([kind.into(), project.program.target.clone()]);
    }
    args
}

struct Output {
    executable: Option<Executable>,
    diagnostics: Vec<Diagnostic>,
}

fn read(stdout: Option<impl BufRead>, project: &Project) -> Output {
    let mut output = Output { executable: None, diagnostics: Vec::new() };
    let mut folders = BTreeSet::new();
    for line in stdout.into_iter().flat_map(BufRead::lines).map_while(std::result::Result::ok) {
        let Ok(message) = serde_json::from_str::<Message>(&line) else { continue };
        match message {
            Message::CompilerMessage(message) => {
                output
                    .diagnostics
                    .extend(diagnostics::from_message(&message.message, &project.root));
            }
            Message::CompilerArtifact(artifact)
                if artifact.target.name == project.program.target =>
            {
                if let Some(path) = artifact.executable {
                    output.executable =
                        Some(Executable { path: path.into(), library_folders: Vec::new() });
                }
            }
            Message::BuildScriptExecuted(script) => {
                folders.extend(
                    script
                        .linked_paths
                        .iter()
                        .filter_map(|path| native_folder(path.as_str(), project)),
                );
            }
            _ => {}
        }
    }
    if let Some(executable) = &mut output.executable {
        let own = executable.path.parent().map(Path::to_owned);
        folders.extend(own.iter().flat_map(|folder| [folder.clone(), folder.join("deps")]));
        executable.library_folders = folders.into_iter().collect();
    }
    output
}

/// cargo adds to the search path what build scripts name inside the target directory.
fn native_folder(path: &str, project: &Project) -> Option<PathBuf> {
    let path = path.split_once('=').map_or(path, |(_, path)| path);
    Path::new(path).starts_with(&project.target_dir).then(|| path.into())
}
