//! The commands: each from what was asked to an exit code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::args::{self, Command, Settings};
use crate::control::{Request, client};
use crate::error::{Error, Kind, Result};
use crate::report::{self, Reporter};
use crate::{
    demo, doctor, editors, exit, generated, images, init, lsp, memory, session, templates, tui,
    wrapper,
};

/// Runs hotdev with a whole command line, the program's name first, and returns the exit code.
pub fn main(line: Vec<OsString>) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "hotdev made a mistake");
        if !tui::makes_way() {
            return;
        }
        eprintln!("hotdev: internal error: {panic}");
    }));
    if line.get(1).is_some_and(|word| word == memory::LOOK) {
        return memory::serve();
    }
    if let Some(code) = as_tool(&line) {
        return code;
    }
    let settings = match args::parse(line) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let (format, color) = (settings.format, settings.color);
    run(settings).unwrap_or_else(|error| {
        report::error::print(&error, format, color);
        exit::of_error(&error)
    })
}

/// hotdev as cargo's wrapper or rustc's linker: told by the environment that a session sets.
fn as_tool(line: &[OsString]) -> Option<u8> {
    let rest = || line[1..].iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some(state) = std::env::var_os(wrapper::STATE_ENV) {
        let error = wrapper::run(Path::new(&state), rest());
        eprintln!("hotdev: {error}");
        return Some(exit::FAILURE);
    }
    let state = std::env::var_os(wrapper::LINK_ENV)?;
    Some(u8::from(images::run(Path::new(&state), rest()) != std::process::ExitCode::SUCCESS))
}

fn run(settings: Settings) -> Result<u8> {
    let Settings { verbose, color, format, selection, command } = settings;
    let options = |selection, args, ends_with_program, terminal_ui| session::Options {
        selection,
        args,
        format,
        color,
        verbose,
        ends_with_program,
        terminal_ui,
    };
    match command {
        Command::Watch { args, plain } => {
            let (ends_with_program, terminal_ui) = (false, !plain && tui::fits(format));
            session::run(
                options(selection, args, ends_with_program, terminal_ui),
                Reporter::new(format, color),
            )
        }
        Command::Run { args } => {
            session::run(options(selection, args, true, false), Reporter::silent(format, color))
        }
        Command::Reload { files } => {
            let files = files.into_iter().map(absolute).collect::<Result<_>>()?;
            let base = absolute(PathBuf::from("."))?;
            ask(&selection, &Request::Reload { files, base }, format, color)
        }
        Command::Status => ask(&selection, &Request::Status, format, color),
        Command::Rollback { generation } => {
            ask(&selection, &Request::Rollback { generation }, format, color)
        }
        Command::Restart => ask(&selection, &Request::Restart, format, color),
        Command::Init { dir } => {
            init::init(&dir, &selection, format)?;
            Ok(exit::LIVE)
        }
        Command::InitTemplate { dir, template } => {
            templates::init(template, &dir, format)?;
            Ok(exit::LIVE)
        }
        Command::InitEditor { dir, editor, print } => {
            let root = || {
                let workspace = init::workspace(&dir, selection.manifest_path.as_deref())?;
                Ok(workspace.workspace_root.into())
            };
            editors::init(editor, root, print)?.print(format);
            Ok(exit::LIVE)
        }
        Command::Doctor => doctor::run(&selection, format, color),
        Command::Lsp => lsp::run(),
        Command::Completions { shell } => generated::completions(shell),
        Command::Man { dir } => generated::man(dir.as_deref()),
        Command::Schema { of } => generated::schema(of),
        Command::Demo { once, keep } => demo::run(once, keep),
    }
}

/// Asks the session of the project in this folder and prints what it says.
fn ask(
    selection: &args::Selection,
    request: &Request,
    format: report::Format,
    color: report::ColorChoice,
) -> Result<u8> {
    let session = client::find(
        &absolute(PathBuf::from("."))?,
        selection.manifest_path.as_deref(),
        selection.target_dir.as_deref(),
    )?;
    let done =
        client::call(&session, request, |event| report::reload::print(&event, format, color))?;
    report::reload::print_done(&done, format, color);
    Ok(done.exit)
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    let named = path.display().to_string();
    std::path::absolute(path)
        .map_err(|error| Error::new(Kind::System, format!("find {named}"), error))
}
