//! A restart with an edit that was refused: everything is compiled by then, so cargo and rustc have
//! nothing left to do. What is left is to link the hot image of the newest units.

use std::collections::HashSet;

use super::Workshop;
use crate::check::Known;
use crate::elf::image::Image;
use crate::error::Result;
use crate::images;

impl Workshop {
    /// The workshop of a program that has the newest units from its beginning, where that is what
    /// cargo would build; `None` where it takes cargo to know.
    pub fn again(mut self: Box<Self>) -> Option<Box<Self>> {
        if !self.is_compiled() {
            return None;
        }
        match self.relink() {
            Ok(true) => Some(self),
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(%error, "the hot image was not linked anew; cargo builds");
                None
            }
        }
    }

    /// Whether the newest units are all that cargo would compile of the files as they are.
    ///
    /// What a build script reads may not be known, and a package that is not hot may read a crate
    /// that is: there it takes cargo.
    fn is_compiled(&mut self) -> bool {
        let is_as_built = !self.restart_inputs.look() && self.restart_inputs.are_as_built();
        self.refused
            && self.dirty.is_empty()
            && is_as_built
            && self.stamps.are_current()
            && self.unpatchable.is_none()
            && self.target.exclude.is_empty()
            && !self.restart_inputs.are_incomplete(&self.target.project.root)
            && !self.target.project.has_hidden_readers
            && self.target.project.is_as_read()
    }

    fn relink(&mut self) -> Result<bool> {
        let crates: Vec<_> = self
            .graph
            .crates
            .iter()
            .enumerate()
            .filter_map(|(id, hot)| Some((&hot.invocation, self.newest.get(&id)?.units.as_slice())))
            .collect();
        let binary = self.graph.crates.iter().find(|hot| hot.key == self.record.binary);
        let Some(binary) = binary.filter(|_| crates.len() == self.graph.crates.len()) else {
            return Ok(false);
        };
        if Image::read_build_id(&self.executable.path)? != self.record.build_id {
            // The developer's own `cargo build` puts its program in the same place.
            return Ok(false);
        }
        let output = binary.invocation.out_dir().join(&binary.key);
        let Some(hot) = images::relink(&self.record, &crates, &output)? else { return Ok(false) };
        self.program.begin_anew(hot);
        self.begin_anew();
        Ok(true)
    }

    /// Forgets what was true of the program that ends. What dependents are compiled against stays:
    /// cargo has not made it.
    fn begin_anew(&mut self) {
        self.live = self.newest.clone();
        self.live.values().for_each(|output| output.set_live(true));
        self.history = vec![(0, self.live.clone())];
        self.known = Known::default();
        self.changed.clear();
        self.told_warnings = HashSet::new();
        (self.refused, self.retry, self.next) = (false, false, 1);
        self.busy = super::open::index(&self.graph, &self.live, &self.target.layout);
    }
}
