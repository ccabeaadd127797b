//! From changed files to a patch that can be delivered: the stages between the watcher and the
//! running processes, and what they remember from one save to the next.

mod again;
mod calls;
mod edits;
mod open;
mod run;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotdev_protocol::Generation;

use crate::args::Selection;
use crate::calls::Calls;
use crate::cargo::Executable;
use crate::changes::{RestartInputs, Stamps};
use crate::check::{CheckedPatch, Known, Refusal};
use crate::error::Error;
use crate::graph::{CrateId, Graph};
use crate::images::ImageRecord;
use crate::index::Busy;
use crate::layout::Layout;
use crate::patch::PatchLibrary;
use crate::plan::Plan;
use crate::program::Program;
use crate::project::Project;
use crate::rebuild::{Output, Outputs};
use crate::report::event::{Diagnostic, Older, Timings};

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

/// What making a program came to: a build of cargo's, or a link of what was compiled already.
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
    /// What dependents are compiled against.
    libraries: Outputs,
    live: Outputs,
    /// What was live in each generation that can be returned to.
    history: Vec<(Generation, Outputs)>,
    /// Rust files that no crate reads.
    strangers: Stamps,
    /// What left the code and may still be in memory.
    known: Known,
    busy: Busy,
    /// Files that changed since the last verdict.
    changed: BTreeSet<PathBuf>,
    failed: bool,
    /// Whether the last run that came to a verdict ended in a refusal.
    refused: bool,
    /// Warnings of the crates as they were when people were told last: file, message.
    told_warnings: HashSet<(PathBuf, String)>,
    /// Whether the last run ended early.
    retry: bool,
    next: Generation,
}

/// How many generations keep their objects, for an exact comparison after a rollback.
const KEPT_OUTPUTS: usize = 16;

/// A patch that can be delivered.
pub struct Ready {
    /// The library and the words.
    pub plan: Plan,
    library: PatchLibrary,
    /// Names of the crates in it.
    pub crates: Vec<String>,
    /// Paths of the functions whose code changed.
    pub functions: Vec<String>,
    /// Which of them have been called: none so far.
    pub calls: Calls,
    /// See [`CheckedPatch::notes`].
    pub notes: Vec<String>,
    /// Paths of the functions of which a note says that they wait.
    pub noted: Vec<String>,
    /// See [`CheckedPatch::older`].
    pub older: Older,
    /// What went in.
    checked: CheckedPatch,
    /// Mangled names of the changed functions that nothing calls yet.
    waiting: BTreeSet<String>,
    /// The stages so far.
    pub ms: Timings,
}

/// What a look at the files came to.
pub enum Outcome {
    /// No file is other than at the last look, and the running program has it all.
    Nothing,
    /// Files changed, and the running program has all their code; what to know nevertheless.
    Unchanged(Vec<String>),
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
    /// Build ids of the executable and the hot image.
    pub fn build_ids(&self) -> Vec<Vec<u8>> {
        self.program.build_ids().take(2).map(<[u8]>::to_vec).collect()
    }

    /// What rustc warns of in the crates as they were compiled last, and did not when this was
    /// asked last.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        let crates: BTreeMap<&CrateId, &Arc<Output>> = self.newest.iter().collect();
        let mut now = HashSet::new();
        let mut new = Vec::new();
        for warning in crates.values().flat_map(|output| &output.warnings) {
            // An edit elsewhere moves a warning to another line, and it is no other for that.
            let key = (warning.file.clone(), warning.message.clone());
            if !self.told_warnings.contains(&key) && !now.contains(&key) {
                new.push(warning.clone());
            }
            now.insert(key);
        }
        self.told_warnings = now;
        new
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

    /// Takes note that a patch is live in every process, and returns what they were told.
    pub fn accept(&mut self, ready: Ready) -> hotdev_protocol::Patch {
        let Ready { plan, mut library, checked, waiting, .. } = ready;
        library.keep();
        self.program.push(plan.patch.generation, plan.image, &checked.brought);
        self.program.set_waiting(&checked.functions, waiting);
        self.adopt();
        self.history.push((plan.patch.generation, self.live.clone()));
        if self.history.len() > KEPT_OUTPUTS {
            self.history.remove(1);
        }
        self.next = plan.patch.generation + 1;
        plan.patch
    }

    /// Takes note that the running program has the code of the newest outputs.
    fn adopt(&mut self) {
        let newest = self.newest.clone();
        self.remember(&newest);
        newest.values().for_each(|output| output.set_live(true));
        self.live = newest;
    }

    /// Takes note of what leaves the code when `next` becomes live.
    fn remember(&mut self, next: &Outputs) {
        for (id, next) in next {
            let remembered = self.known.remember(&self.live[id], next);
            if let Err(error) = remembered {
                tracing::error!(%error, "what left the code is not known");
            }
        }
    }

    /// Takes note that `generation` is current again in every process. Numbers are not used twice.
    pub fn reverted(&mut self, generation: Generation) {
        self.program.revert(generation);
        let gone = self.history.iter().filter(|(other, _)| *other > generation);
        gone.flat_map(|(_, outputs)| outputs.values()).for_each(|output| output.set_live(false));
        self.history.retain(|(other, _)| *other <= generation);
        if let Some((_, live)) = self.history.last() {
            let live = live.clone();
            self.remember(&live);
            live.values().for_each(|output| output.set_live(true));
            self.live = live;
        }
    }

    /// Build ids of the patches that no later one needs, and that no rollback leads to.
    pub fn retired(&self) -> Vec<Vec<u8>> {
        // What a rollback can make current counts as well: the next patch is made for that then.
        // The program as it started needs no patch.
        let outputs = self.history.iter().skip(1).flat_map(|(_, outputs)| outputs.values());
        let units = outputs.chain(self.live.values()).flat_map(|output| &output.units);
        let units: HashMap<_, _> = units.map(|unit| (Arc::as_ptr(unit), unit)).collect();
        let is_current = |name: &str| {
            let mut units = units.values();
            units.any(|unit| unit.facts().map_or(true, |facts| facts.digest.defines(name)))
        };
        self.program.retired(self.oldest(), &is_current)
    }

    /// The oldest generation that can be made current, apart from the program as it started.
    pub fn oldest(&self) -> Generation {
        self.history.get(1).map_or(0, |(generation, _)| *generation)
    }

    /// Takes note that patches are loaded in no process any more.
    pub fn unloaded(&mut self, build_ids: &[Vec<u8>]) {
        self.program.unloaded(build_ids);
    }

    /// Generations that can be made current, oldest first: those whose objects are kept, because
    /// the next edit is compared with them.
    pub fn generations(&self) -> Vec<Generation> {
        self.history.iter().map(|(generation, _)| *generation).collect()
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
