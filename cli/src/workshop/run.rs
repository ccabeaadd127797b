//! One look at the files: which changed, what to compile, what may go in, and the patch of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Outcome, Ready, Workshop, is_rust};
use crate::archives;
use crate::check::{self, ChangedUnit, Checked, CheckedPatch, Refusal, Selected, Selection};
use crate::error::Result;
use crate::graph::CrateId;
use crate::patch::{self, Contents, LinkError, PatchLibrary};
use crate::plan::{self, Plan, Unplanned};
use crate::program::Brought;
use crate::reach;
use crate::rebuild::{self, Cancel, Output, Rebuilt};
use crate::report::event::{Item, RefusalCode, Timings};
use crate::symbol_name;

/// How long a save of files that nothing reads is held back for others that come with it.
const SETTLE: Duration = Duration::from_millis(100);

/// How long a file that has just become empty is given to be written.
const EMPTY: Duration = Duration::from_millis(500);

impl Workshop {
    /// Takes every changed file as far as a patch. `at` is when the first change was noticed;
    /// `noticed` are the files that the watcher named. With `asked`, what was refused is tried
    /// again although no file is new.
    /// `on_build` hears which crates are going to be compiled, and for which files.
    pub fn run(
        &mut self,
        at: Instant,
        noticed: &[PathBuf],
        asked: bool,
        cancel: &Cancel,
        on_build: &dyn Fn(Vec<String>, Vec<PathBuf>),
    ) -> Outcome {
        let outcome = self.try_run(at, noticed, asked, cancel, on_build);
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        if !matches!(outcome, Outcome::Nothing) {
            self.refused = matches!(outcome, Outcome::Refused(_));
        }
        outcome
    }

    fn try_run(
        &mut self,
        at: Instant,
        noticed: &[PathBuf],
        asked: bool,
        cancel: &Cancel,
        on_build: &dyn Fn(Vec<String>, Vec<PathBuf>),
    ) -> Result<Outcome> {
        let mut clock = Clock::start(at);
        let _busy = self.busy.begin();
        let again = self.retry || (asked && !self.is_settled());
        let began = SystemTime::now();
        self.notice(noticed);
        if self.dirty.is_empty() && !self.changed.is_empty() && !again {
            // Nothing that runs has changed yet. Where several files are saved at once, a new one
            // often comes before those that refer to it.
            cancel.wait(SETTLE);
            self.notice(noticed);
        }
        if self.changed.iter().any(|path| is_empty(path)) {
            // Who does not write beside a file empties it first, and may be held up then.
            cancel.wait(EMPTY);
            self.notice(noticed);
        }
        let inputs = self.restart_inputs.look();
        if inputs {
            // Written in two steps by most editors, and never in a hurry.
            cancel.wait(SETTLE);
        }
        if self.changed.is_empty() && !again && !inputs {
            return Ok(Outcome::Nothing);
        }
        self.retry = false;
        if let Some(refusal) = self.needs_restart() {
            return Ok(Outcome::Refused(refusal));
        }
        if !self.dirty.is_empty() {
            on_build(self.graph.names(&self.dirty), self.changed.iter().cloned().collect());
        }
        clock.ms.detect = clock.lap();
        let outcome = self.compile(clock, began, cancel)?;
        if is_unresolved(&outcome) && self.forget_old_libraries() {
            return self.compile(clock, began, cancel);
        }
        Ok(outcome)
    }

    /// Compiles what is dirty, and takes it as far as a patch.
    fn compile(&mut self, mut clock: Clock, began: SystemTime, cancel: &Cancel) -> Result<Outcome> {
        let rebuilt = rebuild::rebuild(
            &mut self.graph,
            &mut self.dirty,
            &mut self.newest,
            &mut self.libraries,
            &self.live,
            &self.target.layout,
            cancel,
        );
        self.stamps.extend(&self.graph, began);
        clock.ms.rustc = clock.lap();
        self.failed = !matches!(rebuilt, Ok(Rebuilt::Done | Rebuilt::Cancelled));
        match rebuilt? {
            Rebuilt::Done => {}
            Rebuilt::CompileError(diagnostics) => return Ok(Outcome::CompileError(diagnostics)),
            Rebuilt::Cancelled => {
                self.retry = true;
                return Ok(Outcome::Cancelled);
            }
        }
        let selected = check::select(&self.graph, &self.newest, &self.live, &self.program)?;
        clock.ms.check = clock.lap();
        match selected {
            Selected::Unchanged(notes) => {
                self.adopt();
                Ok(Outcome::Unchanged(notes))
            }
            Selected::Refused(refusal) => Ok(Outcome::Refused(refusal)),
            Selected::Units(selection) => self.make_ready(&selection, clock, cancel),
        }
    }

    /// Has crates compiled again whose dependents were compiled against an older version: that may
    /// promise instances of generic functions which only a program of that version had, before a
    /// restart. False where there are none.
    fn forget_old_libraries(&mut self) -> bool {
        let newest = &self.newest;
        let is_old = |id: &CrateId, library: &mut Arc<Output>| {
            newest.get(id).is_some_and(|newest| !Arc::ptr_eq(newest, library))
        };
        let old: Vec<CrateId> = self.libraries.extract_if(is_old).map(|(id, _)| id).collect();
        self.dirty.extend(&old);
        !old.is_empty()
    }

    /// Has the next run go all the way although no file is new.
    pub fn retry(&mut self) {
        self.retry = true;
    }

    /// Whether the running program has the files as they were at the last look.
    fn is_settled(&self) -> bool {
        let same = |(id, output): (&CrateId, &Arc<Output>)| {
            self.live.get(id).is_some_and(|live| Arc::ptr_eq(live, output))
        };
        self.dirty.is_empty() && self.newest.iter().all(same) && self.restart_inputs.are_as_built()
    }

    /// Looks at the files and finds the crates that have to be compiled.
    fn notice(&mut self, noticed: &[PathBuf]) {
        let changed = self.stamps.look();
        for path in &changed {
            self.dirty.extend(self.graph.readers(path));
        }
        let strangers = noticed.iter().filter(|path| is_rust(path) && !self.stamps.contains(path));
        let strangers = self.strangers.look_at(strangers);
        if self.failed && !strangers.is_empty() {
            self.dirty.extend(0..self.graph.crates.len());
        }
        self.changed.extend(changed.into_iter().chain(strangers));
    }

    /// The files that the verdict now given is about.
    pub fn take_changed(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    fn needs_restart(&mut self) -> Option<Refusal> {
        let mut files = self.restart_inputs.changed();
        if self.unpatchable.is_some() {
            let dirty = self.dirty.iter().flat_map(|id| &self.graph.crates[*id].sources);
            files.extend(dirty.filter(|path| path.starts_with(&self.target.project.root)).cloned());
        }
        if files.is_empty() {
            return None;
        }
        let name = |path: &PathBuf| {
            path.strip_prefix(&self.target.project.root).unwrap_or(path).display().to_string()
        };
        let items: Vec<Item> = files
            .iter()
            .map(|path| Item { name: name(path), file: Some(path.clone()), ..Item::default() })
            .collect();
        let message = match &self.unpatchable {
            Some(reason) => format!(
                "this program cannot be patched ({reason}); only a restart applies the edit"
            ),
            None => "only a restart can apply a change of what cargo builds from".to_owned(),
        };
        Some(Refusal { code: RefusalCode::NeedsRestart, items, message })
    }

    fn make_ready(
        &mut self,
        selection: &Selection,
        mut clock: Clock,
        cancel: &Cancel,
    ) -> Result<Outcome> {
        let context = self.context();
        let link = || {
            let units = Some(&selection.units).filter(|units| !units.is_empty());
            units.map(|units| self.link(units, &selection.brought(), &[], &selection.functions))
        };
        let (linked, checked) =
            rayon::join(|| Timed::of(link), || Timed::of(|| check::check(selection, context)));
        clock.ms.check += checked.ms;
        clock.ms.link += linked.ms;
        clock.lap();
        let (mut patch, is_linked) = match checked.result? {
            Checked::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
            Checked::Patch(patch, is_complete) => (patch, is_complete),
        };
        if patch.functions.is_empty() {
            self.adopt();
            return Ok(Outcome::Unchanged(patch.notes));
        }
        self.program.rename_statics(&patch.brought.statics);
        let mut linked = linked.result.filter(|_| is_linked);
        let mut archives = Vec::new();
        let (library, plan) = loop {
            let library = linked.take().unwrap_or_else(|| {
                self.link(patch.units(), &patch.brought, &archives, &patch.functions)
            });
            let library = match library {
                Ok(library) => library,
                Err(LinkError::NewThreadLocal(name)) => {
                    return Ok(Outcome::Refused(new_thread_local(&name)));
                }
                Err(LinkError::NewStatic(name)) => return Ok(Outcome::Refused(new_static(&name))),
                Err(LinkError::Failed(error)) => return Err(error),
            };
            let missing = match plan::plan(&library, &patch, &self.program) {
                Ok(plan) => break (library, plan),
                Err(Unplanned::Refused(refusal)) => return Ok(Outcome::Refused(refusal)),
                Err(Unplanned::Failed(error)) => return Err(error),
                Err(Unplanned::Unresolved(names)) => names,
            };
            if patch.add_defining(&missing, self.context())? {
                continue;
            }
            let found = archives::defining(&missing, &archives, &self.graph, &self.record);
            if found.is_empty() {
                return Ok(Outcome::Refused(plan::refuse_unresolved(&missing)));
            }
            archives.extend(found);
        };
        clock.ms.link += clock.lap();
        if cancel.is_set() || !self.stamps.are_current() {
            self.retry = true;
            return Ok(Outcome::Cancelled);
        }
        self.ready(patch, library, plan, clock)
    }

    fn context(&self) -> check::Context<'_> {
        check::Context {
            graph: &self.graph,
            newest: &self.newest,
            live: &self.live,
            program: &self.program,
            known: &self.known,
        }
    }

    fn link(
        &self,
        units: &[ChangedUnit],
        brought: &Brought,
        archives: &[PathBuf],
        changed: &[String],
    ) -> std::result::Result<PatchLibrary, LinkError> {
        let layout = &self.target.layout;
        let contents = Contents { units, brought, archives, watched: &self.watched(changed) };
        patch::link(contents, self.next, &self.program, &self.record, layout)
    }

    fn ready(
        &self,
        patch: CheckedPatch,
        library: PatchLibrary,
        plan: Plan,
        mut clock: Clock,
    ) -> Result<Outcome> {
        let waiting = reach::waiting(&patch, &plan.image, &self.program, &self.newest);
        clock.ms.load += clock.lap();
        let crates = self.crate_names();
        let mut notes = patch.notes.clone();
        let noted: Vec<String> = waiting.iter().cloned().collect();
        let noted = symbol_name::own_functions(&noted, &crates);
        notes.extend(noted.iter().map(|name| {
            format!(
                "{name} waits: what calls it is running already and has to be called again first"
            )
        }));
        let functions = symbol_name::functions(&patch.functions, &crates);
        let calls = self.calls(&patch, &library, &functions);
        Ok(Outcome::Ready(Box::new(Ready {
            plan,
            library,
            calls,
            crates: self.graph.names(&patch.crates),
            functions,
            notes,
            noted,
            older: patch.older,
            waiting,
            checked: patch,
            ms: clock.ms,
        })))
    }
}

fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0)
}

fn is_unresolved(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == RefusalCode::UnresolvedSymbol)
}

fn new_thread_local(name: &str) -> Refusal {
    Refusal {
        code: RefusalCode::StaticChanged,
        items: vec![Item { name: symbol_name::path(name), was: "not there".into(), now: "thread-local".into(), ..Item::default() }],
        message: "a new thread-local of the binary crate has no room in the running program; a restart makes it".into(),
    }
}

fn new_static(name: &str) -> Refusal {
    Refusal {
        code: RefusalCode::StaticChanged,
        items: vec![Item { name: symbol_name::path(name), ..Item::default() }],
        message: "there are several statics of this name in one place, and their number changed"
            .into(),
    }
}

/// A result and how long it took.
struct Timed<T> {
    result: T,
    ms: f64,
}

impl<T> Timed<T> {
    fn of(work: impl FnOnce() -> T) -> Self {
        let start = Instant::now();
        let result = work();
        Self { result, ms: start.elapsed().as_secs_f64() * 1e3 }
    }
}

/// Splits the time since the first event into stages.
#[derive(Clone, Copy)]
struct Clock {
    last: Instant,
    ms: Timings,
}

impl Clock {
    fn start(at: Instant) -> Self {
        Self { last: at, ms: Timings::default() }
    }

    /// Milliseconds since the last lap.
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let ms = (now - self.last).as_secs_f64() * 1e3;
        self.last = now;
        ms
    }
}
