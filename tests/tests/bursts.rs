//! Many writes at once end with exactly one live generation: that of the final content.

use std::{path::Path, process::Command};

use hotdev_tests::{Session, Workspace};

/// Saves, and waits until the program prints the final text and nothing else any more.
fn burst(hot: &mut Session, last: &str, save: impl FnOnce(&Workspace)) {
    let (pid, line, before) = (hot.pid(), hot.newest_line(), lives(hot));
    save(hot.workspace());
    hot.expect_output(last);
    let stays = hot.next_ticks();
    if let Some(other) = stays.iter().find(|line| !line.contains(last)) {
        hot.fail(&format!(
            "after the burst the program must go on printing `{last}`, and prints {other}"
        ));
    }
    assert_eq!(hot.pid(), pid, "a burst does not restart the program");
    hot.counts_on("tick", line);
    let made = lives(hot) - before;
    if made != 1 {
        hot.fail(&format!("one burst must make one live generation, and made {made}"));
    }
}

/// How many generations have gone live.
fn lives(hot: &Session) -> usize {
    count(hot, "live")
}

fn count(hot: &Session, name: &str) -> usize {
    hot.log().seen().events.iter().filter(|event| event["event"] == name).count()
}

#[test]
fn thirty_quick_writes_of_one_file() {
    let mut hot = Session::start("single");
    hot.expect_output("old greeting");
    burst(&mut hot, "greeting-30.", |workspace| {
        let main = workspace.read("src/main.rs");
        for number in 1..=30 {
            workspace.write(
                "src/main.rs",
                &main.replace("old greeting", &format!("greeting-{number}.")),
            );
        }
    });
    hot.end();
}

#[test]
fn renamed_over_the_file() {
    let mut hot = Session::start("single");
    for (old, new) in [("old greeting", "renamed greeting"), ("renamed greeting", "renamed twice")]
    {
        let before = count(&hot, "building");
        burst(&mut hot, new, |workspace| {
            workspace.write_by_rename("src/main.rs", &workspace.edited("src/main.rs", old, new));
        });
        let begun = count(&hot, "building") - before;
        assert_eq!(begun, 1, "the events of one save begin one compilation and cancel none");
    }
    hot.end();
}

#[test]
fn moved_away_and_written_anew() {
    let mut hot = Session::start("single");
    burst(&mut hot, "backed-up greeting", |workspace| {
        let new = workspace.edited("src/main.rs", "old greeting", "backed-up greeting");
        workspace.rename("src/main.rs", "src/main.rs~");
        workspace.write("src/main.rs", &new);
    });
    hot.end();
}

#[test]
fn truncated_then_written() {
    let mut hot = Session::start("single");
    burst(&mut hot, "whole greeting", |workspace| {
        let new = workspace.edited("src/main.rs", "old greeting", "whole greeting");
        workspace.write("src/main.rs", "");
        workspace.write("src/main.rs", &new);
    });
    hot.end();
}

#[test]
fn formatted_on_save() {
    let mut hot = Session::start("single");
    burst(&mut hot, "tidy greeting", |workspace| {
        let new = workspace.edited("src/main.rs", "old greeting", "tidy greeting");
        workspace.write("src/main.rs", &new.replace("    \"tidy", "\"tidy"));
        workspace.write_by_rename("src/main.rs", &new);
    });
    hot.end();
}

#[test]
fn saved_while_the_save_before_is_built() {
    let mut hot = Session::start("single");
    hot.expect_output("old greeting");
    hot.edit("src/main.rs", "old greeting", "hasty greeting");
    hot.expect_event("building");
    hot.edit("src/main.rs", "hasty greeting", "final greeting");
    hot.expect_output("final greeting");
    hot.never_output("hasty greeting");
    hot.end();
}

#[test]
fn an_error_that_the_next_write_corrects() {
    let mut hot = Session::start("single");
    burst(&mut hot, "corrected greeting", |workspace| {
        let new = workspace.edited("src/main.rs", "old greeting", "corrected greeting");
        workspace.write("src/main.rs", &new.replace("corrected greeting\"", "corrected"));
        workspace.write("src/main.rs", &new);
    });
    let errors =
        hot.log().seen().events.iter().filter(|event| event["event"] == "compile-error").count();
    assert_eq!(errors, 0, "the content in between is not built to its end");
    hot.end();
}

#[test]
fn another_branch_is_checked_out() {
    let workspace = Workspace::copy("several-crates");
    make_branches(&workspace);
    let mut hot = Session::start_in(workspace, &["-p", "app"]);
    hot.expect_output("base-red middle-red app-red");
    for colour in ["green", "red"] {
        burst(&mut hot, &format!("base-{colour} middle-{colour} app-{colour}"), |workspace| {
            git(workspace.root(), &["checkout", "--quiet", colour]);
        });
    }
    hot.end();
}

/// Branches `red` and `green`, which differ in three crates; `red` is checked out.
fn make_branches(workspace: &Workspace) {
    workspace.write(".gitignore", "/target\n/Cargo.lock\n");
    git(workspace.root(), &["init", "--quiet", "--initial-branch=red"]);
    git(workspace.root(), &["add", "."]);
    git(workspace.root(), &["commit", "--quiet", "-m", "red"]);
    git(workspace.root(), &["checkout", "--quiet", "-b", "green"]);
    for file in ["base/src/lib.rs", "middle/src/lib.rs", "app/src/main.rs"] {
        workspace.edit(file, "red", "green");
    }
    git(workspace.root(), &["commit", "--quiet", "-a", "-m", "green"]);
    git(workspace.root(), &["checkout", "--quiet", "red"]);
}

fn git(folder: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
