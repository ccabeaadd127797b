//! `hotdev demo`: a small program, patched before the user's eyes.
//!
//! Nothing here is staged: it runs `hotdev watch` on a project in a temporary folder, edits the
//! project's file, and believes only what the program itself prints.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use rustix::process::Signal;

use crate::error::{Context, Error, Kind, Result};
use crate::exit;
use crate::process;
use crate::report::event::Event;

const MANIFEST: &str = include_str!("../../templates/demo/Cargo.toml");
const SOURCE: &str = include_str!("../../templates/demo/src/main.rs");

/// How long the first build may take on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(300);
/// How long the program may take to show an edit.
const EDIT_LIMIT: Duration = Duration::from_secs(60);
/// How long the session may take to end the program and itself.
const END_LIMIT: Duration = Duration::from_secs(20);
/// How long a viewer gets to see what happens.
const PAUSE: Duration = Duration::from_secs(4);

/// One edit: what is said about it, the text and its replacement, and what the program's output
/// must hold afterwards; nothing where the edit must not go in.
struct Edit {
    says: &'static str,
    from: &'static str,
    to: &'static str,
    shows: Option<&'static str>,
}

const EDITS: [Edit; 4] = [
    Edit {
        says: "another text in `greeting`, which a loop in `main` calls that never returns",
        from: "hello, this is number",
        to: "patched, and still counting:",
        shows: Some("patched, and still counting: "),
    },
    Edit {
        says: "a new function, called from `step`",
        from: "    count\n}",
        to: "    thousands(count)\n}\n\nfn thousands(count: u32) -> u32 {\n    count + 1000\n}",
        shows: Some("counting: 10"),
    },
    Edit {
        says: "a mistake, which must not disturb the program",
        from: "count + 1000",
        to: "count + \"1000\"",
        shows: None,
    },
    Edit {
        says: "the mistake mended",
        from: "count + \"1000\"",
        to: "count + 2000",
        shows: Some("counting: 20"),
    },
];

/// Runs the demo until Ctrl-C; with `once`, one edit, and the exit code says whether the running
/// program showed it. With `keep`, the project's folder stays.
///
/// # Errors
/// When the project cannot be made, or an edit does not show in time.
pub fn run(once: bool, keep: bool) -> Result<u8> {
    let folder = tempfile::Builder::new().prefix("hotdev-demo-").tempdir();
    let folder = folder.context(Kind::System, || "make a folder for the demo".into())?;
    let demo = Demo::start(folder.path())?;
    if keep {
        println!("The project stays in {}.", folder.keep().display());
    }
    demo.wait_for_line("number", BUILD_LIMIT)?;
    if once {
        demo.edit(&EDITS[0])?;
        println!("demo: the running program shows the edit");
        return Ok(exit::LIVE);
    }
    demo.show()
}

struct Demo {
    source: PathBuf,
    session: Child,
    /// Lines of the program; cargo's progress among them.
    lines: Receiver<String>,
    events: Receiver<Event>,
}

impl Demo {
    fn start(folder: &Path) -> Result<Self> {
        let doing = || format!("make the demo's project in {}", folder.display());
        let source = folder.join("src/main.rs");
        fs::create_dir_all(folder.join("src")).context(Kind::System, doing)?;
        fs::write(folder.join("Cargo.toml"), MANIFEST).context(Kind::System, doing)?;
        fs::write(&source, SOURCE).context(Kind::System, doing)?;
        let hotdev =
            std::env::current_exe().context(Kind::System, || "find hotdev itself".into())?;
        let mut command = Command::new(hotdev);
        command
            .args(["watch", "--json", "--target-dir"])
            .arg(folder.join("target"))
            .current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut session =
            command.spawn().context(Kind::System, || "start `hotdev watch`".into())?;
        let lines = read(session.stderr.take(), Some);
        let events = read(session.stdout.take(), |line| serde_json::from_str(&line).ok());
        Ok(Self { source, session, lines, events })
    }

    /// Goes through all edits, over and over, until the session ends with Ctrl-C.
    fn show(&self) -> Result<u8> {
        loop {
            for edit in &EDITS {
                self.print_for(PAUSE)?;
                println!("\n  edit: {}", edit.says);
                self.edit(edit)?;
            }
            self.print_for(PAUSE)?;
            println!("\n  and from the beginning");
            self.write(SOURCE)?;
        }
    }

    /// Makes one edit and waits until the program shows it, or hotdev has said why it does not.
    fn edit(&self, edit: &Edit) -> Result<()> {
        let text = fs::read_to_string(&self.source)
            .context(Kind::System, || "read the demo's source".into())?;
        let begin = Instant::now();
        self.write(&text.replacen(edit.from, edit.to, 1))?;
        loop {
            match self.next_event()? {
                Event::Live { functions, ms, .. } if edit.shows.is_some() => {
                    println!("  live in {:.0} ms: {}", ms.total, functions.join(", "));
                    break;
                }
                Event::CompileError { diagnostics } if edit.shows.is_none() => {
                    let message = diagnostics.first().map_or("", |diagnostic| &diagnostic.message);
                    println!("  not applied, the program runs on: {message}");
                    return Ok(());
                }
                Event::CompileError { .. } | Event::Refused { .. } | Event::Exited { .. } => {
                    return Err(Error::new(
                        Kind::Program,
                        "patch the demo",
                        "hotdev did not apply the edit",
                    ));
                }
                _ => {}
            }
        }
        if let Some(text) = edit.shows {
            self.wait_for_line(text, EDIT_LIMIT)?;
            println!(
                "  seen in its output {:.0} ms after the save",
                begin.elapsed().as_secs_f64() * 1e3
            );
        }
        Ok(())
    }

    fn write(&self, text: &str) -> Result<()> {
        fs::write(&self.source, text).context(Kind::System, || "edit the demo's source".into())
    }

    fn next_event(&self) -> Result<Event> {
        self.events.recv_timeout(EDIT_LIMIT).map_err(|error| silent("a verdict on the edit", error))
    }

    /// Prints the program's lines until one holds `text`.
    fn wait_for_line(&self, text: &str, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let line = self.lines.recv_deadline(end);
            let line =
                line.map_err(|error| silent(&format!("`{text}` in the program's output"), error))?;
            println!("{line}");
            if line.contains(text) {
                return Ok(());
            }
        }
    }

    fn print_for(&self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            match self.lines.recv_deadline(end) {
                Ok(line) => println!("{line}"),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(error) => return Err(silent("the program's output", error)),
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        process::signal(self.session.id(), Signal::INT);
        if !process::wait_gone(&[self.session.id()], END_LIMIT) {
            let _ = self.session.kill();
        }
        let _ = self.session.wait();
    }
}

fn silent(what: &str, error: RecvTimeoutError) -> Error {
    let cause = match error {
        RecvTimeoutError::Timeout => "it did not come in time",
        RecvTimeoutError::Disconnected => "`hotdev watch` has ended",
    };
    Error::new(Kind::Program, format!("see {what}"), cause)
        .hint("run `hotdev demo --keep` and look at the project")
}

/// Passes what `convert` makes of each line on, from a thread of its own.
fn read<T: Send + 'static>(
    stream: Option<impl std::io::Read + Send + 'static>,
    convert: impl Fn(String) -> Option<T> + Send + 'static,
) -> Receiver<T> {
    let (sender, receiver) = unbounded();
    std::thread::spawn(move || {
        let lines = stream.map(BufReader::new).into_iter().flat_map(BufRead::lines);
        for line in lines.map_while(std::result::Result::ok) {
            if convert(line).is_some_and(|item| sender.send(item).is_err()) {
                return;
            }
        }
    });
    receiver
}
