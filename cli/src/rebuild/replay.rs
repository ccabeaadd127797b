//! One call of rustc for a save, until its units are there.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::aside::Aside;
use super::cancel::{Cancel, KillGuard};
use super::finalized::{self, Leftovers, SessionWatch};
use super::library;
use super::output::Output;
use super::reader::{Messages, Reader};
use super::rustc::Rustc;
use super::trailing::Trailing;
use crate::error::{Context, Error, Kind, Result};
use crate::graph::{self, CrateId, Graph, HotCrate, library_key};
use crate::layout::Layout;
use crate::report::event::Diagnostic;
use crate::source::Sources;
use crate::units::Folder;
use crate::wrapper;

/// How often rustc is looked at.
const PAUSE: Duration = Duration::from_millis(1);

/// What a crate is compiled against, and for whom.
pub struct Needs<'a> {
    /// Folders of the libraries that it reads, where they are not cargo's.
    pub libraries: &'a HashMap<CrateId, PathBuf>,
    /// What is known of it, newest first.
    pub before: &'a [&'a Output],
    /// Whether others are going to read the library that comes of these sources.
    pub library: &'a dyn Fn(&Sources) -> bool,
    /// Whether a linker is among those, which reads more than the metadata.
    pub is_read_by_linkers: bool,
}

/// What a replay came to.
pub struct Replayed {
    /// Errors or warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// None where rustc refused the crate.
    pub output: Option<Output>,
    /// The files that rustc read.
    pub files: BTreeSet<PathBuf>,
}

/// What can be done after a replay was begun.
pub enum Replaying<'a> {
    /// Its dependents can be compiled.
    Ahead(Box<Ahead<'a>>),
    /// It came to this.
    Done(Replayed),
}

/// A rustc under way whose library is there; its units are not.
pub struct Ahead<'a> {
    replay: Replay<'a>,
    sources: Sources,
    guard: KillGuard<'a>,
}

/// A rustc under way, with the places it works in.
struct Replay<'a> {
    hot: &'a HotCrate,
    out_dir: PathBuf,
    // Fields are dropped in this order: rustc has ended when cargo's files are put back, and they
    // are back when the folder that keeps them goes.
    child: Rustc,
    aside: Aside,
    folder: tempfile::TempDir,
    reader: Reader,
    session: SessionWatch,
}

/// What a rustc has come to.
enum Stage {
    /// Dependents can be compiled.
    Metadata,
    /// All units are there, and are kept.
    Units,
    /// It has ended.
    End(ExitStatus),
}

/// Runs rustc once, until there is what others need, or else until its units are there.
pub fn replay<'a>(
    graph: &'a Graph,
    id: CrateId,
    needs: &Needs<'_>,
    layout: &Layout,
    cancel: &'a Cancel,
) -> Result<Replaying<'a>> {
    let hot = &graph.crates[id];
    let known = needs.before.first().map(|before| &before.sources);
    let mut sources = Sources::read(hot.sources.iter(), known);
    let doing = || format!("compile {}", hot.invocation.crate_name);
    let mut replay =
        Replay::start(graph, hot, needs.libraries, layout).context(Kind::Build, doing)?;
    let guard = cancel.kills_group(replay.child.id());
    let stage = thread::scope(|scope| {
        scope.spawn(|| known.into_iter().for_each(|known| sources.prepare(known)));
        replay.wait(true)
    });
    let mut stage = stage.context(Kind::Build, doing)?;
    let mut library = false;
    // What such a crate has besides is linked of more units than those of its Rust library.
    let links = hot.invocation.links();
    if !matches!(stage, Stage::End(_)) {
        sources.add(&replay.files(&replay.out_dir));
        library = (needs.library)(&sources) || links;
    }
    if matches!(stage, Stage::Metadata) {
        let is_enough = !links && !needs.is_read_by_linkers;
        if library && is_enough && replay.put_library() {
            return Ok(Replaying::Ahead(Box::new(Ahead { replay, sources, guard })));
        }
        stage = replay.wait(false).context(Kind::Build, doing)?;
    }
    replay.end(stage, library, (needs.before, sources), guard, cancel).map(Replaying::Done)
}

impl Ahead<'_> {
    /// The folder of its library.
    pub fn folder(&self) -> &Path {
        self.replay.folder.path()
    }

    /// Waits for the units. `before`: what is known of the crate, newest first.
    pub fn end(mut self, before: &[&Output], cancel: &Cancel) -> Result<Replayed> {
        let doing = || format!("compile {}", self.replay.hot.invocation.crate_name);
        let stage = self.replay.wait(false).context(Kind::Build, doing)?;
        let replayed = self.replay.end(stage, false, (before, self.sources), self.guard, cancel)?;
        // What it would yet write is read by nobody, and others are being compiled.
        replayed.output.iter().for_each(Output::end_rustc);
        Ok(replayed)
    }
}

impl<'a> Replay<'a> {
    fn start(
        graph: &Graph,
        hot: &'a HotCrate,
        libraries: &HashMap<CrateId, PathBuf>,
        layout: &Layout,
    ) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", hot.key))
            .tempdir_in(layout.replays())?;
        let out_dir = hot.invocation.out_dir();
        let leftovers = Leftovers::of(&out_dir, &hot.key)?;
        let aside = Aside::put(hot, folder.path())?;
        let mut command = Command::new(&hot.invocation.program);
        command.args(arguments(graph, hot, libraries));
        command
            .env_clear()
            .envs(hot.invocation.env.iter().cloned())
            .current_dir(&hot.invocation.directory);
        command.env(wrapper::COLLECT_ENV, folder.path().join("objects"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        tracing::debug!(crate_name = hot.invocation.crate_name, ?command, "replay");
        let mut child = Rustc::start(&mut command, leftovers)?;
        let reader = Reader::start(&mut child, &hot.invocation.directory);
        let session = SessionWatch::new(child.id());
        Ok(Self { hot, out_dir, child, aside, folder, reader, session })
    }

    /// Waits until the units are kept, or else for the end; with `metadata`, for that before.
    fn wait(&mut self, metadata: bool) -> io::Result<Stage> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Stage::End(status));
            }
            if metadata && self.reader.has_metadata() {
                return Ok(Stage::Metadata);
            }
            if let Some(complete) = self.session.look() {
                let kept =
                    finalized::keep_units(&complete, &self.out_dir, &self.hot.key, &self.units());
                tracing::debug!(?kept, "all units are there");
                return if kept.is_ok_and(|all| all) {
                    Ok(Stage::Units)
                } else {
                    self.child.wait().map(Stage::End)
                };
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether dependents can be compiled against what is there now.
    fn put_library(&self) -> bool {
        let put = library::put(&self.out_dir, &self.hot.key, self.folder.path());
        tracing::debug!(?put, "the library is there");
        put.is_ok()
    }

    /// Takes what came of it; with `library`, what rustc has yet to write is needed.
    fn end(
        mut self,
        stage: Stage,
        library: bool,
        (before, sources): (&[&Output], Sources),
        guard: KillGuard<'_>,
        cancel: &Cancel,
    ) -> Result<Replayed> {
        let doing = || format!("compile {}", self.hot.invocation.crate_name);
        // One that failed after its units were there would fail unheard again.
        let failed = before.first().is_some_and(|before| before.rustc_failed());
        let status = match stage {
            Stage::End(status) => status,
            _ if failed || library => self.child.wait().context(Kind::Build, doing)?,
            _ => {
                drop(guard);
                let cause = doing();
                return self.trail(before, sources).context(Kind::System, || cause)?;
            }
        };
        self.ended(status, before, sources, cancel)
    }

    /// Where units are kept before rustc has ended.
    fn units(&self) -> PathBuf {
        self.folder.path().join("units")
    }

    /// The files that rustc has read, by what it wrote into this folder.
    fn files(&self, folder: &Path) -> BTreeSet<PathBuf> {
        let list = folder.join(format!("{}.d", self.hot.key));
        graph::sources(&list, &self.hot.invocation.directory)
    }

    /// Takes the units and lets rustc go on: nobody needs what it writes now.
    fn trail(self, before: &[&Output], sources: Sources) -> io::Result<Result<Replayed>> {
        let (units, files) = (self.units(), self.files(&self.out_dir));
        // Held until rustc has put back what it keeps there, also where the units cannot be read.
        let folder = Arc::new(Folder(self.folder.keep()));
        let diagnostics = self.reader.so_far().diagnostics;
        let trailing = Trailing::new(self.child, self.aside, self.reader)?;
        let output = Output::of_objects(Arc::clone(&folder), &units, before, sources);
        Ok(output.map(|mut output| {
            output.set_trailing(trailing);
            Replayed { diagnostics, output: Some(output), files }
        }))
    }

    fn ended(
        mut self,
        status: ExitStatus,
        before: &[&Output],
        mut sources: Sources,
        cancel: &Cancel,
    ) -> Result<Replayed> {
        let doing = || format!("compile {}", self.hot.invocation.crate_name);
        let library = format!("lib{}.rlib", self.hot.key);
        let is_whole = self.hot.invocation.is_binary || self.out_dir.join(&library).is_file();
        if status.success() && !is_whole {
            let cause = format!("there is no {library} where rustc writes it");
            return Err(Error::new(Kind::Build, doing(), cause));
        }
        self.aside.take_back(status.success()).context(Kind::System, doing)?;
        let files = self.files(self.folder.path());
        let Messages { diagnostics, rest } = self.reader.all();
        if status.success() {
            sources.add(&files);
            let folder = Arc::new(Folder(self.folder.keep()));
            let rlib = folder.0.join(library);
            let output = if self.hot.invocation.is_binary {
                let objects = folder.0.join("objects");
                Output::of_objects(folder, &objects, before, sources)?
            } else {
                Output::of_library(folder, &rlib, before, sources)?
            };
            return Ok(Replayed { diagnostics, output: Some(output), files });
        }
        let is_error = diagnostics.iter().any(|diagnostic| diagnostic.level == "error");
        if cancel.is_set() || is_error {
            return Ok(Replayed { diagnostics, output: None, files: BTreeSet::new() });
        }
        Err(Error::new(Kind::Build, doing(), format!("rustc ended with {status}: {}", rest.trim())))
    }
}

/// The recorded arguments, reading what other replays wrote.
fn arguments(graph: &Graph, hot: &HotCrate, libraries: &HashMap<CrateId, PathBuf>) -> Vec<String> {
    let replayed: HashMap<&str, &PathBuf> =
        libraries.iter().map(|(id, folder)| (graph.crates[*id].key.as_str(), folder)).collect();
    let mut args = Vec::with_capacity(hot.invocation.args.len());
    let mut previous = "";
    for arg in &hot.invocation.args {
        args.push(match previous {
            "--extern" => replayed_extern(arg, &replayed).unwrap_or_else(|| arg.clone()),
            _ => arg.clone(),
        });
        previous = arg;
    }
    for folder in replayed.values() {
        args.extend(["-L".to_owned(), format!("dependency={}", folder.display())]);
    }
    args
}

/// `name=path` with the path of the crate's replayed output.
fn replayed_extern(arg: &str, replayed: &HashMap<&str, &PathBuf>) -> Option<String> {
    let (name, path) = arg.split_once('=')?;
    let folder = replayed.get(library_key(path).as_str())?;
    Some(format!("{name}={}", folder.join(Path::new(path).file_name()?).display()))
}
