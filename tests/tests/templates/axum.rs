//! The HTTP service: connections that are open stay open over reloads, and see the new answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use hotdev_tests::{LIMIT, Session};

use super::{look, make, number_after};

/// A connection to the service.
struct Connection(BufReader<TcpStream>);

impl Connection {
    /// To where the program says that it listens.
    fn open(hot: &Session) -> Self {
        let address = hot.log().wait(LIMIT, |seen| {
            seen.lines
                .iter()
                .find_map(|line| line.strip_prefix("listening on http://"))
                .map(str::to_owned)
        });
        let address = address.unwrap_or_else(|| hot.fail("the program does not listen"));
        let stream = TcpStream::connect(address).expect("somebody listens there");
        stream.set_read_timeout(Some(LIMIT)).expect("a connection can have a limit");
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("the connection is open");
    }

    /// One line of an answer, without its end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).expect("an answer comes in time");
        assert_ne!(length, 0, "the connection was closed");
        line.trim_end().to_owned()
    }

    /// Asks for the page on this connection, which stays open.
    fn page(&mut self) -> String {
        self.ask("/");
        assert_eq!(self.line(), "HTTP/1.1 200 OK");
        let mut length = 0;
        loop {
            let line = self.line();
            match line.strip_prefix("content-length: ") {
                Some(number) => length = number.parse().expect("a number"),
                None if line.is_empty() => break,
                None => {}
            }
        }
        let mut page = vec![0; length];
        self.0.read_exact(&mut page).expect("the whole answer");
        String::from_utf8(page).expect("text")
    }

    /// Waits for an event with a text.
    fn event(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.starts_with("data: ") && line.contains(text) {
                return line;
            }
        }
    }
}

#[test]
fn axum_keeps_its_connections_and_its_state() {
    let workspace = make("axum");
    let said = look(&workspace);
    assert!(said.contains("axum      0.") && said.ends_with("next: hotdev watch"), "{said}");
    let mut hot = Session::start_in(workspace, &["--", "127.0.0.1:0"]);
    let (mut pages, mut events) = (Connection::open(&hot), Connection::open(&hot));
    assert_eq!(pages.page(), "hello, you are visitor 1\n");
    events.ask("/events");
    let before = number_after(&events.event("1 visits"), "event ");

    hot.edit("src/pages.rs", "hello, you are visitor {visits}", "welcome, number {visits}");
    hot.expect_verdict("live");
    assert_eq!(pages.page(), "welcome, number 2\n");

    hot.edit("src/pages.rs", "event {number}: {visits} visits", "news {number}: {visits} so far");
    hot.expect_verdict("live");
    assert!(number_after(&events.event("2 so far"), "news ") > before);

    // A handler that waits for something is another future than it was.
    let (old, new) =
        ("    hello(visits)\n", "    tokio::task::yield_now().await;\n    hello(visits + 100)\n");
    hot.edit("src/pages.rs", old, new);
    hot.expect_verdict("live");
    assert_eq!(pages.page(), "welcome, number 103\n");

    // As README.md has it.
    hot.edit("src/pages.rs", "visits: AtomicU32,", "visits: AtomicU32,\n    more: u32,");
    hot.expect_verdict("refused");
    assert_eq!(pages.page(), "welcome, number 104\n");
    hot.edit("src/pages.rs", "visits: AtomicU32,\n    more: u32,", "visits: AtomicU32,");
    hot.expect_verdict("unchanged");
    hot.edit(
        "src/main.rs",
        ".route(\"/events\"",
        ".route(\"/new\", get(pages::home)).route(\"/events\"",
    );
    let live = hot.expect_verdict("live");
    assert!(live["notes"].to_string().contains("router waits"), "{live}");
    events.event("4 so far");
    hot.end();
}
