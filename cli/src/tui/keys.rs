//! hotdev's own keys: what each does, where it goes, and how it is shown.

use super::app::{App, Panel};
use super::status::Program;

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
    key("PgUp PgDn", "scroll what is open, or else the output; also [ ]"),
    key("Ctrl-u/d", "scroll the output"),
    key("g G", "to the oldest line, to the newest of all; also Home, End"),
    key("/ n N", "search the program's output; older, newer"),
    key("t", "more of the timeline, and back"),
    key("z", "the program alone, and back"),
    key("Esc", "close what is open; follow the newest; keep what runs"),
    key("Ctrl-Z", "stop hotdev, as anywhere; the program runs on"),
    key("?", "this list"),
    key("q", "end the program, then hotdev; so does Ctrl-C"),
];

/// The keys that do something now, the most important first; those that do not fit are left out.
pub(super) fn hints(app: &App) -> Vec<(&'static str, &'static str)> {
    let is_running = matches!(app.status.program, Program::Running(_));
    let is_built = is_running || !app.status.is_working();
    let can_go_back = is_running && app.status.generation > 0;
    let can_select = app.timeline.entries.len() > 1;
    let is_tall = app.tall && app.panel == Panel::Timeline;
    let all = [
        ("R", "restart", app.asks()),
        ("Esc", "keep", app.asks()),
        ("p", "problem", app.problem.is_some() && app.panel != Panel::Problem),
        ("t", "shorter", is_tall),
        ("i", "type", is_running),
    ];
    let of_panel: &[_] = match app.panel {
        Panel::Problem => {
            let items = app.problem.as_ref().map_or(0, |problem| problem.items.len());
            &[
                ("j/k", "next", items > 1),
                ("PgDn", "scroll", app.view.most > 0),
                ("e", "edit", app.place().is_some()),
                ("Esc", "close", !app.asks()),
            ]
        }
        Panel::Details => &[
            ("j/k", "select", can_select),
            ("u", "back", can_go_back),
            ("PgDn", "scroll", app.view.most > 0),
            ("e", "edit", app.place().is_some()),
            ("Esc", "close", true),
        ],
        Panel::Timeline => &[
            ("u", "back", can_go_back),
            ("j/k", "select", can_select),
            ("d", "details", !app.timeline.entries.is_empty()),
        ],
    };
    let rest = [
        ("r", "reload", is_running),
        ("R", if is_running { "restart" } else { "start" }, is_built && !app.asks()),
        ("z", "unzoom", app.zoomed),
        ("/", "search", app.status.program != Program::None),
        ("t", "taller", can_select && app.panel == Panel::Timeline && !app.tall),
    ];
    let offered = all
        .into_iter()
        .chain(of_panel.iter().copied())
        .chain(rest)
        .filter(|(.., is_offered)| *is_offered);
    offered.map(|(key, what, _)| (key, what)).collect()
}

/// Always shown.
pub(super) const LAST: [(&str, &str); 2] = [("?", "help"), ("q", "quit")];
