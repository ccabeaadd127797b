//! The exact rustc call of a crate, learned by standing in for cargo's `RUSTC_WORKSPACE_WRAPPER`
//! once, to be replayed without cargo.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{children, tool};

const FOLDER: &str = "XTASK_RECORD";

/// Where calls are written, in a process that cargo started as a wrapper.
pub fn folder() -> Option<OsString> {
    env::var_os(FOLDER)
}

/// One call of rustc.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    args: Vec<String>,
    env: Vec<(String, String)>,
    directory: PathBuf,
}

/// Stands in for rustc: writes the call down and becomes it.
pub fn run(folder: &OsString) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(at) = args.iter().position(|arg| arg == "--crate-name")
        && let Some(name) = args.get(at + 1).filter(|name| *name != "___")
    {
        let env = env::vars().filter(|(key, _)| key != FOLDER && key != "CARGO_MAKEFLAGS");
        let directory = env::current_dir().unwrap_or_default();
        let call = Call { args: args.clone(), env: env.collect(), directory };
        let path = Path::new(folder).join(format!("{name}.json"));
        if let Err(error) = serde_json::to_vec(&call).map(|text| std::fs::write(&path, text)) {
            eprintln!("failed to record {name}: {error}");
        }
    }
    let Some((program, rest)) = args.split_first() else { return ExitCode::FAILURE };
    eprintln!("{}", Command::new(program).args(rest).env_remove(FOLDER).exec());
    ExitCode::FAILURE
}

/// Builds a workspace and gives the call of one of its crates.
pub fn learn(workspace: &Path, crate_name: &str) -> Result<Call> {
    let calls = workspace.join("calls");
    std::fs::create_dir_all(&calls).context("failed to make a folder")?;
    let own = env::current_exe().context("failed to find this program")?;
    let mut build = tool::command(tool::cargo(), workspace);
    build.args(["build", "--quiet"]).env("RUSTC_WORKSPACE_WRAPPER", own).env(FOLDER, &calls);
    children::time(&mut build, "build with a recorder", crate::bench::BUILD_LIMIT)?;
    let text = std::fs::read(calls.join(format!("{crate_name}.json")))
        .with_context(|| format!("cargo did not compile {crate_name}"))?;
    serde_json::from_slice(&text).context("failed to read a recorded call")
}

impl Call {
    /// The command, with a linker that does nothing: what is left is the compiler.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.args[0]);
        command.args(&self.args[1..]).args(["-C", "linker=true", "-C", "linker-flavor=gcc"]);
        command.env_clear().envs(self.env.iter().map(|(key, value)| (key, value)));
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }
}
