//! One rebuild: which crate is begun when, and what each came to.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle, available_parallelism};

use super::cancel::Cancel;
use super::output::{Output, Outputs};
use super::replay::{Needs, Replayed, Replaying, replay};
use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::layout::Layout;
use crate::report::event::Diagnostic;
use crate::source::Sources;

/// What crates are compiled with.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    pub graph: &'a Graph,
    pub outputs: &'a Outputs,
    pub libraries: &'a Outputs,
    pub live: &'a Outputs,
    pub layout: &'a Layout,
    pub cancel: &'a Cancel,
}

/// The crates of a rebuild.
pub struct Round<'scope, 'a> {
    build: Build<'a>,
    /// Those that are to be compiled yet.
    waiting: BTreeSet<CrateId>,
    /// The others, in the order in which they were begun.
    begun: Vec<Compiling<'scope>>,
    /// Where the libraries of those are that dependents follow.
    folders: HashMap<CrateId, PathBuf>,
    /// Crates that were compiled against a library that is no more.
    stale: BTreeSet<CrateId>,
    /// How many may be compiled beside the next one.
    beside: usize,
}

/// A crate that is compiled, or is being compiled beside others.
struct Compiling<'scope> {
    id: CrateId,
    /// Whether its dependents are compiled against it.
    follow: bool,
    /// What makes its units; none where they are there.
    thread: Option<ScopedJoinHandle<'scope, Result<Replayed>>>,
    replayed: Option<Result<Replayed>>,
}

/// A crate whose rustc came to something.
pub struct Compiled {
    pub id: CrateId,
    /// Whether its dependents were compiled against it.
    pub follow: bool,
    pub replayed: Result<Replayed>,
}

/// What a crate is to the session.
pub enum Complete {
    Output { output: Arc<Output>, files: BTreeSet<PathBuf> },
    Errors(Vec<Diagnostic>),
}

impl Replayed {
    /// With `follow`, the library is kept for dependents.
    ///
    /// # Errors
    /// When the units cannot be kept without it.
    pub fn complete(self, follow: bool) -> Result<Complete> {
        let Self { mut diagnostics, output, files } = self;
        let Some(mut output) = output else {
            // Warnings about code that is not finished help nobody.
            diagnostics.retain(|diagnostic| diagnostic.level == "error");
            return Ok(Complete::Errors(diagnostics));
        };
        output.warnings = diagnostics;
        if !follow {
            output.drop_library()?;
        }
        Ok(Complete::Output { output: Arc::new(output), files })
    }
}

impl Compiling<'_> {
    fn is_under_way(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits for its end.
    fn settle(&mut self) {
        if let Some(thread) = self.thread.take() {
            let joined = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.replayed = Some(joined);
        }
    }

    fn output(&self) -> Option<&Output> {
        self.replayed.as_ref()?.as_ref().ok()?.output.as_ref()
    }

    fn has_failed(&self) -> bool {
        self.replayed.is_some() && self.output().is_none()
    }
}

/// Whether a crate's dependents are compiled along with it.
struct Following<'a> {
    has_dependents: bool,
    /// What they were compiled against.
    library: Option<&'a Arc<Output>>,
}

impl Following<'_> {
    fn is_needed(&self, sources: &Sources) -> bool {
        // One that never went live may promise instances of generic functions that nothing has.
        let matters =
            |library: &Arc<Output>| !library.is_live() || sources.matter(&library.sources);
        self.has_dependents && self.library.is_none_or(matters)
    }
}

impl<'scope, 'a: 'scope> Round<'scope, 'a> {
    /// Of these crates, and of those that turn out to follow them.
    pub fn new(build: Build<'a>, waiting: BTreeSet<CrateId>) -> Self {
        let (begun, folders, stale) = (Vec::new(), HashMap::new(), BTreeSet::new());
        // A rustc has several threads, and memory of its own.
        let beside = available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Self { build, waiting, begun, folders, stale, beside }
    }

    /// The crate to begin now; none where all were begun or one has failed.
    pub fn next(&mut self) -> Option<CrateId> {
        let mut under_way = self.begun.iter().filter(|one| one.is_under_way()).count();
        for compiling in &mut self.begun {
            if !compiling.is_under_way() {
                compiling.settle();
            } else if under_way > self.beside {
                compiling.settle();
                under_way -= 1;
            }
        }
        let stops = self.build.cancel.is_set() || self.begun.iter().any(Compiling::has_failed);
        if stops { None } else { self.waiting.pop_first() }
    }

    /// Compiles a crate until its dependents can be, or else to its end.
    pub fn begin(&mut self, scope: &'scope Scope<'scope, 'a>, id: CrateId) {
        let Build { graph, outputs, live, layout, cancel, .. } = self.build;
        self.end_trailing();
        let known = [outputs, live].into_iter();
        let before: Vec<&Output> =
            known.filter_map(|outputs| outputs.get(&id)).map(AsRef::as_ref).collect();
        let dependents = graph.dependents(id);
        let following = self.following(id, !dependents.is_empty());
        let folders = self.folders();
        let needs = Needs {
            libraries: &folders,
            before: &before,
            library: &|sources| following.is_needed(sources),
            is_read_by_linkers: dependents.iter().any(|id| graph.crates[*id].invocation.links()),
        };
        let mut compiling = Compiling { id, follow: false, thread: None, replayed: None };
        let mut folder = None;
        match replay(graph, id, &needs, layout, cancel) {
            Ok(Replaying::Ahead(ahead)) => {
                folder = Some(ahead.folder().to_owned());
                compiling.follow = true;
                compiling.thread = Some(scope.spawn(move || ahead.end(&before, cancel)));
            }
            Ok(Replaying::Done(replayed)) => {
                let output = replayed.output.as_ref();
                compiling.follow =
                    output.is_some_and(|output| following.is_needed(&output.sources));
                folder = output.and_then(Output::library_folder).map(PathBuf::from);
                compiling.replayed = Some(Ok(replayed));
            }
            Err(error) => compiling.replayed = Some(Err(error)),
        }
        if compiling.follow {
            self.folders.extend(folder.map(|folder| (id, folder)));
            self.stale.extend(&dependents);
            self.waiting.extend(dependents);
        }
        self.begun.push(compiling);
    }

    /// Ends every rustc that writes only what nobody needs. They write where cargo's own libraries
    /// were, and the next crate may read those. What is under way beside it writes there as well: who
    /// follows that has its library elsewhere.
    fn end_trailing(&self) {
        self.build.outputs.values().for_each(|output| output.end_rustc());
        self.begun.iter().filter_map(Compiling::output).for_each(Output::end_rustc);
    }

    fn following(&self, id: CrateId, has_dependents: bool) -> Following<'a> {
        // A crate without a library was compiled against one that is no more.
        let library = self.build.libraries.get(&id).filter(|_| !self.stale.contains(&id));
        Following { has_dependents, library }
    }

    /// Folders of the libraries that are not cargo's.
    fn folders(&self) -> HashMap<CrateId, PathBuf> {
        let known = self.build.libraries.iter().filter(|(id, _)| !self.stale.contains(id));
        let known =
            known.filter_map(|(id, output)| Some((*id, output.library_folder()?.to_owned())));
        let begun = self.folders.iter().map(|(id, folder)| (*id, folder.clone()));
        known.chain(begun).collect()
    }

    /// What all came to that were begun, in that order.
    pub fn end(self) -> Vec<Compiled> {
        let compiled = self.begun.into_iter().filter_map(|mut compiling| {
            compiling.settle();
            let Compiling { id, follow, replayed, .. } = compiling;
            Some(Compiled { id, follow, replayed: replayed? })
        });
        compiled.collect()
    }
}
