//! The full build, and all that is read of what it made.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;

use super::{Opened, Target, Workshop};
use crate::cargo::{self, Built, Messages};
use crate::changes::{RestartInputs, Stamps};
use crate::check::Known;
use crate::elf::image::Image;
use crate::error::{Error, Kind, Result};
use crate::graph::Graph;
use crate::images::ImageRecord;
use crate::index::{self, Busy};
use crate::layout::Layout;
use crate::program::Program;
use crate::rebuild::{Cancel, Output, Outputs};
use crate::source::Sources;

impl Workshop {
    /// Builds the program with cargo and reads what was built.
    ///
    /// # Errors
    /// When cargo fails without a diagnostic, or what it built cannot be read.
    pub fn open(target: &Target, messages: &Messages, cancel: &Cancel) -> Result<Opened> {
        let began = SystemTime::now();
        let executable = match cargo::build(
            &target.project,
            &target.selection,
            &target.layout,
            &target.exclude,
            messages,
            cancel,
        )? {
            Built::Program(executable) => executable,
            Built::CompileError(diagnostics) => return Ok(Opened::CompileError(diagnostics)),
            Built::Cancelled => return Ok(Opened::Cancelled),
        };
        let build_id = Image::read_build_id(&executable.path)?;
        let record = ImageRecord::find(&target.layout, &build_id);
        let record = record.ok_or_else(|| built_by_others(&executable.path))?;
        // The program waits for all of this.
        let (images, crates) = rayon::join(
            || rayon::join(|| Image::read(&executable.path), || hot_image(&record)),
            || crates(&record, &target.layout),
        );
        let ((image, hot), (graph, live)) = ((images.0?, images.1?), crates?);
        if image.build_id != build_id {
            return Err(built_by_others(&executable.path));
        }
        let busy = index(&graph, &live, &target.layout);
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
            libraries: live.clone(),
            history: vec![(0, live.clone())],
            live,
            strangers: Stamps::default(),
            known: Known::default(),
            busy,
            changed: BTreeSet::new(),
            failed: false,
            refused: false,
            told_warnings: HashSet::new(),
            retry: false,
            next: 1,
            target: target.clone(),
            record,
            graph,
        })))
    }
}

/// Has the facts of all units found in the background, which gives way to what it returns.
pub(super) fn index(graph: &Graph, outputs: &Outputs, layout: &Layout) -> Busy {
    let busy = Busy::default();
    let outputs =
        outputs.iter().map(|(id, output)| (graph.crates[*id].key.clone(), Arc::clone(output)));
    index::begin(outputs.collect(), layout.facts(), busy.clone());
    busy
}

fn built_by_others(executable: &Path) -> Error {
    let doing = format!("find how {} was linked", executable.display());
    let cause = "hotdev did not link it: something else has built it at the same time";
    Error::new(Kind::Build, doing, cause).hint("save any file, or run `hotdev watch` again")
}

fn hot_image(record: &ImageRecord) -> Result<Image> {
    match &record.plain {
        Some(_) => Ok(Image::default()),
        None => Image::read(&record.hot_image()),
    }
}

/// The hot crates, with what the build made of them.
fn crates(record: &ImageRecord, layout: &Layout) -> Result<(Graph, Outputs)> {
    let graph = match &record.plain {
        Some(_) => Graph::read_all(layout, record)?,
        None => Graph::read(layout, record)?,
    };
    let outputs = base_outputs(&graph, record)?;
    Ok((graph, outputs))
}

fn base_outputs(graph: &Graph, record: &ImageRecord) -> Result<Outputs> {
    let path = |key: &str| if key == record.binary { record.objects() } else { record.rlib(key) };
    let base = graph.crates.par_iter().enumerate();
    let base = base.map(|(id, hot)| match &record.plain {
        // It is never compared with anything.
        Some(_) => Ok((id, Arc::default())),
        None => {
            let sources = Sources::read(hot.sources.iter(), None);
            Ok((id, Arc::new(Output::base(&path(&hot.key), sources)?)))
        }
    });
    base.collect()
}
