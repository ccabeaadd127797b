//! A chart: for each size, a bar for each contender with its quartiles; and how the time grows.
//!
//! Written by hand: it is rectangles, lines and words, and a plotting library would bring fonts and
//! image formats along.

mod bars;
mod curves;

use std::fmt::Write as _;

use super::report::Report;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 16.0;
const STYLE: &str = "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}.small{font-size:11px;\
                     fill:#666}.hotdev{fill:#d9541e}.other{fill:#9aa7b3}.spread{stroke:#222}\
                     .line{fill:none;stroke-width:2}.line.hotdev{stroke:#d9541e}\
                     .line.other{stroke:#9aa7b3}.axis{stroke:#ccc}";

/// The whole file.
pub fn chart(report: &Report) -> String {
    let mut body = String::new();
    let mut top = 28.0;
    text(&mut body, LEFT, top, "head", "From a save to running code (median, quartiles)");
    for size in &report.sizes {
        top = bars::add(&mut body, size, top + 34.0);
    }
    if let Some(growth) = &report.growth {
        top = curves::add(&mut body, growth, top + 34.0);
    }
    let machine = &report.machine;
    let foot = format!(
        "{}, {}, {} cores, {}, {}",
        machine.date, machine.cpu, machine.cores, machine.rustc, machine.hotdev
    );
    top += 30.0;
    text(&mut body, LEFT, top, "small", &foot);
    let height = top + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

fn text(body: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}
