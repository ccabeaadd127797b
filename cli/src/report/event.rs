//! The event stream: what `watch --json` prints, one object a line, and what editors rely on.
//!
//! Rules for changing it: fields are added, never renamed or removed; a reader skips events and
//! fields that it does not know.

#![allow(missing_docs)]
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that happened in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold; those that are not are documented"
)]
pub enum Event {
    /// A build begins.
    Building { reason: Reason, crates: Vec<String>, files: Vec<PathBuf> },
    /// The program runs, and its shim has answered.
    Started { pid: u32, generation: u64 },
    /// Every process of the program calls the new code.
    Live {
        generation: u64,
        pids: Vec<u32>,
        crates: Vec<String>,
        /// Paths of the functions whose code changed, demangled, without hashes.
        functions: Vec<String>,
        ms: Timings,
        /// Size of the patch library in bytes.
        bytes: u64,
        /// Words written in each process outside the patch itself.
        slots: usize,
        /// What the developer should know although the patch is live.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// Those of the functions that nothing has called yet; `called` tells when something does.
        /// A function of which that cannot be told for certain is not among them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waiting: Vec<String>,
        /// Those of which a note says that they wait. It is for people, who are told so once.
        #[serde(skip)]
        noted: Vec<String>,
        /// What existed before and goes on with the code that it has. Notes say whose, to people.
        #[serde(skip)]
        older: Older,
    },
    /// Functions of a generation were called for the first time since it went live.
    Called {
        generation: u64,
        /// The process that called them first.
        pid: u32,
        functions: Vec<String>,
        /// Those of the same generation that nothing has called yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waiting: Vec<String>,
    },
    /// A save that changes no code of the running program.
    Unchanged { files: Vec<PathBuf> },
    /// rustc refused the files as they are now. The program is as it was.
    CompileError { diagnostics: Vec<Diagnostic> },
    /// The edit cannot go into a live process. The program is as it was.
    Refused { code: RefusalCode, items: Vec<Item>, message: String },
    /// A patch was taken back, or an earlier generation was asked for.
    RolledBack { generation: u64, to: u64, reason: String },
    /// A new process runs the files as they are now.
    Restarted { pid: u32, reason: String },
    /// The program ended.
    Exited { pid: u32, status: Option<i32>, signal: Option<i32> },
    /// Something the developer should know that is none of the above.
    Warning {
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// What rustc warns of in the crates of the last save, as far as it was not said before. Comes
    /// after the verdict.
    Warnings { diagnostics: Vec<Diagnostic> },
    /// An answer to `hotdev status`.
    Status(Box<Status>),
}

impl Event {
    /// Its name, as the field `event` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Building { .. } => "building",
            Self::Started { .. } => "started",
            Self::Live { .. } => "live",
            Self::Called { .. } => "called",
            Self::Unchanged { .. } => "unchanged",
            Self::CompileError { .. } => "compile-error",
            Self::Refused { .. } => "refused",
            Self::RolledBack { .. } => "rolled-back",
            Self::Restarted { .. } => "restarted",
            Self::Exited { .. } => "exited",
            Self::Warning { .. } => "warning",
            Self::Warnings { .. } => "warnings",
            Self::Status(_) => "status",
        }
    }

    /// Whether it says that something is wrong with the files, until they are others.
    pub fn is_problem(&self) -> bool {
        matches!(self, Self::CompileError { .. } | Self::Refused { .. })
    }

    /// Whether it says that the program has the files as they are.
    pub fn is_solution(&self) -> bool {
        matches!(
            self,
            Self::Live { .. }
                | Self::Unchanged { .. }
                | Self::Started { .. }
                | Self::Restarted { .. }
        )
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<RefusalCode> {
        if let Self::Refused { code, .. } = self { Some(*code) } else { None }
    }
}

/// Values of kinds that hold on to the code that made them, where an edit leaves some with old code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Older {
    /// Whether closures are among them.
    pub closures: bool,
    /// Whether futures are.
    pub futures: bool,
    /// How many notes tell of them.
    pub notes: usize,
}

/// Why a build begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The session starts.
    Start,
    /// Files changed, or an editor asked.
    Save,
    /// The program is being restarted.
    Restart,
}

impl RefusalCode {
    /// As the field `code` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LayoutChanged => "layout-changed",
            Self::VtableChanged => "vtable-changed",
            Self::StaticChanged => "static-changed",
            Self::UnresolvedSymbol => "unresolved-symbol",
            Self::SlotMismatch => "slot-mismatch",
            Self::LoadFailed => "load-failed",
            Self::PatchFailed => "patch-failed",
            Self::NeedsRestart => "needs-restart",
        }
    }
}

/// Milliseconds of each stage, from the first file event to the last process's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// From the first file event to the start of the build.
    pub detect: f64,
    /// The compiler.
    pub rustc: f64,
    /// Comparing units and checking that the patch is safe; partly beside the link.
    pub check: f64,
    /// Rewriting the changed units and linking them.
    pub link: f64,
    /// Making the plan, finding out what it leaves waiting, loading the library in every process and
    /// writing the words.
    pub load: f64,
    /// All of it.
    pub total: f64,
}

/// One message of rustc's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// The file of the primary span, absolute; empty where rustc names none. Where that span is in
    /// a macro of std or of a dependency, the place where the project calls it is meant.
    pub file: PathBuf,
    /// 1-based line of the primary span; 0 where there is none.
    pub line: u32,
    /// 1-based column of the primary span; 0 where there is none.
    pub column: u32,
    /// `error` or `warning`.
    pub level: String,
    /// The message without its location.
    pub message: String,
    /// As rustc renders it, without colours.
    pub rendered: String,
}

/// Why an edit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// A type that the running program knows has another layout now.
    LayoutChanged,
    /// A trait's methods were added, removed or reordered.
    VtableChanged,
    /// A static has another type now.
    StaticChanged,
    /// The patch calls something that is not in the program.
    UnresolvedSymbol,
    /// A slot in the running program does not hold what it must.
    SlotMismatch,
    /// A process of the program could not load the patch, or did not answer in time.
    LoadFailed,
    /// hotdev could not make a patch of the edit.
    PatchFailed,
    /// Only a restart can apply it: a manifest, a build script, a dependency, ….
    NeedsRestart,
}

/// One thing that a refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Path of the type, static, function or file.
    pub name: String,
    /// What it is in the running program; empty where that means nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub was: String,
    /// What the files make of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub now: String,
    /// Where it is defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// 1-based line in `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// `building`, `running` or `exited`.
    pub state: String,
    /// Process id of the session itself.
    pub session: u32,
    /// Workspace root.
    pub workspace: PathBuf,
    /// Name of the program's binary target.
    pub program: String,
    /// Every connected process of the program.
    pub pids: Vec<u32>,
    /// The generation that runs.
    pub generation: u64,
    /// Every generation that can be made current, oldest first.
    pub generations: Vec<GenerationInfo>,
    /// The last save's verdict where it was not live: what `reload` would say again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Box<Event>>,
    /// When the program was started, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// How the program ended, where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The last verdict of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Whether the files hold what the program does not run. Not there while that is not known:
    /// during a build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<bool>,
    /// Functions that nothing has called since they went live, newest generation first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
}

/// The end of the program, as `status` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Which process.
    pub pid: u32,
    /// Its exit status, where it had one.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// The last verdict, as `status` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Name of the event that gave it: `live`, `refused`, ….
    pub event: String,
    /// The code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusalCode>,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// One generation, as `status` lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationInfo {
    /// Its number.
    pub generation: u64,
    /// Functions whose code it changed.
    pub functions: Vec<String>,
    /// Save to live, in milliseconds.
    pub ms: f64,
}
