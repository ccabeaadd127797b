//! Does a fixed amount of work whenever it is told to, and says how long that took.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

fn main() {
    let path = std::env::var("XTASK_SOCKET").expect("this program is run by `cargo xtask`");
    let mut socket = UnixStream::connect(path).expect("`cargo xtask` listens");
    writeln!(socket, "hello {}", std::process::id()).expect("`cargo xtask` reads");
    let commands = BufReader::new(socket.try_clone().expect("a second handle"));
    for rounds in commands.lines().map_while(Result::ok) {
        let rounds = rounds.parse().expect("a number of rounds");
        let begin = Instant::now();
        let sum = work::run(rounds);
        let nanos = begin.elapsed().as_nanos();
        std::hint::black_box(sum);
        writeln!(socket, "done {nanos}").expect("`cargo xtask` reads");
    }
}
