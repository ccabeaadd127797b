//! hotdev as the linker of the program: links it as two images.
//!
//! The executable holds the dependencies and std; the *hot image*, a shared library it needs,
//! holds every hot crate, `main` included. Each dependency then exists once, and whatever is
//! linked against both later (a patch) shares its statics, thread-locals and types by name.
//!
//! A later link of the same program makes the hot image anew, and the executable only where it
//! would be another one (see [`kept`]). Where all units are compiled already, a restart links the
//! hot image alone (see [`again`]). Both take the objects of units that did not change from the link
//! before (see [`rewritten`]). New files are finished under other names before they take
//! the places of old ones, which a running program may have mapped.
//!
//! Where that cannot be done (a static executable, link-time optimization, a linker error) the
//! program is linked as rustc asked, and the record says why it cannot be patched.

mod again;
mod bundled;
mod command_line;
mod executable;
mod hot;
mod inputs;
mod kept;
mod objects;
mod rewritten;
mod stamp;
mod survey;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use crate::elf::image::Image;
use crate::error::{Context, Error, Kind, Result};
use crate::layout::{self, Layout};
use crate::wrapper;
pub use again::relink;
use command_line::CommandLine;
pub use executable::driver;

/// What a link left for the session.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Build id of the executable.
    pub build_id: Vec<u8>,
    /// Key of the binary crate.
    pub binary: String,
    /// Keys of the hot libraries.
    pub libraries: Vec<String>,
    /// The folder that holds the hot image and the objects it was made of.
    pub folder: PathBuf,
    /// The rlibs of dependencies and std that are in the executable.
    pub dependencies: Vec<PathBuf>,
    /// rust-lld
    pub lld: PathBuf,
    /// The rlib of compiler_builtins: its functions are hidden, so every image has its own copy.
    pub builtins: PathBuf,
    /// Why the program was linked plainly and cannot be patched.
    pub plain: Option<String>,
}

impl ImageRecord {
    /// The hot image.
    pub fn hot_image(&self) -> PathBuf {
        self.folder.join("libhot.so")
    }

    /// The executable, as it was linked last.
    pub fn executable(&self) -> PathBuf {
        self.folder.join("executable")
    }

    /// The objects of the binary crate, unchanged, as rustc made them.
    pub fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    /// The objects that the hot image is made of; see [`rewritten`].
    fn rewritten(&self) -> PathBuf {
        self.folder.join("rewritten")
    }

    /// A hot library's rlib, unchanged, as it was linked.
    pub fn rlib(&self, key: &str) -> PathBuf {
        self.folder.join(format!("lib{key}.rlib"))
    }

    /// Finds the record of the executable with this build id.
    pub fn find(layout: &Layout, build_id: &[u8]) -> Option<Self> {
        let folders = fs::read_dir(layout.images()).ok()?;
        folders.flatten().find_map(|folder| {
            let bytes = fs::read(folder.path().join("image.json")).ok()?;
            let record: Self = serde_json::from_slice(&bytes).ok()?;
            (record.build_id == build_id).then_some(record)
        })
    }

    fn write(&self) -> Result<()> {
        let path = self.folder.join("image.json");
        let doing = || format!("write {}", path.display());
        let bytes = serde_json::to_vec(self).context(Kind::System, doing)?;
        write_whole(&path, &bytes)
    }
}

/// Writes a note of hotdev's own.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = layout::write_whole(path, &mut &*bytes, layout::OWN);
    written.context(Kind::System, || format!("write {}", path.display()))
}

/// Links as rustc asked with `args`. The linker's own messages go to stderr, where rustc looks.
pub fn run(state: &Path, args: Vec<String>) -> ExitCode {
    let line = match CommandLine::parse(args.clone()) {
        Ok(line) => line,
        Err(error) => return complain(&error),
    };
    if let Some(folder) = std::env::var_os(wrapper::COLLECT_ENV) {
        return match collect(&line.objects, Path::new(&folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error),
        };
    }
    let linker = std::env::var(wrapper::LINKER_ENV).unwrap_or_else(|_| "cc".into());
    let layout = Layout::of_state(state);
    match link_images(&layout, &line, &linker) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => link_plainly(&layout, &line, &linker, &args, &error),
    }
}

fn complain(error: &Error) -> ExitCode {
    eprintln!("hotdev: {error}");
    ExitCode::FAILURE
}

/// Keeps the objects that rustc will remove, under their own names.
fn collect(objects: &[PathBuf], folder: &Path) -> Result<()> {
    let doing = || format!("keep objects in {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).context(Kind::System, doing)?;
    }
    fs::create_dir_all(folder).context(Kind::System, doing)?;
    for object in objects {
        let name = object.file_name().unwrap_or_default();
        link_or_copy(object, &folder.join(name)).context(Kind::System, doing)?;
    }
    Ok(())
}

fn link_or_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

fn link_images(layout: &Layout, line: &CommandLine, linker: &str) -> Result<()> {
    if let Some(reason) = line.unpatchable() {
        return Err(Error::new(Kind::Link, "link the program as two images", reason));
    }
    let folder = layout.images().join(line.output_name());
    let inputs = hot::Inputs::gather(layout, line)?;
    let record = ImageRecord {
        build_id: Vec::new(),
        binary: line.output_name(),
        libraries: inputs.libraries.iter().map(|(key, _)| key.clone()).collect(),
        dependencies: line.rlibs.clone(),
        lld: line.lld()?,
        builtins: line.builtins()?,
        folder,
        plain: None,
    };
    let scratch = scratch(&record.folder)?;
    let scratch = scratch.path();
    let (objects, hot_image) = hot::make(&inputs.units(), &inputs.bundled, &record, scratch)?;
    let hot = Image::read(&hot_image)?;
    let link =
        executable::Link { layout, line, linker, record: &record, objects: &objects, scratch };
    let (is_fresh, kept) = link.run(&hot_image, &hot)?;
    hot::fill_thread_locals(&hot_image, &hot, &objects.thread_locals, &kept.offer.thread_locals)?;
    keep_inputs(line, &inputs.libraries, &record, scratch)?;
    put(&hot_image, &record.hot_image())?;
    let record = ImageRecord { build_id: kept.offer.build_id.clone(), ..record };
    record.write()?;
    if is_fresh {
        kept::forget(&record)?;
        put(&scratch.join("executable"), &record.executable())?;
    }
    kept.place(&record, &line.output, scratch)
}

/// What begins the names of folders for files that are not finished.
const SCRATCH: &str = ".link-";

/// Makes a folder for a link, and removes those of links that were killed. No other link is under
/// way: cargo's lock lets one build at a time link, and a session, which relinks without that lock,
/// has one job at a time.
fn scratch(folder: &Path) -> Result<tempfile::TempDir> {
    let doing = || format!("make a folder in {}", folder.display());
    fs::create_dir_all(folder).context(Kind::System, doing)?;
    for entry in fs::read_dir(folder).context(Kind::System, doing)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new().prefix(SCRATCH).tempdir_in(folder).context(Kind::System, doing)
}

/// Keeps what rustc made of the hot crates, to compare later compilations with it.
fn keep_inputs(
    line: &CommandLine,
    libraries: &[(String, PathBuf)],
    record: &ImageRecord,
    scratch: &Path,
) -> Result<()> {
    let (fresh, old) = (scratch.join("objects"), scratch.join("old-objects"));
    collect(&line.objects, &fresh)?;
    if record.objects().exists() {
        put(&record.objects(), &old)?;
    }
    put(&fresh, &record.objects())?;
    for (key, path) in libraries {
        let (new, kept) = (scratch.join(format!("lib{key}.rlib")), record.rlib(key));
        link_or_copy(path, &new).context(Kind::System, || format!("keep {}", path.display()))?;
        put(&new, &kept)?;
    }
    Ok(())
}

/// Moves a finished file or folder to its place.
fn put(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).context(Kind::System, || format!("write {}", to.display()))
}

/// Links as rustc asked, and leaves word why.
fn link_plainly(
    layout: &Layout,
    line: &CommandLine,
    linker: &str,
    args: &[String],
    why: &Error,
) -> ExitCode {
    // The old program may run, or be kept: a linker that reuses its output's file must not find it.
    let _ = fs::remove_file(&line.output);
    let mut command = Command::new(linker);
    command.args(args).arg("-Wl,--build-id=sha1");
    match command.env_remove(wrapper::LINK_ENV).status() {
        Ok(status) if status.success() => {}
        Ok(status) => return ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(error) => {
            return complain(&Error::new(Kind::Link, format!("start the linker {linker}"), error));
        }
    }
    let folder = layout.images().join(line.output_name());
    let written = Image::read(&line.output).and_then(|image| {
        fs::create_dir_all(&folder)
            .context(Kind::System, || format!("make {}", folder.display()))?;
        let binary = line.output_name();
        let hint = why.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let plain = Some(format!("{}{hint}", why.cause));
        ImageRecord { build_id: image.build_id, binary, folder, plain, ..ImageRecord::default() }
            .write()
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

/// Runs a linker and takes its messages as the cause where it fails.
fn run_linker(command: &mut Command, doing: &str) -> Result<()> {
    let output = command.env_remove(wrapper::LINK_ENV).output();
    let output = output.context(Kind::Link, || format!("start {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = messages.lines().filter(|line| line.contains("error")).take(3).collect();
    let cause = if first.is_empty() { messages.trim() } else { &first.join("; ") };
    Err(Error::new(Kind::Link, doing, cause))
}
