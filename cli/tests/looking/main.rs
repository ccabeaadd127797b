//! The process that looks at a program's memory (`hotdev __look`), and programs that are looked at: what
//! they wait for, what they do meanwhile, and how the looking ends must make no difference to them.
//!
//! Questions are what `memory::Question` is on the wire.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hotdev_protocol::{Survey, Surveyed, frame};

/// How long anything may take. Only a failure takes that long.
const LIMIT: Duration = Duration::from_secs(20);

/// A program that runs, and its lines.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(built());
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// Waits for `count` lines from now on; the last of them. No call may have been interrupted.
    fn goes_on(&self, count: usize) {
        while self.lines.try_recv().is_ok() {}
        for _ in 0..count {
            let line = self.lines.recv_timeout(LIMIT).expect("the program goes on");
            assert!(line.ends_with(" 0"), "{line}");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("looked-at");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/looking/program.c");
        // What resolves a function at its first call leaves its arguments on the stack: addresses.
        let done =
            Command::new("cc").args(["-pthread", "-Wl,-z,now", "-o"]).arg(&to).arg(from).status();
        assert!(done.unwrap().success());
        to
    })
}

/// Somebody who looks.
struct Looker {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<Answer>,
}

type Answer = Result<(Vec<Vec<u8>>, Vec<String>, f64), Unknown>;

impl Looker {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotdev"));
        command.arg("__look").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let questions = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            while let Ok(answer) = frame::read(&mut stdout) {
                let _ = sender.send(answer);
            }
        });
        Self { child, questions, answers }
    }

    /// Has it look for what stands for a patch in the program.
    fn ask(&mut self, pid: u32) {
        let begin = 0x1234_5600_0000;
        let patch = Surveyed {
            build_id: vec![7],
            begin,
            end: begin + 0x4000,
            record: begin + 0x10000,
            needs: Vec::new(),
        };
        let survey = Survey { patches: vec![patch], ..Survey::default() };
        let family: Vec<u32> = Vec::new();
        let _ = frame::write(&mut self.questions, &(pid, survey, family));
    }

    /// Whether it has found the answer; none where it ended without one.
    fn answer(&mut self) -> Option<bool> {
        let answer = match self.answers.recv_timeout(LIMIT) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("no answer, and no end"),
        };
        match answer {
            Ok((found, ..)) => {
                assert_eq!(found, [vec![7]]);
                Some(true)
            }
            // It is about to be another program, or a new one.
            Err(Unknown::Hidden(why))
                if !["os error", "fill", "said to be"].iter().any(|it| why.contains(it)) =>
            {
                panic!("{why}")
            }
            Err(_) => Some(false),
        }
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `memory::Unknown` on the wire.
#[derive(Debug, serde::Deserialize)]
enum Unknown {
    Busy,
    Interrupted,
    Hidden(String),
}

#[test]
fn no_wait_of_the_program_ends_early() {
    are_not_noticed(30, &[]);
}

/// Whoever traces a thread makes the kernel deliver what nobody would take.
#[test]
fn signals_that_nobody_takes_wake_no_thread() {
    are_not_noticed(10, &["signals"]);
}

/// Has so many looks find what they look for.
fn are_not_noticed(looks: usize, args: &[&str]) {
    let program = Program::start(args);
    program.goes_on(3);
    let (mut looker, begin, mut found) = (Looker::start(), Instant::now(), 0);
    while found < looks {
        assert!(begin.elapsed() < LIMIT * 3, "found only {found} times");
        looker.ask(program.child.id());
        found += usize::from(looker.answer().expect("it lives"));
    }
    program.goes_on(10);
}

/// A call that is under way for long and has done a part of its work would come back with that part.
#[test]
fn no_transfer_of_the_program_ends_early() {
    for call in ["tw", "tr"] {
        let program = Program::start(&[call]);
        program.goes_on(3);
        let mut looker = Looker::start();
        for _ in 0..10 {
            looker.ask(program.child.id());
            looker.answer().expect("it lives");
        }
        program.goes_on(3);
    }
}

#[test]
fn a_program_that_replaces_itself_is_not_held_up() {
    let program = Program::start(&["again"]);
    program.goes_on(2);
    let mut looker = Looker::start();
    let end = Instant::now() + Duration::from_secs(8);
    let mut asked = 0;
    while Instant::now() < end {
        looker.ask(program.child.id());
        asked += 1;
        if looker.answer().is_none() {
            looker = Looker::start();
        }
        if asked % 20 == 0 {
            program.goes_on(1);
        }
    }
    program.goes_on(3);
}

#[test]
fn a_looker_that_is_killed_lets_the_program_go_on() {
    let program = Program::start(&["again"]);
    for round in 0..40_u64 {
        let mut looker = Looker::start();
        looker.ask(program.child.id());
        std::thread::sleep(Duration::from_micros(1500 + round * 400));
        looker.child.kill().unwrap();
        looker.child.wait().unwrap();
        while program.lines.try_recv().is_ok() {}
        program.lines.recv_timeout(LIMIT).expect("the program goes on");
        let tasks = std::fs::read_dir(format!("/proc/{}/task", program.child.id())).unwrap();
        for task in tasks.flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            assert!(!stat.contains(") t ") && !stat.contains(") T "), "{stat}");
        }
    }
}
