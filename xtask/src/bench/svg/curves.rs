//! How the time grows: a panel for each thing that it may grow with, two beside each other.
//!
//! Points are set apart evenly, as their counts are far from each other. Each panel has a scale of its
//! own that begins at 0, so that what is flat is level.

use std::fmt::Write as _;

use super::{LEFT, WIDTH, text};
use crate::bench::growth::{Growth, Point};

const PANEL: f64 = WIDTH / 2.0;
/// From one row of panels to the next, and how much of it the lines have.
const ROW: f64 = 150.0;
const HEIGHT: f64 = 80.0;
/// Room on the right, for the last figures.
const RIGHT: f64 = 110.0;

/// Draws all panels from `top` down, and gives where they end.
pub fn add(body: &mut String, growth: &Growth, top: f64) -> f64 {
    text(
        body,
        LEFT,
        top,
        "head",
        "How it grows (median ms; behind it the ratio to the first point)",
    );
    let mut end = top;
    let curves = growth.curves().into_iter().filter(|(_, points)| !points.is_empty());
    for (at, (name, points)) in curves.enumerate() {
        let (left, row) = (LEFT + PANEL * (at % 2) as f64, (at / 2) as f64);
        end = top + 16.0 + ROW * (row + 1.0);
        add_panel(body, name, points, left, end - ROW);
    }
    end
}

fn add_panel(body: &mut String, name: &str, points: &[Point], left: f64, top: f64) {
    text(body, left, top + 14.0, "small", name);
    let floor = top + 24.0 + HEIGHT;
    let highest = points.iter().flat_map(|point| [point.hotdev.median, point.rustc.median]);
    let scale = HEIGHT / highest.fold(1.0, f64::max);
    let step = (PANEL - RIGHT - LEFT) / (points.len().max(2) - 1) as f64;
    let x = |at: usize| left + step * at as f64;
    let _ = writeln!(
        body,
        "<line class=\"axis\" x1=\"{left}\" x2=\"{:.1}\" y1=\"{floor:.1}\" y2=\"{floor:.1}\"/>",
        x(points.len() - 1)
    );
    for (at, point) in points.iter().enumerate() {
        text(body, x(at), floor + 16.0, "small", &point.count.to_string());
    }
    let lines = [("other", "rustc"), ("hotdev", "hotdev")];
    let mut ends = Vec::new();
    for (class, who) in lines {
        let of = |point: &Point| match class {
            "hotdev" => (point.hotdev.median, point.hotdev_ratio.median),
            _ => (point.rustc.median, point.rustc_ratio.median),
        };
        let y = |point: &Point| floor - of(point).0 * scale;
        let places =
            points.iter().enumerate().map(|(at, point)| format!("{:.1},{:.1} ", x(at), y(point)));
        let _ = writeln!(
            body,
            "<polyline class=\"line {class}\" points=\"{}\"/>",
            places.collect::<String>().trim_end()
        );
        if let Some(last) = points.last() {
            let (ms, ratio) = of(last);
            ends.push((y(last), format!("{who} {ms:.0} ({ratio:.2})")));
        }
    }
    add_ends(body, x(points.len() - 1) + 6.0, &mut ends);
}

/// Writes what stands at the ends of lines, apart enough to be read.
fn add_ends(body: &mut String, x: f64, ends: &mut [(f64, String)]) {
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut least = f64::MIN;
    for (y, figures) in ends {
        let place = (*y + 4.0).max(least);
        text(body, x, place, "small", figures);
        least = place + 13.0;
    }
}
