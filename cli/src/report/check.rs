//! One thing that `hotdev doctor` looked at.

use std::io::Write;

use super::color::{Style, paint};
use super::json::{self, CheckStatus, Own};
use super::{ColorChoice, Format};

/// Prints it to stdout.
pub fn print(
    name: &str,
    status: CheckStatus,
    message: &str,
    mend: Option<&str>,
    format: Format,
    color: ColorChoice,
) {
    let text = match format {
        Format::Json => json::own(Own::Check { name, status, message, mend }),
        Format::Human => render(name, status, message, mend, color.for_stdout()),
    };
    // A reader that is gone needs no answer; the exit code holds it anyway.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn render(
    name: &str,
    status: CheckStatus,
    message: &str,
    mend: Option<&str>,
    colors: bool,
) -> String {
    let (word, style) = match status {
        CheckStatus::Ok => ("ok      ", Style::Good),
        CheckStatus::Warning => ("warning ", Style::Notice),
        CheckStatus::Problem => ("problem ", Style::Bad),
    };
    let mend =
        mend.map(|mend| format!("         {} {mend}\n", paint("mend:", Style::Name, colors)));
    format!("{} {name}: {message}\n{}", paint(word, style, colors), mend.unwrap_or_default())
}
