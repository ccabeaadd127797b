//! Old patches that a process has no use for any more: found out, and unloaded.

use std::collections::HashMap;

use hotdev_protocol::{Command, Generation, Reply, Settle, Survey};

use super::Processes;
use crate::chain::Ids;
use crate::memory::{Looker, Unknown};
use crate::process;

/// Why nothing is known of the memory of all processes.
#[derive(Debug)]
pub enum Unsearched {
    /// Another moment may do.
    NotNow,
    /// It cannot be shown what a process refers to: why.
    Never(String),
}

impl Unsearched {
    fn of(pid: u32, unknown: Unknown) -> Self {
        match unknown {
            Unknown::Busy | Unknown::Interrupted => Self::NotNow,
            // Its end is on the way here; or only its first thread has ended.
            Unknown::Hidden(_) if !process::is_alive(pid) => Self::NotNow,
            Unknown::Hidden(why) => Self::Never(format!("process {pid}: {why}")),
        }
    }
}

/// Patches to which nothing refers.
#[derive(Debug, Default)]
pub struct Unreachable {
    /// In any process.
    pub everywhere: Ids,
    /// In one connection's process, which has them still; the session has forgotten them: a fork
    /// of the time before, or a process that went back.
    left: HashMap<u64, Ids>,
}

impl Processes {
    /// Those of `patches` to which nothing in any process refers. `current` are all patches that
    /// one may be led to. `is_wanted` says whether the answer is still waited for.
    ///
    /// # Errors
    /// Where that cannot be said of one.
    pub fn unreachable(
        &mut self,
        patches: &Ids,
        current: &Ids,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Unreachable, Unsearched> {
        let mut found = Unreachable { everywhere: patches.clone(), left: HashMap::new() };
        let mut looker = Looker::start().map_err(|unknown| Unsearched::of(0, unknown))?;
        // What each has been searched for last. Where another has to keep more, what that refers to
        // has to stay everywhere.
        let mut agreed: Vec<Option<Ids>> = vec![None; self.list.len()];
        while let Some(index) =
            agreed.iter().position(|one| one.as_ref() != Some(&found.everywhere))
        {
            self.narrow(index, &mut found, current, &mut looker, is_wanted)?;
            agreed[index] = Some(found.everywhere.clone());
        }
        Ok(found)
    }

    /// Searches one process.
    fn narrow(
        &mut self,
        index: usize,
        found: &mut Unreachable,
        current: &Ids,
        looker: &mut Looker,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(), Unsearched> {
        let (pid, id) = (self.list[index].hello.pid, self.list[index].id);
        let mut survey = self.survey(index, looker.tracer())?;
        let has = |id: &Vec<u8>| survey.patches.iter().any(|one| one.build_id == *id);
        let (here, rest): (Ids, Ids) = found.everywhere.iter().cloned().partition(has);
        let is_old = |id: &Vec<u8>| here.contains(id) || !current.contains(id);
        survey.patches.retain(|one| is_old(&one.build_id));
        if survey.patches.is_empty() {
            return Ok(());
        }
        let handlers = survey.handlers.clone();
        let unreachable = looker
            .look(pid, survey, &self.pids(), is_wanted)
            .map_err(|unknown| Unsearched::of(pid, unknown))?;
        // A signal's handler that was set since the survey may stand in the kernel alone.
        if self.survey(index, looker.tracer())?.handlers != handlers {
            return Err(Unsearched::NotNow);
        }
        let (known, left) = unreachable.into_iter().partition(|id| here.contains(id));
        found.everywhere = &rest | &known;
        found.left.insert(id, left);
        Ok(())
    }

    /// Where a process has its patches. `tracer` is who is going to look.
    fn survey(&mut self, index: usize, tracer: u32) -> Result<Survey, Unsearched> {
        let pid = self.list[index].hello.pid;
        if process::is_stopped(pid) {
            return Err(Unsearched::NotNow);
        }
        match self.ask_for(index, &Command::Survey { tracer }) {
            Ok(Reply::Surveyed(survey)) => Ok(survey),
            Ok(_) => Err(Unsearched::Never("the shim does not know the command".into())),
            Err(_) if !process::is_alive(pid) => Err(Unsearched::NotNow),
            Err(refused) => Err(Unsearched::Never(refused.failure.message)),
        }
    }

    /// Makes all generations up to the last of `base` one in every process, and has patches
    /// unloaded to which nothing refers.
    pub fn settle(&mut self, base: &[Generation], unreachable: &Unreachable) {
        let base: Vec<Generation> = base.iter().map(|generation| self.wire(*generation)).collect();
        for index in 0..self.list.len() {
            let left = unreachable.left.get(&self.list[index].id).cloned().unwrap_or_default();
            self.settle_one(index, &base, &(&unreachable.everywhere | &left));
        }
    }

    /// The same in one of them.
    pub(super) fn settle_one(&mut self, index: usize, base: &[Generation], patches: &Ids) {
        let unload: Vec<Vec<u8>> = patches.iter().cloned().collect();
        let (base, asked) = (base.to_vec(), unload.len());
        match self.ask_for(index, &Command::Settle(Settle { base: base.clone(), unload })) {
            Ok(Reply::Settled(gone)) => {
                let process = &mut self.list[index];
                if gone.len() < asked {
                    tracing::warn!(pid = process.hello.pid, asked, gone = gone.len(), "unloading");
                }
                let newest = base.last().copied().unwrap_or_default();
                let rest = process.hello.applied.iter().copied().filter(|other| *other > newest);
                process.hello.applied = base.into_iter().chain(rest).collect();
            }
            Ok(_) => {}
            Err(refused) => tracing::warn!(?refused, "old code was not unloaded"),
        }
    }
}
