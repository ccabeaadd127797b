//! A process that connects is brought to the generation that is current.
//!
//! A process that was started late has nothing. A fork has what its parent had at that moment, and a
//! process that was cut off for a while what all had then: generations that the others have made one
//! since, or gone back from, and it may lack the newest.

use hotdev_protocol::{Command, Generation, Patch};

use super::{Process, Processes, Undelivered};
use crate::chain::Ids;

/// How a process comes from the generations that it has to those that are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Way {
    /// What it goes back to first.
    back: Option<Generation>,
    /// The generations that are left when its older ones are made one.
    settled: Vec<Generation>,
    /// How many of those that are wanted it has then.
    kept: usize,
}

impl Way {
    fn from(have: &[Generation], wanted: &[Generation]) -> Self {
        let is_wanted = |generation: &Generation| wanted.contains(generation);
        let left = have.iter().rposition(is_wanted).map_or(0, |last| last + 1);
        let kept: Vec<Generation> = have[..left].iter().copied().filter(is_wanted).collect();
        if !wanted.starts_with(&kept) {
            let kept = have.iter().zip(wanted).take_while(|(have, wanted)| have == wanted).count();
            let back = kept.checked_sub(1).map_or(0, |last| wanted[last]);
            return Self { back: Some(back), settled: Vec::new(), kept };
        }
        let back = (left < have.len()).then(|| kept.last().copied().unwrap_or_default());
        let unwanted = have[..left].iter().rposition(|generation| !is_wanted(generation));
        // They become part of the next one that stays.
        let into = unwanted.and_then(|last| kept.iter().position(|one| *one == have[last + 1]));
        let settled = into.map(|into| kept[..=into].to_vec()).unwrap_or_default();
        Self { back, settled, kept: kept.len() }
    }
}

impl Processes {
    /// Takes in a process, bringing it to the newest of `patches`.
    ///
    /// # Errors
    /// When it could not be brought there. It is taken in all the same, and will refuse what does
    /// not fit it.
    pub fn add(
        &mut self,
        process: Process,
        patches: &[Patch],
    ) -> std::result::Result<(), Undelivered> {
        let wanted: Vec<Generation> =
            patches.iter().map(|patch| self.wire(patch.generation)).collect();
        let way = Way::from(&process.hello.applied, &wanted);
        self.list.push(process);
        let last = self.list.len() - 1;
        if let Some(back) = way.back {
            self.ask(last, &Command::Revert(back))?;
            let applied = &mut self.list[last].hello.applied;
            let left = applied.iter().position(|generation| *generation == back);
            applied.truncate(left.map_or(0, |left| left + 1));
        }
        if !way.settled.is_empty() {
            self.settle_one(last, &way.settled, &Ids::new());
        }
        for patch in &patches[way.kept..] {
            let generation = self.wire(patch.generation);
            self.ask(last, &Command::Prepare(self.on_wire(patch)))?;
            self.ask(last, &Command::Commit(generation))?;
            self.list[last].hello.applied.push(generation);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(have: &[u64], wanted: &[u64]) -> (Option<u64>, Vec<u64>, usize) {
        let Way { back, settled, kept } = Way::from(have, wanted);
        (back, settled, kept)
    }

    #[test]
    fn what_a_process_has_is_kept() {
        // Started late; a fork.
        assert_eq!(way(&[], &[2, 5]), (None, vec![], 0));
        assert_eq!(way(&[1, 2, 3], &[1, 2, 3]), (None, vec![], 3));
        // A fork from before older ones were made one, also without the newest.
        assert_eq!(way(&[1, 2, 3, 4, 5], &[2, 4, 5]), (None, vec![2, 4], 3));
        assert_eq!(way(&[1, 2, 3, 4], &[2, 4, 5, 6]), (None, vec![2, 4], 2));
        assert_eq!(way(&[1, 2, 3, 4], &[3, 4, 5]), (None, vec![3], 2));
    }

    #[test]
    fn what_the_others_went_back_from_is_taken_back() {
        assert_eq!(way(&[1, 2, 3], &[1, 2]), (Some(2), vec![], 2));
        assert_eq!(way(&[1, 2, 3], &[1, 4]), (Some(1), vec![], 1));
        assert_eq!(way(&[1, 2, 3, 4], &[2, 3, 9]), (Some(3), vec![2], 2));
        assert_eq!(way(&[1, 2], &[]), (Some(0), vec![], 0));
        // An earlier session's.
        assert_eq!(way(&[71, 72], &[1, 2]), (Some(0), vec![], 0));
        // It lacks one between.
        assert_eq!(way(&[1, 3], &[1, 2, 3]), (Some(1), vec![], 1));
    }
}
