//! Where a session stands, in lines.

use std::path::Path;

use super::event::{Event, Status};
use super::{reload, text};

/// Functions shown of each generation.
const SHOWN: usize = 3;

/// First the program, then its generations, then what waits to be mended.
pub(super) fn lines(status: &Status, base: &Path) -> Vec<String> {
    let Status { state, program, generation, session, .. } = status;
    let processes = text::processes(&status.pids);
    let mut lines = vec![
        format!("{program}: {state}, generation {generation}, {processes}"),
        format!("session: process {session}, workspace {}", status.workspace.display()),
    ];
    lines.extend(status.generations.iter().map(|one| {
        let mark = if one.generation == *generation { '*' } else { ' ' };
        let functions = text::list(&one.functions, SHOWN);
        let line = format!("{mark} {:>4} {:>6.0} ms  {functions}", one.generation, one.ms);
        line.trim_end().to_owned()
    }));
    if let Some(pending) = &status.pending {
        lines.push("not live:".into());
        lines.extend(pending_lines(pending, base));
    }
    lines
}

fn pending_lines(pending: &Event, base: &Path) -> Vec<String> {
    // A status in a status would have no end, and means nothing.
    if matches!(pending, Event::Status(_)) {
        return Vec::new();
    }
    reload::render(pending, base).lines().map(|line| format!("  {line}")).collect()
}
