//! One size: a bar for each contender.

use std::fmt::Write as _;

use super::{LEFT, WIDTH, text};
use crate::bench::sizes::{Figures, SizeReport};

/// Where bars begin, behind the names.
const NAMES: f64 = 150.0;
/// Room for the figures behind the longest bar.
const RIGHT: f64 = 220.0;
const BAR: f64 = 22.0;

/// Draws one size from `top` down, and gives where it ends. Each size has a scale of its own.
pub fn add(body: &mut String, size: &SizeReport, top: f64) -> f64 {
    let head = format!("{}: {} lines, {} packages", size.size, size.lines, size.dependencies);
    text(body, LEFT, top, "head", &head);
    let longest = size.contenders.iter().map(|row| row.ms.q3).fold(1.0, f64::max);
    let scale = (WIDTH - NAMES - RIGHT) / longest;
    let mut y = top + 10.0;
    for row in &size.contenders {
        add_bar(body, row, y, scale);
        y += BAR;
    }
    y
}

fn add_bar(body: &mut String, row: &Figures, y: f64, scale: f64) {
    let class = if row.name == "hotdev" { "hotdev" } else { "other" };
    let middle = y + BAR / 2.0;
    let (low, median, high) = (row.ms.q1 * scale, row.ms.median * scale, row.ms.q3 * scale);
    text(body, LEFT, middle + 4.0, "", row.name);
    let _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{median:.1}\" height=\"{:.1}\"/>",
        y + 3.0,
        BAR - 6.0
    );
    let _ = writeln!(
        body,
        "<line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>",
        NAMES + low,
        NAMES + high
    );
    let mut figures = format!("{:.0} ms", row.ms.median);
    if class == "other" {
        let _ = write!(figures, "; hotdev {:.2} of it", row.hotdev_ratio.median);
    }
    text(body, NAMES + median.max(high) + 6.0, middle + 4.0, "", &figures);
}
