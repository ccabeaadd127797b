//! hotdev: patches running Rust programs on every save.
//!
//! The modules, in the order in which an edit goes through them:
pub mod args;
pub mod config;
pub mod project;
pub mod layout;
pub mod cargo;
pub mod wrapper;
pub mod invocation;
pub mod images;
pub mod session;
pub mod watch;
pub mod changes;
pub mod workshop;
pub mod graph;
pub mod rebuild;
pub mod units;
pub mod check;
pub mod patch;
pub mod plan;
pub mod program;
pub mod processes;
pub mod control;
pub mod report;
pub mod diagnostics;
pub mod elf;
pub mod error;
pub mod exit;
pub mod init;
pub mod logging;
pub mod process;
pub mod symbol_name;
mod commands;
mod demo;

pub use commands::main;
