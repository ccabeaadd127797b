//! Which crates are compiled after an edit, counted by rustc itself: `app` depends on `a`, `a` on `b`,
//! `b` on `c`.

use std::fs::{self, File};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use hotdev_tests::{LIMIT, Session, Workspace};
use serde_json::Value;

/// A session, and how many compilations were counted before.
struct Counted {
    hot: Session,
    before: usize,
}

impl Counted {
    fn start() -> Self {
        Self::start_in(Workspace::copy("following"))
    }

    fn start_in(workspace: impl Into<Arc<Workspace>>) -> Self {
        let mut hot = Session::start_in(workspace, &[]);
        hot.expect_output("app-a-b-c2 generic-1 2");
        let mut counted = Self { hot, before: 0 };
        counted.compiled();
        counted
    }

    /// The crates that were compiled since the last time.
    fn compiled(&mut self) -> Vec<String> {
        let all = self.hot.workspace().read("compiled");
        let new: Vec<String> = all.lines().skip(self.before).map(str::to_owned).collect();
        self.before += new.len();
        new
    }

    #[track_caller]
    fn edit(&mut self, edits: &[(&str, &str, &str)], compiled: &[&str], output: &str) {
        // A save that finds the one before being compiled has the crate counted twice.
        self.hot.save_at_once(|workspace| {
            for (file, was, now) in edits {
                workspace.edit(file, was, now);
            }
        });
        self.hot.expect_verdict("live");
        self.hot.expect_output(output);
        assert_eq!(self.compiled(), compiled, "{edits:?}");
    }
}

#[test]
fn dependents_are_compiled_only_where_the_edit_can_matter_to_them() {
    let mut counted = Counted::start();
    counted.edit(&[(C, "\"c{}\"", "\"C{}\"")], &["c"], "app-a-b-C2 ");
    counted.edit(
        &[(
            C,
            "number * FACTOR\n}",
            "more(number * FACTOR)\n}\n\nfn more(n: u32) -> u32 {\n    n + 10\n}",
        )],
        &["c"],
        "app-a-b-C12 generic-1 2",
    );
    counted.edit(&[("b/src/lib.rs", "\"b-", "\"B-")], &["b"], "app-a-B-C12 generic-1 2");
    counted.edit(&[("a/src/lib.rs", "\"a-", "\"A-")], &["a"], "app-A-B-C12 generic-1 2");
    counted.edit(&[("app/src/main.rs", "\"app-", "\"App-")], &["app"], "App-A-B-C12 generic-1 2");
    let all = ["c", "b", "a", "app"];
    counted.edit(&[(C, "generic-{", "GENERIC-{")], &all, "App-A-B-C12 GENERIC-1 2");
    counted.edit(&[(C, "FACTOR: u32 = 2", "FACTOR: u32 = 3")], &all, "App-A-B-C13 GENERIC-1 3");
    counted.edit(
        &[
            (C, "text(point: &Point)", "text(point: &Point, end: char)"),
            (C, "\"C{}\"", "\"C{}{end}\""),
            ("b/src/lib.rs", "c::text(&point)", "c::text(&point, '!')"),
        ],
        &all,
        "App-A-B-C13! GENERIC-1 3",
    );
    counted.edit(&[(C, "\"C{}{end}\"", "\"c{}{end}\"")], &["c"], "App-A-B-c13! GENERIC-1 3");
}

#[test]
fn a_save_while_dependents_are_being_compiled_is_the_one_that_goes_live() {
    let mut counted = Counted::start();
    let (mut marker, mut seen) = ("generic-{".to_owned(), 0);
    for number in 1..6 {
        let next = format!("generic{number}-{{");
        counted.hot.edit(C, &marker, &next);
        marker = next;
        let end = Instant::now() + LIMIT;
        let begun = |counted: &Counted| {
            counted.hot.workspace().read("compiled").lines().filter(|name| *name == "b").count()
        };
        while begun(&counted) == seen {
            assert!(Instant::now() < end, "b is not compiled");
            thread::yield_now();
        }
        seen = begun(&counted);
    }
    counted.hot.expect_output("app-a-b-c2 generic5-1 2");
    counted.compiled();
    counted.edit(&[("b/src/lib.rs", "\"b-", "\"B-")], &["b"], "app-a-B-c2 generic5-1 2");
}

/// A crate that is a library for C as well is linked by rustc itself, which reads the objects of what
/// it depends on.
#[test]
fn what_links_a_changed_crate_gets_all_of_it() {
    let workspace = Workspace::copy("following");
    workspace.edit(
        "a/Cargo.toml",
        "[dependencies]",
        "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]",
    );
    workspace.edit(
        C,
        "pub const FACTOR",
        "#[unsafe(no_mangle)]\npub extern \"C\" fn c_one() -> u32 {\n    1\n}\n\npub const FACTOR",
    );
    let mut counted = Counted::start_in(workspace);
    counted.edit(
        &[(C, "generic-{", "GENERIC-{")],
        &["c", "b", "a", "app"],
        "app-a-b-c2 GENERIC-1 2",
    );
    counted.edit(&[("a/src/lib.rs", "\"a-", "\"A-")], &["a"], "app-A-b-c2 GENERIC-1 2");
    counted.edit(&[(C, "\"c{}\"", "\"C{}\"")], &["c"], "app-A-b-C2 GENERIC-1 2");
}

/// rustc evaluates this when it makes the units; what dependents read is written by then, and they
/// are being compiled.
#[test]
fn a_crate_that_fails_after_its_dependents_began_is_the_one_that_is_told() {
    let mut counted = Counted::start();
    let hot = &mut counted.hot;
    hot.save_at_once(|workspace| {
        workspace.edit(C, "generic-{", "GENERIC-{");
        workspace.edit(
            C,
            "format!(\"c{}",
            "const { assert!(FACTOR > 5, \"no\") };\n    format!(\"C{}",
        );
    });
    let error = hot.expect_verdict("compile-error");
    let diagnostics = error["diagnostics"].as_array().expect("there are some");
    let file = |error: &Value| error["file"].as_str().is_some_and(|file| file.ends_with(C));
    assert!(!diagnostics.is_empty() && diagnostics.iter().all(file), "{error:#}");
    hot.edit(C, "FACTOR > 5", "FACTOR > 1");
    hot.expect_verdict("live");
    hot.expect_output("app-a-b-C2 GENERIC-1 2");

    // One that depends on it fails: what it depends on is not compiled again.
    counted.compiled();
    counted.hot.save_at_once(|workspace| {
        workspace.edit(C, "GENERIC-{", "Generic-{");
        workspace.edit(B, "c::FACTOR)", "c::FACTOR + true)");
    });
    let error = counted.hot.expect_verdict("compile-error");
    assert!(error.to_string().contains(B), "{error:#}");
    assert_eq!(counted.compiled(), ["c", "b"]);
    let rest = ["b", "a", "app"];
    counted.edit(&[(B, " + true", " + 1")], &rest, "app-a-b-C2 Generic-1 3");
}

#[test]
fn a_refused_edit_is_compiled_once_and_linked_for_the_restart() {
    let workspace = restarting();
    let first = [C, B].map(|file| {
        let time = fs::metadata(workspace.path(file)).and_then(|data| data.modified());
        (file, workspace.read(file), time.expect("it is there"))
    });
    let mut counted = Counted::start_in(Arc::clone(&workspace));
    let fields = |counted: &mut Counted, was: &str, now: &str, of: &str| {
        let text = workspace.read(C).replace(was, now);
        let user = workspace.read(B).replace("c::Point { ", &format!("c::Point {{ {of}: 9, "));
        counted.hot.save_at_once(|workspace| {
            workspace.write(C, &text);
            workspace.write(B, &user);
        });
        counted.hot.expect_verdict("restarted");
    };

    fields(&mut counted, "    pub x: u32", "    pub w: u64,\n    pub x: u32", "w");
    counted.hot.expect_output("app-a-b-c2 generic-1 2");
    let all = counted.compiled();
    assert_eq!(all.iter().filter(|name| *name == "app").count(), 1, "{all:?}");

    // What depends on the changed crate is compiled against it as it is now.
    counted.edit(&[("app/src/main.rs", "\"app-", "\"App-")], &["app"], "App-a-b-c2 generic-1 2");
    counted.edit(&[(B, "generic(point.x)", "generic(point.w)")], &["b"], "App-a-b-c2 generic-9 2");
    fields(&mut counted, "    pub w: u64", "    pub v: u16,\n    pub w: u64", "v");
    counted.hot.expect_output("App-a-b-c2 generic-9 2");
    counted.compiled();
    counted.edit(&[(C, "\"c{}\"", "\"C{}\"")], &["c"], "App-a-b-C2 generic-9 2");
    counted.hot.end();

    // Files that are as cargo had them do not hide from it that the program is another one.
    for (file, text, time) in first {
        workspace.write(file, &text);
        let file = File::options().write(true).open(workspace.path(file)).expect("it is there");
        file.set_modified(time).expect("it is the test's");
    }
    let mut hot = Session::start_in(Arc::clone(&workspace), &[]);
    hot.expect_output("App-a-b-c2 generic-1 2");
    hot.end();
}

const C: &str = "c/src/lib.rs";
const B: &str = "b/src/lib.rs";

/// Restarts for edits that cannot go in.
fn restarting() -> Arc<Workspace> {
    let workspace = Workspace::copy("following");
    workspace.write("hotdev.toml", "[reload]\non-incompatible = \"restart\"\n");
    Arc::new(workspace)
}

/// Has the program know another layout.
fn add_field(workspace: &Workspace) {
    workspace.edit(B, "c::Point { ", "c::Point { w: 9, ");
    workspace.edit(C, "    pub x: u32", "    pub w: u64,\n    pub x: u32");
}

#[test]
fn what_a_build_script_reads_is_read_for_the_restart() {
    // One that does not say what it reads, and one that names a folder.
    for said in ["", "println!(\"cargo::rerun-if-changed=words\");"] {
        let workspace = restarting();
        let script = format!(
            "fn main() {{\n    let word = std::fs::read_to_string(\"words/word\").unwrap();\n    \
             println!(\"cargo::rustc-env=WORD={{word}}\");\n    {said}\n}}\n"
        );
        workspace.write("c/build.rs", &script);
        workspace.write("c/words/word", "one");
        workspace.edit(C, "\"c{}\", ", "\"c{}-{}\", env!(\"WORD\"), ");
        let mut hot = Session::start_in(Arc::clone(&workspace), &[]);
        hot.expect_output("app-a-b-cone-2 generic-1 2");
        workspace.write("c/words/word", "two");
        add_field(&workspace);
        hot.expect_event("restarted");
        hot.expect_output("app-a-b-ctwo-2 generic-1 2");
        hot.end();
    }
}

#[test]
fn a_restart_does_not_start_what_somebody_else_has_built() {
    let workspace = restarting();
    let mut hot = Session::start_in(Arc::clone(&workspace), &[]);
    hot.expect_output("app-a-b-c2 generic-1 2");
    assert_eq!(workspace.cargo(&["build"]).code, Some(0));
    workspace.edit("app/src/main.rs", "\"app-", "\"App-");
    hot.expect_output("App-a-b-c2 generic-1 2");
    add_field(&workspace);
    hot.expect_event("restarted");
    hot.expect_output("App-a-b-c2 generic-1 2");
    workspace.edit("app/src/main.rs", "\"App-", "\"APP-");
    hot.expect_verdict("live");
    hot.expect_output("APP-a-b-c2 generic-1 2");
    hot.end();
}

#[test]
fn an_instance_that_only_the_program_before_had_is_compiled() {
    let workspace = restarting();
    let with_instance = "let mut all = Vec::new();\n    all.push(Point { x: point.x });\n    \
        format!(\"c{}\", all.len() as u32 * doubled(point.x))";
    workspace.edit(C, "format!(\"c{}\", doubled(point.x))", with_instance);
    workspace.edit(B, "pub fn text", "#[used]\nstatic KEPT: [u8; 1] = [1; 1];\n\npub fn text");
    let mut hot = Session::start_in(Arc::clone(&workspace), &[]);
    hot.expect_output("app-a-b-c2 generic-1 2");
    // Its dependents are not compiled again, and go on with a library that has the instance.
    workspace.edit(C, with_instance, "format!(\"C{}\", doubled(point.x))");
    hot.expect_output("app-a-b-C2 generic-1 2");
    workspace.edit(B, "[u8; 1] = [1; 1]", "[u8; 2] = [1; 2]");
    hot.expect_event("restarted");
    hot.expect_output("app-a-b-C2 generic-1 2");
    let pid = hot.pid();
    workspace.edit(B, "c::FACTOR)", "all.len() + 4)");
    workspace.edit(
        B,
        "    let point",
        "    let mut all = Vec::new();\n    all.push(c::Point { x: 1 });\n    let point",
    );
    hot.expect_output("app-a-b-C2 generic-1 5");
    assert_eq!(hot.pid(), pid, "it went live");
    hot.end();
}
