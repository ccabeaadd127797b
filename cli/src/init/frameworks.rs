//! Frameworks that shape how a program runs, and what that means for its saves.
//!
//! What is marked as tried was seen in a program that was patched: `templates/axum`, `templates/tui`
//! and a program of tasks. The rest follows from how hotdev works: calls between functions of the
//! workspace lead to the new code, and what runs once at the start has run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A framework that a program uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Use {
    /// Its package.
    pub name: &'static str,
    /// Its version; where cargo cannot resolve it, what the manifest asks for.
    pub version: String,
    /// What to expect of a save.
    pub expect: &'static str,
    /// Whether that was seen with a real program, or follows from how hotdev works.
    pub tried: bool,
}

struct Known {
    name: &'static str,
    expect: &'static str,
    tried: bool,
    /// What says the same, less well, and is not mentioned beside this one.
    covers: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        name: "axum",
        expect: "a handler's new code answers the next request, connections stay. Routes are made \
                 once: a new one waits for a restart. Another argument of a handler is refused",
        tried: true,
        covers: &["tokio"],
    },
    Known {
        name: "actix-web",
        expect: "a handler's new code answers the next request. The app is made at the start: a \
                 new route waits for a restart",
        tried: false,
        covers: &["tokio"],
    },
    Known {
        name: "tonic",
        expect: "a method's new code answers the next call. A .proto file goes through a build \
                 script: that is a restart",
        tried: false,
        covers: &["tokio"],
    },
    Known {
        name: "tokio",
        expect: "a task that runs has the new code when it wakes up next. Where its awaits or the \
                 variables across them change, it goes on with the old",
        tried: true,
        covers: &[],
    },
    Known {
        name: "bevy",
        expect: "a system's new code runs in the next frame. What `App` is given at the start waits \
                 for a restart. A component with other fields is refused",
        tried: false,
        covers: &["winit", "egui"],
    },
    Known {
        name: "eframe",
        expect: "`update` has the new code in the next frame, which is drawn at the next input \
                 unless the program asks for one",
        tried: false,
        covers: &["egui", "winit"],
    },
    Known {
        name: "egui",
        expect: "what is called for each frame has the new code in the next one",
        tried: false,
        covers: &[],
    },
    Known {
        name: "winit",
        expect: "the window stays. What handles events has the new code with the next event",
        tried: false,
        covers: &[],
    },
    Known {
        name: "tauri",
        expect: "a command's new code answers the next call. The page is not hotdev's: start the \
                 server that it comes from yourself",
        tried: false,
        covers: &["tokio"],
    },
    Known {
        name: "leptos",
        expect: "functions on the server have the new code with the next call. What is compiled to \
                 wasm is not patched",
        tried: false,
        covers: &["axum", "actix-web", "tokio"],
    },
    Known {
        name: "ratatui",
        expect: "`hotdev run` leaves it the whole terminal, `hotdev watch` gives it a pane. The \
                 next frame has the new code",
        tried: true,
        covers: &["crossterm"],
    },
    Known {
        name: "crossterm",
        expect: "`hotdev run` leaves it the whole terminal, `hotdev watch` gives it a pane",
        tried: true,
        covers: &[],
    },
];

/// Those among these packages, with the versions of both.
pub fn among(packages: &BTreeMap<String, String>) -> Vec<Use> {
    let known = KNOWN.iter().filter_map(|known| Some((known, packages.get(known.name)?)));
    let all = known.map(|(Known { name, expect, tried, .. }, version)| Use {
        name,
        version: version.clone(),
        expect,
        tried: *tried,
    });
    all.collect()
}

/// Whether one of them is covered by another, which says more.
pub fn is_covered(one: &Use, among: &[Use]) -> bool {
    let others = KNOWN.iter().filter(|known| among.iter().any(|other| other.name == known.name));
    others.into_iter().any(|other| other.covers.contains(&one.name))
}

/// Whether a program with these is likely to want the terminal that it is started in.
pub fn is_terminal_ui(uses: &[Use]) -> bool {
    uses.iter().any(|one| one.name == "ratatui")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_says_better_is_left_out() {
        let packages = ["tokio", "axum", "serde"].map(|name| (name.to_owned(), "1.0.0".to_owned()));
        let uses = among(&packages.into());
        let names: Vec<&str> = uses.iter().map(|one| one.name).collect();
        assert_eq!(names, ["axum", "tokio"]);
        assert!(is_covered(&uses[1], &uses) && !is_covered(&uses[0], &uses));
        assert!(!is_covered(&uses[1], &uses[1..]) && !is_terminal_ui(&uses));
    }

    #[test]
    fn what_covers_another_and_what_is_covered_is_known() {
        let is_known = |name: &&str| KNOWN.iter().any(|known| known.name == *name);
        assert!(KNOWN.iter().flat_map(|known| known.covers).all(is_known));
    }
}
