//! Overrides of the profile for single packages: what they do to a hot one.
//!
//! The tiny program has no such package, so these are read and not tried. cargo's files of
//! configuration go before the manifest, and a profile has what it inherits.

use std::path::Path;

use toml::{Table, Value};

use super::Check;
use crate::cargo_config;

/// Most profiles that are followed from one to the next: more would be a circle.
const DEEPEST: usize = 16;

/// Looks at `[profile.*.package.*]` for these packages, and at `build-override`; nothing is said
/// where neither is there.
pub fn check(root: &Path, profile: &str, hot: &[&str]) -> Option<Check> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let folder = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let files = cargo_config::files(&folder, |name| std::env::var_os(name));
    let mut tables: Vec<Table> = files.filter_map(|file| file.table).collect();
    tables.extend(manifest.parse::<Table>());
    judge(&sections(&tables, profile), profile, hot)
}

/// The tables of the profile and of those that it inherits from, those that decide first.
fn sections<'a>(files: &'a [Table], profile: &'a str) -> Vec<&'a Table> {
    let (mut found, mut name) = (Vec::new(), profile);
    for _ in 0..DEEPEST {
        let own = files.iter().filter_map(|file| file.get("profile")?.get(name)?.as_table());
        let from = found.len();
        found.extend(own);
        let inherits = found[from..].iter().find_map(|table| table.get("inherits")?.as_str());
        match inherits {
            Some(parent) => name = parent,
            None => break,
        }
    }
    found
}

fn judge(sections: &[&Table], profile: &str, hot: &[&str]) -> Option<Check> {
    let name = "overrides";
    let (mut limits, mut without, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for package in hot {
        let set = |key: &str| sections.iter().find_map(|table| of_package(table, package, key));
        let level = set("opt-level").map(text).filter(|level| level != "0");
        if let Some(level) = level {
            limits.push(format!(
                "`{package}` has opt-level = {level}, so calls inside one codegen unit stay \
                 direct, and above 1 it is one unit"
            ));
            without.push("opt-level");
        } else if set("codegen-units").and_then(Value::as_integer) == Some(1) {
            limits.push(format!(
                "`{package}` is one codegen unit, which each patch of it holds whole"
            ));
            without.push("codegen-units");
        }
        let other =
            ["debug", "strip", "split-debuginfo"].into_iter().filter(|key| set(key).is_some());
        cold.extend(other.map(|key| format!("{key} of `{package}` has no effect under hotdev")));
    }
    let is_any = |key: &str| sections.iter().any(|table| table.contains_key(key));
    if is_any("build-override") {
        cold.push(
            "build-override is for build scripts and proc macros, which are not hot".to_owned(),
        );
    }
    if limits.is_empty() && cold.is_empty() {
        let message = format!("those of `{profile}` are for dependencies alone");
        return is_any("package").then(|| Check::ok(name, message));
    }
    let message = [limits.clone(), cold].concat().join("; ");
    if limits.is_empty() {
        return Some(Check::ok(name, message));
    }
    without.dedup();
    let mend = format!("leave out {} in [profile.{profile}.package]", without.join(" and "));
    Some(Check::warning(name, message, mend))
}

/// A key of the override for one package. `*` is for all but the workspace's own.
fn of_package<'a>(profile: &'a Table, package: &str, key: &str) -> Option<&'a Value> {
    let all = profile.get("package")?.as_table()?;
    all.iter().filter(|(spec, _)| named(spec) == package).find_map(|(_, value)| value.get(key))
}

/// The name in a package specification: `name`, `name@1.2`, `file:///x#name@1.2`, `file:///name#1.2`.
fn named(spec: &str) -> &str {
    let (place, rest) = spec.rsplit_once('#').unwrap_or((spec, spec));
    let is_version = rest.starts_with(|first: char| first.is_ascii_digit());
    let last = if is_version { place.rsplit('/').next().unwrap_or(place) } else { rest };
    last.split(['@', ':']).next().unwrap_or(last)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::CheckStatus;

    fn checked(manifest: &str, profile: &str) -> Option<Check> {
        let files = [manifest.parse().unwrap()];
        judge(&sections(&files, profile), profile, &["game", "engine"])
    }

    #[test]
    fn overrides_of_dependencies_do_no_harm() {
        assert_eq!(checked("[profile.dev]\nopt-level = 1", "dev"), None);
        let check = checked("[profile.dev.package.'*']\nopt-level = 3", "dev").unwrap();
        assert_eq!(check.status, CheckStatus::Ok);
        assert!(check.message.contains("dependencies alone"), "{check:?}");
        let check = checked("[profile.dev.build-override]\nopt-level = 3", "dev").unwrap();
        assert_eq!((check.status, check.message.contains("proc macros")), (CheckStatus::Ok, true));
    }

    #[test]
    fn those_of_a_hot_crate_are_named_also_where_they_are_inherited() {
        for spec in
            ["engine", "engine@0.1.0", "path+file:///w/engine#0.1.0", "path+file:///w#engine@1"]
        {
            let manifest = format!(
                "[profile.dev.package.\"{spec}\"]\nopt-level = 3\n[profile.fast]\ninherits = 'dev'"
            );
            for profile in ["dev", "fast"] {
                let check = checked(&manifest, profile).unwrap();
                let is_named = check.message.contains("`engine` has opt-level = 3");
                assert_eq!(
                    (check.status, is_named),
                    (CheckStatus::Warning, true),
                    "{spec} {check:?}"
                );
            }
            assert_eq!(checked(&manifest, "release"), None);
        }
        let check = checked("[profile.dev.package.game]\ncodegen-units = 1\nstrip = true", "dev");
        let check = check.unwrap();
        assert!(check.message.contains("one codegen unit") && check.message.contains("strip of"));
        assert!(check.mend.unwrap().contains("codegen-units"));
    }

    #[test]
    fn the_first_file_decides() {
        let near = "[profile.dev.package.game]\nopt-level = 0".parse().unwrap();
        let far = "[profile.dev.package.game]\nopt-level = 3".parse().unwrap();
        let files = [near, far];
        let check = judge(&sections(&files, "dev"), "dev", &["game"]);
        assert_eq!(check.unwrap().status, CheckStatus::Ok);
    }
}
