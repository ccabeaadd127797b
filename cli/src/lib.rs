//! hotdev: patches running Rust programs on every save.
//!
//! The modules, in the order in which an edit goes through them.

// The command line and the project.
pub mod args;
pub mod config;
pub mod project;
pub mod layout;

// The first build and the first link.
pub mod cargo;
mod cargo_config;
pub mod wrapper;
pub mod invocation;
pub mod images;

// From a save to a patch.
pub mod watch;
pub mod changes;
pub mod graph;
pub mod rebuild;
pub mod diagnostics;
pub mod units;
pub mod index;
pub mod types;
pub mod source;
pub mod check;
pub mod archives;
pub mod patch;
pub mod program;
pub mod plan;
pub mod reach;
pub mod workshop;

// Into the running processes, and what is said about it.
pub mod calls;
pub mod processes;
pub mod chain;
mod memory;
pub mod session;
pub mod control;
pub mod report;
pub mod tui;

// Used by all of them.
pub mod elf;
pub mod error;
pub mod exit;
pub mod logging;
mod mishap;
pub mod process;
pub mod symbol_name;

mod commands;
mod demo;
pub mod doctor;
pub mod editors;
pub mod generated;
pub mod init;
mod lsp;
pub mod templates;

pub use commands::main;
