//! Many generations in one process: what older ones made stays where and as it is.

use hotdev_tests::Session;

const LIB: &str = "src/lib.rs";
const MAIN: &str = "src/main.rs";

/// Every static and thread-local that the program prints counts by one from line to line.
const COUNTS: &[&str] = &[
    "of-main",
    "bin",
    "bin-mutable",
    "bin-lazy",
    "of-loop",
    "bin-const",
    "bin-plain",
    "bin-const-drops",
    "bin-drops",
    "public",
    "private",
    "mutable",
    "filled",
    "once",
    "lazy",
    "cell",
    "theirs",
    "shared",
    "const",
    "plain",
    "const-drops",
    "drops",
];

#[test]
fn fifty_generations_keep_every_static_and_thread_local() {
    let mut hot = Session::start("generations");
    let (pid, first_line) = (hot.pid(), hot.newest_line());
    let first = places(&hot.expect_line(&["bin-0.", "lib-0.", "held", "old-true-true"]));
    assert_eq!(first.len(), COUNTS.len() + 2, "{first:?}");
    for number in 1..=50 {
        let (old, new) = (number - 1, number);
        let main = hot.workspace().edited(MAIN, &format!("bin-{old}."), &format!("bin-{new}."));
        hot.edit(LIB, &format!("lib-{old}."), &format!("lib-{new}."));
        hot.workspace().write(MAIN, &main);
        let (bin, lib) = (format!("bin-{new}."), format!("lib-{new}."));
        let line = hot.expect_line(&[&bin, &lib, "held", "old-true-true"]);
        if places(&line) != first {
            hot.fail(&format!("generation {number}: the places were {first:?}"));
        }
    }
    let lines = hot.log().seen().lines.clone();
    let moved = lines.iter().filter(|line| line.starts_with("tick ")).find(|l| places(l) != first);
    assert_eq!(moved, None, "the places were {first:?}");
    for name in COUNTS {
        hot.counts_on(name, first_line);
    }
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", first_line);
    hot.end();
}

/// The words `name@ADDRESS` of a line.
fn places(line: &str) -> Vec<String> {
    line.split_whitespace().filter(|word| word.contains('@')).map(str::to_owned).collect()
}

#[test]
fn data_of_older_generations_stays() {
    let mut hot = Session::start("older-data");
    let (pid, line) = (hot.pid(), hot.newest_line());
    let mut all = "text-0 slice-0".to_owned() + &entry(0);
    hot.expect_output(&all);
    for number in 1..=15 {
        let text = hot.workspace().read("src/data.rs");
        let old = number - 1;
        let text = text.replace(&format!("-{old}\""), &format!("-{number}\""));
        let text = text.replace(&format!("[{old}, 100"), &format!("[{number}, 100"));
        let text = text.replace(&format!("Word({old},"), &format!("Word({number},"));
        hot.workspace().write("src/data.rs", &text);
        hot.expect_verdict("live");
        all += &entry(number);
        hot.expect_output(&all);
    }
    hot.edit("src/data.rs", r#""{}{}""#, r#""{}changed-{}""#);
    hot.expect_verdict("live");
    hot.expect_output(&all.replace("/word-", "/word-changed-"));
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    hot.end();
}

/// How the program prints what one generation made.
fn entry(n: u32) -> String {
    format!(
        r#" text-{n}/[{n}, 100, 1000]/["slice-{n}", "end"]/word-{n}/found/older_data::data::Word"#
    )
}
