//! How `hotdev reload`, `status`, `rollback` and `restart` reach the session of a project.
//!
//! The session listens on a Unix socket and leaves a [`SessionFile`] in the target directory that
//! says where. A connection carries one [`Request`], a line of JSON; the answer is any number of
//! lines with an [`Event`](crate::report::event::Event) each, then one line with [`Done`]. A reader
//! skips lines that it does not know. Both sides talk to processes of their own user only.

pub mod client;
mod locate;
mod message;
mod peer;
pub mod server;
mod session_file;

pub use locate::{Place, locate};
pub use message::{Done, Request};
pub use session_file::SessionFile;

#[cfg(test)]
mod tests;
