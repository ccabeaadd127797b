//! `cargo xtask picture`: what `hotdev watch` looks like, drawn from a real session.
//!
//! The counter template is started in a real terminal, and its file is saved as a developer would. At
//! each step the terminal's cells become a frame; the frames are put into one SVG, which shows them in
//! turn. What is in them was so: times and processes are those of this session.

mod frames;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hotdev_tests::terminal::{self, Terminal};
use portable_pty::CommandBuilder;

use crate::folder::Scratch;
use crate::tool;
use frames::Frame;

/// Rows and columns of the terminal.
const SIZE: (u16, u16) = (20, 92);

/// How long the first build may take, and anything else.
const BUILD: Duration = Duration::from_secs(240);
const SOON: Duration = Duration::from_secs(60);

/// The file that is saved.
const FILE: &str = "src/counter.rs";

/// What to draw with, and where to.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The hotdev that is shown instead of this workspace's, built in release.
    #[arg(long, value_name = "FILE")]
    hotdev: Option<PathBuf>,
    /// Where the picture goes.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A save, and what the terminal shows when it has its verdict.
struct Step {
    caption: &'static str,
    old: &'static str,
    new: &'static str,
    shows: &'static [&'static str],
}

const STEPS: [Step; 4] = [
    Step {
        caption: r#"saved: the text in `line` is "after {} steps: {}""#,
        old: r#""step {}: total {}""#,
        new: r#""after {} steps: {}""#,
        shows: &["live 1", "after 5 steps: 5"],
    },
    Step {
        caption: "saved: `self.total += 10` instead of 1; the count goes on",
        old: "self.total += 1;",
        new: "self.total += 10;",
        shows: &["live 2", "after 8 steps: "],
    },
    Step {
        caption: "saved: `total: u64` instead of `u32`, which values that exist are not",
        old: "total: u32",
        new: "total: u64",
        shows: &["refused", "counter::counter::Counter.total", "why:"],
    },
    Step {
        caption: "saved: `total: u32` again",
        old: "total: u64",
        new: "total: u32",
        shows: &["live 2", "unchanged", "after 11 steps: "],
    },
];

/// Makes the picture.
pub fn run(options: &Options) -> Result<()> {
    let hotdev = tool::hotdev(options.hotdev.as_deref())?;
    let output = options.output.clone();
    let output = output.unwrap_or_else(|| tool::repository().join("docs/watch.svg"));
    let scratch = Scratch::new("picture", false)?;
    let frames = session(&hotdev, scratch.path())?;
    let svg = frames::picture(&frames, SIZE);
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
    }
    fs::write(&output, svg).with_context(|| format!("failed to write {}", output.display()))?;
    println!("{} frames in {}", frames.len(), output.display());
    Ok(())
}

/// Runs the session in a fresh project, and gives its frames.
fn session(hotdev: &Path, folder: &Path) -> Result<Vec<Frame>> {
    let init =
        tool::command(hotdev, folder).args(["init", "counter", "--template", "counter"]).output();
    let init = init.context("failed to start hotdev init")?;
    ensure!(init.status.success(), "hotdev init: {}", String::from_utf8_lossy(&init.stderr));
    let project = folder.join("counter");
    let mut terminal = Terminal::start(watch(hotdev, &project), SIZE)?;
    terminal.wait_for(&["step 3: total 3"], BUILD)?;
    let mut frames = vec![frame(&terminal, "$ hotdev watch")];
    for step in STEPS {
        save(&project.join(FILE), step.old, step.new)?;
        terminal.wait_for(step.shows, SOON)?;
        frames.push(frame(&terminal, step.caption));
    }
    terminal.press("u")?;
    terminal.wait_for(&["rolled back", "from 2 to 1"], SOON)?;
    frames.push(frame(&terminal, "pressed: u"));
    terminal.press("q")?;
    terminal.wait_for_end(SOON)?;
    Ok(frames)
}

/// hotdev in the environment of a person at a terminal.
fn watch(hotdev: &Path, project: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(hotdev);
    command.args(["watch", "--offline"]);
    command.cwd(project);
    terminal::environment(&tool::command(hotdev, project), &mut command);
    command
}

fn frame(terminal: &Terminal, caption: &str) -> Frame {
    terminal.read(|screen| Frame::of(screen, caption))
}

fn save(file: &Path, old: &str, new: &str) -> Result<()> {
    let doing = || format!("failed to edit {}", file.display());
    let text = fs::read_to_string(file).with_context(doing)?;
    ensure!(text.matches(old).count() == 1, "`{old}` does not stand once in {}", file.display());
    fs::write(file, text.replace(old, new)).with_context(doing)
}
