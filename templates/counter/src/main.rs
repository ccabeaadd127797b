//! Counts, a line a second. The count is the state that every edit leaves as it is.

use std::thread;
use std::time::Duration;

mod counter;

use counter::Counter;

fn main() {
    let mut counter = Counter::default();
    loop {
        counter.step();
        println!("{}", counter.line());
        thread::sleep(Duration::from_secs(1));
    }
}
