//! Whether to use colours, and which.

use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal, stderr, stdout};

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether what goes to stderr is coloured.
    pub fn for_stderr(self) -> bool {
        self.decide(|name| std::env::var_os(name), stderr().is_terminal())
    }

    /// Whether what goes to stdout is coloured.
    pub fn for_stdout(self) -> bool {
        self.decide(|name| std::env::var_os(name), stdout().is_terminal())
    }

    /// What is left open by the flag, cargo is asked for: it goes before `NO_COLOR`, as in cargo.
    #[must_use]
    pub fn or_cargos(self, told: Option<&str>) -> Self {
        match (self, told) {
            (Self::Auto, Some("always")) => Self::Always,
            (Self::Auto, Some("never")) => Self::Never,
            _ => self,
        }
    }

    /// The flag goes first, then `NO_COLOR` (no-color.org), `CLICOLOR_FORCE` and `CLICOLOR`
    /// (bixense.com/clicolors), and last the terminal.
    fn decide(self, variable: impl Fn(&str) -> Option<OsString>, terminal: bool) -> bool {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let is = |name, wanted| value(name).is_some_and(|value| value == wanted);
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if value("NO_COLOR").is_some() => false,
            Self::Auto if value("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Self::Auto if is("CLICOLOR", "0") => false,
            Self::Auto => terminal && !is("TERM", "dumb"),
        }
    }
}

/// The styles in use, as ANSI escape sequences.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Name,
    Good,
    Bad,
    Notice,
}

impl Style {
    fn start(self) -> &'static str {
        match self {
            Self::Name => "\x1b[1;36m",
            Self::Good => "\x1b[1;32m",
            Self::Bad => "\x1b[1;31m",
            Self::Notice => "\x1b[1;33m",
        }
    }
}

/// `text` in `style`, if `colors` are on.
pub(super) fn paint(text: impl fmt::Display, style: Style, colors: bool) -> String {
    if colors { format!("{}{text}\x1b[0m", style.start()) } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: ColorChoice, environment: &[(&str, &str)], terminal: bool) -> bool {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        };
        choice.decide(variable, terminal)
    }

    #[test]
    fn the_flag_goes_first() {
        assert!(decide(ColorChoice::Always, &[("NO_COLOR", "1")], false));
        assert!(!decide(ColorChoice::Never, &[("CLICOLOR_FORCE", "1")], true));
    }

    #[test]
    fn what_cargo_is_told_stands_in_for_the_flag() {
        assert_eq!(ColorChoice::Auto.or_cargos(Some("always")), ColorChoice::Always);
        assert_eq!(ColorChoice::Auto.or_cargos(Some("never")), ColorChoice::Never);
        assert_eq!(ColorChoice::Auto.or_cargos(Some("auto")), ColorChoice::Auto);
        assert_eq!(ColorChoice::Never.or_cargos(Some("always")), ColorChoice::Never);
    }

    #[test]
    fn then_the_environment_then_the_terminal() {
        let auto = |environment: &[_], terminal| decide(ColorChoice::Auto, environment, terminal);
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(auto(&[("NO_COLOR", "")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!auto(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!auto(&[("CLICOLOR", "0")], true));
        assert!(!auto(&[("TERM", "dumb")], true));
    }
}
