//! What the tiny program tells of the toolchain, the linker and the settings.

use std::path::Path;
use std::process::Command;

use super::Check;
use super::probe::{self, Outcome, Probe};
use crate::args::Selection;
use crate::cargo_config;
use crate::images;
use crate::invocation::{Invocation, codegen, codegens, option, sanitizers};
use crate::report::event::Diagnostic;
use crate::wrapper;

/// Target that hotdev is made for.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Oldest minor version of rustc that hotdev is made for.
const OLDEST: u32 = 90;

/// Reports on a probe. What was refused names its causes among the settings.
pub fn checks(probe: &Probe, selection: &Selection, say: &mut impl FnMut(Check)) {
    if let Some(rustc) = &probe.rustc {
        say(toolchain(rustc));
    }
    say(linker(probe));
    let profile = selection.profile.as_deref().unwrap_or("dev");
    let found =
        probe.rustc.as_ref().map(|rustc| blockers(&rustc.args, profile)).unwrap_or_default();
    match &probe.outcome {
        Outcome::Linked(record) => match &record.plain {
            None => say(Check::ok("link", "a program is linked so that it can be patched")),
            Some(reason) => say(unpatchable(reason, &found)),
        },
        Outcome::Refused(diagnostics) => say(refused(diagnostics, found)),
        Outcome::Failed(error) => {
            let mend = error.hint.clone().or_else(|| (!found.is_empty()).then(|| found.join("; ")));
            say(Check::problem("build", error.to_string(), mend));
        }
    }
    if let Some(rustc) = &probe.rustc {
        profile_check(rustc, profile).into_iter().for_each(&mut *say);
    }
    wrappers(matches!(probe.outcome, Outcome::Linked(_))).into_iter().for_each(say);
}

/// Why a program is linked plainly, as the link's record has it: the cause, then the hint.
fn unpatchable(reason: &str, found: &[String]) -> Check {
    let (cause, hint) = match reason.rsplit_once("; ") {
        Some((cause, hint)) => (cause, Some(hint.to_owned())),
        None => (reason, None),
    };
    let mend = if found.is_empty() { hint } else { Some(found.join("; ")) };
    let cause = cause.replace(probe::NAME, "such a program");
    Check::problem("link", format!("a program is linked, and cannot be patched: {cause}"), mend)
}

fn toolchain(rustc: &Invocation) -> Check {
    let name = "toolchain";
    let mut command = Command::new(&rustc.program);
    command.arg("-vV").env_clear().envs(rustc.env.iter().map(|(key, value)| (key, value)));
    let text = match command.output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => {
            let message = format!("{} cannot be started: {error}", rustc.program.display());
            return Check::problem(name, message, Some("install Rust from rustup".into()));
        }
    };
    let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let version = text.lines().next().unwrap_or_default();
    let target = option(&rustc.args, "--target").or(field("host: ")).unwrap_or_default();
    let message = format!("{version}, for {target}");
    if target != TARGET {
        let mend = format!("build for {TARGET}, the only target that hotdev patches");
        return Check::problem(name, message, Some(mend));
    }
    let minor = field("release: ").and_then(|release| release.split('.').nth(1)?.parse().ok());
    match minor {
        Some(OLDEST..) => Check::ok(name, message),
        _ => Check::warning(
            name,
            message,
            format!("`rustup update`: hotdev is made for 1.{OLDEST} or later"),
        ),
    }
}

/// The C compiler that links the program, and what the configuration names in its place.
fn linker(probe: &Probe) -> Check {
    let name = "linker";
    let of_rustc = probe.rustc.as_ref().and_then(|rustc| {
        let found = rustc.env.iter().find(|(key, _)| key == wrapper::LINKER_ENV);
        found.map(|(_, value)| value.as_str())
    });
    let configured = of_rustc.unwrap_or("cc");
    let driver = images::driver(configured);
    let started = Command::new(driver).arg("--version").output();
    let version = match started {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned),
        Err(error) => {
            let message = format!("the C compiler `{driver}` cannot be started: {error}");
            let mend = "install one: `sudo apt-get install gcc libc6-dev`, or what your system has";
            return Check::problem(name, message, Some(mend.into()));
        }
    };
    let mut message = format!("{driver} ({})", version.unwrap_or_default());
    if let Outcome::Linked(record) = &probe.outcome
        && record.plain.is_none()
    {
        message += &format!(" with {}", record.lld.display());
    }
    if driver != configured {
        message += &format!("; `{configured}` of the configuration is not used under hotdev");
    }
    let others = probe.rustc.as_ref().map(|rustc| chosen_linkers(&rustc.args)).unwrap_or_default();
    if !others.is_empty() {
        message += &format!("; `{}` is left out under hotdev", others.join("`, `"));
    }
    Check::ok(name, message)
}

/// Linkers that the flags ask the C compiler for.
fn chosen_linkers(args: &[String]) -> Vec<String> {
    let values = codegens(args, "link-arg").chain(codegens(args, "link-args"));
    let words = values.flat_map(str::split_whitespace);
    words.filter(|arg| arg.starts_with("-fuse-ld=")).map(str::to_owned).collect()
}

fn refused(diagnostics: &[Diagnostic], found: Vec<String>) -> Check {
    let errors = diagnostics.iter().filter(|one| one.level == "error");
    let texts: Vec<&str> = errors.map(|one| one.message.as_str()).collect();
    // What the linker had to say stands below rustc's own message.
    let details = diagnostics.iter().flat_map(|one| one.rendered.lines());
    let details = details.map(str::trim).filter(|line| {
        line.contains("error: ") && !line.starts_with("error") || line.contains("hotdev: ")
    });
    let details: Vec<&str> = details.take(3).collect();
    let message = format!("a program of two lines is not built: {}", texts.join("; "));
    let message =
        if details.is_empty() { message } else { format!("{message}: {}", details.join("; ")) };
    let mend = match found.is_empty() {
        false => found.join("; "),
        true => "see what `cargo build` says".to_owned(),
    };
    Check::problem("build", message, Some(mend))
}

/// Settings that keep a program from being patched, each as what to do about it.
fn blockers(args: &[String], profile: &str) -> Vec<String> {
    let mut found = Vec::new();
    // hotdev's own `lto=off` is only there where nobody has said anything.
    if !matches!(codegen(args, "lto"), None | Some("off" | "no" | "n" | "false")) {
        found.push(format!(
            "set `lto = false` in [profile.{profile}] (or take it out of the flags)"
        ));
    }
    let is_static = |value: &str| value.split(',').any(|feature| feature == "+crt-static");
    if codegens(args, "target-feature").any(is_static) {
        found.push("take `-C target-feature=+crt-static` out of the flags".to_owned());
    }
    if let Some(target) = option(args, "--target").filter(|target| target.ends_with("musl")) {
        found.push(format!("build for {TARGET} instead of {target}"));
    }
    if sanitizers(args).is_some() {
        found.push("take `-Z sanitizer` out of the flags".to_owned());
    }
    if codegens(args, "linker-plugin-lto").next().is_some() {
        found.push("take `-C linker-plugin-lto` out of the flags".to_owned());
    }
    found
}

/// What the profile says that is other under hotdev, or limits it.
fn profile_check(rustc: &Invocation, profile: &str) -> Vec<Check> {
    let mut others = Vec::new();
    let own = |key: &'static str| codegen(&rustc.args, key);
    if let Some(value) = own("strip").filter(|value| *value != "none") {
        others.push(format!("strip = \"{value}\" is left out"));
    }
    let first = |key: &'static str| codegens(&rustc.args, key).next();
    if let Some(value) = first("split-debuginfo").filter(|value| *value != "off") {
        others.push(format!("split-debuginfo = \"{value}\" is off"));
    }
    // The last one is hotdev's.
    let debuginfo: Vec<&str> = codegens(&rustc.args, "debuginfo").collect();
    if debuginfo.len() < 2 || debuginfo[0] != "2" {
        others.push("workspace crates are compiled with full debug information".to_owned());
    }
    if first("codegen-units") == Some("1") && !rustc.optimized {
        others.push("codegen-units = 1 makes each patch hold the whole crate".to_owned());
    }
    if own("panic").is_some_and(|value| value == "abort") {
        others.push("panic = \"abort\" stays as it is".to_owned());
    }
    let message = match others.is_empty() {
        true => format!("`{profile}` is built as it stands"),
        false => format!("`{profile}`, under hotdev: {}", others.join("; ")),
    };
    if rustc.optimized {
        let message = message
            + "; it optimizes, so calls inside one codegen unit stay \
            direct, and above opt-level 1 a crate is one unit";
        let mend = "for every call to be hot: a profile with `opt-level = 0`";
        return vec![Check::warning("profile", message, mend)];
    }
    vec![Check::ok("profile", message)]
}

/// Wrappers of the developer's: by environment or configuration.
fn wrappers(is_linked: bool) -> Vec<Check> {
    let name = "wrappers";
    let mut checks = Vec::new();
    if let Some((place, wrapper)) = configured("RUSTC_WORKSPACE_WRAPPER", "rustc-workspace-wrapper")
    {
        let message =
            format!("`{wrapper}` of {place} is not called under hotdev, which takes its place");
        checks.push(Check::warning(name, message, "leave it out if what it does is needed"));
    }
    if let Some((place, wrapper)) = configured("RUSTC_WRAPPER", "rustc-wrapper") {
        checks.push(if is_linked {
            let message = format!("`{wrapper}` of {place} is called by cargo, and not for saves");
            Check::ok(name, message)
        } else {
            let message = format!("`{wrapper}` of {place} may be why nothing is built");
            Check::warning(name, message, "try without: `RUSTC_WRAPPER= hotdev doctor`")
        });
    }
    if checks.is_empty() {
        checks.push(Check::ok(name, "no wrapper of rustc's but hotdev"));
    }
    checks
}

/// Where a wrapper is set, and which.
fn configured(variable: &str, key: &str) -> Option<(String, String)> {
    let value = |name: &str| std::env::var(name).ok();
    for name in [variable.to_owned(), format!("CARGO_BUILD_{variable}")] {
        if let Some(set) = value(&name) {
            // An empty one switches off what the files say.
            return (!set.is_empty()).then_some((name, set));
        }
    }
    let folder = std::env::current_dir().unwrap_or_else(|_| Path::new("/").to_owned());
    let found = cargo_config::files(&folder, |name| std::env::var_os(name))
        .find_map(|file| Some((file.get("build", key)?.as_str()?.to_owned(), file.path)));
    let (wrapper, path) = found.filter(|(wrapper, _)| !wrapper.is_empty())?;
    Some((path.display().to_string(), wrapper))
}
