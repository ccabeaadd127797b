//! What a process has of the session's work: at most one prepared patch, and a stack of applied
//! ones. Every command moves it from one consistent state to the next, or fails and leaves it.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    ops::Range,
    path::Path,
};

use hotdev_protocol::{
    Called, Command, FailureKind, Generation, Patch, Reply, Settle, Survey, Surveyed, Value, Word,
};

use crate::{
    failure::{Result, failure},
    file,
    journal::{self, Journal, Write},
    plan, records,
    records::Watched,
    sys::{
        arena,
        images::{self, Image},
        library::Library,
        memory::{self, Slot},
        survey,
    },
};

/// See the module's head.
pub struct State {
    prepared: Option<Prepared>,
    /// Oldest first.
    applied: Vec<Journal>,
    /// Every patch that was ever in use and may still be.
    loaded: Vec<Loaded>,
}

/// A patch that stays loaded until the session says that nothing refers to it.
struct Loaded {
    build_id: Vec<u8>,
    library: Library,
    /// Which of its functions have been called.
    watched: Option<Watched>,
    /// Its own words that may lead to functions.
    slots: Vec<Slot>,
    /// Build ids of the images to which its code leads by distances.
    needs: Vec<Vec<u8>>,
}

/// A patch that is loaded and checked, but not in use.
struct Prepared {
    generation: Generation,
    loaded: Loaded,
    writes: Vec<Write>,
}

impl State {
    /// The program as it was started.
    pub const fn new() -> Self {
        Self { prepared: None, applied: Vec::new(), loaded: Vec::new() }
    }

    /// The applied generations, oldest first.
    pub fn applied(&self) -> Vec<Generation> {
        self.applied.iter().map(|journal| journal.generation).collect()
    }

    /// Carries out one command.
    pub fn answer(&mut self, command: Command) -> Reply {
        let done = match command {
            Command::Prepare(patch) => self.prepare(&patch).map(Reply::Prepared),
            Command::Commit(generation) => self.commit(generation).map(Reply::Committed),
            Command::Abort(generation) => self.abort(generation).map(Reply::Aborted),
            Command::Revert(generation) => self.revert(generation).map(Reply::Reverted),
            Command::Survey { tracer } => Ok(Reply::Surveyed(self.survey(tracer))),
            Command::Settle(settle) => self.settle(&settle).map(Reply::Settled),
        };
        done.unwrap_or_else(Reply::Failed)
    }

    /// Unloads what is prepared, if anything is: its session is gone.
    pub fn abandon(&mut self) {
        self.prepared = None;
    }

    /// Forgets what is prepared and leaves it loaded: after a fork, where unloading would run
    /// somebody's destructors at a moment they do not expect.
    pub fn forget_prepared(&mut self) {
        mem::forget(self.prepared.take());
    }

    /// Whether a patch in use takes note of calls.
    pub fn has_records(&self) -> bool {
        self.loaded.iter().any(|loaded| loaded.watched.is_some())
    }

    /// What has been called and not been told, a piece of it where it is much.
    pub fn newly_called(&self) -> Vec<Called> {
        records::newly_called(self.watched())
    }

    /// Leads words past the entries of functions that have been called: these cost nothing then.
    pub fn lead_past_entries(&self) {
        let called: HashMap<u64, u64> =
            self.watched().flat_map(|(_, watched)| watched.called()).collect();
        let own = self.loaded.iter().flat_map(|loaded| loaded.slots.iter().copied());
        for slot in self.applied.iter().flat_map(Journal::slots).chain(own) {
            let entry = slot.load();
            if let Some(function) = called.get(&entry) {
                slot.replace(entry, *function);
            }
        }
    }

    /// Takes note that this was told.
    pub fn told(&mut self, called: &[Called]) {
        for Loaded { build_id, watched, .. } in &mut self.loaded {
            let own = called.iter().filter(|called| called.build_id == *build_id);
            if let Some(watched) = watched {
                own.for_each(|called| watched.told(&called.records));
            }
        }
    }

    /// Has all calls told again: to another session.
    pub fn forget_told(&mut self) {
        let watched = self.loaded.iter_mut().filter_map(|loaded| loaded.watched.as_mut());
        watched.for_each(Watched::forget_told);
    }

    fn watched(&self) -> impl Iterator<Item = (&Vec<u8>, &Watched)> {
        self.loaded.iter().filter_map(|one| Some((&one.build_id, one.watched.as_ref()?)))
    }

    fn prepare(&mut self, patch: &Patch) -> Result<Generation> {
        let generation = patch.generation;
        if let Some(other) = &self.prepared {
            return Err(order(format!("generation {} is prepared already", other.generation)));
        }
        if generation == 0 {
            return Err(order("generation 0 is the program as it was started".to_owned()));
        }
        if self.applied().contains(&generation) {
            return Err(order(format!("generation {generation} is applied already")));
        }
        let path = Path::new(&patch.library);
        file::check(path, patch.hash)?;
        let library = Library::load(path)?;
        let images = self.images_of(patch, &library)?;
        let watched = patch.records.map(|records| Watched::of(&images[0], records)).transpose()?;
        let own = watched.as_ref().map(|watched| (&images[0].build_id, watched));
        let behind =
            |address| self.watched().chain(own).find_map(|(_, watched)| watched.behind(address));
        let past = |address| own.and_then(|(_, watched)| watched.past(address));
        let plan = plan::plan(patch, &images, &behind, &past)?;
        if !plan.own.is_empty() && self.has(&images[0].build_id) {
            return Err(order("the patch is loaded, and its code may run".to_owned()));
        }
        memory::write_unused(&plan.own).map_err(|error| {
            failure(
                FailureKind::LoadFailed,
                format!("the patch's pages cannot be written: {error}"),
            )
        })?;
        let slots = plan.own.iter().filter_map(|(span, _)| span.slot()).collect();
        let build_id = images[0].build_id.clone();
        let loaded = Loaded { build_id, library, watched, slots, needs: needs(patch) };
        self.prepared = Some(Prepared { generation, loaded, writes: plan.writes });
        Ok(generation)
    }

    fn commit(&mut self, generation: Generation) -> Result<Generation> {
        let prepared = self.take_prepared(generation)?;
        match Journal::commit(generation, &prepared.writes) {
            Ok(journal) => {
                self.applied.push(journal);
                // Each patch once, so that it is surveyed once.
                if self.has(&prepared.loaded.build_id) {
                    prepared.loaded.library.close();
                } else {
                    self.loaded.push(prepared.loaded);
                }
                Ok(generation)
            }
            Err(failure) => {
                self.prepared = Some(prepared);
                Err(failure)
            }
        }
    }

    fn abort(&mut self, generation: Generation) -> Result<Generation> {
        self.take_prepared(generation).map(|_unloaded_here| generation)
    }

    fn revert(&mut self, generation: Generation) -> Result<Generation> {
        let kept = match generation {
            0 => 0,
            _ => match self.applied.iter().position(|journal| journal.generation == generation) {
                Some(index) => index + 1,
                None => return Err(order(format!("generation {generation} is not applied"))),
            },
        };
        journal::revert(&self.applied[kept..])?;
        self.applied.truncate(kept);
        Ok(generation)
    }

    fn has(&self, build_id: &[u8]) -> bool {
        self.loaded.iter().any(|loaded| loaded.build_id == build_id)
    }

    fn survey(&self, tracer: u32) -> Survey {
        if tracer != 0 {
            survey::allow(tracer);
        }
        let images = images::loaded();
        let patches =
            self.loaded.iter().filter_map(|Loaded { build_id, library, needs, .. }| {
                let range = images.iter().find(|image| image.build_id == *build_id)?.range();
                let (begin, end, record) = (range.start, range.end, library.record);
                let (build_id, needs) = (build_id.clone(), needs.clone());
                Some(Surveyed { build_id, begin, end, record, needs })
            });
        let second = survey::second();
        let own = [arena::range(), survey::stack()].into_iter();
        let own = own.chain(second.iter().map(|(_, stack)| stack.clone()));
        let threads = std::iter::once(survey::thread()).chain(second.iter().map(|second| second.0));
        Survey {
            patches: patches.collect(),
            own: own.map(|range| (range.start, range.end)).collect(),
            threads: threads.collect(),
            handlers: survey::signal_handlers(),
        }
    }

    fn settle(&mut self, settle: &Settle) -> Result<Vec<Vec<u8>>> {
        if self.prepared.is_some() {
            return Err(order("a generation is prepared".to_owned()));
        }
        let applied = self.applied();
        if settle.base.iter().any(|generation| !applied.contains(generation)) {
            return Err(order("a generation is not applied".to_owned()));
        }
        let ranges = self.ranges_of(&settle.unload)?;
        let last = settle.base.last().and_then(|last| applied.iter().position(|one| one == last));
        let (merged, kept) = self.applied.split_at(last.map_or(0, |last| last + 1));
        let mut journals = Vec::new();
        if let Some((last, rest)) = settle.base.split_last() {
            journals.extend(rest.iter().copied().map(Journal::empty));
            journals.push(journal::merge(*last, merged));
        }
        journals.extend_from_slice(kept);
        let is_inside = |slot: &Slot| ranges.iter().any(|range| range.contains(&slot.load()));
        let mut stays = self.loaded.iter().filter(|one| !settle.unload.contains(&one.build_id));
        if journals.iter().any(|journal| journal.leads_into(&ranges))
            || stays.any(|one| {
                one.slots.iter().any(is_inside)
                    || one.needs.iter().any(|id| settle.unload.contains(id))
            })
        {
            return Err(order("a patch to be unloaded is in use".to_owned()));
        }
        journals.iter_mut().for_each(|journal| journal.forget(&ranges));
        self.applied = journals;
        let is_old = |loaded: &mut Loaded| settle.unload.contains(&loaded.build_id);
        self.loaded.extract_if(.., is_old).for_each(|loaded| loaded.library.close());
        let left = images::loaded();
        let is_left = |range: &Range<u64>| left.iter().any(|image| image.range() == *range);
        ranges.iter().filter(|range| !is_left(range)).for_each(memory::keep_free);
        let is_loaded = |id: &&Vec<u8>| left.iter().any(|image| image.build_id == **id);
        Ok(settle.unload.iter().filter(|id| !is_loaded(id)).cloned().collect())
    }

    /// Where the patches with these build ids are, if no signal calls into them.
    fn ranges_of(&self, ids: &[Vec<u8>]) -> Result<Vec<Range<u64>>> {
        let own = |image: &&Image| ids.contains(&image.build_id);
        let ranges: Vec<_> = images::loaded().iter().filter(own).map(Image::range).collect();
        let handlers = survey::signal_handlers();
        let is_inside = |handler: &u64| ranges.iter().any(|range| range.contains(handler));
        if handlers.iter().any(is_inside) {
            return Err(order("a signal calls into a patch that is to be unloaded".to_owned()));
        }
        Ok(ranges)
    }

    /// The images that the patch names by index.
    fn images_of(&self, patch: &Patch, library: &Library) -> Result<Vec<Image>> {
        let unknown = |index, why| unknown(patch, index, why);
        let own =
            library.image().ok_or_else(|| unknown(0, "the loader does not list the patch"))?;
        if own.build_id.is_empty() || patch.images.first() != Some(&own.build_id) {
            return Err(unknown(0, "the loaded library has another build id"));
        }
        let listed = images::loaded();
        let mut images = vec![own];
        for (index, id) in patch.images.iter().enumerate().skip(1) {
            let image = if self.has(id) {
                listed.iter().find(|image| image.build_id == *id).cloned()
            } else {
                Image::pinned(id)
            };
            images.push(image.ok_or_else(|| unknown(index, "not loaded in this process"))?);
        }
        Ok(images)
    }

    fn take_prepared(&mut self, generation: Generation) -> Result<Prepared> {
        self.prepared
            .take_if(|prepared| prepared.generation == generation)
            .ok_or_else(|| order(format!("generation {generation} is not prepared")))
    }
}

/// Build ids of the images to which a patch's code leads by distances.
fn needs(patch: &Patch) -> Vec<Vec<u8>> {
    let leads = |word: &Word| match word.value {
        Value::Distance { now, .. } => Some(now.image),
        _ => None,
    };
    let images: BTreeSet<u32> =
        patch.words.iter().filter_map(leads).filter(|it| *it != 0).collect();
    images.into_iter().filter_map(|image| patch.images.get(image as usize).cloned()).collect()
}

/// Says which image of a patch is not what it should be.
fn unknown(patch: &Patch, index: usize, why: &str) -> hotdev_protocol::Failure {
    let id = patch.images.get(index).into_iter().flatten();
    let id: String = id.map(|byte| format!("{byte:02x}")).collect();
    failure(FailureKind::UnknownImage, format!("image {index} (build id {id}): {why}"))
}

fn order(why: String) -> hotdev_protocol::Failure {
    failure(FailureKind::BadOrder, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reply: Reply) -> Option<FailureKind> {
        match reply {
            Reply::Failed(failure) => Some(failure.kind),
            _ => None,
        }
    }

    fn patch(generation: Generation) -> Command {
        let library = "/nowhere/patch.so".to_owned();
        Command::Prepare(Patch {
            generation,
            library,
            hash: 0,
            images: vec![],
            words: vec![],
            records: None,
        })
    }

    #[test]
    fn commands_out_of_order_are_refused() {
        let mut state = State::new();
        for command in [Command::Commit(1), Command::Abort(1), Command::Revert(1), patch(0)] {
            assert_eq!(kind(state.answer(command)), Some(FailureKind::BadOrder));
        }
        assert_eq!(state.answer(Command::Revert(0)), Reply::Reverted(0));
        assert_eq!(kind(state.answer(patch(1))), Some(FailureKind::BadLibrary));
        assert_eq!(kind(state.answer(Command::Commit(1))), Some(FailureKind::BadOrder));
    }

    #[test]
    fn an_applied_generation_is_not_applied_again() {
        let mut state = State::new();
        state.applied.push(Journal::commit(4, &[]).unwrap());
        assert_eq!(kind(state.answer(patch(4))), Some(FailureKind::BadOrder));
        assert_eq!(state.answer(Command::Revert(4)), Reply::Reverted(4));
        assert_eq!(state.answer(Command::Revert(0)), Reply::Reverted(0));
        assert_eq!(state.applied(), []);
    }
}
