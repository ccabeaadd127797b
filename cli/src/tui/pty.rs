//! The program's own terminal: a pseudo-terminal that it controls, with the UI at the other end.

use std::io::{self, Read, Write, stdout};
use std::process::{Child, Command};

use crossbeam_channel::{Sender, unbounded};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Bytes read at once.
const PIECE: usize = 1 << 14;

/// The UI's end of it.
pub(super) struct Tty {
    master: Box<dyn MasterPty + Send>,
    input: Sender<Vec<u8>>,
}

impl Tty {
    /// Types into the program. Never waits: what it does not read yet is kept.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        let _ = self.input.send(bytes);
    }

    /// Changes its size; the program gets a SIGWINCH.
    pub(super) fn resize(&self, rows: u16, columns: u16) {
        let _ = self.master.resize(size(rows, columns));
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// Starts a program on a new terminal of (rows, columns), which it controls. What it prints goes to
/// `output`; where nobody takes it any more, to stdout.
pub(super) fn spawn(
    command: &Command,
    (rows, columns): (u16, u16),
    output: Sender<Vec<u8>>,
) -> io::Result<(Tty, Child)> {
    let pair = native_pty_system().openpty(size(rows, columns)).map_err(io::Error::other)?;
    let mut reader = pair.master.try_clone_reader().map_err(io::Error::other)?;
    let mut writer = pair.master.take_writer().map_err(io::Error::other)?;
    let child = pair.slave.spawn_command(builder(command)?).map_err(io::Error::other)?;
    drop(pair.slave);
    let child: Box<dyn portable_pty::Child> = child;
    let child = child.downcast::<Child>().map_err(|_| io::Error::other("it is no process"))?;
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = reader.read(&mut piece) {
            if output.send(piece[..length].to_vec()).is_err() {
                let _ = stdout().write_all(&piece[..length]);
                let _ = stdout().flush();
            }
        }
    });
    let (input, typed) = unbounded::<Vec<u8>>();
    std::thread::spawn(move || {
        for bytes in typed {
            if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                return;
            }
        }
    });
    Ok((Tty { master: pair.master, input }, *child))
}

/// The same command for a terminal: the emulator is hotdev's, whatever hotdev itself runs in.
fn builder(command: &Command) -> io::Result<CommandBuilder> {
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.env_clear();
    for (name, value) in std::env::vars_os() {
        builder.env(name, value);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        }
    }
    for name in ["LINES", "COLUMNS", "TMUX", "TMUX_PANE", "STY", "TERM_PROGRAM"] {
        builder.env_remove(name);
    }
    builder.env("TERM", "xterm-256color");
    builder.cwd(std::env::current_dir()?);
    Ok(builder)
}
