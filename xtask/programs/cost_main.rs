//! Does a fixed amount of work whenever it is told to, and says how long that took.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

/// The processor time of this thread in nanoseconds: what others do in the meantime is not in it.
fn processor_time() -> i64 {
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    let mut time = [0; 2];
    // SAFETY: on x86-64 a `timespec` is two 64-bit numbers, and `time` has room for them.
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time[0] * 1_000_000_000 + time[1]
}

fn main() {
    let path = std::env::var("XTASK_SOCKET").expect("this program is run by `cargo xtask`");
    let mut socket = UnixStream::connect(path).expect("`cargo xtask` listens");
    writeln!(socket, "hello {}", std::process::id()).expect("`cargo xtask` reads");
    let commands = BufReader::new(socket.try_clone().expect("a second handle"));
    for rounds in commands.lines().map_while(Result::ok) {
        let rounds = rounds.parse().expect("a number of rounds");
        let begin = processor_time();
        let sum = work::run(rounds);
        let nanos = processor_time() - begin;
        std::hint::black_box(sum);
        writeln!(socket, "done {nanos}").expect("`cargo xtask` reads");
    }
}
