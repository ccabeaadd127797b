//! Why the program that was asked for is none, in terms of what there is.

use cargo_metadata::{Metadata, Package, TargetKind};

use crate::args::Selection;
use crate::error::{Error, Kind, Result};

/// How alike two names must be for one to be offered first, from 0 to 1.
const ALIKE: f64 = 0.7;

/// A binary or example, and its package.
#[derive(Clone, Copy)]
struct Found<'a> {
    package: &'a str,
    name: &'a str,
    option: &'static str,
}

/// Checks that there is a program for `selection`; which one it is, is not decided here.
///
/// # Errors
/// When the package has no program, or no target has the name that was given.
pub(super) fn check(metadata: &Metadata, selection: &Selection) -> Result<()> {
    let packages = metadata.workspace_packages();
    let all: Vec<Found<'_>> = packages.iter().flat_map(|package| programs(package)).collect();
    let chosen = selection.package.as_deref();
    if chosen.is_some_and(|name| packages.iter().all(|package| package.name.as_str() != name)) {
        return Ok(());
    }
    let own = |found: &&Found<'_>| chosen.is_none_or(|name| found.package == name);
    let (name, option) = match (&selection.bin, &selection.example) {
        (Some(bin), _) => (Some(bin), "--bin"),
        (None, Some(example)) => (Some(example), "--example"),
        (None, None) => (None, "--bin"),
    };
    let of_kind: Vec<&Found<'_>> =
        all.iter().filter(own).filter(|one| one.option == option).collect();
    let cause = match name {
        Some(name) if of_kind.iter().all(|one| one.name != name) => missing(name, option, chosen),
        None if of_kind.is_empty() => no_binary(chosen),
        _ => return Ok(()),
    };
    let own: Vec<&Found<'_>> = all.iter().filter(own).collect();
    let offered = if own.is_empty() { all.iter().collect() } else { own };
    Err(Error::new(Kind::Project, "find the program to run", cause).hint(hint(
        &offered,
        name.map(String::as_str),
        chosen,
    )))
}

fn missing(name: &str, option: &str, package: Option<&str>) -> String {
    let kind = option.trim_start_matches("--").replace("bin", "binary");
    let place = package.map(|package| format!(" in the package `{package}`")).unwrap_or_default();
    format!("there is no {kind} `{name}`{place}")
}

fn no_binary(package: Option<&str>) -> String {
    match package {
        Some(package) => format!("the package `{package}` has no binary"),
        None => "no package of the workspace has a binary".into(),
    }
}

/// Names all that could be run, the likest first.
fn hint(offered: &[&Found<'_>], name: Option<&str>, package: Option<&str>) -> String {
    if offered.is_empty() {
        return "hotdev runs programs: add a `src/main.rs`, or an example".into();
    }
    let option = |one: &&Found<'_>| {
        let is_chosen = package == Some(one.package);
        let package = if is_chosen { String::new() } else { format!("-p {} ", one.package) };
        format!("`{package}{} {}`", one.option, one.name)
    };
    let likeness = |one: &&&Found<'_>| strsim::jaro_winkler(one.name, name.unwrap_or_default());
    let nearest = offered.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.filter(|one| likeness(one) >= ALIKE);
    if let Some(nearest) = nearest.filter(|_| offered.len() > 1) {
        let rest: Vec<String> =
            offered.iter().filter(|one| !std::ptr::eq(**one, *nearest)).map(option).collect();
        return format!("did you mean {}? There are also {}", option(nearest), rest.join(", "));
    }
    let all: Vec<String> = offered.iter().map(option).collect();
    format!("there {} {}", if all.len() == 1 { "is" } else { "are" }, all.join(", "))
}

fn programs<'a>(package: &'a Package) -> impl Iterator<Item = Found<'a>> {
    package.targets.iter().filter_map(|target| {
        let option = match () {
            () if target.kind.contains(&TargetKind::Bin) => "--bin",
            () if target.kind.contains(&TargetKind::Example) => "--example",
            () => return None,
        };
        Some(Found { package: package.name.as_str(), name: &target.name, option })
    })
}
