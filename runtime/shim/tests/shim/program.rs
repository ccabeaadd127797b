//! A running program and what it prints.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use hotdev_protocol::SOCKET_ENV;

use crate::build::parts;

/// How long the tests wait for anything. Only a failure takes that long.
pub const LIMIT: Duration = Duration::from_secs(30);

/// One of the test's own programs. It is killed with the test; its children die with it.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts it, under the session at `socket` or without any.
    pub fn start(socket: Option<&Path>) -> Self {
        let mut command = Command::new(&parts().program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).env_remove(SOCKET_ENV);
        if let Some(socket) = socket {
            command.env(SOCKET_ENV, socket);
        }
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program itself prints `number`, counting from now.
    pub fn prints(&self, number: i32) {
        self.process_prints(self.pid(), number);
    }

    /// The same for a child of it.
    pub fn process_prints(&self, pid: u32, number: i32) {
        // What is in the pipe was printed before.
        while self.lines.try_recv().is_ok() {}
        let expected = format!("{pid} {number}");
        let mut last = String::new();
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) if line == expected => return,
                Ok(line) => last = line,
                Err(error) => panic!("waited for `{expected}`, last was `{last}`: {error}"),
            }
        }
        panic!("waited for `{expected}`, last was `{last}`");
    }

    /// Asks it to fork.
    pub fn fork(&self) {
        self.signal("-USR1");
    }

    /// Asks it to close the descriptors that are not its own, and waits until it has.
    pub fn close_descriptors(&self) {
        self.signal("-USR2");
        let kept = format!("/proc/{}/fd/3", self.pid());
        let begin = Instant::now();
        while fs::read_link(&kept).ok().is_none_or(|file| file != Path::new("/dev/null")) {
            assert!(begin.elapsed() < LIMIT, "waited for {kept} to be /dev/null");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// How often a thread has gone to sleep.
    pub fn switches(&self, thread: &str) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let mut statuses =
            tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
        let status = statuses.find(|status| status.contains(&format!("Name:\t{thread}\n")));
        let status = status.expect("the thread is there");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// The names of its threads.
    pub fn threads(&self) -> Vec<String> {
        fs::read_dir(format!("/proc/{}/task", self.pid()))
            .unwrap()
            .map(|task| {
                fs::read_to_string(task.unwrap().path().join("comm")).unwrap().trim().to_owned()
            })
            .collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
