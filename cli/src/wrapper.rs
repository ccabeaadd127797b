//! hotdev as cargo's `RUSTC_WORKSPACE_WRAPPER`: records how each hot crate is compiled, adds what
//! patching needs, and becomes rustc.
//!
//! It only ever sees workspace members, and cargo gives their output names of its own when a
//! wrapper is set. So the developer's own `cargo build` in the same target directory neither
//! disturbs nor is disturbed, and dependencies are compiled once for both.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind};
use crate::invocation::{self, CrateKind, Invocation};
use crate::layout::Layout;

/// Names the state folder to the wrapper, and makes hotdev act as one.
pub const STATE_ENV: &str = "HOTDEV_WRAPPER_STATE";
/// Packages that must not be hot, separated by commas.
pub const EXCLUDE_ENV: &str = "HOTDEV_EXCLUDE";
/// Names the state folder to the linker, and makes hotdev act as one.
pub const LINK_ENV: &str = "HOTDEV_LINK_STATE";
/// The linker that rustc would have called.
pub const LINKER_ENV: &str = "HOTDEV_LINKER";
/// Where a replayed link leaves its objects instead of linking.
pub const COLLECT_ENV: &str = "HOTDEV_COLLECT";

/// Runs rustc as cargo asked, with hotdev's additions. Returns only where rustc cannot be started.
pub fn run(state: &Path, mut args: Vec<String>) -> Error {
    if args.is_empty() {
        return Error::new(Kind::Usage, "act as rustc's wrapper", "no compiler was named");
    }
    let program = args.remove(0);
    let mut command = Command::new(&program);
    command.env_remove(STATE_ENV).env_remove(EXCLUDE_ENV);
    let kind = invocation::crate_kind(&args);
    if kind != CrateKind::Other && !is_query(&args) && !is_excluded() {
        let layout = Layout::of_state(state);
        let linker = add_options(&mut args, kind, &layout);
        if kind == CrateKind::Binary {
            command.env(LINK_ENV, state).env(LINKER_ENV, linker);
        }
        if let Err(error) =
            record(program.into(), &args, kind, &command).write(&layout.invocations())
        {
            return error;
        }
    }
    let error = command.args(&args).exec();
    Error::new(Kind::Build, "start rustc", error)
}

/// cargo asks the compiler about itself through its wrapper as well.
fn is_query(args: &[String]) -> bool {
    args.iter().any(|arg| arg == "-" || arg.starts_with("--print") || arg == "-vV")
}

fn is_excluded() -> bool {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    std::env::var(EXCLUDE_ENV).unwrap_or_default().split(',').any(|excluded| excluded == package)
}

/// Adds what patching needs and returns the linker that would have been called.
fn add_options(args: &mut Vec<String>, kind: CrateKind, layout: &Layout) -> String {
    let linker = invocation::codegen(args, "linker").unwrap_or("cc").to_owned();
    let mut options = vec![
        // Compatibility is checked on types as the debug information has them.
        "debuginfo=2".to_owned(),
        "split-debuginfo=off".to_owned(),
    ];
    if invocation::codegen(args, "lto").is_none() {
        // Without a word, rustc has an optimized crate's units share private functions, after LLVM
        // has fitted each to the calls in its own unit. Old and new code could not call each other.
        options.push("lto=off".to_owned());
        if !matches!(invocation::opt_level(args), "0" | "1") {
            // Who asks for speed gets inlining all the same: one unit has nothing to share.
            options.push("codegen-units=1".to_owned());
        }
    }
    if invocation::codegen(args, "incremental").is_none() {
        options.push(format!("incremental={}", layout.state.join("incremental").display()));
    }
    if kind == CrateKind::Binary {
        options.push(format!("linker={}", layout.tool.display()));
        // rustc would guess the flavor from the linker's file name.
        options.push("linker-flavor=gcc".into());
    }
    args.extend(options.into_iter().flat_map(|option| ["-C".to_owned(), option]));
    linker
}

fn record(program: PathBuf, args: &[String], kind: CrateKind, command: &Command) -> Invocation {
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key != STATE_ENV && key != EXCLUDE_ENV && key != "CARGO_MAKEFLAGS")
        .collect();
    let set = command
        .get_envs()
        .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value?.to_str()?.to_owned())));
    env.extend(set);
    Invocation {
        program,
        args: args.to_vec(),
        env,
        directory: std::env::current_dir().unwrap_or_default(),
        package: std::env::var("CARGO_PKG_NAME").unwrap_or_default(),
        crate_name: invocation::option(args, "--crate-name").unwrap_or_default().to_owned(),
        is_binary: kind == CrateKind::Binary,
        optimized: invocation::opt_level(args) != "0",
    }
}
