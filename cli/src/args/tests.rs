use std::path::PathBuf;

use clap::CommandFactory;

use super::{Args, Command, OsString, Settings};
use crate::editors::Editor;
use crate::report::{ColorChoice, Format};

fn try_settings(line: &str) -> Result<Settings, clap::Error> {
    super::settings(line.split(' ').map(OsString::from).collect())
}

fn settings(line: &str) -> Settings {
    try_settings(line).unwrap()
}

fn exit_code(line: &str) -> u8 {
    super::exit_code(&try_settings(line).unwrap_err())
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn watch_takes_what_cargo_takes() {
    let line = "hotdev watch -p game --bin play -F a,b --features c -r --locked -- --level 3";
    let settings = settings(line);
    let args = vec!["--level".into(), "3".into()];
    assert_eq!(settings.command, Command::Watch { args, plain: false });
    assert_eq!(
        settings.selection.cargo_args().join(&OsString::from(" ")),
        "--package game --bin play --features a,b,c --profile release --locked"
    );
}

#[test]
fn every_selection_reaches_cargo() {
    let line = "hotdev run --manifest-path a/Cargo.toml --target-dir t --example e --all-features \
                --no-default-features --profile fast --offline --frozen";
    assert_eq!(
        settings(line).selection.cargo_args().join(&OsString::from(" ")),
        "--manifest-path a/Cargo.toml --target-dir t --example e --profile fast --all-features \
         --no-default-features --offline --frozen"
    );
}

#[test]
fn global_options_stand_on_either_side() {
    let expected = settings("hotdev --json -vv --color never reload a.rs b.rs");
    assert_eq!(expected, settings("hotdev reload a.rs --color=never --json b.rs -v -v"));
    assert_eq!(expected.verbose, 2);
    assert_eq!((expected.color, expected.format), (ColorChoice::Never, Format::Json));
    let files = vec![PathBuf::from("a.rs"), PathBuf::from("b.rs")];
    assert_eq!(expected.command, Command::Reload { files });
}

#[test]
fn json_has_two_spellings_that_must_agree() {
    assert_eq!(settings("hotdev status").format, Format::Human);
    assert_eq!(settings("hotdev status --message-format json").format, Format::Json);
    assert_eq!(settings("hotdev status --json --message-format json").format, Format::Json);
    assert_eq!(exit_code("hotdev status --json --message-format human"), 64);
}

#[test]
fn usage_errors_exit_with_64_and_help_with_0() {
    for line in [
        "hotdev",
        "hotdev wath",
        "hotdev watch --bin a --example b",
        "hotdev watch --release --profile dev",
        "hotdev rollback first",
        "hotdev watch game",
    ] {
        assert_eq!(exit_code(line), 64, "{line}");
    }
    for line in ["hotdev --help", "hotdev reload -h", "hotdev help init", "hotdev --version"] {
        assert_eq!(exit_code(line), 0, "{line}");
    }
}

#[test]
fn help_says_cargo_hotdev_to_those_who_typed_that() {
    let help = |line: &str| try_settings(line).unwrap_err().render().to_string();
    let text = help("/bin/cargo-hotdev --help");
    assert!(text.contains("Usage: cargo hotdev [OPTIONS] <COMMAND>"), "{text}");
    assert!(text.contains("\n  cargo hotdev watch -p game -- --level 3 "), "{text}");
    assert!(help("cargo-hotdev reload -h").contains("Usage: cargo hotdev reload"));
    assert!(help("cargo-hotdev wath").contains("Usage: cargo hotdev "));
    assert!(help("/bin/hotdev --help").contains("Usage: hotdev [OPTIONS] <COMMAND>"));
}

#[test]
fn editors_are_bound_by_init() {
    let editor = Editor::Neovim;
    let bound = |print| Command::InitEditor { dir: ".".into(), editor, print };
    assert_eq!(settings("hotdev init --editor neovim").command, bound(false));
    assert_eq!(settings("hotdev init --editor neovim --print").command, bound(true));
    assert_eq!(exit_code("hotdev init --print"), 64);
    assert_eq!(exit_code("hotdev init --editor ed"), 64);
}

#[test]
fn the_other_commands() {
    assert_eq!(settings("hotdev rollback").command, Command::Rollback { generation: None });
    assert_eq!(settings("hotdev rollback 2").command, Command::Rollback { generation: Some(2) });
    assert_eq!(settings("hotdev restart").command, Command::Restart);
    assert_eq!(settings("hotdev init").command, Command::Init { dir: ".".into() });
    assert_eq!(settings("hotdev init a").command, Command::Init { dir: "a".into() });
    let demo = Command::Demo { once: true, keep: false };
    assert_eq!(settings("hotdev demo --once").command, demo);
}

#[test]
fn a_wrong_command_line_is_json_where_json_was_asked_for() {
    let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    for text in
        ["hotdev wath --json", "hotdev --message-format json", "hotdev --message-format=json"]
    {
        assert!(super::wants_json(&line(text)), "{text}");
    }
    assert!(!super::wants_json(&line("hotdev watch -- --json")));
    let error = super::usage(&try_settings("hotdev wath --json").unwrap_err());
    assert_eq!(error.cause, "unrecognized subcommand 'wath'");
    assert_eq!(error.hint.as_deref(), Some("a similar subcommand exists: 'watch'"));
    let error = super::usage(&try_settings("hotdev rollback first").unwrap_err());
    assert!(error.cause.contains("'first'"), "{}", error.cause);
    assert_eq!(exit_code("hotdev demo --json"), 64);
}
