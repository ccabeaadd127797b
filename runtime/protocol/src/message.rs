//! What is said. Addresses never travel: a place is an image and an offset in it, so one patch
//! fits every process of the program, wherever the loader put things.

use serde::{Deserialize, Serialize};

/// Number of a generation. 0 is the program as it was started.
pub type Generation = u64;

/// First message on a connection, from the shim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::VERSION`] of the shim. Always the first field, in every version.
    pub version: u16,
    /// Process id of the program.
    pub pid: u32,
    /// Generations in this process, oldest first. A fork inherits those of its parent.
    pub applied: Vec<Generation>,
    /// Every image loaded in the process that carries a build id.
    pub images: Vec<LoadedImage>,
}

/// One loaded ELF file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedImage {
    /// Contents of its `NT_GNU_BUILD_ID` note.
    pub build_id: Vec<u8>,
    /// Load address (`dlpi_addr`): what its ELF addresses are relative to.
    pub base: u64,
}

/// What a session asks of the shim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Load a patch and check every word it will write. Changes nothing that the program uses.
    Prepare(Patch),
    /// Write the words of the prepared generation, keeping the old ones in a journal.
    Commit(Generation),
    /// Forget the prepared generation and unload its library.
    Abort(Generation),
    /// Write journals back, newest first, until this generation is the newest one applied.
    Revert(Generation),
    /// Say where patches are, and what else must be known to look for references to them.
    Survey {
        /// The process that is going to look, where the kernel has to be told that it may; or 0.
        tracer: u32,
    },
    /// Make older generations one, and unload patches that nothing refers to.
    Settle(Settle),
}

/// Generations that nobody will go back to one by one, and patches that have no use any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// The generations that are left of all up to the last of these. What they and the missing
    /// ones wrote becomes the last one's, and is taken back together.
    pub base: Vec<Generation>,
    /// Build ids of the patches to unload.
    pub unload: Vec<Vec<u8>>,
}

/// Where patches are in one process. The only addresses that travel, and only this way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Every patch that the shim has loaded.
    pub patches: Vec<Surveyed>,
    /// Memory of the shim's own, begin and end: what stands there the program does not know.
    pub own: Vec<(u64, u64)>,
    /// The shim's threads.
    pub threads: Vec<u32>,
    /// Addresses of the functions that signals call.
    pub handlers: Vec<u64>,
}

/// Where a patch is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surveyed {
    /// Its build id.
    pub build_id: Vec<u8>,
    /// Its first page.
    pub begin: u64,
    /// The end of its last page.
    pub end: u64,
    /// The dynamic loader's record of it (glibc's `struct link_map`).
    pub record: u64,
    /// Build ids of the images to which its code leads by [`Value::Distance`]: no address of theirs
    /// stands anywhere.
    pub needs: Vec<Vec<u8>>,
}

/// What the shim says: its answer to one command, or [`Reply::Called`] of its own accord.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The patch is loaded and every word holds what it must.
    Prepared(Generation),
    /// The running process calls the new code.
    Committed(Generation),
    /// The prepared patch is gone.
    Aborted(Generation),
    /// This generation is current again.
    Reverted(Generation),
    /// Where the patches are.
    Surveyed(Survey),
    /// Older generations are one. These patches are not loaded any more.
    Settled(Vec<Vec<u8>>),
    /// The command was not carried out, and nothing has changed.
    Failed(Failure),
    /// No answer: functions were called for the first time. Said again on each new connection.
    Called(Vec<Called>),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// The details, in words.
    pub message: String,
}

/// The kinds of failure a session tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The frame was too long, cut short, or not a command of this version.
    BadMessage,
    /// The command does not fit the state: a commit of something not prepared, for instance.
    BadOrder,
    /// The library is missing, belongs to another user, can be written by others, or is not the
    /// one whose hash the command named.
    BadLibrary,
    /// The dynamic loader would not load it.
    LoadFailed,
    /// A word that the patch was to write holds something unexpected, or lies outside its image.
    SlotMismatch,
    /// An image the patch names is not loaded in this process.
    UnknownImage,
}

/// A patch library and the words that bring it into use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// The generation this patch makes.
    pub generation: Generation,
    /// Absolute path of the patch library.
    pub library: String,
    /// [`crate::ContentHash`] of the library file.
    pub hash: u64,
    /// Build ids of the images that words refer to by index. Index 0 is the patch itself.
    pub images: Vec<Vec<u8>>,
    /// What to write.
    pub words: Vec<Word>,
    /// Where the patch takes note of first calls, if it does.
    pub records: Option<Records>,
}

/// A table in the patch's data that takes note of first calls, one record for each function that is
/// watched. Each has [`Records::SIZE`] bytes: the word through which the function is called, the
/// distance from the record to the function, and a word that is 1 after the first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Offset of the first one from the patch's load address; a multiple of 8.
    pub offset: i64,
    /// How many there are.
    pub count: u32,
    /// Offset of the first function's entry, which the patch offers instead of the function. Each
    /// entry has [`Records::ENTRY`] bytes.
    pub entries: i64,
}

impl Records {
    /// Bytes of one record.
    pub const SIZE: u64 = 24;
    /// Bytes of one entry.
    pub const ENTRY: u64 = 32;
    /// Offset of the distance in it.
    pub const DISTANCE: u64 = 8;
    /// Offset of the word that says whether there was a call.
    pub const CALLED: u64 = 16;
}

/// Functions of one patch that were called for the first time in this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The patch's build id.
    pub build_id: Vec<u8>,
    /// Indices of their records.
    pub records: Vec<u32>,
}

/// A place: an offset (an ELF virtual address) in one of [`Patch::images`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Index into [`Patch::images`].
    pub image: u32,
    /// Offset from the load address. May lie outside the image by a relocation's addend.
    pub offset: i64,
}

impl Place {
    /// What a word of `image` holds until the first patch that is called brings it into use: nothing
    /// may follow it yet, and no way back leads to it.
    pub fn nowhere(image: u32) -> Self {
        Self { image, offset: 0 }
    }
}

/// One word to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Where.
    pub at: Place,
    /// How wide it is and what is written.
    pub value: Value,
}

/// What a word holds before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Eight bytes, aligned: the absolute address of a place. With `was` given, the word must
    /// hold the address of that place before. Where that is [`Place::nowhere`] of the word's own
    /// image, taking the generation back leaves the word as it is.
    Address {
        /// What it must hold now; `None` only for words of the patch itself, which nothing uses yet.
        was: Option<Place>,
        /// What it will hold.
        now: Place,
    },
    /// Four bytes in the patch's own code: the distance from the word itself to a place, the
    /// relocation's addend included in the place (`R_X86_64_PC32`: S + A − P).
    Distance {
        /// What it must lead to now.
        was: Place,
        /// What it will lead to.
        now: Place,
    },
    /// Four bytes in the patch's own code: a plain number.
    Number {
        /// What it must hold now.
        was: i32,
        /// What it will hold.
        now: i32,
    },
}
