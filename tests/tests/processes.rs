//! Programs of several processes: a patch is in all of them, or in none.

use std::collections::BTreeSet;

use hotdev_tests::{Session, is_alive};
use serde_json::Value;

/// The processes of `forks` and `copies`: a parent and two workers.
const PROCESSES: usize = 3;

/// Waits for a line with the text from each of the processes, and gives their pids.
fn all_print(hot: &mut Session, text: &str) -> BTreeSet<u64> {
    let mut pids = BTreeSet::new();
    while pids.len() < PROCESSES {
        let line = hot.expect_line(&["tick ", text]);
        let pid = line.split_whitespace().find_map(|word| word.strip_prefix("pid=")?.parse().ok());
        pids.insert(pid.unwrap_or_else(|| hot.fail(&format!("no pid in {line}"))));
    }
    pids
}

fn pids_of(event: &Value) -> BTreeSet<u64> {
    event["pids"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// Three generations, and an edit that goes into none of the processes.
fn are_patched_together(fixture: &str) {
    let mut hot = Session::start(fixture);
    let pids = all_print(&mut hot, "old-text");
    for (old, new) in [("old-text", "new-text"), ("new-text", "newest-text")] {
        hot.edit("src/main.rs", old, new);
        let live = hot.expect_verdict("live");
        assert_eq!(pids_of(&live), pids, "`live` names every process");
        assert_eq!(all_print(&mut hot, new), pids, "the processes are the same");
        hot.never_output(old);
    }
    let good = hot.workspace().read("src/main.rs");
    let bad = good.replace("\"newest-text\"", "unsafe { no_such_function() }; \"bad-text\"");
    let bad = format!("{bad}\nunsafe extern \"C\" {{\n    fn no_such_function();\n}}\n");
    hot.workspace().write("src/main.rs", &bad);
    hot.expect_verdict("refused");
    assert_eq!(all_print(&mut hot, "newest-text"), pids);
    hot.never_output("bad-text");
    hot.end();
}

#[test]
fn forked_workers() {
    are_patched_together("forks");
}

#[test]
fn copies_of_itself() {
    are_patched_together("copies");
}

#[test]
fn a_worker_that_was_killed_does_not_hold_up_the_others() {
    let mut hot = Session::start("forks");
    let parent = u64::from(hot.pid());
    let pids = all_print(&mut hot, "old-text");
    let victim = *pids.iter().find(|pid| **pid != parent).expect("there are workers");
    hot.kill(victim as u32);
    hot.edit("src/main.rs", "old-text", "new-text");
    let live = hot.expect_verdict("live");
    let left: BTreeSet<_> = pids.iter().copied().filter(|pid| *pid != victim).collect();
    assert_eq!(pids_of(&live), left, "`live` names the processes that are left");
    hot.expect_line(&["parent", "new-text"]);
    hot.expect_line(&["worker", "new-text"]);
    hot.never_output("old-text");
    hot.end();
}

#[test]
fn all_of_them_end_with_the_session() {
    for fixture in ["forks", "copies"] {
        let mut hot = Session::start(fixture);
        let pids = all_print(&mut hot, "old-text");
        hot.end();
        assert!(pids.iter().all(|pid| !is_alive(*pid as u32)), "{fixture} left a process");
    }
}
