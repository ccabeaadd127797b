//! One session with many modules: edits them one after the other and judges each verdict.

use std::time::Duration;

use hotdev_tests::{BUILD_LIMIT, Session, Workspace, is_alive};
use serde_json::Value;

use crate::program::{self, Pair, Running};
use crate::source;

/// How long the program may take to print what it must.
const PRINT_LIMIT: Duration = Duration::from_secs(10);

/// What became of a pair.
pub struct Judged {
    pub edit: &'static str,
    pub harmless: bool,
    /// `live`, or the code of the refusal.
    pub verdict: String,
    /// The verdict's items, for the report of false alarms.
    pub event: Value,
    pub seed: u64,
}

/// Everything that was judged.
#[derive(Default)]
pub struct Report {
    pub judged: Vec<Judged>,
    pub failures: Vec<String>,
}

/// Runs these pairs; after one that fails, the rest in a new program.
pub fn run(mut pairs: Vec<Pair>, report: &mut Report) {
    while !pairs.is_empty() {
        let modules = pairs.into_iter().enumerate();
        let modules = modules.map(|(number, pair)| Running::new(pair, number)).collect();
        let mut batch = Batch::start(modules);
        let failed = (0..batch.modules.len()).find(|at| match batch.judge(*at) {
            Ok(judged) => {
                report.judged.push(judged);
                false
            }
            Err(what) => {
                report.failures.push(describe(&batch.modules[*at].pair, &what));
                true
            }
        });
        let Some(failed) = failed else { return batch.session.end() };
        let rest = batch.modules.split_off(failed + 1);
        pairs = rest.into_iter().map(|module| module.pair).collect();
    }
}

fn describe(pair: &Pair, what: &str) -> String {
    let Pair { seed, edit, old, new } = pair;
    format!(
        "{}: {what}\nrepeat it: HOTDEV_TEST_SEED={seed} HOTDEV_TEST_PAIRS=1\n--- old{}--- new{}",
        edit.name,
        source::definitions(old),
        source::definitions(new),
    )
}

struct Batch {
    session: Session,
    modules: Vec<Running>,
    /// What each module must print.
    texts: Vec<String>,
    pid: u32,
}

impl Batch {
    fn start(mut modules: Vec<Running>) -> Self {
        let workspace = Workspace::copy("edits");
        program::write(&workspace, &modules);
        let mut session = Session::launch(workspace, &["-p", "app"]);
        let answer = session.log().wait(BUILD_LIMIT, |seen| {
            let answers = ["started", "compile-error"];
            let event =
                seen.events.iter().find(|event| answers.iter().any(|is| event["event"] == **is));
            event.cloned()
        });
        match answer {
            Some(event) if event["event"] == "started" => {}
            other => panic!("the generated program does not start: {other:?}"),
        }
        let line = session.expect_output("tick ");
        modules.iter_mut().for_each(|module| module.learn(&line));
        let texts = modules.iter().map(Running::old_text).collect();
        let pid = session.pid();
        let batch = Self { session, modules, texts, pid };
        if let Err(what) = batch.compare(&line) {
            panic!("the program is not what the generator thinks: {what}");
        }
        batch
    }

    /// Does an edit; what is wrong with the answer, if anything is.
    fn judge(&mut self, at: usize) -> Result<Judged, String> {
        let module = &self.modules[at];
        let (file, old, new) = (module.file(), module.old_source(), module.new_source());
        let right = module.pair.right();
        let (edit, seed) = (module.pair.edit, module.pair.seed);
        let first = self.session.newest_line();
        self.session.workspace().write(&file, &new);
        let event = self.session.verdict();
        let verdict = match event["event"].as_str() {
            // Nothing calls the new code yet, and hotdev says so.
            Some("live") if self.waits(at, &event) => "live, waits".to_owned(),
            Some("live") => {
                let start = self.modules[at].start("new");
                let Some(right) = right else {
                    let line = self.wait_for(&start).unwrap_or_else(|what| what);
                    return Err(format!("live, and must be refused: {}", part(&line, &start)));
                };
                self.texts[at] = self.modules[at].new_text(&right);
                let line =
                    self.wait_for(&start).map_err(|what| format!("{what}: {}", cut(&event)))?;
                self.compare(&line)?;
                "live".to_owned()
            }
            Some("refused") => {
                self.stays()?;
                self.session.workspace().write(&file, &old);
                let answer = self.session.verdict();
                if answer["event"] != "unchanged" {
                    return Err(format!("refused, taken back, and then {answer}"));
                }
                event["code"].as_str().unwrap_or_default().to_owned()
            }
            _ => return Err(format!("neither live nor refused: {}", cut(&event))),
        };
        self.stays()?;
        self.runs_on(first)?;
        Ok(Judged { edit: edit.name, harmless: edit.harmless, verdict, event, seed })
    }

    /// Whether hotdev says that the module's function waits to be called.
    fn waits(&self, at: usize, event: &Value) -> bool {
        let waits = format!("::{}::show waits", self.modules[at].name());
        event["notes"].to_string().contains(&waits)
    }

    /// The next line that holds a text.
    fn wait_for(&self, text: &str) -> Result<String, String> {
        let from = self.session.log().seen().lines.len();
        self.next_line(from, |line| line.contains(text))
            .map_err(|what| format!("no line with `{text}`: {what}"))
    }

    /// The second of the next lines is as it must be; the first may have been written before.
    fn stays(&self) -> Result<(), String> {
        let from = self.session.log().seen().lines.len() + 1;
        self.compare(&self.next_line(from, |_| true)?)
    }

    fn next_line(&self, from: usize, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let found = self.session.log().wait(PRINT_LIMIT, |seen| {
            let lines = seen.lines.iter().skip(from);
            if let Some(line) =
                lines.filter(|line| line.starts_with("tick ")).find(|line| wanted(line))
            {
                return Some(Ok(line.clone()));
            }
            let end = seen.events.iter().find(|event| event["event"] == "exited");
            end.map(|event| Err(format!("the program ended: {event}")))
        });
        found.unwrap_or_else(|| Err("the program does not print it".to_owned()))
    }

    /// Compares each module's part of a line with what it must be.
    fn compare(&self, line: &str) -> Result<(), String> {
        let parts: Vec<&str> = line.split('|').collect();
        for (number, right) in self.texts.iter().enumerate() {
            let part = parts.get(number + 1).unwrap_or(&"");
            if *part != &right[1..] {
                let edit = self.modules[number].pair.edit.name;
                return Err(format!(
                    "\nprinted {part}\nright   {}\n(edit of it: {edit})",
                    &right[1..]
                ));
            }
        }
        Ok(())
    }

    /// The same process, and no tick lost.
    fn runs_on(&self, first: usize) -> Result<(), String> {
        if self.session.pid() != self.pid || !is_alive(self.pid) {
            return Err("the program is not the same process any more".to_owned());
        }
        let seen = self.session.log().seen();
        let ticks = seen.lines[first..].iter().filter_map(|line| line.strip_prefix("tick "));
        let ticks = ticks.filter_map(|line| line.split(' ').next()?.parse().ok());
        let ticks: Vec<u64> = ticks.collect();
        let lost = ticks.windows(2).any(|pair| pair[1] != pair[0] + 1);
        if lost { Err(format!("ticks do not follow each other: {ticks:?}")) } else { Ok(()) }
    }
}

/// The start of an event, which is enough to know it.
fn cut(event: &Value) -> String {
    event.to_string().chars().take(400).collect()
}

/// A module's part of a line.
fn part<'a>(line: &'a str, start: &str) -> &'a str {
    line.split_once(start).map_or(line, |(_, rest)| rest.split('|').next().unwrap_or(rest))
}
