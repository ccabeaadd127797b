//! Setting a session up and taking it down.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::lent::Lent;
use super::{Event, Mailbox, Remote, Running, Session, choice, restarts};
use crate::args::Selection;
use crate::changes::Stamps;
use crate::config::{Config, OnIncompatible};
use crate::control::SessionFile;
use crate::control::server::Server;
use crate::error::{Context, Error, Kind, Result};
use crate::layout::Layout;
use crate::processes::{self, Processes};
use crate::project::{self, Project};
use crate::report::{ColorChoice, Format, Reporter};
use crate::tui::{self, Screen};
use crate::watch::Watch;
use crate::workshop::Target;

/// How long a cancelled job may take to end.
const JOB_END_LIMIT: Duration = Duration::from_secs(10);

/// What the command line says about a session.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to build.
    pub selection: Selection,
    /// Arguments of the program.
    pub args: Vec<OsString>,
    /// How to report.
    pub format: Format,
    /// When to use colours.
    pub color: ColorChoice,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Whether the session ends with the program, as `hotdev run` does.
    pub ends_with_program: bool,
    /// Whether the terminal is the terminal UI's, with the program in a pane of it.
    pub terminal_ui: bool,
}

/// Runs a session until a signal ends it, and returns what hotdev is to exit with.
///
/// # Errors
/// When the project cannot be understood, another session runs for it, or the system refuses what
/// a session needs. Later failures are reported and do not end the session.
pub fn run(mut options: Options, reporter: Reporter) -> Result<u8> {
    let metadata = project::metadata(options.selection.manifest_path.as_deref())?;
    let config = Config::load(metadata.workspace_root.as_std_path())?;
    options.selection = options.selection.or_app(&config.app);
    choice::check(&metadata, &options.selection)?;
    let project = Project::find(&metadata, &options.selection)?;
    reporter.set_restarts(restarts(&config));
    if options.args.is_empty() {
        options.args = config.app.args.iter().map(OsString::from).collect();
    }
    if let Some(other) = SessionFile::find(&project.target_dir) {
        let cause = format!("process {} already runs a session for this project", other.pid);
        return Err(Error::new(Kind::Session, "start a session", cause)
            .hint("use that one (`hotdev status`), or end it with Ctrl-C first"));
    }
    let profile = options.selection.profile.as_deref().unwrap_or("dev");
    let layout = Layout::prepare(&project.target_dir, profile, &config.hot.exclude)?;
    crate::logging::start(&project.target_dir, options.verbose);
    let target = Target {
        project,
        selection: options.selection.clone(),
        exclude: config.hot.exclude.clone(),
        layout,
    };
    let folder = processes::socket_folder(&target.project.target_dir)?;
    let (sender, events) = Mailbox::new();
    let mut session = Session {
        watch: watch(&target, &config, &sender)?,
        socket: folder.join("shim.sock"),
        processes: Processes::new(session_number()),
        target,
        config,
        options,
        reporter,
        screen: None,
        lent: None,
        events,
        sender: sender.clone(),
        known: HashSet::new(),
        seen: BTreeMap::new(),
        workshop: None,
        job: None,
        looking: false,
        looked_at: Stamps::default(),
        running: Running::No,
        build_ids: Vec::new(),
        strangers: Vec::new(),
        chain: Vec::new(),
        settle_at: None,
        kept_retired: 0,
        settle_attempts: 0,
        pending: None,
        restart: None,
        files: Vec::new(),
        waiting: Vec::new(),
        verdict: None,
        last: None,
        since: None,
        end: None,
        leftovers: HashSet::new(),
    };
    quit_on_signals(&sender)?;
    let contacts = sender.clone();
    processes::listen(&session.socket, move |contact| {
        drop(contacts.send(Event::Contact(contact)))
    })?;
    let control = folder.join("control.sock");
    let server = Server::start(&control, move |request, responder| {
        let _ = sender.send(Event::Request(request, responder));
    })?;
    let file = SessionFile {
        pid: std::process::id(),
        control,
        workspace: session.target.project.root.clone(),
        members: session.target.project.packages.iter().map(|one| one.folder.clone()).collect(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    file.write(&session.target.project.target_dir)?;
    session.open_screen();
    session.build();
    let exit = session.run();
    session.close();
    session.close_screen();
    session.reporter.say_rest();
    drop(server);
    file.remove(&session.target.project.target_dir);
    Ok(exit)
}

impl Session {
    /// Gives the terminal to the terminal UI, where it is wanted. Where that fails, lines do.
    fn open_screen(&mut self) {
        if !self.options.terminal_ui {
            self.lent = Lent::find();
            return;
        }
        let setup = tui::Setup {
            program: self.target.project.program.target.clone(),
            asks: self.config.reload.on_incompatible == OnIncompatible::Ask,
            restarts: restarts(&self.config),
            colors: self.options.color.for_stdout(),
            notify: self.config.ui.notify,
        };
        match Screen::open(setup, Remote::new(&self.sender)) {
            Ok(screen) => {
                self.reporter.pass_to(screen.listener());
                self.screen = Some(screen);
            }
            Err(error) => {
                self.lent = Lent::find();
                self.reporter.error(&error);
            }
        }
    }

    fn close_screen(&mut self) {
        self.screen.take().into_iter().for_each(Screen::close);
    }

    /// Ends the build and the program, and removes what no later session needs.
    fn close(&mut self) {
        if let Some(job) = &self.job {
            job.cancel();
            // It may be just about to start a compiler, and ends that as well.
            let end = Instant::now() + JOB_END_LIMIT;
            let is_over = |event| matches!(event, Event::Looked(..) | Event::Opened(_));
            while self.events.recv_deadline(end).is_ok_and(|event| !is_over(event)) {}
        }
        self.end_program();
        let _ = std::fs::remove_file(&self.socket);
        for entry in
            std::fs::read_dir(self.target.layout.generations()).into_iter().flatten().flatten()
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn watch(target: &Target, config: &Config, sender: &Mailbox) -> Result<Watch> {
    let sender = sender.clone();
    let root =
        target.project.root.canonicalize().context(Kind::System, || "find the workspace".into())?;
    Watch::start(&root, &target.project.target_dir, &config.watch.ignore, move |paths| {
        let _ = sender.send(Event::Files(paths, Instant::now()));
    })
}

fn quit_on_signals(sender: &Mailbox) -> Result<()> {
    let doing = || "listen for signals".to_owned();
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]).context(Kind::System, doing)?;
    let sender = sender.clone();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // One that was typed into an editor is the editor's.
            if ![SIGINT, SIGQUIT].contains(&signal) || !tui::is_editing() {
                let _ = sender.send(Event::Quit);
            }
        }
    });
    Ok(())
}

/// Differs from session to session, so that generations of two sessions are never taken for each other.
fn session_number() -> u32 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_millis() as u32) ^ std::process::id().rotate_left(16)
}
