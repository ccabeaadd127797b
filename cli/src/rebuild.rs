//! Replays recorded rustc invocations: one crate after another, each seeing what the earlier ones
//! made. cargo finds its own files as it left them.

mod output;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use output::{Output, Outputs};

use crate::diagnostics;
use crate::error::{Context, Error, Kind, Result};
use crate::graph::{CrateId, Graph, HotCrate, library_key, sources};
use crate::layout::Layout;
use crate::process;
use crate::report::event::Diagnostic;
use crate::source::Sources;
use crate::wrapper;

/// Ends a build under way.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    set: Arc<AtomicBool>,
    groups: Arc<Mutex<Vec<u32>>>,
}

impl Cancel {
    /// Ends whatever runs under this token, and whatever will.
    pub fn cancel(&self) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        self.set.store(true, Ordering::SeqCst);
        groups.iter().for_each(|group| process::kill_group(*group));
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Waits for so long, or until [`Cancel::cancel`] is called.
    pub fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has a process group ended with the build until the guard is dropped.
    pub fn kills_group(&self, group: u32) -> KillGuard<'_> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.push(group);
        if self.is_set() {
            process::kill_group(group);
        }
        KillGuard { cancel: self, group }
    }
}

/// See [`Cancel::kills_group`].
pub struct KillGuard<'a> {
    cancel: &'a Cancel,
    group: u32,
}

impl Drop for KillGuard<'_> {
    fn drop(&mut self) {
        let mut groups = self.cancel.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| *group != self.group);
    }
}

/// What a rebuild came to.
#[derive(Debug)]
pub enum Rebuilt {
    /// Every crate was compiled; warnings come with it.
    Done(Vec<Diagnostic>),
    /// rustc refused one of them.
    CompileError(Vec<Diagnostic>),
    /// Newer files are waiting.
    Cancelled,
}

/// Compiles the crates in `dirty` in order, putting each output into `outputs` and taking the
/// crate out of `dirty`. Units that are as they were in `live` are those very units.
///
/// `libraries` are the outputs that dependents are compiled against. They follow a crate where its
/// edit can matter to them; otherwise they do without the new library for good.
///
/// # Errors
/// When rustc cannot be started, or fails without a diagnostic.
pub fn rebuild(
    graph: &mut Graph,
    dirty: &mut BTreeSet<CrateId>,
    outputs: &mut Outputs,
    libraries: &mut Outputs,
    live: &Outputs,
    layout: &Layout,
    cancel: &Cancel,
) -> Result<Rebuilt> {
    let mut warnings = Vec::new();
    while let Some(id) = dirty.first().copied() {
        let before: Vec<&Output> = [&*outputs, live]
            .iter()
            .filter_map(|outputs| outputs.get(&id))
            .map(AsRef::as_ref)
            .collect();
        let (mut diagnostics, output) = replay(graph, id, libraries, &before, layout, cancel)?;
        if cancel.is_set() {
            return Ok(Rebuilt::Cancelled);
        }
        let Some(mut output) = output else {
            // Warnings about code that is not finished help nobody.
            diagnostics.retain(|diagnostic| diagnostic.level == "error");
            return Ok(Rebuilt::CompileError(diagnostics));
        };
        warnings.extend(diagnostics);
        if let Some(folder) = output.library_folder() {
            let hot = &mut graph.crates[id];
            hot.sources =
                sources(&folder.join(format!("{}.d", hot.key)), &hot.invocation.directory);
            output.sources.add(&hot.sources);
        }
        let dependents = graph.dependents(id);
        // A crate without a library was compiled against one that is no more.
        // One that never went live may promise instances of generic functions that nothing has.
        let matters =
            |library: &Arc<Output>| !library.is_live() || output.sources.matter(&library.sources);
        let follow = !dependents.is_empty() && libraries.get(&id).is_none_or(matters);
        if !follow {
            output.drop_library()?;
        }
        let output = Arc::new(output);
        if follow {
            libraries.insert(id, Arc::clone(&output));
            libraries.retain(|id, _| !dependents.contains(id));
            dirty.extend(dependents);
        }
        outputs.insert(id, output);
        dirty.remove(&id);
    }
    Ok(Rebuilt::Done(warnings))
}

/// Runs rustc once; no output where it refused the crate.
fn replay(
    graph: &Graph,
    id: CrateId,
    libraries: &Outputs,
    before: &[&Output],
    layout: &Layout,
    cancel: &Cancel,
) -> Result<(Vec<Diagnostic>, Option<Output>)> {
    let hot = &graph.crates[id];
    let sources = Sources::read(hot.sources.iter(), before.first().map(|before| &before.sources));
    let doing = || format!("compile {}", hot.invocation.crate_name);
    let folder = tempfile::Builder::new()
        .prefix(&format!("{}-", hot.key))
        .tempdir_in(layout.replays())
        .context(Kind::System, doing)?;
    let objects = folder.path().join("objects");
    let mut aside = Aside::put(hot, folder.path()).context(Kind::System, doing)?;
    let mut command = Command::new(&hot.invocation.program);
    command.args(arguments(graph, hot, libraries));
    command
        .env_clear()
        .envs(hot.invocation.env.iter().cloned())
        .current_dir(&hot.invocation.directory);
    command.env(wrapper::COLLECT_ENV, &objects);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    tracing::debug!(crate_name = hot.invocation.crate_name, ?command, "replay");
    let mut child = process::spawn_group(&mut command).context(Kind::Build, doing)?;
    let guard = cancel.kills_group(child.id());
    let known = before.first().map(|before| &before.sources);
    let (diagnostics, rest) = std::thread::scope(|scope| {
        scope.spawn(|| known.into_iter().for_each(|known| sources.prepare(known)));
        read_messages(&mut child, &hot.invocation.directory)
    });
    let status = child.wait().context(Kind::Build, doing)?;
    drop(guard);
    aside.take_back(status.success()).context(Kind::System, doing)?;
    if status.success() {
        let folder = folder.keep();
        let output = if hot.invocation.is_binary {
            Output::of_objects(folder, &objects, before, sources)?
        } else {
            let rlib = folder.join(format!("lib{}.rlib", hot.key));
            Output::of_library(folder, &rlib, before, sources)?
        };
        return Ok((diagnostics, Some(output)));
    }
    if cancel.is_set() || diagnostics.iter().any(|diagnostic| diagnostic.level == "error") {
        return Ok((diagnostics, None));
    }
    Err(Error::new(Kind::Build, doing(), format!("rustc ended with {status}: {}", rest.trim())))
}

/// What cargo has of a crate, put aside while rustc writes a new one in its place.
///
/// rustc takes everything for changed when its output folder is another, so a replay has to write
/// where cargo had it written. What it wrote is then moved away, and cargo finds its own files as
/// it left them. If hotdev ends in between, cargo misses them and compiles the crate anew.
struct Aside {
    names: [String; 3],
    /// cargo's folder.
    out_dir: PathBuf,
    /// Where the replay's output is to go.
    folder: PathBuf,
    is_back: bool,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(error) = self.take_back(false) {
            tracing::warn!(%error, "cargo's own output was not put back; cargo will compile it anew");
        }
    }
}

impl Aside {
    fn put(hot: &HotCrate, folder: &Path) -> io::Result<Self> {
        let key = &hot.key;
        let names = [format!("lib{key}.rlib"), format!("lib{key}.rmeta"), format!("{key}.d")];
        let aside = Self {
            names,
            out_dir: hot.invocation.out_dir(),
            folder: folder.to_owned(),
            is_back: false,
        };
        fs::create_dir_all(aside.kept())?;
        for name in &aside.names {
            move_file(&aside.out_dir.join(name), &aside.kept().join(name))?;
        }
        Ok(aside)
    }

    fn kept(&self) -> PathBuf {
        self.folder.join("aside")
    }

    fn take_back(&mut self, use_output: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.is_back, true) {
            return Ok(());
        }
        for name in &self.names {
            let (out, kept) = (self.out_dir.join(name), self.kept().join(name));
            if use_output {
                move_file(&out, &self.folder.join(name))?;
            }
            move_file(&kept, &out)?;
        }
        Ok(())
    }
}

/// Moves a file, if it is there.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The recorded arguments, reading what other replays wrote.
fn arguments(graph: &Graph, hot: &HotCrate, libraries: &Outputs) -> Vec<String> {
    let replayed: HashMap<&str, &Path> = libraries
        .iter()
        .filter_map(|(id, output)| Some((graph.crates[*id].key.as_str(), output.library_folder()?)))
        .collect();
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
fn replayed_extern(arg: &str, replayed: &HashMap<&str, &Path>) -> Option<String> {
    let (name, path) = arg.split_once('=')?;
    let folder = replayed.get(library_key(path).as_str())?;
    Some(format!("{name}={}", folder.join(Path::new(path).file_name()?).display()))
}

/// rustc's diagnostics, and what else it wrote.
fn read_messages(child: &mut Child, directory: &Path) -> (Vec<Diagnostic>, String) {
    let (mut diagnostics, mut rest) = (Vec::new(), String::new());
    let stderr = child.stderr.take().map(BufReader::new);
    for line in stderr.into_iter().flat_map(BufRead::lines).map_while(std::result::Result::ok) {
        if let Some(diagnostic) = diagnostics::parse(&line, directory) {
            diagnostics.push(diagnostic);
        } else if !line.starts_with('{') {
            rest.push_str(&line);
            rest.push('\n');
        }
    }
    (diagnostics, rest)
}
