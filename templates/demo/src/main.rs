//! Counts. Everything it says comes from functions that can change while it does.

use std::time::Duration;

fn main() {
    let mut count = 0;
    loop {
        count += 1;
        println!("{}", line(count));
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn line(count: u32) -> String {
    format!("{} {}", greeting(), step(count))
}

fn greeting() -> &'static str {
    "hello, this is number"
}

fn step(count: u32) -> u32 {
    count
}
