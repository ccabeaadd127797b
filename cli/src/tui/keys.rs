//! hotdev's own keys: what each does, where it goes, and how it is shown.

use super::app::{App, Panel};

/// A key as it is shown, and what it does.
pub(super) struct Key {
    pub name: &'static str,
    pub long: &'static str,
}

const fn key(name: &'static str, long: &'static str) -> Key {
    Key { name, long }
}

/// All of them, as `?` lists them.
pub(super) const ALL: &[Key] = &[
    key("i", "type into the program, until Ctrl-]"),
    key("u", "go back one generation"),
    key("Enter", "make the selected generation current"),
    key("r", "apply the files as they are now"),
    key("R", "build the files as they are now and start the program anew"),
    key("j k, arrows", "select in the timeline, or among errors"),
    key("d", "functions, messages and diff of what is selected"),
    key("p", "show the last compile error or refusal again"),
    key("e", "open $EDITOR at the error, or at the change"),
    key("Tab", "timeline, details, problem in turn"),
    key("PgUp PgDn", "scroll what is open, or else the output; [ ] by three lines"),
    key("Ctrl-u Ctrl-d", "scroll the output"),
    key("g G", "to the oldest line, to the newest of all; also Home, End"),
    key("/ n N", "search the program's output; older, newer"),
    key("t", "more of the timeline, and back"),
    key("z", "the program alone, and back"),
    key("Esc", "close what is open; follow the newest; keep what runs"),
    key("Ctrl-Z", "stop hotdev, as anywhere; the program runs on"),
    key("?", "this list"),
    key("q", "end the program, then hotdev; so does Ctrl-C"),
];

/// The keys that matter now, the most important first; those that do not fit are left out.
pub(super) fn hints(app: &App) -> Vec<(&'static str, &'static str)> {
    let mut hints = Vec::new();
    if app.asks() {
        hints.extend([("R", "restart"), ("Esc", "keep")]);
    }
    if app.problem.is_some() && app.panel != Panel::Problem {
        hints.push(("p", "problem"));
    }
    if app.panel == Panel::Timeline && app.tall {
        hints.push(("t", "shorter"));
    }
    hints.push(("i", "type"));
    match app.panel {
        Panel::Problem => {
            hints.extend([("j/k", "next"), ("PgDn", "scroll"), ("e", "edit"), ("Esc", "close")])
        }
        Panel::Details => hints.extend([
            ("j/k", "select"),
            ("u", "back"),
            ("PgDn", "scroll"),
            ("e", "edit"),
            ("Esc", "close"),
        ]),
        Panel::Timeline => hints.extend([("u", "back"), ("j/k", "select"), ("d", "details")]),
    }
    hints.push(("r", "reload"));
    if !app.asks() {
        hints.push(("R", "restart"));
    }
    if app.zoomed {
        hints.push(("z", "unzoom"));
    }
    if app.panel == Panel::Timeline && !app.tall {
        hints.push(("t", "taller"));
    }
    hints.push(("/", "search"));
    hints
}

/// Always shown.
pub(super) const LAST: [(&str, &str); 2] = [("?", "help"), ("q", "quit")];
