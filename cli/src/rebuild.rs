//! Replays recorded rustc invocations: one crate after another, each seeing what the earlier ones
//! made. cargo finds its own files as it left them.
//!
//! A dependent needs the metadata of a crate and nothing else, and rustc writes that before it
//! makes the units. So both are compiled at the same time from there on.

mod aside;
mod cancel;
mod finalized;
mod library;
mod output;
mod reader;
mod replay;
mod rustc;
mod trailing;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

pub use cancel::{Cancel, KillGuard};
pub use output::{Output, Outputs};

use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::layout::Layout;
use crate::report::event::Diagnostic;
use crate::source::Sources;
use replay::{Needs, Replayed, Replaying, replay};

/// What a rebuild came to.
#[derive(Debug)]
pub enum Rebuilt {
    /// Every crate was compiled.
    Done,
    /// rustc refused one of them.
    CompileError(Vec<Diagnostic>),
    /// Newer files are waiting.
    Cancelled,
}

/// Compiles the crates in `dirty` in order, putting each output into `outputs` and taking the
/// crate out of `dirty`. Units that are as they were in `live` are those very units.
///
/// `libraries` are the outputs that dependents are compiled against. They follow a crate where its
/// edit can matter to them; otherwise they do without the new library for good.
///
/// # Errors
/// When rustc cannot be started, or fails without a diagnostic.
pub fn rebuild(
    graph: &mut Graph,
    dirty: &mut BTreeSet<CrateId>,
    outputs: &mut Outputs,
    libraries: &mut Outputs,
    live: &Outputs,
    layout: &Layout,
    cancel: &Cancel,
) -> Result<Rebuilt> {
    let compiled = thread::scope(|scope| {
        let build = Build { graph, outputs, live, layout, cancel };
        let mut begun = Begun::default();
        while let Some(id) = dirty.first().copied().filter(|_| !cancel.is_set()) {
            dirty.remove(&id);
            if !build.begin(scope, id, dirty, libraries, &mut begun) {
                break;
            }
        }
        begun.crates.into_iter().map(Compiling::end).collect::<Vec<_>>()
    });
    let mut compiled = compiled.into_iter();
    for Compiled { id, follow, replayed } in compiled.by_ref() {
        let output = match replayed {
            Ok(Replayed { mut diagnostics, output: Some(mut output), files }) => {
                output.warnings = std::mem::take(&mut diagnostics);
                graph.crates[id].sources = files;
                if !follow {
                    output.drop_library()?;
                }
                Arc::new(output)
            }
            failed => {
                // What was compiled against it, or after it, is compiled again.
                dirty.insert(id);
                dirty.extend(compiled.map(|compiled| compiled.id));
                let Replayed { mut diagnostics, .. } = failed?;
                if cancel.is_set() {
                    return Ok(Rebuilt::Cancelled);
                }
                // Warnings about code that is not finished help nobody.
                diagnostics.retain(|diagnostic| diagnostic.level == "error");
                return Ok(Rebuilt::CompileError(diagnostics));
            }
        };
        if follow {
            libraries.insert(id, Arc::clone(&output));
        }
        outputs.insert(id, output);
    }
    if cancel.is_set() {
        return Ok(Rebuilt::Cancelled);
    }
    Ok(Rebuilt::Done)
}

/// What crates are compiled with.
#[derive(Clone, Copy)]
struct Build<'a> {
    graph: &'a Graph,
    outputs: &'a Outputs,
    live: &'a Outputs,
    layout: &'a Layout,
    cancel: &'a Cancel,
}

/// The crates of a rebuild that were begun, in this order.
#[derive(Default)]
struct Begun<'scope> {
    crates: Vec<Compiling<'scope>>,
    /// Where their libraries are, for dependents that follow.
    folders: HashMap<CrateId, PathBuf>,
}

/// A crate that is compiled, or is being compiled while others are.
struct Compiling<'scope> {
    id: CrateId,
    /// Whether its dependents are compiled against it.
    follow: bool,
    state: State<'scope>,
}

enum State<'scope> {
    Done(Result<Replayed>),
    /// Its library is there.
    Ahead(ScopedJoinHandle<'scope, Result<Replayed>>),
}

/// A crate whose rustc came to something.
struct Compiled {
    id: CrateId,
    follow: bool,
    replayed: Result<Replayed>,
}

impl Compiling<'_> {
    fn end(self) -> Compiled {
        let replayed = match self.state {
            State::Done(replayed) => replayed,
            State::Ahead(thread) => {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        };
        Compiled { id: self.id, follow: self.follow, replayed }
    }
}

impl<'a> Build<'a> {
    /// Compiles a crate until its dependents can be, and adds those that follow to `dirty`; false
    /// where nothing can follow.
    fn begin<'scope>(
        self,
        scope: &'scope Scope<'scope, 'a>,
        id: CrateId,
        dirty: &mut BTreeSet<CrateId>,
        libraries: &mut Outputs,
        begun: &mut Begun<'scope>,
    ) -> bool
    where
        'a: 'scope,
    {
        // They write where cargo's own libraries were, and this crate may read them.
        self.outputs.values().for_each(|output| output.end_rustc());
        for compiling in &begun.crates {
            if let State::Done(Ok(Replayed { output: Some(output), .. })) = &compiling.state {
                output.end_rustc();
            }
        }
        let known = [self.outputs, self.live].into_iter();
        let before: Vec<&Output> =
            known.filter_map(|outputs| outputs.get(&id)).map(AsRef::as_ref).collect();
        let dependents = self.graph.dependents(id);
        // A crate without a library was compiled against one that is no more.
        // One that never went live may promise instances of generic functions that nothing has.
        let follow = |sources: &Sources| {
            let matters =
                |library: &Arc<Output>| !library.is_live() || sources.matter(&library.sources);
            !dependents.is_empty() && libraries.get(&id).is_none_or(matters)
        };
        let of_others = libraries.iter().filter_map(|(id, output)| {
            output.library_folder().map(|folder| (*id, folder.to_owned()))
        });
        let mut folders: HashMap<CrateId, PathBuf> = of_others.collect();
        folders.extend(begun.folders.clone());
        let needs = Needs { libraries: &folders, before: &before, library: &follow };
        let replaying = replay(self.graph, id, &needs, self.layout, self.cancel);
        let (follow, folder, state) = match replaying {
            Ok(Replaying::Ahead(ahead)) => {
                let (folder, cancel) = (ahead.folder().to_owned(), self.cancel);
                let thread = scope.spawn(move || ahead.end(&before, cancel));
                (true, Some(folder), State::Ahead(thread))
            }
            Ok(Replaying::Done(replayed)) => {
                let output = replayed.output.as_ref();
                let follow = output.is_some_and(|output| follow(&output.sources));
                let folder = output.and_then(Output::library_folder).map(PathBuf::from);
                (follow, folder, State::Done(Ok(replayed)))
            }
            Err(error) => (false, None, State::Done(Err(error))),
        };
        begun.crates.push(Compiling { id, follow, state });
        if follow {
            begun.folders.extend(folder.clone().map(|folder| (id, folder)));
            libraries.retain(|id, _| !dependents.contains(id));
            dirty.extend(dependents);
        }
        folder.is_some()
    }
}
