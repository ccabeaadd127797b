//! `hotdev doctor`: what keeps hotdev from patching this program, and how to mend it.
//!
//! It does not reason about settings. A tiny program is built as the project would be, with its
//! toolchain, profile and configuration, by the same code as a session's first build; and the
//! workspace is really watched. What fails there is the answer, in the words of whatever failed.

mod overrides;
mod probe;
mod settings;
mod system;

use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::args::Selection;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::exit;
use crate::project::{self, Project};
use crate::report::json::CheckStatus;
use crate::report::{ColorChoice, Format, check};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What is thought of it.
    pub status: CheckStatus,
    /// What was found.
    pub message: String,
    /// How to make it better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Ok, message: message.into(), mend: None }
    }

    fn warning(name: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        let (status, mend) = (CheckStatus::Warning, Some(mend.into()));
        Self { name, status, message: message.into(), mend }
    }

    fn problem(name: &'static str, message: impl Into<String>, mend: Option<String>) -> Self {
        Self { name, status: CheckStatus::Problem, message: message.into(), mend }
    }

    fn failed(name: &'static str, error: Error) -> Self {
        Self::problem(name, error.to_string(), error.hint)
    }
}

/// Looks at everything, says what was found as it is found, and returns the exit code.
///
/// # Errors
/// None: what goes wrong is what was looked for.
pub fn run(selection: &Selection, format: Format, color: ColorChoice) -> Result<u8> {
    let mut problems = 0;
    let mut say = |check: Check| {
        problems += usize::from(check.status == CheckStatus::Problem);
        let Check { name, status, message, mend } = &check;
        check::print(name, *status, message, mend.as_deref(), format, color);
    };
    match open(selection) {
        Ok((project, config, selection)) => {
            say(Check::ok("project", format!("`{}` is what runs", project.program.target)));
            examine(&project, &config, &selection, &mut say);
        }
        Err(error) => say(Check::failed("project", error)),
    }
    if format == Format::Human {
        let text = match problems {
            0 => "nothing keeps hotdev from patching this program".to_owned(),
            1 => "1 problem keeps hotdev from patching this program".to_owned(),
            many => format!("{many} problems keep hotdev from patching this program"),
        };
        // The exit code says it too.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    Ok(if problems == 0 { exit::LIVE } else { exit::FAILURE })
}

/// The project as a session sees it.
fn open(selection: &Selection) -> Result<(Project, Config, Selection)> {
    let metadata = project::metadata(selection.manifest_path.as_deref())?;
    let config = Config::load(metadata.workspace_root.as_std_path())?;
    let selection = selection.clone().or_app(&config.app);
    let project = Project::find(&metadata, &selection)?;
    Ok((project, config, selection))
}

fn examine(project: &Project, config: &Config, selection: &Selection, say: &mut impl FnMut(Check)) {
    let excluded = &config.hot.exclude;
    let hot = project.packages.iter().filter(|one| one.proc_macro.is_none());
    let hot =
        hot.map(|one| one.name.as_str()).filter(|name| !excluded.iter().any(|one| one == name));
    let hot: Vec<&str> = hot.collect();
    settings(&project.root, &project.target_dir, &hot, selection, say);
    system::checks(project, config, say);
}

/// What toolchain, linker and settings make of a program, by building a tiny one: see the head of
/// this module. `hot` are the packages that are to be patched.
pub(crate) fn settings(
    root: &Path,
    target_dir: &Path,
    hot: &[&str],
    selection: &Selection,
    say: &mut impl FnMut(Check),
) {
    match probe::build(root, target_dir, selection) {
        Ok(probe) => settings::checks(&probe, selection, say),
        Err(error) => return say(Check::failed("target directory", error)),
    }
    let profile = selection.profile.as_deref().unwrap_or("dev");
    overrides::check(root, profile, hot).into_iter().for_each(say);
}
