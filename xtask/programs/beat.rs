//! Tells the measuring side which code runs here, over the socket that it named.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

pub struct Beat {
    socket: UnixStream,
    last: Option<u64>,
}

impl Beat {
    /// Connects and says who this is. The process ends when the other side does.
    pub fn connect() -> Self {
        let path = std::env::var("XTASK_SOCKET").expect("this program is run by `cargo xtask`");
        let mut socket = UnixStream::connect(path).expect("`cargo xtask` listens");
        writeln!(socket, "hello {}", std::process::id()).expect("`cargo xtask` reads");
        let commands = BufReader::new(socket.try_clone().expect("a second handle"));
        std::thread::spawn(move || {
            commands.lines().map_while(Result::ok).for_each(drop);
            std::process::exit(0);
        });
        Self { socket, last: None }
    }

    /// Says a marker that is another than the last one.
    pub fn show(&mut self, marker: u64) {
        if self.last.replace(marker) != Some(marker) {
            writeln!(self.socket, "marker {marker}").expect("`cargo xtask` reads");
        }
    }
}
