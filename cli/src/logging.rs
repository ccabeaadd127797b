//! The log file: what hotdev does, for the day something goes wrong.
//!
//! It never goes to the terminal, which is the program's.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Environment variable with the filter, in the syntax of `tracing_subscriber`'s `EnvFilter`.
pub const FILTER_ENV: &str = "HOTDEV_LOG";

/// A log that has grown beyond this many bytes is begun anew.
const LIMIT: u64 = 10 << 20;

/// Begins to log into `<target_dir>/hotdev/hotdev.log`; `verbose` counts `-v`, which goes before
/// [`FILTER_ENV`]. Returns the file's path, or nothing where there is no log: it is not worth
/// failing for.
pub fn start(target_dir: &Path, verbose: u8) -> Option<PathBuf> {
    let path = target_dir.join("hotdev").join("hotdev.log");
    let file = open(&path).ok()?;
    let filter = filter(verbose, std::env::var(FILTER_ENV).ok().as_deref());
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(Mutex::new(file))
        .try_init()
        .ok()?;
    Some(path)
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() > LIMIT {
        file.set_len(0)?;
    }
    Ok(file)
}

fn filter(verbose: u8, variable: Option<&str>) -> EnvFilter {
    let wanted = match (verbose, variable) {
        (0, Some(variable)) if !variable.is_empty() => variable,
        (0, _) => "info",
        (1, _) => "debug",
        _ => "trace",
    };
    EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_filter_comes_from_flags_then_environment() {
        for (verbose, variable, expected) in [
            (0, None, "info"),
            (0, Some(""), "info"),
            (0, Some("hotdev_cli=trace,warn"), "hotdev_cli=trace,warn"),
            (0, Some("=/="), "info"),
            (1, Some("warn"), "debug"),
            (3, None, "trace"),
        ] {
            assert_eq!(filter(verbose, variable).to_string(), expected, "{variable:?}");
        }
    }

    #[test]
    fn a_log_is_continued_until_it_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hotdev").join("hotdev.log");
        open(&path).unwrap().write_all(b"one\n").unwrap();
        open(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        File::options().write(true).open(&path).unwrap().set_len(LIMIT + 1).unwrap();
        assert_eq!(open(&path).unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(start(&file, 0), None);
    }
}
