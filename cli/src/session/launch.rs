//! Starting the program and ending it.

use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::lent::Lent;
use super::{Event, Running, Session};
use crate::cargo::Executable;
use crate::error::{Context, Kind, Result};
use crate::process;
use crate::report::Format;

/// How long a program may take to end after SIGTERM, and after SIGINT if it got one from the terminal.
const END_LIMIT: Duration = Duration::from_secs(3);

impl Session {
    /// Starts the program with the environment that `cargo run` would give it.
    pub(super) fn launch(&mut self, executable: &Executable) -> Result<u32> {
        let program = &self.target.project.program;
        let mut command = Command::new(&executable.path);
        command
            .args(&self.options.args)
            .envs(program.env.iter().cloned())
            .env("CARGO", crate::cargo::program());
        command.envs(&self.config.app.env).env(hotdev_protocol::SOCKET_ENV, &self.socket);
        command.env("LD_LIBRARY_PATH", library_path(executable));
        if self.options.format == Format::Json {
            // Stdout belongs to the events.
            let stderr = io::stderr().as_fd().try_clone_to_owned();
            command.stdout(Stdio::from(
                stderr.context(Kind::System, || "share stderr with the program".into())?,
            ));
        }
        let doing = || format!("start {}", executable.path.display());
        let child = match &self.screen {
            Some(screen) => screen.spawn(&command),
            None => command.spawn(),
        };
        let mut child = child.context(Kind::Program, doing)?;
        let (pid, sender) = (child.id(), self.sender.clone());
        std::thread::spawn(move || {
            let _ = sender.send(Event::Ended { pid, status: child.wait().ok() });
        });
        Ok(pid)
    }

    /// Ends every process of the program: politely, then surely.
    pub(super) fn end_program(&mut self) {
        let mut pids = self.processes.pids();
        if let Running::Starting { pid } | Running::Yes { pid } = self.running
            && !pids.contains(&pid)
        {
            pids.push(pid);
        }
        pids.extend(self.take_unknown_workers());
        self.running = Running::No;
        self.chain.clear();
        (self.settle_at, self.kept_retired) = (None, 0);
        for signal in [Signal::TERM, Signal::KILL] {
            let alive: Vec<u32> =
                pids.iter().copied().filter(|pid| process::is_alive(*pid)).collect();
            if alive.is_empty() {
                break;
            }
            for pid in &alive {
                process::signal(*pid, signal);
            }
            process::wait_gone(&alive, END_LIMIT);
        }
        self.lent.iter().for_each(Lent::take_back);
        self.processes = self.processes.successor();
    }

    /// Processes of the program that connected while nobody could take them in, a fork during a
    /// build for one. They are forgotten.
    fn take_unknown_workers(&mut self) -> Vec<u32> {
        if self.build_ids.is_empty() {
            return Vec::new();
        }
        let build_ids = &self.build_ids;
        let own = self.strangers.extract_if(.., |process| {
            let images = &process.hello.images;
            build_ids.iter().all(|id| images.iter().any(|image| image.build_id == *id))
        });
        own.map(|process| process.hello.pid).collect()
    }
}

/// What `cargo run` makes of `LD_LIBRARY_PATH`.
fn library_path(executable: &Executable) -> std::ffi::OsString {
    let inherited = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let inherited = std::env::split_paths(&inherited).filter(|path| !path.as_os_str().is_empty());
    let folders = executable.library_folders.iter().cloned().chain(inherited);
    std::env::join_paths(folders).unwrap_or_default()
}
