//! First calls of functions, as the processes tell them.

use hotdev_protocol::Called;

use super::Session;
use crate::report::event;

impl Session {
    /// A process has called functions for the first time. One that an earlier session left is no
    /// process of the program that people look at.
    pub(super) fn called(&mut self, pid: u32, called: &[Called]) {
        if self.leftovers.contains(&pid) {
            return;
        }
        for Called { build_id, records } in called {
            let is_it = |one: &super::Generation| one.patch.images.first() == Some(build_id);
            // That of a patch that did not come to be live, or was taken back, or of an earlier
            // session's.
            let Some(at) = self.chain.iter().position(is_it) else { continue };
            let mut functions = self.chain[at].calls.take(records);
            functions.retain(|name| !self.is_replaced(name, at));
            if !functions.is_empty() {
                let generation = self.chain[at].info.generation;
                let waiting = self.waiting_in(at);
                let event = event::Event::Called { generation, pid, functions, waiting };
                self.reporter.event(&event);
            }
        }
    }

    /// Whether a newer generation than this one of the chain brought the function anew.
    fn is_replaced(&self, function: &str, at: usize) -> bool {
        let newer = self.chain[at + 1..].iter().flat_map(|one| &one.info.functions);
        newer.into_iter().any(|name| name == function)
    }

    /// Functions of one generation of the chain that nothing has called.
    fn waiting_in(&self, at: usize) -> Vec<String> {
        let waiting = self.chain[at].calls.waiting();
        waiting.filter(|name| !self.is_replaced(name, at)).map(str::to_owned).collect()
    }

    /// Functions that nothing has called since they went live, newest generation first.
    pub(super) fn uncalled(&self) -> Vec<String> {
        (0..self.chain.len()).rev().flat_map(|at| self.waiting_in(at)).collect()
    }
}
