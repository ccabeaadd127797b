//! The hotdev that is measured, and cargo as a developer would call it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The cargo that runs this task.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// The hotdev that was asked for, or the one of this workspace, built in release.
pub fn hotdev(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = asked {
        ensure!(path.is_file(), "--hotdev {}: there is no such file", path.display());
        return path.canonicalize().context("failed to find hotdev");
    }
    eprintln!("building hotdev in release");
    let output = Command::new(cargo())
        .args(["build", "--release", "--package", "hotdev-cli", "--bin", "hotdev"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()
        .context("failed to start cargo")?;
    ensure!(output.status.success(), "failed to build hotdev: cargo ended with {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let made = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = made
        .filter(|message| message["target"]["name"] == "hotdev")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    let Some(executable) = executable else { bail!("cargo built hotdev and named no executable") };
    Ok(executable)
}

/// A command in a developer's environment: without what cargo set to run this task.
pub fn command(program: impl Into<OsString>, folder: &Path) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(folder);
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        let ours = name.starts_with("CARGO") && name != "CARGO_HOME";
        if ours || ["RUSTFLAGS", "RUST_RECURSION_COUNT", "LD_LIBRARY_PATH"].contains(&&*name) {
            command.env_remove(&key);
        }
    }
    command
}

/// Whether a program can be found.
pub fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
