//! What the figures were measured on.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// Date, machine and compiler.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// UTC.
    pub date: String,
    pub cpu: String,
    pub cores: usize,
    /// One-minute load average when the run began: others may have been busy too.
    pub load: String,
    pub kernel: String,
    pub rustc: String,
    /// The measured hotdev.
    pub hotdev: String,
}

impl Machine {
    /// This one, now.
    pub fn look(hotdev: &std::path::Path) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            cpu: model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            kernel: said("uname", &["-r"]),
            rustc: said("rustc", &["--version"]),
            hotdev: said(&hotdev.to_string_lossy(), &["--version"]),
        }
    }
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
