//! Who is at the other end.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// Whether the process at the other end runs as our own user. The kernel recorded its effective
/// user when it connected (`SO_PEERCRED`, unix(7)), so it cannot say otherwise.
pub(super) fn is_us(stream: &UnixStream) -> io::Result<bool> {
    Ok(socket_peercred(stream)?.uid == geteuid())
}
