//! The running program as hotdev knows it: its images, and which of them defines what now.

mod aliases;
mod retired;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hotdev_protocol::{Generation, Place};

use crate::elf::SymbolKind;
use crate::elf::image::{Definition, Image, Slot};
pub use aliases::Aliases;

/// Index of the first patch among a program's images.
pub const FIRST_PATCH: usize = 2;

/// Images in the order they were loaded: the executable, the hot image, then one for each
/// generation that is current. Processes differ in where images are, never in what they are.
#[derive(Debug)]
pub struct Program {
    images: Vec<Image>,
    /// Generations of `images[2..]`.
    generations: Vec<Generation>,
    /// Functions that no code which can still be entered calls.
    waiting: BTreeSet<String>,
    /// Whether an image holds the first copy of a static or thread-local, for each.
    homes: Vec<bool>,
    /// Statics that cannot be told from older ones: images in which a new copy begins.
    fresh: HashMap<String, Vec<usize>>,
    /// Every version of each replaced function, oldest first.
    replaced: HashMap<String, Vec<Version>>,
    /// The first symbol of each static whose symbol changed.
    first_names: HashMap<String, String>,
    /// Functions that images had in tables of methods before they were left: objects with those
    /// tables may live on.
    left_tables: BTreeSet<String>,
    /// Functions whose symbol changed, since each image that changed some.
    aliases: Vec<(usize, Aliases)>,
}

/// A version of a function that a patch brought.
#[derive(Clone, Copy, Debug)]
struct Version {
    image: usize,
    place: u64,
    /// Whether older images kept the version they had: see [`Program::push`].
    apart: bool,
    /// Whether its image is unloaded. Then `image` is the first one that was loaded after it.
    gone: bool,
}

/// What a patch says of names, besides what its image defines.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// Functions for values that older code has made in another shape: slots of older images are
    /// not led to them, and never will be.
    pub apart: BTreeSet<String>,
    /// Functions that have another symbol than before: old, new.
    pub aliases: BTreeMap<String, String>,
    /// Statics that begin anew: see [`crate::units::Difference::fresh`].
    pub fresh: BTreeSet<String>,
    /// Statics that have another symbol than before: new, old.
    pub statics: BTreeMap<String, String>,
}

/// A definition in one of the images.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Index of the image.
    pub image: usize,
    /// What it defines.
    pub definition: Definition,
}

impl Program {
    /// A program that was just started.
    pub fn new(executable: Image, hot: Image) -> Self {
        Self {
            images: vec![executable, hot],
            generations: Vec::new(),
            homes: vec![true, true],
            fresh: HashMap::new(),
            waiting: BTreeSet::new(),
            replaced: HashMap::new(),
            aliases: Vec::new(),
            first_names: HashMap::new(),
            left_tables: BTreeSet::new(),
        }
    }

    /// The same executable started with another hot image.
    pub fn begin_anew(&mut self, hot: Image) {
        let executable = std::mem::take(&mut self.images[0]);
        *self = Self::new(executable, hot);
    }

    /// Takes in that statics have another symbol: new, old.
    pub fn rename_statics(&mut self, renamed: &BTreeMap<String, String>) {
        for (now, was) in renamed {
            let first = self.first_name(was).to_owned();
            if first == *now {
                self.first_names.remove(now);
            } else {
                self.first_names.insert(now.clone(), first);
            }
        }
    }

    /// The symbol that a static had in the first image that has it.
    pub fn first_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.first_names.get(name).map_or(name, String::as_str)
    }

    /// Functions whose symbol changed, with these that a patch is going to change: old, new.
    pub fn aliases(&self, changed: &BTreeMap<String, String>) -> Aliases {
        let mut aliases =
            self.aliases.last().map(|(_, aliases)| aliases.clone()).unwrap_or_default();
        aliases.add(changed);
        aliases
    }

    /// The executable.
    pub fn executable(&self) -> &Image {
        &self.images[0]
    }

    /// Number of images: the index that the next patch will have.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are no images, which is never so.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Build ids of all images, in order.
    pub fn build_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.images.iter().map(|image| image.build_id.as_slice())
    }

    /// The newest generation.
    pub fn generation(&self) -> Generation {
        self.generations.last().copied().unwrap_or_default()
    }

    /// The generations that are current, oldest first.
    pub fn generations(&self) -> &[Generation] {
        &self.generations
    }

    /// Takes in a patch that went live.
    pub fn push(&mut self, generation: Generation, image: Image, brought: &Brought) {
        let index = self.images.len();
        let is_home = |name: &String| {
            // Thread-locals of the binary crate are the executable's.
            let is_there = self.static_item(name).is_some()
                || self.executable().statics.contains_key(self.first_name(name));
            brought.fresh.contains(name) || !is_there
        };
        self.homes.push(image.statics.keys().any(is_home));
        let aliases = self.aliases(&brought.aliases);
        for name in &brought.fresh {
            self.fresh.entry(name.clone()).or_default().push(index);
        }
        for (name, definition) in &image.exports {
            if definition.kind == SymbolKind::Function {
                let version = Version {
                    image: index,
                    place: definition.place,
                    apart: brought.apart.contains(name),
                    gone: false,
                };
                for name in aliases.names(name) {
                    self.replaced.entry(name.to_owned()).or_default().push(version);
                }
            }
        }
        if !brought.aliases.is_empty() {
            self.aliases.push((index, aliases));
        }
        self.images.push(image);
        self.generations.push(generation);
    }

    /// Goes back to `generation`, forgetting every newer one.
    pub fn revert(&mut self, generation: Generation) {
        let tables: BTreeSet<String> = self.in_tables().map(str::to_owned).collect();
        self.left_tables = tables;
        let keep = self.generations.iter().take_while(|other| **other <= generation).count();
        self.images.truncate(keep + FIRST_PATCH);
        self.homes.truncate(keep + FIRST_PATCH);
        self.generations.truncate(keep);
        let len = self.images.len();
        self.aliases.retain(|(image, _)| *image < len);
        for images in self.fresh.values_mut() {
            images.retain(|image| *image < len);
        }
        for versions in self.replaced.values_mut() {
            versions.retain(|version| version.image < len);
        }
    }

    /// Whether an object that exists may hold this function in its table of methods.
    pub fn is_in_vtable(&self, name: &str) -> bool {
        self.left_tables.contains(name) || self.slots(name).any(|(_, slot)| slot.in_data)
    }

    /// Symbols of the functions that objects may hold in their tables of methods.
    pub fn in_tables(&self) -> impl Iterator<Item = &str> {
        let slots = self.images.iter().flat_map(|image| &image.slots);
        let in_data = slots.filter(|(_, slots)| slots.iter().any(|slot| slot.in_data));
        in_data.map(|(name, _)| name.as_str()).chain(self.left_tables.iter().map(String::as_str))
    }

    /// Takes note of what a patch brought that nothing calls, and of what is called now.
    pub fn set_waiting(&mut self, changed: &[String], waiting: BTreeSet<String>) {
        self.waiting.retain(|name| !changed.contains(name));
        self.waiting.extend(waiting);
    }

    /// Whether the function's callers, as far as patches brought them, are not entered any more.
    pub fn is_waiting(&self, name: &str) -> bool {
        self.waiting.contains(name)
    }

    /// Where the newest version of a function is.
    pub fn function(&self, name: &str) -> Option<(usize, u64)> {
        self.version(name, self.images.len())
    }

    /// Where the version of a function is that the slots of `image` lead to.
    pub fn version(&self, name: &str, image: usize) -> Option<(usize, u64)> {
        let versions = self.replaced.get(name).map(Vec::as_slice).unwrap_or_default();
        let reachable =
            versions.iter().take_while(|version| !(version.apart && version.image > image));
        reachable
            .filter(|version| !version.gone)
            .last()
            .map(|version| (version.image, version.place))
            .or_else(|| {
                let found = self.export(name)?;
                (found.definition.kind == SymbolKind::Function)
                    .then_some((found.image, found.definition.place))
            })
    }

    /// Whether newer versions of a function no longer reach the slots of `image`.
    pub fn is_apart(&self, name: &str, image: usize) -> bool {
        let versions = self.replaced.get(name).map(Vec::as_slice).unwrap_or_default();
        versions.iter().any(|version| version.apart && version.image > image)
    }

    /// What a name binds to from any image: the first definition, as the dynamic linker has it.
    pub fn export(&self, name: &str) -> Option<Found> {
        self.first(|image| image.exports.get(name))
    }

    /// The one copy of a hot crate's static or thread-local, private ones included: the first that
    /// was loaded. The executable is left out: of hot crates it has only the binary's
    /// thread-locals, which code reaches in a way of its own.
    pub fn static_item(&self, name: &str) -> Option<Found> {
        let name = self.first_name(name);
        let first = self.fresh.get(name).and_then(|images| images.last()).copied().unwrap_or(1);
        let mut hot = self.images.iter().enumerate().skip(first);
        hot.find_map(|(image, found)| Some(Found { image, definition: *found.statics.get(name)? }))
    }

    /// Whether a local function of this name stands in a hot image, possibly several times. The
    /// executable is left out as in [`Program::static_item`].
    pub fn is_private_function(&self, name: &str) -> bool {
        self.images.iter().skip(1).any(|image| image.private_functions.contains_key(name))
    }

    /// The pair in an image's GOT that leads to its thread-locals.
    pub fn thread_local_pair(&self, image: usize) -> Option<u64> {
        self.images[image].thread_local_pair
    }

    /// Every word that holds the address of `name`.
    pub fn slots<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, Slot)> + 'a {
        self.images.iter().enumerate().flat_map(move |(index, image)| {
            image.slots.get(name).into_iter().flatten().map(move |slot| (index, *slot))
        })
    }

    fn first<'a>(&'a self, look: impl Fn(&'a Image) -> Option<&'a Definition>) -> Option<Found> {
        let mut images = self.images.iter().enumerate();
        images.find_map(|(image, found)| Some(Found { image, definition: *look(found)? }))
    }
}

/// A place as patches name it: index 0 is the patch itself, so every loaded image is one further.
pub fn place(image: usize, offset: i64) -> Place {
    Place { image: image as u32 + 1, offset }
}
