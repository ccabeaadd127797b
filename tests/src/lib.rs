//! The harness of the end-to-end tests.
//!
//! A test copies a fixture workspace into a fresh directory, starts the real `hotdev watch --json`
//! there, edits files as a developer would, and reads two things: hotdev's events and the lines
//! that the running program prints. What counts is the program's output; an event alone proves
//! nothing.
//!
//! A fixture is a folder `fixtures/NAME`: the workspace in `ws/`, and beside it `steps.toml` with
//! the edits and what must be seen after each (format: [`steps`]). Scenarios that do not fit such a
//! list are Rust tests with a [`Session`].
//!
//! Programs in fixtures print a line `tick N …` every 50 ms, N counting up by one. So a lost state
//! or a secret restart shows as a tick that does not follow the one before.
//!
//! `HOTDEV_TEST_KEEP=1` keeps the copied workspaces and prints where they are;
//! `HOTDEV_TEST_BINARY=PATH` tests that hotdev instead of building one.

mod binary;
mod ending;
mod language_server;
mod log;
mod processes;
mod screen;
mod session;
pub mod steps;
pub mod terminal;
mod turn;
mod workspace;

pub use binary::{CommandOutput, cargo, prints, run_to_end, run_within};
pub use ending::Signal;
pub use language_server::LanguageServer;
pub use log::Log;
pub use processes::{is_alive, is_stopped, running_in};
pub use screen::Screen;
pub use session::Session;
pub use workspace::Workspace;

use std::{path::PathBuf, time::Duration};

/// How long a build and what follows from it may take.
pub const BUILD_LIMIT: Duration = Duration::from_secs(120);

/// How long anything else may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The folder that holds every fixture.
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
