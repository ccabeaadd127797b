//! From a terminal's cells to a picture. anstyle-svg draws text with escape codes; what is added here
//! is that several frames take turns, by CSS alone.

use std::fmt::Write;

use anstyle::RgbColor;
use anstyle_svg::Palette;
use anstyle_svg::Term;

/// Seconds that each frame is shown.
const EACH: usize = 4;

/// Pixels of a character and of a line, and around it all, as anstyle-svg has them.
const CHARACTER: f64 = 8.4;
const LINE: usize = 18;
const PADDING: usize = 10;

/// Colours that are read well by most.
const BACKGROUND: RgbColor = RgbColor(0x16, 0x1b, 0x22);
const FOREGROUND: RgbColor = RgbColor(0xc9, 0xd1, 0xd9);

/// One moment of a terminal: its rows with escape codes for the colours.
#[derive(Debug)]
pub struct Frame {
    rows: Vec<String>,
}

impl Frame {
    /// The cells as they are, below a caption.
    pub fn of(screen: &vt100::Screen, caption: &str) -> Self {
        let (rows, columns) = screen.size();
        let cells = (0..rows.get()).map(|row| line(screen, row, columns.get()));
        let caption = format!("\x1b[1;36m{caption}\x1b[0m");
        Self { rows: [caption, String::new()].into_iter().chain(cells).collect() }
    }
}

/// A row, without the blanks at its end.
fn line(screen: &vt100::Screen, row: u16, columns: u16) -> String {
    let cells = (0..columns).filter_map(|column| screen.cell(row, column));
    let cells: Vec<&vt100::Cell> = cells.filter(|cell| !cell.is_wide_continuation()).collect();
    let shows = |cell: &&vt100::Cell| style(cell) != PLAIN || !matches!(cell.contents(), "" | " ");
    let end = cells.iter().rposition(shows).map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut now = PLAIN.to_owned();
    for cell in &cells[..end] {
        let style = style(cell);
        if style != now {
            text += &style;
            now = style;
        }
        text += if cell.has_contents() { cell.contents() } else { " " };
    }
    text + PLAIN
}

/// No colour and no weight.
const PLAIN: &str = "\x1b[0m";

/// The escape code for how a cell looks.
fn style(cell: &vt100::Cell) -> String {
    let mut codes = vec!["0".to_owned()];
    for (is_set, code) in [
        (cell.bold(), "1"),
        (cell.dim(), "2"),
        (cell.italic(), "3"),
        (cell.underline(), "4"),
        (cell.inverse(), "7"),
    ] {
        codes.extend(is_set.then(|| code.to_owned()));
    }
    for (color, base) in [(cell.fgcolor(), 30), (cell.bgcolor(), 40)] {
        match color {
            vt100::Color::Default => {}
            vt100::Color::Idx(index @ 0..8) => codes.push((base + u16::from(index)).to_string()),
            vt100::Color::Idx(index @ 8..16) => {
                codes.push((base + 52 + u16::from(index)).to_string())
            }
            vt100::Color::Idx(index) => codes.push(format!("{};5;{index}", base + 8)),
            vt100::Color::Rgb(red, green, blue) => {
                codes.push(format!("{};2;{red};{green};{blue}", base + 8));
            }
        }
    }
    format!("\x1b[{}m", codes.join(";"))
}

/// All frames in one SVG. Where nothing moves, the one after the first save is shown.
pub fn picture(frames: &[Frame], (_, columns): (u16, u16)) -> String {
    let rows = frames.iter().map(|frame| frame.rows.len()).max().unwrap_or_default();
    let width = (f64::from(columns) * CHARACTER).ceil() as usize;
    let (all, height) = (width + 2 * PADDING, rows * LINE + 2 * PADDING);
    let seconds = frames.len() * EACH;
    let share = 100.0 / frames.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {all} {height}\" width=\"{all}\" \
         height=\"{height}\" role=\"img\">\n<title>hotdev watch on a running program</title>\n<style>\n\
         @keyframes turn {{ 0% {{ opacity: 1 }} {share:.3}% {{ opacity: 0 }} 100% {{ opacity: 0 }} }}\n\
         .frame {{ opacity: 0; animation: turn {seconds}s step-end infinite }}\n.still {{ opacity: 1 }}\n\
         @media (prefers-reduced-motion: reduce) {{ .frame {{ animation: none }} }}\n</style>\n"
    );
    let term = Term::new()
        .palette(PALETTE)
        .fg_color(FOREGROUND.into())
        .bg_color(BACKGROUND.into())
        .min_width_px(width);
    for (index, frame) in frames.iter().enumerate() {
        let still = if index == 1 { " still" } else { "" };
        // Each has begun before the picture is shown, so that none is seen before its turn.
        let delay = index * EACH;
        let begun = seconds - delay;
        let text = frame.rows.join("\n");
        let _ = writeln!(
            svg,
            "<g class=\"frame{still}\" style=\"animation-delay: -{begun}s\">\n{}</g>",
            term.render_svg(&text)
        );
    }
    svg + "</svg>\n"
}

/// The 16 colours, all to be read on the background.
const PALETTE: Palette = Palette([
    RgbColor(0x48, 0x4f, 0x58),
    RgbColor(0xf4, 0x70, 0x67),
    RgbColor(0x57, 0xab, 0x5a),
    RgbColor(0xd9, 0xa5, 0x32),
    RgbColor(0x53, 0x9b, 0xf5),
    RgbColor(0xb0, 0x83, 0xf0),
    RgbColor(0x39, 0xc5, 0xcf),
    FOREGROUND,
    RgbColor(0x6e, 0x76, 0x81),
    RgbColor(0xff, 0x93, 0x8a),
    RgbColor(0x6b, 0xc4, 0x6d),
    RgbColor(0xf0, 0xc0, 0x5a),
    RgbColor(0x6c, 0xb6, 0xff),
    RgbColor(0xdc, 0xbd, 0xfb),
    RgbColor(0x76, 0xe3, 0xea),
    RgbColor(0xff, 0xff, 0xff),
]);
