//! A program of several processes: the first one starts the others, and all of them work.
//! An edit goes into all of them or into none.

use std::env;
use std::io;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

mod work;

use work::Worker;

const WORKERS: u32 = 2;

fn main() -> io::Result<()> {
    if let Some(number) = env::args().nth(1).and_then(|argument| argument.parse().ok()) {
        run(Worker::new(number));
    }
    let _workers: Vec<Child> = (1..=WORKERS).map(start).collect::<io::Result<_>>()?;
    run(Worker::new(0))
}

/// Starts this program once more, as a worker.
fn start(number: u32) -> io::Result<Child> {
    Command::new(env::current_exe()?).arg(number.to_string()).spawn()
}

fn run(mut worker: Worker) -> ! {
    loop {
        println!("{}", worker.work());
        thread::sleep(Duration::from_secs(1));
    }
}
