//! A chart of the main measurement: for each size, a bar for each contender with its quartiles.
//!
//! Written by hand: it is rectangles, lines and words, and a plotting library would bring fonts and
//! image formats along.

use std::fmt::Write as _;

use super::report::Report;
use super::sizes::{Figures, SizeReport};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
/// Room for the figures behind the longest bar.
const RIGHT: f64 = 220.0;
const BAR: f64 = 22.0;
const STYLE: &str = "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}.small{font-size:11px;\
                     fill:#666}.hotdev{fill:#d9541e}.other{fill:#9aa7b3}.spread{stroke:#222}";

/// The whole file.
pub fn chart(report: &Report) -> String {
    let mut body = String::new();
    let mut top = 28.0;
    text(&mut body, 16.0, top, "head", "From a save to running code (median, quartiles)");
    for size in &report.sizes {
        top = add_size(&mut body, size, top + 34.0);
    }
    let machine = &report.machine;
    let foot = format!(
        "{}, {}, {} cores, {}, {}",
        machine.date, machine.cpu, machine.cores, machine.rustc, machine.hotdev
    );
    top += 30.0;
    text(&mut body, 16.0, top, "small", &foot);
    let height = top + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws one size from `top` down, and gives where it ends. Each size has a scale of its own.
fn add_size(body: &mut String, size: &SizeReport, top: f64) -> f64 {
    let head = format!("{}: {} lines, {} packages", size.size, size.lines, size.dependencies);
    text(body, 16.0, top, "head", &head);
    let longest = size.contenders.iter().map(|row| row.ms.q3).fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
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
    text(body, 16.0, middle + 4.0, "", row.name);
    let _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{median:.1}\" height=\"{:.1}\"/>",
        y + 3.0,
        BAR - 6.0
    );
    let _ = writeln!(
        body,
        "<line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>",
        LEFT + low,
        LEFT + high
    );
    let mut figures = format!("{:.0} ms", row.ms.median);
    if class == "other" {
        let _ = write!(figures, "; hotdev {:.2} of it", row.hotdev_ratio.median);
    }
    text(body, LEFT + median.max(high) + 6.0, middle + 4.0, "", &figures);
}

fn text(body: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}
