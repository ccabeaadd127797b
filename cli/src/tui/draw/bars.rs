//! The two lines that are always there: where things stand, and what can be pressed.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line;
use super::look::Look;
use crate::tui::app::{App, Mode};
use crate::tui::keys;
use crate::tui::pane::Pane;
use crate::tui::status::Program;
use crate::tui::text::Tone;

/// Columns of the bar that shows how far a build is.
const GAUGE: usize = 20;

/// From this width on, what the timeline says too has room in the upper line.
const ROOMY: u16 = 120;

/// The upper line.
pub(super) fn status(buffer: &mut Buffer, area: Rect, app: &App, look: Look, now: Instant) {
    let headline = app.status.headline(now);
    let name = &app.setup.program;
    let right = match &app.status.program {
        Program::None => format!(" {name} "),
        Program::Running(pid) if area.width >= ROOMY => {
            format!(" {name}  generation {}  pid {pid} ", app.status.generation)
        }
        Program::Running(_) => format!(" {name}  generation {} ", app.status.generation),
        Program::Ended(_) => format!(" {name}  ended "),
    };
    let badge = format!(" {} ", headline.word);
    let room = usize::from(area.width).saturating_sub(line::width(&badge) + 2);
    let subject = line::width(&headline.subject);
    // What happened goes before all that is said beside it.
    let gap = if subject > 0 { 2 } else { 0 };
    let wanted = subject + gap + line::width(&headline.text);
    let fits = |text: &String, needed: usize| line::width(text) + needed <= room;
    let short = format!(" {name} ");
    let right = Some(right).filter(|text| fits(text, wanted));
    let right = right.or(Some(short).filter(|text| fits(text, subject.max(14))));
    let right = right.unwrap_or_default();
    let width = line::width(&right) as u16;
    let left = Rect { width: area.width - width, ..area };
    let mut at = line::put(buffer, left, &badge, look.badge(headline.tone));
    at = line::put(buffer, at, " ", Style::default());
    if let Some(done) = headline.done.filter(|_| at.width > 50) {
        let full = ((done * GAUGE as f64).round() as usize).min(GAUGE);
        let bar = look.pick("█", "#").repeat(full);
        at = line::put(buffer, at, &bar, look.style(Tone::Name));
        let rest = format!("{}  ", look.pick("░", ".").repeat(GAUGE - full));
        at = line::put(buffer, at, &rest, look.style(Tone::Faint));
    }
    if !headline.subject.is_empty() {
        let subject = line::last_part(&headline.subject, usize::from(at.width), look);
        at = line::put(buffer, at, &subject, look.style(Tone::Title));
        at = line::put(buffer, at, "  ", Style::default());
    }
    line::put_cut(buffer, at, &headline.text, Style::default(), look);
    let right_area = Rect { x: area.right() - width, width, ..area };
    line::put_cut(buffer, right_area, &right, look.style(Tone::Faint), look);
}

/// The lower line; returns where the cursor is to be, where something is typed there.
pub(super) fn keys(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    pane: &Pane,
    look: Look,
) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    match &app.mode {
        Mode::Typing => {
            let name = &app.setup.program;
            let (badge, then) = match app.status.program {
                // Keys do not become hotdev's by themselves: one might be typing.
                Program::Ended(_) => (format!(" {name} has ended "), " leaves, then R starts it"),
                _ => (format!(" typing into {name} "), " leaves, back to hotdev's keys"),
            };
            let at = line::put(buffer, area, &badge, look.badge(Tone::Notice));
            let at = line::put(buffer, at, "  Ctrl-]", look.style(Tone::Title));
            line::put(buffer, at, then, Style::default());
            None
        }
        Mode::Search(text) => {
            let at = line::put(buffer, area, " search: ", look.style(Tone::Title));
            let at = line::put(buffer, at, text, Style::default());
            let hint = "   Enter finds, from the newest line up; Esc clears";
            line::put_cut(buffer, at, hint, look.style(Tone::Faint), look);
            Some((at.x.min(area.right().saturating_sub(1)), at.y))
        }
        Mode::Quit(names) => {
            let what = names.join(", ");
            let text = format!(" {} runs {what}: quit all the same? ", app.setup.program);
            let at = line::put(buffer, area, &text, look.badge(Tone::Notice));
            line::put(buffer, at, " y quits, any other key stays", Style::default());
            None
        }
        Mode::Keys | Mode::Help(_) => {
            own_keys(buffer, area, app, pane, look);
            None
        }
    }
}

fn own_keys(buffer: &mut Buffer, area: Rect, app: &App, pane: &Pane, look: Look) {
    let shown = |keys: &[(&str, &str)]| -> usize {
        keys.iter().map(|(key, what)| line::width(key) + line::width(what) + 3).sum()
    };
    let last = shown(&keys::LAST);
    let mut at = area;
    let scrolled = match (pane.scrolled(), &app.notice) {
        (_, Some(notice)) => Some((notice.clone(), Tone::Notice)),
        (0, None) => None,
        (up, None) => Some((format!("{up} lines up, G to the newest"), Tone::Name)),
    };
    if let Some((text, tone)) = scrolled {
        let width = usize::from(area.width).saturating_sub(last) as u16;
        let rest = line::put_cut(
            buffer,
            Rect { width, ..at },
            &format!(" {text}  "),
            look.style(tone),
            look,
        );
        at = Rect { x: rest.x, width: area.right() - rest.x, ..at };
    }
    let mut put = |at: Rect, (key, what): (&str, &str)| {
        let at = line::put(buffer, at, &format!(" {key}"), look.style(Tone::Title));
        line::put(buffer, at, &format!(" {what} "), look.style(Tone::Faint))
    };
    for hint in keys::hints(app) {
        if usize::from(at.width) < last + shown(&[hint]) {
            break;
        }
        at = put(at, hint);
    }
    for hint in keys::LAST {
        at = put(at, hint);
    }
}
