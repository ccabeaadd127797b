//! Old code is unloaded when nothing refers to it, and only then.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hotdev_tests::{LIMIT, Session};

const WORK: &str = "src/work.rs";

/// Generations of which the program keeps one thing each.
const KEPT: std::ops::RangeInclusive<u32> = 2..=8;

/// How many others may stay for words that look like addresses of theirs: what old calls left on a
/// stack, for instance.
const BY_CHANCE: usize = 6;

/// Saves generation `number`. One function of the fourth is in no other, and one of the eighth.
fn save(hot: &mut Session, number: u32) {
    let text = hot.workspace().read(WORK);
    let old = number - 1;
    let text = text.replace(&format!("u32 {{\n    {old}\n"), &format!("u32 {{\n    {number}\n"));
    let text = text.replace(&format!("-{old}\""), &format!("-{number}\""));
    let fresh = |name: &str, is: bool| if is { format!("fresh_{name}") } else { name.to_owned() };
    let text = [("pointed", 4), ("ending", 8)].into_iter().fold(text, |text, (name, only)| {
        let (was, now) = (fresh(name, old == only), fresh(name, number == only));
        [format!("    {was}\n"), format!("fn {was}("), format!("atexit({was},")]
            .iter()
            .fold(text, |text, from| text.replace(from, &from.replace(&was, &now)))
    });
    hot.workspace().write(WORK, &text);
    hot.expect_verdict("live");
    hot.expect_output(&format!("number {number} "));
}

/// The generations whose patches the program has mapped.
fn mapped(hot: &Session) -> BTreeSet<u32> {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", hot.pid())).unwrap();
    let names = maps.lines().filter_map(|line| line.split_once("/libpatch-"));
    names.filter_map(|(_, name)| name.split('-').next()?.parse().ok()).collect()
}

/// Waits until at most `BY_CHANCE` of the generations in `old` are mapped, apart from `kept`.
fn are_unloaded(hot: &Session, old: impl Fn(u32) -> bool, kept: impl Fn(u32) -> bool) {
    at_most_are_mapped(BY_CHANCE, hot, |number| old(number) && !kept(number));
}

/// Waits until at most `most` of the generations in `old` are mapped.
fn at_most_are_mapped(most: usize, hot: &Session, old: impl Fn(u32) -> bool) {
    let end = Instant::now() + LIMIT;
    loop {
        let left: Vec<_> = mapped(hot).into_iter().filter(|number| old(*number)).collect();
        if left.len() <= most {
            return;
        }
        if Instant::now() > end {
            hot.fail(&format!("generations {left:?} were to be unloaded"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_kept_of_old_generations_stays_and_the_rest_goes() {
    let mut hot = Session::start("unloading");
    let (pid, line) = (hot.pid(), hot.newest_line());
    for number in 1..=44 {
        save(&mut hot, number);
    }
    are_unloaded(&hot, |number| number <= 28, |number| KEPT.contains(&number));
    let there = mapped(&hot);
    let mut kept = KEPT;
    assert!(kept.all(|number| there.contains(&number)), "{there:?}");
    // A process that joins is told what is left, and follows.
    for number in 45..=50 {
        save(&mut hot, number);
        hot.expect_output(&format!("worker {number} made by {number} spoken by {number}"));
    }
    let said = hot.expect_output("said[text-2 ");
    for text in [
        "made by 3 spoken by 50",
        r#"Some("pointed-4")"#,
        r#"Some("closure of 5")"#,
        r#"Some("src/work.rs:41")"#,
    ] {
        assert!(said.contains(text), "{text} in {said}");
    }
    save(&mut hot, 51);
    hot.expect_line(&["parked-7", "local of 108"]);
    for number in 52..=84 {
        save(&mut hot, number);
    }
    are_unloaded(&hot, |number| number <= 66, |number| KEPT.contains(&number));
    // Nothing else has kept what was kept. What is to be called at the end stays.
    at_most_are_mapped(2, &hot, |number| number < 8 && KEPT.contains(&number));
    assert!(mapped(&hot).contains(&8));
    hot.expect_output(" interrupted 0 ");
    files_are_removed(&hot, 16 + 18 + BY_CHANCE);
    assert_eq!(hot.pid(), pid);
    hot.counts_on("tick", line);
    for to in ["75", "0"] {
        let done = hot.command(&["rollback", to]);
        assert_eq!(done.code, Some(0), "{done:?}");
        hot.expect_output(&format!(" number {to} "));
        hot.expect_output(&format!("worker {to} made by {to} spoken by {to}"));
    }
    let text = hot.workspace().read(WORK);
    hot.workspace().write(WORK, &text.replace("{\n    84\n", "{\n    85\n"));
    hot.expect_output("ending-8");
    hot.end();
}

/// Waits until at most `most` files of patches are left: they are removed when all processes have
/// unloaded them.
fn files_are_removed(hot: &Session, most: usize) {
    let end = Instant::now() + LIMIT;
    let folder = generations(hot);
    loop {
        let files = std::fs::read_dir(&folder).unwrap().count();
        if files <= most {
            return;
        }
        if Instant::now() > end {
            hot.fail(&format!("{files} files of patches are left"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Where hotdev keeps patches.
fn generations(hot: &Session) -> std::path::PathBuf {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", hot.pid())).unwrap();
    let path = maps.lines().find_map(|line| line.find("/libpatch-").map(|end| &line[..end]));
    path.and_then(|line| line.find('/').map(|begin| line[begin..].into())).expect("patches")
}

/// Saves a number until fewer patches are mapped than were saved, and on to `last`.
fn save_numbers(hot: &mut Session, from: u32, last: u32) {
    for number in from..=last {
        hot.edit("src/number.rs", &format!("    {}\n", number - 1), &format!("    {number}\n"));
        hot.expect_verdict("live");
    }
    hot.expect_output(&format!("number {last}"));
}

/// A process that joins gets what is left of many generations as one step. Its code is led into an old
/// patch, which leads to a newer one; what it runs there goes on when the step is taken back.
#[test]
fn a_joiner_in_old_code_lives_through_a_rollback() {
    let mut hot = Session::start("unloading-joins");
    hot.edit("src/looping.rs", "first", "second");
    hot.expect_verdict("live");
    save_numbers(&mut hot, 1, 59);
    are_unloaded(&hot, |number| (2..=40).contains(&number), |_| false);
    assert!(mapped(&hot).contains(&1));
    save_numbers(&mut hot, 60, 60);
    hot.expect_output("with 60");
    for number in [61, 62] {
        save_numbers(&mut hot, number, number);
        let line = hot.expect_output(&format!("with {number}"));
        assert!(line.starts_with("second loop"), "{line}");
    }
    let done = hot.command(&["rollback", "0"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    hot.expect_event("rolled-back");
    hot.expect_output(" number 0");
    // Its loop is old code that still runs, and what that calls is the newest that is there.
    let beat = |line: &str| line.split(' ').nth(2).and_then(|it| it.parse::<u32>().ok()).unwrap();
    let first = beat(&hot.expect_output("second loop"));
    while beat(&hot.expect_output("second loop")) < first + 20 {}
    // What the rollback has left behind is unloaded with later patches, but for what still runs.
    save_numbers(&mut hot, 63, 100);
    are_unloaded(&hot, |number| number <= 80, |_| false);
    let last = beat(&hot.expect_output("second loop"));
    while beat(&hot.expect_output("second loop")) < last + 20 {}
    hot.end();
}
