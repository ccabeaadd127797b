//! Eight threads that call what is patched, and check every answer.
//!
//! Before a save this program is told the newest version that can come (`ceiling`), and after hotdev
//! has said that it is live, the oldest that may (`floor`). An answer has to lie between them, and a
//! thread never sees an older one than before. When all threads have had the newest version from
//! every probe, the program says so (`seen`).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use work::Speak;

const THREADS: usize = 8;
const PROBES: usize = 9;
/// Unwinding is slow beside the rest.
const PANIC_EVERY: u64 = 32;

static FLOOR: AtomicU64 = AtomicU64::new(0);
static CEILING: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicU64 = AtomicU64::new(0);
static SEEN: [[AtomicU64; PROBES]; THREADS] = [const { [const { AtomicU64::new(0) }; PROBES] }; THREADS];

/// What one thread has and has seen.
struct Caller {
    thread: usize,
    round: u64,
    last: [u64; PROBES],
    count: u64,
    /// Made before any patch.
    object: Box<dyn Speak>,
    pointer: fn() -> u64,
    say: Sender<String>,
}

impl Caller {
    fn new(thread: usize, say: Sender<String>) -> Self {
        let (object, pointer) = (work::object(), work::plain as fn() -> u64);
        Self { thread, round: 0, last: [0; PROBES], count: 0, object, pointer, say }
    }

    fn run(mut self) {
        loop {
            self.round += 1;
            for probe in 0..PROBES {
                self.probe(probe);
            }
            self.count_only_grows();
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn probe(&mut self, probe: usize) {
        if probe == 8 && self.round % PANIC_EVERY != 0 {
            return;
        }
        let floor = FLOOR.load(SeqCst);
        let version = self.ask(probe);
        let ceiling = CEILING.load(SeqCst);
        CALLS.fetch_add(1, SeqCst);
        let Some(version) = version else {
            return self.wrong(&format!("probe {probe} gave an answer that is no version"));
        };
        let floor = floor.max(self.last[probe]);
        if !(floor..=ceiling).contains(&version) {
            self.wrong(&format!("probe {probe} gave {version}, not {floor} to {ceiling}"));
        }
        self.last[probe] = version;
        SEEN[self.thread][probe].store(version, SeqCst);
    }

    /// The version that a probe gives; nothing where its answer contradicts itself.
    fn ask(&self, probe: usize) -> Option<u64> {
        match probe {
            0 => Some(work::plain()),
            1 => work::deep(4).whole(),
            2 => self.object.speak(self.round).whole(),
            3 => Some((self.pointer)()),
            4 => work::generic(self.round).whole(),
            5 => of_one_save(&work::texts(12)),
            6 => Some(work::closure()()),
            7 => work::changing().whole(),
            _ => panicked(self.round),
        }
    }

    /// A static keeps its value in every generation.
    fn count_only_grows(&mut self) {
        let count = work::count();
        if count <= self.count {
            self.wrong(&format!("a counter went from {} to {count}", self.count));
        }
        self.count = count;
    }

    fn wrong(&self, text: &str) {
        let _ = self.say.send(format!("wrong thread {}: {text}", self.thread));
    }
}

/// The first version of a list that one call made. The call may have been under way when the next
/// went live: a closure is called anew for each text.
fn of_one_save(texts: &[String]) -> Option<u64> {
    let numbers = texts.iter().map(|text| text.strip_prefix("version ")?.parse().ok());
    let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    (numbers.is_sorted() && last <= first + 1).then_some(first)
}

fn panicked(round: u64) -> Option<u64> {
    let payload = catch_unwind(|| work::panics(round)).err()?;
    PANICS.fetch_add(1, SeqCst);
    payload.downcast_ref::<u64>().copied()
}

/// Says `seen` whenever all threads have had a version that is live.
fn watch(say: &Sender<String>) {
    let mut said = 0;
    loop {
        let all = SEEN.iter().flatten().map(|seen| seen.load(SeqCst)).min().unwrap_or(0);
        if all > said {
            said = all;
            let _ = say.send(format!("seen {said}"));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn obey(line: &str, say: &Sender<String>) {
    let (word, number) = line.split_once(' ').unwrap_or((line, ""));
    match (word, number.parse()) {
        ("ceiling", Ok(number)) => CEILING.store(number, SeqCst),
        ("floor", Ok(number)) => FLOOR.store(number, SeqCst),
        _ => {}
    }
    let _ = say.send(format!("done {line} {} {}", CALLS.load(SeqCst), PANICS.load(SeqCst)));
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let path = std::env::var("XTASK_SOCKET").expect("this program is run by `cargo xtask`");
    let mut socket = UnixStream::connect(path).expect("`cargo xtask` listens");
    let commands = BufReader::new(socket.try_clone().expect("a second handle"));
    let (say, lines) = channel();
    let _ = say.send(format!("hello {}", std::process::id()));
    for thread in 0..THREADS {
        let caller = Caller::new(thread, say.clone());
        thread::spawn(move || caller.run());
    }
    let watcher = say.clone();
    thread::spawn(move || watch(&watcher));
    thread::spawn(move || {
        commands.lines().map_while(Result::ok).for_each(|line| obey(&line, &say));
        std::process::exit(0);
    });
    for line in lines {
        writeln!(socket, "{line}").expect("`cargo xtask` reads");
    }
}
