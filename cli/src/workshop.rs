//! From changed files to a patch that can be delivered: the stages between the watcher and the
//! running processes, and what they remember from one save to the next.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hotdev_protocol::Generation;

use crate::archives;
use crate::args::Selection;
use crate::cargo::{self, Built, Executable};
use crate::changes::{RestartInputs, Stamps};
use crate::check::{self, Checked, CheckedPatch, Refusal};
use crate::elf::image::Image;
use crate::error::{Error, Kind, Result};
use crate::graph::{CrateId, Graph};
use crate::images::ImageRecord;
use crate::layout::Layout;
use crate::patch::{self, LinkError, PatchLibrary};
use crate::plan::{self, Plan, Unplanned};
use crate::program::Program;
use crate::project::Project;
use crate::rebuild::{self, Cancel, Output, Outputs, Rebuilt};
use crate::report::event::{Diagnostic, Item, RefusalCode, Timings};
use crate::symbol_name;

/// What is built, and with which settings. Never changes during a session.
#[derive(Clone, Debug)]
pub struct Target {
    /// The project and its program.
    pub project: Project,
    /// What the command line selected.
    pub selection: Selection,
    /// Packages that must not be hot.
    pub exclude: Vec<String>,
    /// hotdev's own folders.
    pub layout: Layout,
}

/// What a full build came to.
pub enum Opened {
    /// A program that can be started, and the workshop that patches it.
    Ready(Box<Workshop>),
    /// rustc refused the files.
    CompileError(Vec<Diagnostic>),
    /// Newer files are waiting.
    Cancelled,
}

/// Everything that is known of the program that runs, and of the files it came from.
pub struct Workshop {
    target: Target,
    /// The program's file.
    pub executable: Executable,
    /// Why it cannot be patched, where it cannot.
    pub unpatchable: Option<String>,
    record: ImageRecord,
    graph: Graph,
    program: Program,
    stamps: Stamps,
    restart_inputs: RestartInputs,
    /// Crates whose newest output does not hold the files as they are.
    dirty: BTreeSet<CrateId>,
    newest: Outputs,
    live: Outputs,
    /// What was live in each generation that can be returned to.
    history: Vec<(Generation, Outputs)>,
    /// Rust files that no crate reads.
    strangers: Stamps,
    /// Files that changed since the last verdict.
    changed: BTreeSet<PathBuf>,
    failed: bool,
    /// Whether the last run ended early.
    retry: bool,
    next: Generation,
}

/// How many generations keep their objects, for an exact comparison after a rollback.
const KEPT_OUTPUTS: usize = 16;

/// How long a save of files that nothing reads is held back for others that come with it.
const SETTLE: Duration = Duration::from_millis(100);

/// A patch that can be delivered.
pub struct Ready {
    /// The library and the words.
    pub plan: Plan,
    library: PatchLibrary,
    /// Names of the crates in it.
    pub crates: Vec<String>,
    /// Paths of the functions whose code changed.
    pub functions: Vec<String>,
    /// See [`CheckedPatch::notes`].
    pub notes: Vec<String>,
    apart: BTreeSet<String>,
    /// The stages so far.
    pub ms: Timings,
}

/// What a look at the files came to.
pub enum Outcome {
    /// No file is other than at the last look, and the running program has it all.
    Nothing,
    /// Files changed, and the running program has all their code.
    Unchanged,
    /// A patch.
    Ready(Box<Ready>),
    /// rustc refused the files.
    CompileError(Vec<Diagnostic>),
    /// The edit cannot go into the running program.
    Refused(Refusal),
    /// Newer files are waiting.
    Cancelled,
    /// Something failed; the program is as it was.
    Failed(Error),
}

impl Ready {
    /// Size of the patch library in bytes.
    pub fn bytes(&self) -> u64 {
        self.library.bytes.len() as u64
    }
}

impl Workshop {
    /// Builds the program with cargo and reads what was built.
    ///
    /// # Errors
    /// When cargo fails without a diagnostic, or what it built cannot be read.
    pub fn open(target: &Target, cancel: &Cancel) -> Result<Opened> {
        let began = SystemTime::now();
        let executable = match cargo::build(
            &target.project,
            &target.selection,
            &target.layout,
            &target.exclude,
            cancel,
        )? {
            Built::Program(executable) => executable,
            Built::CompileError(diagnostics) => return Ok(Opened::CompileError(diagnostics)),
            Built::Cancelled => return Ok(Opened::Cancelled),
        };
        let image = Image::read(&executable.path)?;
        let record = ImageRecord::find(&target.layout, &image.build_id).ok_or_else(|| {
            let cause = "hotdev did not link it: something else has built it at the same time";
            Error::new(
                Kind::Build,
                format!("find how {} was linked", executable.path.display()),
                cause,
            )
            .hint("save any file, or run `hotdev watch` again")
        })?;
        let (graph, hot) = match &record.plain {
            Some(_) => (Graph::read_all(&target.layout, &record)?, Image::default()),
            None => (Graph::read(&target.layout, &record)?, Image::read(&record.hot_image())?),
        };
        let live = base_outputs(&graph, &record);
        Ok(Opened::Ready(Box::new(Self {
            executable,
            unpatchable: record.plain.clone(),
            restart_inputs: RestartInputs::find(
                &target.project,
                &graph,
                &record.dependencies,
                &target.exclude,
                &target.layout,
            ),
            stamps: Stamps::of(&graph, began),
            program: Program::new(image, hot),
            dirty: BTreeSet::new(),
            newest: live.clone(),
            history: vec![(0, live.clone())],
            live,
            strangers: Stamps::default(),
            changed: BTreeSet::new(),
            failed: false,
            retry: false,
            next: 1,
            target: target.clone(),
            record,
            graph,
        })))
    }

    /// Build ids of the executable and the hot image.
    pub fn build_ids(&self) -> Vec<Vec<u8>> {
        self.program.build_ids().take(2).map(<[u8]>::to_vec).collect()
    }

    /// Every file whose change matters.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.stamps.paths().chain(self.restart_inputs.paths())
    }

    /// Whether a change of this file can matter: a source, an input of the build, or any other Rust
    /// file, which may be the one that is missed, or else is part of no crate that runs.
    pub fn concerns(&self, path: &Path) -> bool {
        self.stamps.contains(path) || self.restart_inputs.contains(path) || is_rust(path)
    }

    /// Whether every source is as it was when the last run began.
    pub fn is_current(&self) -> bool {
        self.stamps.are_current()
    }

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
        self.try_run(at, noticed, asked, cancel, on_build).unwrap_or_else(Outcome::Failed)
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
        let again = self.retry || (asked && !self.is_settled());
        let began = SystemTime::now();
        self.notice(noticed);
        if self.dirty.is_empty() && !self.changed.is_empty() && !again {
            // Nothing that runs has changed yet. Where several files are saved at once, a new one
            // often comes before those that refer to it.
            cancel.wait(SETTLE);
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
        let rebuilt = rebuild::rebuild(
            &mut self.graph,
            &mut self.dirty,
            &mut self.newest,
            &self.target.layout,
            cancel,
        );
        self.stamps.extend(&self.graph, began);
        clock.ms.rustc = clock.lap();
        self.failed = !matches!(rebuilt, Ok(Rebuilt::Done(_) | Rebuilt::Cancelled));
        match rebuilt? {
            Rebuilt::Done(_) => {}
            Rebuilt::CompileError(diagnostics) => return Ok(Outcome::CompileError(diagnostics)),
            Rebuilt::Cancelled => {
                self.retry = true;
                return Ok(Outcome::Cancelled);
            }
        }
        let checked = check::check(&self.graph, &self.newest, &self.live, &self.program)?;
        clock.ms.check = clock.lap();
        match checked {
            Checked::Unchanged => {
                self.live = self.newest.clone();
                Ok(Outcome::Unchanged)
            }
            Checked::Refused(refusal) => Ok(Outcome::Refused(refusal)),
            Checked::Patch(patch) => self.make_ready(&patch, clock, cancel),
        }
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
        self.dirty = self.graph.with_dependents(&self.dirty);
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
        patch: &CheckedPatch,
        mut clock: Clock,
        cancel: &Cancel,
    ) -> Result<Outcome> {
        let mut archives = Vec::new();
        let (library, plan) = loop {
            let linked = patch::link(
                patch,
                &archives,
                self.next,
                &self.program,
                &self.record,
                &self.target.layout,
            );
            let library = match linked {
                Ok(library) => library,
                Err(LinkError::NewThreadLocal(name)) => {
                    return Ok(Outcome::Refused(new_thread_local(&name)));
                }
                Err(LinkError::Failed(error)) => return Err(error),
            };
            clock.ms.link += clock.lap();
            let missing = match plan::plan(&library, patch, &self.program) {
                Ok(plan) => break (library, plan),
                Err(Unplanned::Refused(refusal)) => return Ok(Outcome::Refused(refusal)),
                Err(Unplanned::Failed(error)) => return Err(error),
                Err(Unplanned::Unresolved(names)) => names,
            };
            let found = archives::defining(&missing, &archives, &self.graph, &self.record);
            if found.is_empty() {
                return Ok(Outcome::Refused(plan::refuse_unresolved(&missing)));
            }
            archives.extend(found);
        };
        clock.ms.load = clock.lap();
        if cancel.is_set() || !self.stamps.are_current() {
            self.retry = true;
            return Ok(Outcome::Cancelled);
        }
        let all: BTreeSet<CrateId> = (0..self.graph.crates.len()).collect();
        Ok(Outcome::Ready(Box::new(Ready {
            plan,
            library,
            crates: self.graph.names(&patch.crates),
            functions: symbol_name::functions(&patch.functions, &self.graph.names(&all)),
            notes: patch.notes.clone(),
            apart: patch.apart.clone(),
            ms: clock.ms,
        })))
    }

    /// Takes note that a patch is live in every process, and returns what they were told.
    pub fn accept(&mut self, ready: Ready) -> hotdev_protocol::Patch {
        let Ready { plan, mut library, apart, .. } = ready;
        library.keep();
        self.program.push(plan.patch.generation, plan.image, &apart);
        self.live = self.newest.clone();
        self.history.push((plan.patch.generation, self.live.clone()));
        if self.history.len() > KEPT_OUTPUTS {
            self.history.remove(1);
        }
        self.next = plan.patch.generation + 1;
        plan.patch
    }

    /// Takes note that `generation` is current again in every process. Numbers are not used twice.
    pub fn reverted(&mut self, generation: Generation) {
        self.program.revert(generation);
        self.history.retain(|(other, _)| *other <= generation);
        let kept = self.history.iter().rfind(|(other, _)| *other == generation);
        // Without its objects, everything counts as changed, and the next patch holds it all.
        self.live = kept.map(|(_, live)| live.clone()).unwrap_or_default();
    }

    /// Generations that can be made current, oldest first, without 0.
    pub fn generations(&self) -> &[Generation] {
        self.program.generations()
    }

    /// The newest generation.
    pub fn generation(&self) -> Generation {
        self.program.generation()
    }
}

/// Whether a file may hold Rust. Editors keep locks and copies under hidden names.
fn is_rust(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    path.extension().is_some_and(|extension| extension == "rs") && !hidden
}

fn new_thread_local(name: &str) -> Refusal {
    Refusal {
        code: RefusalCode::StaticChanged,
        items: vec![Item { name: symbol_name::path(name), was: "not there".into(), now: "thread-local".into(), ..Item::default() }],
        message: "a new thread-local of the binary crate has no room in the running program; a restart makes it".into(),
    }
}

fn base_outputs(graph: &Graph, record: &ImageRecord) -> Outputs {
    let path = |key: &str| if key == record.binary { record.objects() } else { record.rlib(key) };
    let base = graph.crates.iter().enumerate();
    base.map(|(id, hot)| (id, Arc::new(Output::Base { path: path(&hot.key) }))).collect()
}

/// Splits the time since the first event into stages.
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
