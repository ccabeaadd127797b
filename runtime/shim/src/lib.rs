//! The library that hotdev links into the developer's program.
//!
//! It lives in somebody else's process, so it knows as little as possible: one thread that
//! connects to the session's socket, loads a patch library when told to, checks the words that it
//! is to write, and writes them. What to write is decided by the session. A second thread tells it
//! which functions of patches have been called.
//!
//! - `agent` is the thread: connect, say hello, answer commands, connect again.
//! - `called` is the other one, which is there once a patch asks for it.
//! - `state` is what the commands change: the prepared patch and the applied ones.
//! - `plan` turns a patch into checked writes; `journal` carries them out and takes them back.
//! - `gate` keeps forks out of half-done changes.
//! - `records` is which functions of a patch have been called, and which of that has been told.
//! - `file` decides whether a library file may be loaded at all.
//! - `sys` is the only place with unsafe code.
//!
//! Without the environment variable [`hotdev_protocol::SOCKET_ENV`] nothing happens.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

mod agent;
mod called;
mod failure;
mod file;
mod gate;
mod journal;
mod plan;
mod records;
mod state;
mod sys;
