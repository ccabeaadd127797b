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
mod round;
mod rustc;
mod trailing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

pub use cancel::Cancel;
pub use output::{Output, Outputs};

use crate::error::Result;
use crate::graph::{CrateId, Graph};
use crate::layout::Layout;
use crate::report::event::Diagnostic;
use round::{Build, Compiled, Complete, Round};

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
/// When rustc cannot be started, fails without a diagnostic, or writes what cannot be read. What
/// was not put into `outputs` is in `dirty` then, as after a compile error.
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
        let build = Build { graph, outputs, libraries, live, layout, cancel };
        let mut round = Round::new(build, dirty.clone());
        while let Some(id) = round.next() {
            round.begin(scope, id);
        }
        round.end()
    });
    // In this order: what depends on a crate that failed may have been compiled against it.
    for Compiled { id, follow, replayed } in compiled {
        match replayed.and_then(|replayed| replayed.complete(follow))? {
            Complete::Output { output, files } => {
                graph.crates[id].sources = files;
                if follow {
                    let dependents = graph.dependents(id);
                    libraries.insert(id, Arc::clone(&output));
                    libraries.retain(|id, _| !dependents.contains(id));
                    dirty.extend(dependents);
                }
                outputs.insert(id, output);
                dirty.remove(&id);
            }
            Complete::Errors(_) if cancel.is_set() => break,
            Complete::Errors(errors) => return Ok(Rebuilt::CompileError(errors)),
        }
    }
    Ok(if cancel.is_set() { Rebuilt::Cancelled } else { Rebuilt::Done })
}
