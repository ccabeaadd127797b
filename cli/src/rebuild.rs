//! Replays recorded rustc invocations: one crate after another, each seeing what the earlier ones
//! made. cargo finds its own files as it left them.

mod aside;
mod finalized;
mod output;
mod reader;
mod replay;
mod rustc;
mod trailing;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use output::{Output, Outputs};

use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::layout::Layout;
use crate::process;
use crate::report::event::Diagnostic;
use crate::source::Sources;
use replay::{Needs, Replayed, replay};

/// Ends a build under way.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    set: Arc<AtomicBool>,
    groups: Arc<Mutex<Vec<u32>>>,
}

impl Cancel {
    /// Ends whatever runs under this token, and whatever will.
    pub fn cancel(&self) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        self.set.store(true, Ordering::SeqCst);
        groups.iter().for_each(|group| process::kill_group(*group));
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Waits for so long, or until [`Cancel::cancel`] is called.
    pub fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has a process group ended with the build until the guard is dropped.
    pub fn kills_group(&self, group: u32) -> KillGuard<'_> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.push(group);
        if self.is_set() {
            process::kill_group(group);
        }
        KillGuard { cancel: self, group }
    }
}

/// See [`Cancel::kills_group`].
pub struct KillGuard<'a> {
    cancel: &'a Cancel,
    group: u32,
}

impl Drop for KillGuard<'_> {
    fn drop(&mut self) {
        let mut groups = self.cancel.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| *group != self.group);
    }
}

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
    while let Some(id) = dirty.first().copied() {
        // It writes where cargo's own libraries were, and this crate may read them.
        outputs.values().for_each(|output| output.end_rustc());
        let before: Vec<&Output> = [&*outputs, live]
            .iter()
            .filter_map(|outputs| outputs.get(&id))
            .map(AsRef::as_ref)
            .collect();
        let dependents = graph.dependents(id);
        // A crate without a library was compiled against one that is no more.
        // One that never went live may promise instances of generic functions that nothing has.
        let follow = |sources: &Sources| {
            let matters =
                |library: &Arc<Output>| !library.is_live() || sources.matter(&library.sources);
            !dependents.is_empty() && libraries.get(&id).is_none_or(matters)
        };
        let needs = Needs { libraries, before: &before, library: &follow };
        let Replayed { mut diagnostics, output, files } =
            replay(graph, id, &needs, layout, cancel)?;
        if cancel.is_set() {
            return Ok(Rebuilt::Cancelled);
        }
        let Some(mut output) = output else {
            // Warnings about code that is not finished help nobody.
            diagnostics.retain(|diagnostic| diagnostic.level == "error");
            return Ok(Rebuilt::CompileError(diagnostics));
        };
        let follow = follow(&output.sources);
        output.warnings = diagnostics;
        graph.crates[id].sources = files;
        if !follow {
            output.drop_library()?;
        }
        let output = Arc::new(output);
        if follow {
            libraries.insert(id, Arc::clone(&output));
            libraries.retain(|id, _| !dependents.contains(id));
            dirty.extend(dependents);
        }
        outputs.insert(id, output);
        dirty.remove(&id);
    }
    Ok(Rebuilt::Done)
}
