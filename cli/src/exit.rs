//! The exit codes of hotdev, the same for every command.
//!
//! Scripts and editor bindings rely on them: a code is never given another meaning.

use crate::error::{Error, Kind};

/// The program runs the files as they are now: live, or nothing to do.
pub const LIVE: u8 = 0;
/// rustc refuses the files as they are now.
pub const COMPILE_ERROR: u8 = 1;
/// Anything else that failed: a build that never reached rustc, the system, a bug.
pub const FAILURE: u8 = 1;
/// The edit cannot go into the running program, or was taken back.
pub const REFUSED: u8 = 2;
/// No session runs for this project, or it ended before it answered.
pub const NO_SESSION: u8 = 3;
/// The program is gone.
pub const PROGRAM_GONE: u8 = 4;
/// The command line is wrong (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

/// The code for an error that ends a command.
pub fn of_error(error: &Error) -> u8 {
    match error.kind {
        Kind::Usage => USAGE,
        Kind::Session => NO_SESSION,
        Kind::Program => PROGRAM_GONE,
        Kind::Config | Kind::Project | Kind::Build | Kind::Image => FAILURE,
        Kind::Link | Kind::Watch | Kind::System => FAILURE,
    }
}
