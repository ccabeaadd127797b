//! What `hotdev init` finds out about a project: which program runs, what of it is hot and what is
//! not, and what to expect.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, Package, TargetKind};
use schemars::JsonSchema;
use serde::Serialize;

use super::frameworks::{self, Use};
use super::graph::{self, Parts};
use crate::args::Selection;
use crate::config::Config;
use crate::doctor::{self, Check};
use crate::project::Project;
use crate::report::json::CheckStatus;

/// A project as `hotdev init` sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Look {
    /// What can be run: its binaries, or its examples where there is none.
    pub programs: Vec<Program>,
    /// Packages of the workspace that are patched.
    pub hot: Vec<String>,
    /// Parts of the program that are not, where a change needs a restart.
    pub not_hot: Vec<NotHot>,
    /// How many dependencies it has, which are not hot either; nothing where cargo cannot tell yet.
    pub dependencies: Option<usize>,
    /// Packages of the workspace that are no part of it.
    pub unused: Vec<String>,
    /// Frameworks in use.
    pub uses: Vec<Use>,
    /// Settings that limit patching or keep hotdev from it; `hotdev doctor` says more.
    pub checks: Vec<Check>,
    /// The command to try now, where there is a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A program of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Program {
    /// Its package.
    pub package: String,
    /// Its target.
    pub name: String,
    /// What runs it.
    pub command: String,
    /// Whether it is what `hotdev watch` runs without being told.
    pub default: bool,
}

/// A part of the program that is not hot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotHot {
    /// The package.
    pub package: String,
    /// What of it, or why.
    pub reason: Reason,
}

/// Why something is not hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is a proc macro.
    ProcMacro,
    /// Its build script is meant.
    BuildScript,
    /// `hotdev.toml` excludes it.
    Excluded,
    /// It is no library that is linked into a program (`dylib`, `cdylib`, `staticlib`).
    NoRustLibrary,
    /// It lies outside of the workspace.
    Outside,
}

/// Looks at the workspace as somebody in the working directory sees it. Builds a tiny program in
/// `target_dir`, or in cargo's target directory, to know what the settings come to.
pub fn at(metadata: &Metadata, config: &Config, target_dir: Option<&Path>) -> Look {
    let target_dir = target_dir.unwrap_or(metadata.target_directory.as_std_path());
    let root: PathBuf = metadata.workspace_root.clone().into();
    let resolved = graph::resolve(&root);
    let all = resolved.as_ref().unwrap_or(metadata);
    let selection = Selection::default().or_app(&config.app);
    let chosen = Project::find(metadata, &selection).ok().map(|project| project.program);
    let is_chosen = |package: &str, name: &str| {
        chosen.as_ref().is_some_and(|one| one.package == package && one.target == name)
    };
    let found = targets(metadata);
    let mut programs: Vec<Program> =
        found.iter().map(|one| one.program(is_chosen(one.package, one.name), all)).collect();
    programs.sort_by_key(|one| !one.default);
    let packages: Vec<&str> = match &chosen {
        Some(program) => vec![&program.package],
        None => found.iter().map(|one| one.package).collect(),
    };
    let parts = graph::parts(all, &packages, found.iter().any(Found::is_example));
    let (hot, not_hot) = temperatures(metadata, &parts, &config.hot.exclude);
    let members = metadata.workspace_packages();
    let unused = members.iter().filter(|one| !parts.members.contains(one.name.as_str()));
    let next = programs.first().map(|one| one.command.clone());
    Look {
        unused: unused.map(|package| package.name.to_string()).collect(),
        checks: settings(&root, target_dir, &hot),
        uses: frameworks::among(&parts.direct),
        dependencies: parts.dependencies,
        programs,
        hot,
        not_hot,
        next,
    }
}

/// A binary or an example.
struct Found<'a> {
    package: &'a str,
    name: &'a str,
    option: &'static str,
}

/// The option that names an example.
const EXAMPLE: &str = "--example";

impl Found<'_> {
    fn is_example(&self) -> bool {
        self.option == EXAMPLE
    }

    fn program(&self, is_default: bool, metadata: &Metadata) -> Program {
        let parts = graph::parts(metadata, &[self.package], self.is_example());
        let uses = frameworks::among(&parts.direct);
        let verb = if frameworks::is_terminal_ui(&uses) { "run" } else { "watch" };
        let Found { package, name, option } = self;
        let command = match is_default {
            true => format!("hotdev {verb}"),
            false => format!("hotdev {verb} -p {package} {option} {name}"),
        };
        let (package, name) = ((*package).to_owned(), (*name).to_owned());
        Program { package, name, command, default: is_default }
    }
}

fn targets(metadata: &Metadata) -> Vec<Found<'_>> {
    let of = |kind: TargetKind, option| {
        let all =
            metadata.packages.iter().filter(|one| metadata.workspace_members.contains(&one.id));
        let all =
            all.flat_map(|package| package.targets.iter().map(move |target| (package, target)));
        all.filter(|(_, target)| target.kind.contains(&kind))
            .map(|(package, target)| Found { package: &package.name, name: &target.name, option })
            .collect::<Vec<_>>()
    };
    let binaries = of(TargetKind::Bin, "--bin");
    if binaries.is_empty() { of(TargetKind::Example, EXAMPLE) } else { binaries }
}

fn temperatures(
    metadata: &Metadata,
    parts: &Parts,
    excluded: &[String],
) -> (Vec<String>, Vec<NotHot>) {
    let (mut hot, mut not_hot) = (Vec::new(), Vec::new());
    let used = metadata.workspace_packages();
    for package in used.iter().filter(|one| parts.members.contains(one.name.as_str())) {
        let name = package.name.to_string();
        let has = |kind: TargetKind| has_kind(package, &kind);
        match cold(package, excluded) {
            Some(reason) => not_hot.push(NotHot { package: name.clone(), reason }),
            None => hot.push(name.clone()),
        }
        if has(TargetKind::CustomBuild) {
            not_hot.push(NotHot { package: name, reason: Reason::BuildScript });
        }
    }
    let outside = parts.outside.iter().cloned();
    not_hot.extend(outside.map(|package| NotHot { package, reason: Reason::Outside }));
    (hot, not_hot)
}

fn cold(package: &Package, excluded: &[String]) -> Option<Reason> {
    if has_kind(package, &TargetKind::ProcMacro) {
        Some(Reason::ProcMacro)
    } else if excluded.iter().any(|name| name == package.name.as_str()) {
        Some(Reason::Excluded)
    } else {
        (!graph::is_hot(package)).then_some(Reason::NoRustLibrary)
    }
}

fn has_kind(package: &Package, kind: &TargetKind) -> bool {
    package.targets.iter().any(|target| target.kind.contains(kind))
}

/// What the doctor finds of toolchain and settings that is not as it should be.
fn settings(root: &Path, target_dir: &Path, hot: &[String]) -> Vec<Check> {
    let hot: Vec<&str> = hot.iter().map(String::as_str).collect();
    let mut checks = Vec::new();
    doctor::settings(root, target_dir, &hot, &Selection::default(), &mut |check| {
        if check.status != CheckStatus::Ok {
            checks.push(check);
        }
    });
    checks
}
