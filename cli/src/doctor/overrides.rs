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
    judge(&Profile::of(&tables, profile), hot)
}

/// A profile with all that it inherits.
struct Profile<'a> {
    name: &'a str,
    /// The one of cargo's own at the end of the line, which decides what nobody sets.
    base: &'a str,
    /// Its tables and those that it inherits from, those that decide first.
    tables: Vec<&'a Table>,
}

impl<'a> Profile<'a> {
    fn of(files: &'a [Table], name: &'a str) -> Self {
        let (mut tables, mut base) = (Vec::new(), name);
        for _ in 0..DEEPEST {
            let own = files.iter().filter_map(|file| file.get("profile")?.get(base)?.as_table());
            let from = tables.len();
            tables.extend(own);
            let inherits =
                tables[from..].iter().find_map(|table: &&Table| table.get("inherits")?.as_str());
            base = match (inherits, base) {
                (Some(parent), _) => parent,
                (None, "bench") => "release",
                (None, "test") => "dev",
                (None, _) => break,
            };
        }
        Self { name, base, tables }
    }

    /// What it says itself.
    fn own(&self, key: &str) -> Option<&'a Value> {
        self.tables.iter().find_map(|table| table.get(key))
    }

    /// What it says of one package.
    fn set(&self, package: &str, key: &str) -> Option<&'a Value> {
        self.tables.iter().find_map(|table| of_package(table, package, key))
    }

    /// The level of what has no override.
    fn level(&self) -> String {
        let default = if self.base == "release" { "3" } else { "0" };
        self.own("opt-level").map_or_else(|| default.to_owned(), text)
    }
}

/// How much a level takes from patches: calls inside one unit, and above 1 the units.
fn cost(level: &str) -> u8 {
    match level {
        "0" => 0,
        "1" => 1,
        _ => 2,
    }
}

fn judge(profile: &Profile<'_>, hot: &[&str]) -> Option<Check> {
    let name = "overrides";
    let (mut limits, mut without, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    let own = profile.level();
    for package in hot {
        let set = |key: &str| profile.set(package, key);
        let level = set("opt-level").map_or_else(|| own.clone(), text);
        let is_one = |units: Option<&Value>| units.and_then(Value::as_integer) == Some(1);
        if cost(&level) > cost(&own) {
            limits.push(format!(
                "`{package}` has opt-level = {level}, so calls inside one codegen unit stay \
                 direct, and above 1 it is one unit"
            ));
            without.push("opt-level");
        } else if cost(&level) < 2
            && is_one(set("codegen-units"))
            && !is_one(profile.own("codegen-units"))
        {
            limits.push(format!(
                "`{package}` is one codegen unit, which each patch of it holds whole"
            ));
            without.push("codegen-units");
        }
        let other =
            ["debug", "strip", "split-debuginfo"].into_iter().filter(|key| set(key).is_some());
        cold.extend(other.map(|key| format!("{key} of `{package}` has no effect under hotdev")));
    }
    if profile.own("build-override").is_some() {
        cold.push(
            "build-override is for build scripts and proc macros, which are not hot".to_owned(),
        );
    }
    if limits.is_empty() && cold.is_empty() {
        let message = format!("those of `{}` take nothing from patches", profile.name);
        return profile.own("package").map(|_| Check::ok(name, message));
    }
    let message = [limits.clone(), cold].concat().join("; ");
    if limits.is_empty() {
        return Some(Check::ok(name, message));
    }
    without.dedup();
    let without = without.join(" and ");
    let mend = format!("leave out {without} in [profile.{}.package]", profile.name);
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
        judge(&Profile::of(&files, profile), &["game", "engine"])
    }

    #[test]
    fn overrides_of_dependencies_do_no_harm() {
        assert_eq!(checked("[profile.dev]\nopt-level = 1", "dev"), None);
        let check = checked("[profile.dev.package.'*']\nopt-level = 3", "dev").unwrap();
        assert_eq!(check.status, CheckStatus::Ok);
        assert!(check.message.contains("take nothing"), "{check:?}");
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
    fn only_what_is_above_the_level_of_the_profile_is_to_be_left_out() {
        let status = |manifest: &str, profile: &str| checked(manifest, profile).unwrap().status;
        let one = "opt-level = 1\n[profile.fast]\ninherits = 'release'";
        for profile in ["release", "bench", "fast"] {
            let manifest = format!("[profile.release.package.game]\n{one}");
            assert_eq!(status(&manifest, profile), CheckStatus::Ok, "{profile}");
        }
        let own = "[profile.release]\nopt-level = 1\n[profile.release.package.game]\n";
        assert_eq!(status(&format!("{own}opt-level = 's'"), "release"), CheckStatus::Warning);
        assert_eq!(status(&format!("{own}opt-level = 1"), "release"), CheckStatus::Ok);
        assert_eq!(status(&format!("{own}codegen-units = 1"), "release"), CheckStatus::Warning);
        // One unit it is anyway.
        let units = "[profile.release.package.game]\ncodegen-units = 1";
        assert_eq!(status(units, "release"), CheckStatus::Ok);
        assert_eq!(
            status("[profile.test.package.game]\nopt-level = 2", "test"),
            CheckStatus::Warning
        );
    }

    #[test]
    fn the_first_file_decides() {
        let near = "[profile.dev.package.game]\nopt-level = 0".parse().unwrap();
        let far = "[profile.dev.package.game]\nopt-level = 3".parse().unwrap();
        let files = [near, far];
        let check = judge(&Profile::of(&files, "dev"), &["game"]);
        assert_eq!(check.unwrap().status, CheckStatus::Ok);
    }
}
