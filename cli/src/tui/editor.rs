//! `$EDITOR` at a line, in the terminal that hotdev has just left.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

use super::text::Place;

/// Starts the editor on a place.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(place: &Place) -> io::Result<Child> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let editor = set("EDITOR").or_else(|| set("VISUAL")).unwrap_or_else(|| "vi".into());
    let editor = editor.to_string_lossy().into_owned();
    // The variable is a command line, with arguments of its own where somebody wants them.
    let mut words = shlex::split(&editor).unwrap_or_else(|| vec![editor.clone()]).into_iter();
    let program = words.next().unwrap_or_else(|| "vi".into());
    let args = arguments(&program, place);
    Command::new(program).args(words).args(args).spawn()
}

/// How editors are told where to begin.
fn arguments(program: &str, place: &Place) -> Vec<OsString> {
    let Place { file, line, column } = place;
    let (line, column) = ((*line).max(1), (*column).max(1));
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    let at = |place: String| {
        let mut file = file.clone().into_os_string();
        file.push(place);
        file
    };
    match name.as_ref() {
        "hx" | "helix" | "zed" | "subl" => vec![at(format!(":{line}:{column}"))],
        "code" | "codium" | "code-insiders" | "cursor" => {
            vec!["--wait".into(), "--goto".into(), at(format!(":{line}:{column}"))]
        }
        "nano" => vec![format!("+{line},{column}").into(), file.into()],
        // vi, vim, nvim, emacs, kak, micro, joe, mg, ….
        _ => vec![format!("+{line}").into(), file.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_editor_is_told_in_its_own_way() {
        let place = Place { file: "/w/a.rs".into(), line: 7, column: 3 };
        for (program, expected) in [
            ("vi", "+7 /w/a.rs"),
            ("/usr/bin/nvim", "+7 /w/a.rs"),
            ("hx", "/w/a.rs:7:3"),
            ("nano", "+7,3 /w/a.rs"),
            ("code", "--wait --goto /w/a.rs:7:3"),
        ] {
            let args = arguments(program, &place).join(&OsString::from(" "));
            assert_eq!(args, expected, "{program}");
        }
        let unknown = Place { file: "/w/a.rs".into(), ..Place::default() };
        assert_eq!(arguments("vi", &unknown)[0], "+1");
    }
}
