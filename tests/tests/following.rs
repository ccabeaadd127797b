//! Which crates are compiled after an edit, counted by rustc itself: `app` depends on `a`, `a` on `b`,
//! `b` on `c`.

use hotdev_tests::Session;

/// A session, and how many compilations were counted before.
struct Counted {
    hot: Session,
    before: usize,
}

impl Counted {
    fn start() -> Self {
        let mut hot = Session::start("following");
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
        for (file, was, now) in edits {
            self.hot.edit(file, was, now);
        }
        self.hot.expect_verdict("live");
        self.hot.expect_output(output);
        assert_eq!(self.compiled(), compiled, "{edits:?}");
    }
}

#[test]
fn dependents_are_compiled_only_where_the_edit_can_matter_to_them() {
    const C: &str = "c/src/lib.rs";
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
