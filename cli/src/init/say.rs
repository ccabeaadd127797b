//! What `hotdev init` found out, for people: one screen of 80 columns.

use std::fmt::Write as _;

use super::look::{Look, NotHot, Program, Reason};
use crate::doctor::Check;
use crate::report::json::CheckStatus;
use crate::report::phrases::list;

/// Columns of a screen.
const WIDTH: usize = 80;
/// Columns of the word before each paragraph.
const LABEL: usize = 10;
/// How many names of a kind are shown.
const MOST: usize = 6;
/// How many programs are shown with the command that runs them.
const MOST_PROGRAMS: usize = 3;

/// The whole text.
pub fn render(look: &Look) -> String {
    let mut text = String::new();
    programs(&mut text, &look.programs);
    if !look.hot.is_empty() {
        let hot = list(&look.hot, MOST);
        paragraph(&mut text, "hot", &format!("{hot}: patched while the program runs"));
    }
    if !look.programs.is_empty() {
        let cold = cold(look);
        paragraph(&mut text, "not hot", &format!("{cold}: a change there waits for a restart"));
    }
    if !look.programs.is_empty() && !look.unused.is_empty() {
        let unused = list(&look.unused, MOST);
        paragraph(&mut text, "apart", &format!("{unused}: no part of what runs"));
    }
    let uses = &look.uses;
    for one in uses.iter().filter(|one| !super::frameworks::is_covered(one, uses)) {
        let doubt = if one.tried { "" } else { " (by design; not tried)" };
        paragraph(&mut text, one.name, &format!("{}: {}{doubt}", one.version, one.expect));
    }
    checks(&mut text, &look.checks);
    match &look.next {
        Some(next) => text + "next: " + next + "\n",
        None => text + "next: add a binary or an example, which hotdev can run\n",
    }
}

fn programs(text: &mut String, programs: &[Program]) {
    let (default, others): (Vec<_>, Vec<_>) = programs.iter().partition(|one| one.default);
    let commands: Vec<&str> = others.iter().map(|one| one.command.as_str()).collect();
    let shown = &commands[..commands.len().min(MOST_PROGRAMS)];
    let rest = match commands.len() - shown.len() {
        0 => String::new(),
        number => format!("\nand {number} more"),
    };
    let shown = shown.join("\n") + &rest;
    let said = match (default.first(), others.as_slice()) {
        (Some(one), []) => one.name.clone(),
        (Some(one), _) => format!("{}; for another:\n{shown}", one.name),
        (None, [one]) => format!("{}, which has to be named:\n{shown}", one.name),
        (None, []) => "none: there is no binary and no example here".to_owned(),
        (None, _) => {
            let which = "more than one; say which, or set [app] package and bin in hotdev.toml:";
            format!("{which}\n{shown}")
        }
    };
    paragraph(text, "program", &said);
}

fn cold(look: &Look) -> String {
    let mut parts = vec![match look.dependencies {
        Some(1) => "1 dependency".to_owned(),
        Some(number) => format!("{number} dependencies"),
        None => "dependencies".to_owned(),
    }];
    let all = look.not_hot.iter().map(|NotHot { package, reason }| match reason {
        Reason::ProcMacro => format!("the proc macro {package}"),
        Reason::BuildScript => format!("the build script of {package}"),
        Reason::Excluded => format!("{package} (excluded in hotdev.toml)"),
        Reason::NoRustLibrary => format!("{package} (no Rust library)"),
        Reason::Outside => format!("{package} (outside of the workspace)"),
    });
    parts.extend(all);
    list(&parts, MOST)
}

fn checks(text: &mut String, checks: &[Check]) {
    for check in checks {
        let word = match check.status {
            CheckStatus::Problem => "problem",
            CheckStatus::Warning | CheckStatus::Ok => "warning",
        };
        let mend = check.mend.as_ref().map(|mend| format!("\nmend: {mend}"));
        let said = format!("{}: {}{}", check.name, check.message, mend.unwrap_or_default());
        paragraph(text, word, &said);
    }
    if checks.is_empty() {
        paragraph(text, "settings", "toolchain, linker and profile are as they should be");
    }
}

/// A word, and beside it a text that is wrapped; a line of it begins a line.
fn paragraph(text: &mut String, label: &str, said: &str) {
    let mut label = label;
    for line in said.lines() {
        for piece in textwrap::wrap(line, WIDTH - LABEL) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{label:<LABEL$}{piece}");
            label = "";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::frameworks;

    fn names(many: &[&str]) -> Vec<String> {
        many.iter().map(|name| (*name).to_owned()).collect()
    }

    fn program(name: &str, default: bool) -> Program {
        let command = format!("hotdev watch -p shop --bin {name}");
        Program { package: "shop".into(), name: name.into(), command, default }
    }

    fn cold(package: &str, reason: Reason) -> NotHot {
        NotHot { package: package.into(), reason }
    }

    #[test]
    fn a_large_project_fits_on_a_screen() {
        let packages = ["axum", "eframe"].map(|name| (name.into(), "0.30.2".into()));
        let look = Look {
            programs: ["shop", "admin", "a", "b", "c", "d"]
                .map(|name| program(name, name == "shop"))
                .into(),
            hot: names(&[
                "shop",
                "shop-core",
                "shop-data",
                "shop-web",
                "shop-pay",
                "shop-mail",
                "x",
            ]),
            not_hot: vec![
                cold("shop-derive", Reason::ProcMacro),
                cold("shop-web", Reason::BuildScript),
                cold("shop-tax", Reason::Excluded),
                cold("elsewhere", Reason::Outside),
            ],
            dependencies: Some(212),
            unused: names(&["xtask", "tools"]),
            uses: frameworks::among(&packages.into()),
            checks: Vec::new(),
            next: Some("hotdev watch".into()),
        };
        let text = render(&look);
        // One more says what was written.
        assert!(text.lines().count() < 24, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("shop-mail (+1):"), "{text}");
        assert!(text.contains("and 2 more"), "{text}");
        assert!(text.contains("(by design; not"), "{text}");
    }

    #[test]
    fn nothing_to_run_and_nothing_to_choose_by_are_said() {
        let mut look = Look {
            programs: Vec::new(),
            hot: Vec::new(),
            not_hot: Vec::new(),
            dependencies: None,
            unused: Vec::new(),
            uses: Vec::new(),
            checks: vec![Check {
                name: "link",
                status: CheckStatus::Problem,
                message: "cannot be patched".into(),
                mend: Some("set `lto = false`".into()),
            }],
            next: None,
        };
        let text = render(&look);
        assert!(
            text.contains("none: there is no binary") && text.contains("next: add a"),
            "{text}"
        );
        assert!(text.contains("problem   link: cannot be patched\n          mend: set"), "{text}");
        look.programs = vec![program("a", false)];
        let text = render(&look);
        assert!(text.contains("program   a, which has to be named:\n"), "{text}");
        assert!(text.contains("          hotdev watch -p shop --bin a\n"), "{text}");
        look.programs = vec![program("a", false), program("b", false)];
        assert!(render(&look).contains("more than one; say which"));
    }
}
