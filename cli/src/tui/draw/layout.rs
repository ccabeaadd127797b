//! Where everything is. In a narrow terminal the panel lies below the program, in a wide one beside
//! it. The program's size follows from the terminal's size alone.

use ratatui::layout::Rect;

/// From this width on there is room for both side by side.
const WIDE: u16 = 140;

/// Columns that the program keeps beside the panels, and those that they have use for.
const PROGRAM: u16 = 80;
const BESIDE: u16 = 140;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::tui) struct Areas {
    /// The line that says where things stand.
    pub status: Rect,
    /// What is seen of the program: the lower part of its screen, where that is less than all.
    pub pane: Rect,
    /// Rows and columns that the program has.
    pub size: (u16, u16),
    /// Line above the timeline.
    pub timeline_title: Rect,
    pub timeline: Rect,
    /// Line above details or problem.
    pub panel_title: Rect,
    pub panel: Rect,
    /// Line between the program and what is beside it.
    pub edge: Rect,
    pub keys: Rect,
}

/// What is wanted on the screen beside the program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Nothing.
    pub zoomed: bool,
    /// Whether details or a problem are to be read.
    pub is_open: bool,
    /// Whether the timeline is to have more room than it needs to be followed.
    pub tall: bool,
}

/// Lays the screen out.
pub(super) fn areas(screen: Rect, wanted: Wanted) -> Areas {
    let Rect { width, height, .. } = screen;
    let Wanted { zoomed, is_open, .. } = wanted;
    let status = Rect::new(0, 0, width, height.min(1));
    let keys = Rect::new(0, height.saturating_sub(1), width, u16::from(height > 1));
    let body = Rect::new(0, 1.min(height), width, height.saturating_sub(2));
    let areas = Areas { status, keys, ..Areas::default() };
    if body.height == 0 || body.width == 0 {
        return Areas { size: (1, width.max(1)), ..areas };
    }
    if zoomed || body.height < 8 {
        let mut areas = Areas { pane: body, size: (body.height, body.width), ..areas };
        if is_open && !zoomed {
            // Too low for both: what is to be read goes before.
            (areas.panel, areas.pane) = (body, Rect::ZERO);
        }
        return areas;
    }
    if width >= WIDE { wide(body, areas, wanted.tall) } else { narrow(body, areas, wanted) }
}

/// `count` rows of `area`, from row `from`.
fn rows(area: Rect, from: u16, count: u16) -> Rect {
    Rect::new(area.x, area.y + from, area.width, count)
}

fn narrow(body: Rect, areas: Areas, wanted: Wanted) -> Areas {
    let below = (body.height / 4).clamp(3, 12);
    let program = body.height - below - 1;
    let areas = Areas { size: (program, body.width), ..areas };
    let is_short = !wanted.is_open && !wanted.tall;
    let seen = if is_short { program } else { (body.height * 2 / 5).min(program) };
    let areas = Areas { pane: rows(body, 0, seen), ..areas };
    let (title, rest) = (rows(body, seen, 1), rows(body, seen + 1, body.height - seen - 1));
    if wanted.is_open {
        Areas { panel_title: title, panel: rest, ..areas }
    } else {
        Areas { timeline_title: title, timeline: rest, ..areas }
    }
}

fn wide(body: Rect, areas: Areas, tall: bool) -> Areas {
    let beside = (body.width / 2).min(body.width.saturating_sub(PROGRAM + 1)).min(BESIDE);
    let program = body.width - beside - 1;
    let side = Rect::new(program + 1, body.y, beside, body.height);
    let above = if tall { body.height * 3 / 4 } else { (body.height / 3).max(3) };
    Areas {
        pane: Rect::new(0, body.y, program, body.height),
        size: (body.height, program),
        edge: Rect::new(program, body.y, 1, body.height),
        timeline_title: rows(side, 0, 1),
        timeline: rows(side, 1, above),
        panel_title: rows(side, above + 1, 1),
        panel: rows(side, above + 2, body.height - above - 2),
        ..areas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: u16, height: u16, zoomed: bool, is_open: bool) -> Areas {
        areas(Rect::new(0, 0, width, height), Wanted { zoomed, is_open, tall: false })
    }

    fn tall(width: u16, height: u16) -> Areas {
        let wanted = Wanted { tall: true, ..Wanted::default() };
        areas(Rect::new(0, 0, width, height), wanted)
    }

    #[test]
    fn a_tall_timeline_has_more_rows_and_does_not_resize_the_program() {
        for (width, height) in [(80, 24), (200, 50), (100, 40)] {
            let (short, tall) = (at(width, height, false, false), tall(width, height));
            assert_eq!(short.size, tall.size);
            assert!(tall.timeline.height >= short.timeline.height * 2, "{width}x{height}");
        }
        assert_eq!(tall(80, 24).timeline.height, 13);
    }

    #[test]
    fn what_opens_does_not_resize_the_program() {
        for (width, height) in [(80, 24), (200, 50), (40, 10), (20, 5)] {
            assert_eq!(at(width, height, false, false).size, at(width, height, false, true).size);
        }
        assert_eq!(at(80, 24, false, false).size, (16, 80));
        assert_eq!(at(80, 24, true, false).size, (22, 80));
    }

    fn fits(all: Areas, width: u16, height: u16) {
        let screen = Rect::new(0, 0, width, height);
        for area in [
            all.status,
            all.pane,
            all.timeline_title,
            all.timeline,
            all.panel_title,
            all.panel,
            all.edge,
            all.keys,
        ] {
            assert_eq!(area.intersection(screen).area(), area.area(), "{screen}");
        }
        assert!(all.size.0 > 0 && all.size.1 > 0, "{screen}");
    }

    #[test]
    fn every_size_can_be_laid_out() {
        for width in (0..250).step_by(7) {
            for height in 0..60 {
                for (zoomed, is_open) in [(false, false), (false, true), (true, true)] {
                    fits(at(width, height, zoomed, is_open), width, height);
                }
                fits(tall(width, height), width, height);
            }
        }
    }
}
