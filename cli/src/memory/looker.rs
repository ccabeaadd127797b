//! The process that looks at the program's memory: hotdev itself, started once more for it.
//!
//! What stops threads must not be stopped: not with hotdev at a terminal (Ctrl-Z), not for ever by
//! something that the stopped program itself would have to do. When this process ends, however it
//! does, the kernel lets all threads go on. It ends when its input does, so also with hotdev.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, unbounded};
use hotdev_protocol::{Survey, frame};

use super::{ATTEMPTS, FIRST_LOOK, Found, Question, STANDSTILL, Unknown, guard, unreachable};
use crate::process;

/// The one argument of such a process.
pub const LOOK: &str = "__look";

/// How long one answer may take.
const LIMIT: Duration = FIRST_LOOK.saturating_add(STANDSTILL.saturating_mul(ATTEMPTS + 1));
/// How often it is asked whether the answer is still waited for.
const TICK: Duration = Duration::from_millis(5);

type Answer = Result<Found, Unknown>;

/// See the module's head.
pub struct Looker {
    child: Child,
    questions: Option<ChildStdin>,
    answers: Receiver<Answer>,
}

impl Looker {
    /// Starts it.
    ///
    /// # Errors
    /// Where that is not possible.
    pub fn start() -> Result<Self, Unknown> {
        let mut command = Command::new("/proc/self/exe");
        command.arg(LOOK).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = process::spawn_group(&mut command)?;
        let questions = child.stdin.take();
        let (sender, answers) = bounded(1);
        if let Some(mut stdout) = child.stdout.take() {
            thread::spawn(move || {
                while let Ok(answer) = frame::read(&mut stdout) {
                    if sender.send(answer).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, questions, answers })
    }

    /// Its process, where programs have to let it look at them; otherwise 0.
    pub fn tracer(&self) -> u32 {
        // A relative that is no ancestor is a stranger then (admin-guide/LSM/Yama in the kernel).
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        if scope.trim() == "1" { self.child.id() } else { 0 }
    }

    /// Build ids of the surveyed patches to which nothing in a process refers. `family` are the
    /// program's processes; `is_wanted` says whether the answer is still waited for.
    ///
    /// # Errors
    /// Why nothing can be said.
    pub fn look(
        &mut self,
        pid: u32,
        survey: Survey,
        family: &[u32],
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<BTreeSet<Vec<u8>>, Unknown> {
        let Some(questions) = &mut self.questions else { return Err(Unknown::Interrupted) };
        let question = Question { pid, survey, family: family.to_vec() };
        // It may have ended rather than hold the program up.
        frame::write(questions, &question).map_err(|_| Unknown::Busy)?;
        let end = Instant::now() + LIMIT;
        loop {
            match self.answers.recv_timeout(TICK) {
                Ok(answer) => {
                    let found = answer?;
                    tracing::info!(pid, ms = found.still, "all threads stood still");
                    found.references.iter().for_each(|it| tracing::debug!("old code: {it}"));
                    return Ok(found.unreachable);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Unknown::Busy),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !is_wanted() {
                // It gives up, and lets the threads go on as is right for each.
                self.questions = None;
            }
            if Instant::now() > end {
                return Err(Unknown::Hidden("the search did not come to an end".into()));
            }
        }
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.questions = None;
        let end = Instant::now() + STANDSTILL;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Answers questions until there are no more; what the process is to exit with.
pub fn serve() -> u8 {
    guard::watch();
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let (sender, questions) = unbounded::<Question>();
    thread::spawn(move || {
        let mut stdin = io::stdin();
        while let Ok(question) = frame::read(&mut stdin) {
            let _ = sender.send(question);
        }
        IS_OVER.store(true, Ordering::SeqCst);
    });
    for question in questions {
        let answer: Answer = unreachable(&question, &|| !IS_OVER.load(Ordering::SeqCst));
        if frame::write(&mut io::stdout(), &answer).is_err() {
            return 1;
        }
        let _ = io::Write::flush(&mut io::stdout());
    }
    0
}
