//! `hotdev init --editor`: binds saving to `hotdev reload`, and its diagnostics to the editor's list.
//!
//! Each binding is one file of `templates/editors`. Editors that read settings from the project get
//! it there, the others once for all projects: where no session runs, those do nothing. A file that
//! is there is never touched: then the text is printed, to be added by hand.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::error::{Context, Error, Kind, Result};
use crate::init::write_new;
use crate::report::Format;
use crate::report::json::{self, Own};

/// Editors that hotdev has a binding for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "they are named for themselves")]
pub enum Editor {
    Vscode,
    Neovim,
    Vim,
    Helix,
    Emacs,
    Zed,
    Jetbrains,
    Sublime,
}

/// Where an editor looks for its settings.
enum Home {
    /// In the root of the project.
    Project,
    /// In the folder that the first variable names, or in one below the home folder.
    User(Option<&'static str>, &'static str),
    /// Wherever emacs looks, which depends on what is there.
    Emacs,
}

/// One file for one editor.
struct Binding {
    home: Home,
    /// Below `home`.
    file: &'static str,
    text: &'static str,
    /// What has to be done by hand beside it; empty where nothing has.
    by_hand: &'static str,
}

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../templates/editors/", $name))
    };
}

const EMACS: &str = "\
add to your init.el:
  (load \"hotdev\" nil t)
with this folder in the load-path:
  (add-to-list 'load-path (locate-user-emacs-file \"lisp\"))";

const VSCODE: &str = "\
add to your keybindings.json (Preferences: Open Keyboard Shortcuts (JSON)):
  { \"key\": \"ctrl+s\", \"when\": \"editorLangId == rust\", \"command\": \"runCommands\", \"args\": {
    \"commands\": [
      \"workbench.action.files.save\",
      { \"command\": \"workbench.action.tasks.runTask\", \"args\": \"hotdev: reload\" }
    ] } }";

const ZED: &str = "\
add to your keymap.json (zed: open keymap):
  { \"context\": \"Editor\", \"bindings\": { \"ctrl-s\": [\"action::Sequence\",
    [\"workspace::Save\", [\"task::Spawn\", { \"task_name\": \"hotdev: reload\" }]]] } }";

impl Editor {
    fn binding(self) -> Binding {
        let project = |file, text, by_hand| Binding { home: Home::Project, file, text, by_hand };
        let config = |file, text| Binding {
            home: Home::User(Some("XDG_CONFIG_HOME"), ".config"),
            file,
            text,
            by_hand: "",
        };
        match self {
            Self::Vscode => project(".vscode/tasks.json", template!("vscode.json"), VSCODE),
            Self::Neovim => config("nvim/plugin/hotdev.lua", template!("hotdev.lua")),
            Self::Vim => Binding {
                home: Home::User(None, ".vim"),
                file: "plugin/hotdev.vim",
                text: template!("hotdev.vim"),
                by_hand: "",
            },
            Self::Helix => project(
                ".helix/languages.toml",
                template!("helix.toml"),
                "Helix reads it when it is started in this folder",
            ),
            Self::Emacs => Binding {
                home: Home::Emacs,
                file: "lisp/hotdev.el",
                text: template!("hotdev.el"),
                by_hand: EMACS,
            },
            Self::Zed => project(".zed/tasks.json", template!("zed.json"), ZED),
            Self::Jetbrains => project(
                ".idea/watcherTasks.xml",
                template!("jetbrains.xml"),
                "install the plugin File Watchers, and open the project anew",
            ),
            Self::Sublime => {
                config("sublime-text/Packages/User/hotdev.py", template!("sublime.py"))
            }
        }
    }
}

/// What `hotdev init --editor` did.
#[derive(Debug)]
pub struct Outcome {
    file: PathBuf,
    fate: Fate,
    binding: Binding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was not there.
    Written,
    /// It is there, as it would have been written.
    Same,
    /// Something else is there, and was left as it is.
    Kept,
    /// Only the text was asked for.
    Printed,
}

impl Fate {
    /// As JSON has it.
    fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Same => "same",
            Self::Kept => "kept",
            Self::Printed => "printed",
        }
    }
}

/// Writes the binding, or finds what is there; with `print`, neither. `root` finds the project,
/// where that is where the binding belongs.
///
/// # Errors
/// When the file cannot be written, or there is no project or home folder for it.
pub fn init(
    editor: Editor,
    root: impl FnOnce() -> Result<PathBuf>,
    print: bool,
) -> Result<Outcome> {
    let binding = editor.binding();
    if print {
        return Ok(Outcome { file: binding.file.into(), fate: Fate::Printed, binding });
    }
    let folder = match binding.home {
        Home::Project => root()?,
        Home::User(variable, below) => user_folder(variable, below)?,
        Home::Emacs => {
            emacs_folder(&user_folder(None, "")?, &user_folder(Some("XDG_CONFIG_HOME"), ".config")?)
        }
    };
    let file = folder.join(binding.file);
    Ok(Outcome { fate: put(&file, binding.text)?, file, binding })
}

fn put(file: &Path, text: &str) -> Result<Fate> {
    let doing = || format!("write {}", file.display());
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).context(Kind::System, || format!("make {}", folder.display()))?;
    if write_new(file, text).context(Kind::System, doing)? {
        return Ok(Fate::Written);
    }
    let is_same = fs::read(file).is_ok_and(|there| there == text.as_bytes());
    Ok(if is_same { Fate::Same } else { Fate::Kept })
}

fn user_folder(variable: Option<&str>, below: &str) -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let named = variable.and_then(set).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| Path::new(&home).join(below));
    named.or_else(home).ok_or_else(|| {
        Error::new(Kind::System, "find the editor's settings", "HOME is not set")
            .hint("`--print` prints the text")
    })
}

/// emacs takes the older place where it or an init file beside it is there, and the newer one only
/// where that is there.
fn emacs_folder(home: &Path, config: &Path) -> PathBuf {
    let (older, newer) = (home.join(".emacs.d"), config.join("emacs"));
    let is_older = older.exists() || home.join(".emacs").exists();
    if !is_older && newer.exists() { newer } else { older }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file)
    }
}

impl Outcome {
    /// Says what was done on stdout, and what is left to do by hand.
    pub fn print(&self, format: Format) {
        let text = match format {
            Format::Human => self.human(),
            Format::Json => self.json(),
        };
        // The file says the same to a reader that is gone.
        let _ = io::stdout().write_all(text.as_bytes());
    }

    fn human(&self) -> String {
        let file = self.file.display();
        let mut text = match self.fate {
            // As it would stand in the file, to be redirected there.
            Fate::Printed => return self.binding.text.to_owned(),
            Fate::Written => format!("wrote {file}\n"),
            Fate::Same => format!("{file} is there already, as it would be written\n"),
            Fate::Kept => format!(
                "{file} is there already: left as it is\nadd to it:\n\n{}\n",
                self.binding.text
            ),
        };
        if !self.binding.by_hand.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "next: {}", self.binding.by_hand);
        }
        text + "then: `hotdev watch` in the project; each save is in the running program\n"
    }

    fn json(&self) -> String {
        let by_hand = self.binding.by_hand;
        json::own(Own::Init {
            file: &self.file,
            written: self.fate == Fate::Written,
            outcome: Some(self.fate.name()),
            text: Some(self.binding.text),
            by_hand: (!by_hand.is_empty()).then_some(by_hand),
            project: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn what_is_there_is_never_touched() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(".vscode/tasks.json");
        let first = init(Editor::Vscode, || Ok(root.path().into()), false).unwrap();
        assert_eq!((first.fate, first.file.as_path()), (Fate::Written, file.as_path()));
        assert_eq!(fs::read_to_string(&file).unwrap(), first.binding.text);
        assert_eq!(
            init(Editor::Vscode, || Ok(root.path().into()), false).unwrap().fate,
            Fate::Same
        );
        fs::write(&file, "mine").unwrap();
        let kept = init(Editor::Vscode, || Ok(root.path().into()), false).unwrap();
        assert_eq!((kept.fate, fs::read(&file).unwrap().as_slice()), (Fate::Kept, &b"mine"[..]));
        assert!(kept.human().contains(kept.binding.text));
    }

    #[test]
    fn printing_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        for editor in Editor::value_variants() {
            let outcome = init(*editor, || Ok(root.path().into()), true).unwrap();
            assert_eq!(outcome.human(), outcome.binding.text);
            assert!(outcome.binding.text.contains("hotdev"));
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
