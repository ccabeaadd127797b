//! hotdev: patches running Rust programs on every save.
//!
//! The modules, in the order in which an edit goes through them:
pub mod archives;
pub mod args;
pub mod cargo;
pub mod changes;
pub mod check;
mod commands;
pub mod config;
pub mod control;
mod demo;
pub mod diagnostics;
pub mod elf;
pub mod error;
pub mod exit;
pub mod graph;
pub mod images;
pub mod init;
pub mod invocation;
pub mod layout;
pub mod logging;
pub mod patch;
pub mod plan;
pub mod process;
pub mod processes;
pub mod program;
pub mod project;
pub mod reach;
pub mod rebuild;
pub mod report;
pub mod session;
pub mod symbol_name;
pub mod types;
pub mod units;
pub mod watch;
pub mod workshop;
pub mod wrapper;

pub use commands::main;
