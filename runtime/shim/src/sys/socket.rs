//! The connection to the session.
//!
//! There is at most one in a process, and its descriptor is known outside of the thread that uses
//! it: a forked child has to close its copy. Programs that close all descriptors (daemons do) may
//! close ours too and get its number for a file of their own, so each use looks at it first.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem::{self, ManuallyDrop},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt},
            net::UnixStream,
        },
    },
    path::Path,
    sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::gate;

const NONE: RawFd = -1;

/// The connection's descriptor and the inode it stands for. Only changed inside of the gate.
static DESCRIPTOR: AtomicI32 = AtomicI32::new(NONE);
static INODE: AtomicU64 = AtomicU64::new(0);

/// Whether one of the shim's threads is writing. Frames must not be mixed.
static WRITING: AtomicBool = AtomicBool::new(false);
/// How often the agent's thread looks whether the other one has written, which never blocks.
const LOOK: Duration = Duration::from_micros(100);

/// The process's connection. Only the agent's thread opens one, and one at a time.
pub struct Connection(ManuallyDrop<UnixStream>);

impl Connection {
    /// Connects to the socket at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let connection = Self::unconnected()?;
        let (address, len) = address_of(path)?;
        // SAFETY: `address` is live and initialized, and `len` is not over its size.
        let done =
            unsafe { libc::connect(connection.0.as_raw_fd(), (&raw const address).cast(), len) };
        if done == 0 { Ok(connection) } else { Err(io::Error::last_os_error()) }
    }

    fn unconnected() -> io::Result<Self> {
        let _pass = gate::enter();
        // SAFETY: socket takes no pointers.
        let descriptor =
            unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was opened just now and has no other owner.
        let stream = unsafe { OwnedFd::from_raw_fd(descriptor) };
        INODE.store(inode_of(descriptor).unwrap_or(0), Ordering::Relaxed);
        DESCRIPTOR.store(descriptor, Ordering::Release);
        Ok(Self(ManuallyDrop::new(stream.into())))
    }

    /// The user at the other end.
    pub fn peer(&self) -> io::Result<u32> {
        let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
        let mut len = mem::size_of_val(&peer) as libc::socklen_t;
        // SAFETY: `peer` and `len` are live, and `len` is the size of `peer`.
        let done = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut peer).cast(),
                &mut len,
            )
        };
        if done == 0 { Ok(peer.uid) } else { Err(io::Error::last_os_error()) }
    }

    /// Runs `write` while nobody else writes.
    pub fn alone<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        while WRITING.swap(true, Ordering::Acquire) {
            thread::sleep(LOOK);
        }
        let result = write(self);
        WRITING.store(false, Ordering::Release);
        result
    }

    fn stream(&self) -> io::Result<&UnixStream> {
        if still_ours() { Ok(&self.0) } else { Err(io::ErrorKind::NotConnected.into()) }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream()?.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A closed connection is an error here, not a signal: the thread has SIGPIPE blocked.
        self.stream()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _pass = gate::enter();
        close_ours();
    }
}

/// Writes all of `bytes` to the connection, or nothing where that would have to wait. For the thread
/// that the connection does not belong to, inside of the gate.
pub fn send_whole(bytes: &[u8]) -> io::Result<()> {
    if WRITING.swap(true, Ordering::Acquire) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let result = send(bytes);
    WRITING.store(false, Ordering::Release);
    result
}

fn send(bytes: &[u8]) -> io::Result<()> {
    if !still_ours() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    let descriptor = DESCRIPTOR.load(Ordering::Acquire);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the bytes are live, and the descriptor is a socket of ours.
    let sent = unsafe { libc::send(descriptor, bytes.as_ptr().cast(), bytes.len(), flags) };
    match usize::try_from(sent) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(sent) if sent == bytes.len() => Ok(()),
        Ok(_) => {
            // Half a frame: nothing can follow it. The agent's thread sees the end and connects anew.
            // SAFETY: shutdown takes no pointers; the descriptor is as above.
            unsafe { libc::shutdown(descriptor, libc::SHUT_RDWR) };
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

/// In a forked child: whoever was writing is not there.
pub fn forget_writer() {
    WRITING.store(false, Ordering::Relaxed);
}

/// Closes this process's descriptor of the connection, if it is still that. To be called inside
/// of the gate; in a forked child it leaves the parent's connection alone.
pub fn close_ours() {
    let ours = still_ours();
    let descriptor = DESCRIPTOR.swap(NONE, Ordering::AcqRel);
    if ours {
        // SAFETY: the descriptor is the connection's, which `Connection` never closes itself, and
        // the swap above makes this the only place that does.
        drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    }
}

fn still_ours() -> bool {
    let inode = inode_of(DESCRIPTOR.load(Ordering::Acquire));
    inode.is_some_and(|inode| inode == INODE.load(Ordering::Relaxed))
}

/// The inode of an open socket.
fn inode_of(descriptor: RawFd) -> Option<u64> {
    if descriptor == NONE {
        return None;
    }
    // SAFETY: fstat is all that is done with the number, whatever it stands for, and
    // `ManuallyDrop` keeps it from being closed.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
    let about = file.metadata().ok()?;
    about.file_type().is_socket().then(|| about.ino())
}

fn address_of(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    // SAFETY: sockaddr_un is plain data, for which all zeros is a valid value.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = path.as_os_str().as_bytes();
    // One byte is left for the zero at the end.
    if bytes.is_empty() || bytes.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = from.cast_signed();
    }
    Ok((address, mem::size_of_val(&address) as libc::socklen_t))
}
