//! Unloads old code when nothing in the program can reach it any more, while nobody waits.
//!
//! Three have a say. The [`Workshop`](crate::workshop::Workshop) knows which patches no later one
//! can need, and keeps those that one may roll back to. [`chain`] knows which of them others are led
//! to. The memory of every process shows whether anything else refers to them.

use std::time::{Duration, Instant};

use super::Session;
use crate::chain::{self, Ids};
use crate::processes::{Unreachable, Unsearched};

/// How many old patches make a search worth while.
const ENOUGH: usize = 16;
/// How many are too many to wait for a quiet moment.
const MANY: usize = 48;
/// What a quiet moment is.
const QUIET: Duration = Duration::from_millis(500);
/// How often a moment is looked for, each time after twice the wait.
const ATTEMPTS: u32 = 4;

impl Session {
    /// Plans to unload old patches if there are enough of them. Called when a patch has gone live.
    pub(super) fn plan_settling(&mut self) {
        let Some(workshop) = self.workshop.as_ref().filter(|_| self.config.reload.unload) else {
            return;
        };
        let new = workshop.retired().len().saturating_sub(self.kept_retired);
        if new >= MANY {
            self.settle(true);
        } else if new >= ENOUGH {
            self.settle_at = Some(Instant::now() + QUIET);
        }
    }

    /// Unloads what can be shown to be of no use. Gives way to any event, and where there
    /// are too many, to those that somebody waits for.
    pub(super) fn settle(&mut self, too_many: bool) {
        self.settle_at = None;
        let Some(workshop) = &self.workshop else {
            // A look at the files is under way.
            self.settle_at = Some(Instant::now() + QUIET);
            return;
        };
        if self.processes.is_empty() {
            // It may come back with all that it had.
            return;
        }
        let start = Instant::now();
        let retired: Ids = workshop.retired().into_iter().collect();
        let (events, sender) = (self.events.clone(), self.sender.clone());
        let unused = self.unused(retired.clone());
        let needed = retired.len() - unused.len();
        let current = self.chain.iter().map(|one| one.patch.images[0].clone()).collect();
        let is_wanted = || !sender.is_urgent() && (too_many || events.is_empty());
        let gone = match self.unreachable(unused, &current, &is_wanted) {
            Ok(found) => found,
            Err(Unsearched::NotNow) => {
                // A thread that always computes must neither delay every save nor be stopped for ever.
                self.settle_attempts += 1;
                if self.settle_attempts >= ATTEMPTS {
                    (self.settle_attempts, self.kept_retired) = (0, retired.len());
                } else {
                    self.kept_retired += if too_many { ENOUGH } else { 0 };
                    self.settle_at = Some(Instant::now() + QUIET * (1 << self.settle_attempts));
                }
                return;
            }
            Err(Unsearched::Never(why)) => {
                tracing::info!(why, "old code stays loaded");
                self.kept_retired = retired.len();
                return;
            }
        };
        (self.settle_attempts, self.kept_retired) = (0, retired.len() - gone.everywhere.len());
        self.unload(&gone);
        tracing::info!(
            unloaded = gone.everywhere.len(),
            kept = self.kept_retired,
            needed,
            ms = start.elapsed().as_millis() as u64,
            "old code"
        );
    }

    /// Those of `unused` to which nothing in any process refers, nor any patch that stays.
    fn unreachable(
        &mut self,
        mut unused: Ids,
        current: &Ids,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Unreachable, Unsearched> {
        loop {
            let found = self.processes.unreachable(&unused, current, is_wanted)?;
            unused = self.unused(found.everywhere.clone());
            if unused == found.everywhere {
                return Ok(found);
            }
        }
    }

    /// Those of `ids` that no other patch is led to.
    fn unused(&self, mut ids: Ids) -> Ids {
        let patches: Vec<_> = self.chain.iter().map(|one| one.patch.clone()).collect();
        while let Err(needed) = chain::settle(&patches, self.base(), &ids) {
            ids.retain(|id| !needed.contains(id));
        }
        ids
    }

    /// How many generations nobody can go back to one by one.
    fn base(&self) -> usize {
        let oldest = self.workshop.as_ref().map_or(0, |workshop| workshop.oldest());
        self.chain.iter().take_while(|one| one.info.generation <= oldest).count()
    }

    fn unload(&mut self, unreachable: &Unreachable) {
        let gone = &unreachable.everywhere;
        let patches: Vec<_> = self.chain.iter().map(|one| one.patch.clone()).collect();
        let Ok(settled) = chain::settle(&patches, self.base(), gone) else { return };
        let oldest = self.workshop.as_ref().map_or(0, |workshop| workshop.oldest());
        let base = settled.iter().map(|patch| patch.generation);
        let base: Vec<u64> = base.take_while(|generation| *generation <= oldest).collect();
        self.processes.settle(&base, unreachable);
        // A process where that failed merely keeps what nothing uses.
        for patch in patches.iter().filter(|patch| gone.contains(&patch.images[0])) {
            let _ = std::fs::remove_file(&patch.library);
        }
        self.chain.retain(|one| !gone.contains(&one.patch.images[0]));
        for (one, patch) in self.chain.iter_mut().zip(settled) {
            one.patch = patch;
        }
        if let Some(workshop) = &mut self.workshop {
            workshop.unloaded(&gone.iter().cloned().collect::<Vec<_>>());
        }
    }
}
