//! A file saved again while its patch is made: code that the files no longer hold is never put in.
//! The program itself compares what it runs with the files as they are.

use std::{thread, time::Duration};

use hotdev_tests::{LIMIT, Session, Workspace};

const BIN: &str = "app/src/word.rs";
const LIB: &str = "words/src/lib.rs";

/// From the moment of a save through every stage of making its patch.
const DELAYS: &[u64] = &[0, 20, 60, 100, 150, 200, 300];

fn start() -> Session {
    let mut hot = Session::start_in(Workspace::copy("stale"), &["-p", "app"]);
    hot.expect_output("bin:none;lib:none; stale=[]");
    hot
}

/// Writes a file with another word between its quotes.
fn save(hot: &Session, file: &str, word: &str) {
    let text = hot.workspace().read(file);
    let mut parts: Vec<_> = text.split('"').collect();
    parts[1] = word;
    hot.workspace().write(file, &parts.join("\""));
}

/// Waits until the program runs the last words, and sees that it stays so.
fn settles(hot: &mut Session, words: &str) {
    hot.expect_output(words);
    stays(hot, words);
}

/// The program's next lines hold these words and nothing stale.
fn stays(hot: &Session, words: &str) {
    let (from, words) = (hot.newest_line() + 2, format!("{words} stale=[]"));
    let lines = hot.log().wait(LIMIT, |seen| Some(seen.lines.get(from..from + 6)?.to_vec()));
    let lines = lines.unwrap_or_else(|| hot.fail("the program prints no more"));
    if let Some(other) = lines.iter().find(|line| !line.contains(&words)) {
        hot.fail(&format!("the program must go on printing `{words}`, and prints {other}"));
    }
}

#[test]
fn the_program_itself_sees_stale_code() {
    let mut hot = start();
    save(&hot, BIN, "bin:new;");
    hot.expect_output("bin:new;lib:none; stale=[]");
    assert_eq!(hot.command(&["rollback"]).code, Some(0));
    hot.expect_output("stale=[ bin:none;lib:none; came ");
    hot.end();
}

fn pause(delay: u64) {
    thread::sleep(Duration::from_millis(delay));
}

#[test]
fn saved_again_with_other_content() {
    let mut hot = start();
    let (pid, line) = (hot.pid(), hot.newest_line());
    for delay in DELAYS {
        for (file, of) in [(BIN, "bin"), (LIB, "lib")] {
            save(&hot, file, &format!("{of}:early-{delay};"));
            pause(*delay);
            save(&hot, file, &format!("{of}:late-{delay};"));
            let late = if of == "bin" {
                format!("bin:late-{delay};lib:")
            } else {
                format!("bin:late-{delay};lib:late-{delay};")
            };
            hot.expect_line(&[&late, "stale=[]"]);
        }
        settles(&mut hot, &format!("bin:late-{delay};lib:late-{delay};"));
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn saved_again_as_it_was() {
    let mut hot = start();
    let (pid, line) = (hot.pid(), hot.newest_line());
    for delay in DELAYS {
        save(&hot, BIN, &format!("bin:other-{delay};"));
        pause(*delay);
        save(&hot, BIN, "bin:none;");
        save(&hot, LIB, &format!("lib:{delay};"));
        settles(&mut hot, &format!("bin:none;lib:{delay};"));
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn saved_again_as_it_was_and_nothing_else() {
    let hot = start();
    for delay in DELAYS {
        save(&hot, BIN, &format!("bin:other-{delay};"));
        pause(*delay);
        save(&hot, BIN, "bin:none;");
        assert_eq!(hot.command(&["reload"]).code, Some(0), "after {delay} ms");
        stays(&hot, "bin:none;lib:none;");
    }
    hot.end();
}

#[test]
fn a_library_and_then_its_dependent() {
    let mut hot = start();
    let (pid, line) = (hot.pid(), hot.newest_line());
    for delay in DELAYS {
        save(&hot, LIB, &format!("lib:{delay};"));
        pause(*delay);
        save(&hot, BIN, &format!("bin:{delay};"));
        settles(&mut hot, &format!("bin:{delay};lib:{delay};"));
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn a_dependent_and_then_its_library() {
    let mut hot = start();
    let (pid, line) = (hot.pid(), hot.newest_line());
    for delay in DELAYS {
        save(&hot, BIN, &format!("bin:{delay};"));
        pause(*delay);
        save(&hot, LIB, &format!("lib:{delay};"));
        settles(&mut hot, &format!("bin:{delay};lib:{delay};"));
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn a_signature_and_then_its_caller() {
    let mut hot = start();
    let (pid, line) = (hot.pid(), hot.newest_line());
    for (number, delay) in DELAYS.iter().enumerate() {
        let (was, now, call) = match number % 2 {
            0 => ("word()", "word(_: u8)", "word(7)"),
            _ => ("word(_: u8)", "word()", "word()"),
        };
        let called = if number % 2 == 0 { "words::word()" } else { "words::word(7)" };
        let lib = hot.workspace().edited(LIB, &format!("fn {was}"), &format!("fn {now}"));
        hot.workspace().write(LIB, &lib);
        save(&hot, LIB, &format!("lib:{delay};"));
        pause(*delay);
        hot.edit(BIN, called, &format!("words::{call}"));
        save(&hot, BIN, &format!("bin:{delay};"));
        settles(&mut hot, &format!("bin:{delay};lib:{delay};"));
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

#[test]
fn saved_while_it_starts() {
    let mut hot = Session::launch(Workspace::copy("stale"), &["-p", "app"]);
    hot.expect_event("building");
    for delay in DELAYS {
        save(&hot, LIB, &format!("lib:{delay};"));
        save(&hot, BIN, &format!("bin:{delay};"));
        pause(*delay);
    }
    hot.expect_event("started");
    settles(&mut hot, "bin:300;lib:300;");
    hot.end();
}

#[test]
fn saved_while_it_restarts() {
    let mut hot = start();
    for delay in &[0, 50, 150, 300] {
        save(&hot, LIB, &format!("lib:{delay};"));
        thread::scope(|scope| {
            let restart = scope.spawn(|| hot.workspace().command(&["restart"]));
            pause(*delay);
            save(&hot, BIN, &format!("bin:{delay};"));
            assert_eq!(restart.join().expect("no panic").code, Some(0));
        });
        hot.expect_event("restarted");
        settles(&mut hot, &format!("bin:{delay};lib:{delay};"));
    }
    hot.end();
}

#[test]
fn saved_with_the_time_of_the_save_before() {
    let mut hot = start();
    let path = hot.workspace().path(BIN);
    let time = path.metadata().and_then(|file| file.modified()).expect("the file is there");
    let text = hot.workspace().edited(BIN, "bin:none;", "bin:same;");
    hot.workspace().write(BIN, &text);
    let file = std::fs::File::options().write(true).open(path).expect("the file is there");
    file.set_modified(time).expect("the file is the test's");
    settles(&mut hot, "bin:same;lib:none;");
    hot.end();
}
