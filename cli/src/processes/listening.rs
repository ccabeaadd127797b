//! The socket that shims connect to, and what each connection says.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use hotdev_protocol::{Called, Hello, Reply, VERSION, frame};

use super::Process;
use crate::error::{Context, Kind, Result};

/// How long a new connection may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(5);

/// What the socket reports.
#[derive(Debug)]
pub enum Contact {
    /// A process has said hello.
    Connected(Process),
    /// Its connection is gone.
    Gone(u64),
    /// A process has called functions of patches for the first time.
    Called(u32, Vec<Called>),
}

/// Listens for shims at `path` until the process ends, and reports through `contacts`.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(path: &Path, contacts: impl Fn(Contact) + Send + Clone + 'static) -> Result<()> {
    let doing = || format!("listen at {}", path.display());
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).context(Kind::System, doing)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .context(Kind::System, doing)?;
    std::thread::spawn(move || {
        for (id, stream) in listener.incoming().enumerate() {
            let (Ok(stream), contacts) = (stream, contacts.clone()) else { continue };
            std::thread::spawn(move || {
                if let Err(error) = serve(id as u64, stream, &contacts) {
                    tracing::warn!(%error, "a connection was refused");
                }
            });
        }
    });
    Ok(())
}

/// Reads one connection until it ends.
fn serve(id: u64, mut stream: UnixStream, contacts: &impl Fn(Contact)) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::other(format!("its user {} is not ours", peer.uid.as_raw())));
    }
    stream.set_read_timeout(Some(HELLO_LIMIT))?;
    let hello: Hello = frame::read(&mut stream).map_err(io::Error::other)?;
    if hello.version != VERSION {
        return Err(io::Error::other(format!(
            "its shim is of version {}, this is {VERSION}",
            hello.version
        )));
    }
    let sender = peer.pid.as_raw_nonzero().get().cast_unsigned();
    if hello.pid != sender {
        // All that is done with a process goes by its number, as this side has it.
        return Err(io::Error::other(format!(
            "process {sender} says that it is {}: it has a PID namespace of its own",
            hello.pid
        )));
    }
    stream.set_read_timeout(None)?;
    let (sender, replies) = unbounded();
    let pid = hello.pid;
    let process = Process { id, hello, stream: stream.try_clone()?, replies };
    contacts(Contact::Connected(process));
    forward(&mut stream, &sender, &|called| contacts(Contact::Called(pid, called)));
    drop(sender);
    contacts(Contact::Gone(id));
    Ok(())
}

pub(super) fn forward(
    stream: &mut UnixStream,
    replies: &Sender<Reply>,
    called: &dyn Fn(Vec<Called>),
) {
    while let Ok(reply) = frame::read(stream) {
        if let Reply::Called(functions) = reply {
            called(functions);
        } else if replies.send(reply).is_err() {
            return;
        }
    }
}

/// A folder of the session's own for its sockets, the same for every session of one project: a
/// program that outlives its session finds the next one there.
///
/// # Errors
/// When none can be made, or the one that is there belongs to somebody else.
pub fn socket_folder(target_dir: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let name = format!(
        "hotdev-{:016x}",
        hotdev_protocol::ContentHash::of(target_dir.as_os_str().as_encoded_bytes())
    );
    let base =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let in_target = target_dir.join("hotdev").join("run");
    // 107 bytes is the longest path of a socket; `/control.sock` takes 13 of them.
    let fits = |folder: &PathBuf| folder.as_os_str().len() <= 107 - 13;
    let candidates =
        [base.map(|base| base.join(&name)), Some(in_target), Some(std::env::temp_dir().join(name))];
    let folder = candidates.into_iter().flatten().find(fits).unwrap_or_default();
    let doing = || format!("make the folder {}", folder.display());
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above).context(Kind::System, doing)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).context(Kind::System, doing);
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&folder).context(Kind::System, doing)?;
    if !found.is_dir()
        || found.uid() != rustix::process::geteuid().as_raw()
        || found.mode() & 0o077 != 0
    {
        let cause = "it is there, but others can get into it";
        return Err(crate::error::Error::new(Kind::System, doing(), cause).hint("remove it"));
    }
    Ok(folder)
}
