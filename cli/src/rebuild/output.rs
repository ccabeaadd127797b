//! What a compilation of a crate left: its units, and the library that others are compiled against.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::trailing::Trailing;
use crate::error::Result;
use crate::graph::CrateId;
use crate::report::event::Diagnostic;
use crate::source::Sources;
use crate::units::{self, Folder, Unit};

/// What one compilation of a crate left.
#[derive(Debug, Default)]
pub struct Output {
    /// The rustc that made it, where that goes on. It ends before the folder goes.
    trailing: Mutex<Option<Trailing>>,
    /// Whether that rustc failed in the end.
    failed: AtomicBool,
    /// The codegen units. Those that are the same as before are the very ones.
    pub units: Vec<Arc<Unit>>,
    /// Where rustc's replay wrote; `None` for the first build, which is cargo's.
    folder: Option<Arc<Folder>>,
    /// What it was compiled from.
    pub sources: Sources,
    /// What rustc warns of in the crate: all of it, each time.
    pub warnings: Vec<Diagnostic>,
    /// Whether the running program has its code, or a newer one of the same crate.
    is_live: AtomicBool,
}

/// The newest output of each crate.
pub type Outputs = HashMap<CrateId, Arc<Output>>;

impl Output {
    /// The output of the first build: an rlib, or the folder of the binary crate's objects.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn base(path: &Path, sources: Sources) -> Result<Self> {
        let units =
            if path.is_dir() { units::in_folder(path, None) } else { units::in_rlib(path, None) };
        Ok(Self {
            units: units?.into_iter().map(Arc::new).collect(),
            folder: None,
            trailing: Mutex::default(),
            failed: AtomicBool::default(),
            sources,
            warnings: Vec::new(),
            is_live: true.into(),
        })
    }

    /// The output of a replay that wrote objects of a binary crate.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of_objects(
        folder: Arc<Folder>,
        objects: &Path,
        before: &[&Self],
        sources: Sources,
    ) -> Result<Self> {
        let units = units::in_folder(objects, Some(&folder))?;
        Self::replayed(units, folder, before, sources)
    }

    /// The output of a replay that wrote a library.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_library(
        folder: Arc<Folder>,
        rlib: &Path,
        before: &[&Self],
        sources: Sources,
    ) -> Result<Self> {
        let units = units::in_rlib(rlib, Some(&folder))?;
        Self::replayed(units, folder, before, sources)
    }

    fn replayed(
        units: Vec<Unit>,
        folder: Arc<Folder>,
        before: &[&Self],
        sources: Sources,
    ) -> Result<Self> {
        let (units, folder) = (shared(units, before)?, Some(folder));
        Ok(Self { units, folder, sources, ..Self::default() })
    }

    /// Takes note of the rustc that goes on.
    pub fn set_trailing(&mut self, trailing: Trailing) {
        self.trailing = Mutex::new(Some(trailing));
    }

    /// Ends the rustc that made it, if it still runs: cargo has its own files again then.
    pub fn end_rustc(&self) {
        let trailing = self.trailing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if trailing.is_some_and(Trailing::end) {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the rustc that made it failed after its units were there; known once
    /// [`Output::end_rustc`] has been called.
    pub fn rustc_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Says whether the running program has this code, or a newer one of the same crate.
    pub fn set_live(&self, is_live: bool) {
        self.is_live.store(is_live, Ordering::Relaxed);
    }

    /// See [`Output::set_live`].
    pub fn is_live(&self) -> bool {
        self.is_live.load(Ordering::Relaxed)
    }

    /// Removes the library; the units stay.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn drop_library(&mut self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for unit in &mut self.units {
            if let Some(own) = unit.extracted(folder)? {
                *unit = Arc::new(own);
            }
        }
        for entry in fs::read_dir(&folder.0).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|is| is == "rlib" || is == "rmeta") {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// The folder of the library that dependents are compiled against, where it is not cargo's.
    pub fn library_folder(&self) -> Option<&Path> {
        self.folder.as_deref().map(|folder| folder.0.as_path())
    }

    /// The units that `before` does not have as they are, in pairs: before, now.
    pub fn changed<'a>(&'a self, before: &'a Self) -> (Vec<&'a Arc<Unit>>, Vec<&'a Arc<Unit>>) {
        let only = |units: &'a [Arc<Unit>], others: &[Arc<Unit>]| {
            let others: Vec<_> = others.iter().map(Arc::as_ptr).collect();
            units.iter().filter(|unit| !others.contains(&Arc::as_ptr(unit))).collect()
        };
        (only(&before.units, &self.units), only(&self.units, &before.units))
    }
}

/// The units, with those of `before` in the place of equal ones.
fn shared(units: Vec<Unit>, before: &[&Output]) -> Result<Vec<Arc<Unit>>> {
    let mut known: HashMap<&str, Vec<&Arc<Unit>>> = HashMap::new();
    for unit in before.iter().flat_map(|output| &output.units) {
        known.entry(unit.name.as_str()).or_default().push(unit);
    }
    let shared = units.into_par_iter().map(|unit| {
        for old in known.get(unit.name.as_str()).into_iter().flatten() {
            if old.is_same(&unit)? {
                return Ok(Arc::clone(old));
            }
        }
        Ok(Arc::new(unit))
    });
    shared.collect()
}
