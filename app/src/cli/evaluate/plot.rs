//! Charts as SVG: lines with spreads over an axis, and dots in rows. Owns how they look, not what they show.
//!
//! Colours are Okabe and Ito's, told apart by the colour-blind; each series has its own marker and dash as well.

use std::fmt::Write as _;

const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"];
const DASHES: [&str; 4] = ["", "7 3", "2 3", "8 3 2 3"];
const INK: &str = "#222222";
const FAINT: &str = "#dddddd";
const FONT: &str = "system-ui, 'DejaVu Sans', Arial, sans-serif";
/// Room around a chart's field: left, top, right, bottom.
const ROOM: [f64; 4] = [62.0, 44.0, 16.0, 52.0];
const LEGEND_LINE: f64 = 18.0;
/// Size of a chart with its room, without its legend.
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 330.0;
const ROW: f64 = 20.0;
const GAP: f64 = 18.0;
/// Pixels between series that stand side by side.
const DODGE: f64 = 5.0;

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is along it, with its unit.
    pub label: String,
    /// Least and greatest value shown.
    pub range: [f64; 2],
    /// Where it is labelled.
    pub ticks: Vec<f64>,
    /// Whether equal ratios are equal lengths.
    pub is_log: bool,
}

/// A point and how far it spreads up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Along.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// One standard deviation.
    pub spread: Option<f64>,
}

/// Points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Which colour, marker and dash.
    pub style: usize,
    /// In the order in which a line joins them.
    pub points: Vec<Point>,
}

/// A field with two axes.
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Along.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// What is drawn in it.
    pub series: Vec<Series>,
    /// Whether the series stand side by side where they have one place along.
    pub is_dodged: bool,
}

/// Rows of dots along one axis: one row a structure.
pub struct Dots {
    /// What it shows.
    pub title: String,
    /// Along.
    pub x: Axis,
    /// Names of the rows, from the top.
    pub rows: Vec<String>,
    /// What is drawn: of each series, `y` is a row's place.
    pub series: Vec<Series>,
}

/// Something drawn, and its size.
pub struct Drawing {
    /// SVG elements with their origin at the top left.
    pub body: String,
    /// Width and height.
    pub size: [f64; 2],
}

impl Axis {
    /// From 0 to 1, as Dice is.
    pub fn unit(label: &str) -> Self {
        let ticks = (0..=5).map(|tick| f64::from(tick) / 5.0).collect();
        Self { label: label.to_owned(), range: [0.0, 1.0], ticks, is_log: false }
    }

    /// From 0 to a round number above some values.
    pub fn from_zero(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(0.0, f64::max).max(1e-9);
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|n| n * 10_f64.powf((most / 5.0).log10().floor()));
        let step = step.into_iter().find(|step| step * 5.0 >= most).unwrap_or(most);
        let count = (most / step - 1e-9).ceil().max(1.0) as usize;
        let ticks: Vec<f64> = (0..=count).map(|tick| tick as f64 * step).collect();
        Self { label: label.to_owned(), range: [0.0, count as f64 * step], ticks, is_log: false }
    }

    /// Over given values, each labelled, in steps of equal length where they double.
    pub fn over(label: &str, values: &[f64], is_log: bool) -> Self {
        let (low, high) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
        let range = if is_log { [low / 1.25, high * 1.25] } else { [low - 0.4, high + 0.4] };
        Self { label: label.to_owned(), range, ticks: values.to_vec(), is_log }
    }

    /// Powers of ten around some values, each with its double and quintuple where they are few.
    pub fn log(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low.max(1e-3) / 1.3, high.max(1e-3) * 1.3) };
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let few = decades.clone().count() <= 5;
        let parts = if few { &[1.0, 2.0, 5.0][..] } else { &[1.0][..] };
        let all = decades.flat_map(|decade| parts.iter().map(move |part| part * 10_f64.powi(decade)));
        let ticks = all.filter(|tick| (low..=high).contains(tick)).collect();
        Self { label: label.to_owned(), range: [low, high], ticks, is_log: true }
    }

    /// Where a value lies, as a share of the axis.
    fn share(&self, value: f64) -> f64 {
        let at = |v: f64| if self.is_log { v.max(1e-9).log10() } else { v };
        let [low, high] = self.range.map(at);
        ((at(value) - low) / (high - low).max(1e-12)).clamp(0.0, 1.0)
    }
}

impl Chart {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let field = [WIDTH - ROOM[0] - ROOM[2], HEIGHT - ROOM[1] - ROOM[3]];
        let place =
            |point: [f64; 2]| [ROOM[0] + self.x.share(point[0]) * field[0], ROOM[1] + (1.0 - self.y.share(point[1])) * field[1]];
        let mut body = frame(&self.title, &self.x, WIDTH, ROOM[0], field);
        for tick in &self.y.ticks {
            let y = place([self.x.range[0], *tick])[1];
            line(&mut body, [ROOM[0], y], [ROOM[0] + field[0], y], FAINT, 1.0, "");
            text(&mut body, [ROOM[0] - 7.0, y + 4.0], &figure(*tick), "end", 12.0);
        }
        let (x, y) = (16.0, ROOM[1] + field[1] / 2.0);
        let label = escaped(&self.y.label);
        let _ = write!(
            body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="13" text-anchor="middle" fill="{INK}" transform="rotate(-90 {x:.1} {y:.1})">{label}</text>"#
        );
        for (number, series) in self.series.iter().enumerate() {
            let aside = if self.is_dodged { (number as f64 - (self.series.len() as f64 - 1.0) / 2.0) * DODGE } else { 0.0 };
            let place = |point: [f64; 2]| [place(point)[0] + aside, place(point)[1]];
            for pair in series.points.windows(2) {
                let [a, b] = [pair[0], pair[1]].map(|point| place([point.x, point.y]));
                line(&mut body, a, b, colour(series.style), 2.0, DASHES[series.style % DASHES.len()]);
            }
            for point in &series.points {
                if let Some(spread) = point.spread.filter(|spread| *spread > 0.0) {
                    let [low, high] = [point.y - spread, point.y + spread].map(|y| place([point.x, y]));
                    line(&mut body, low, high, colour(series.style), 1.2, "");
                    for end in [low, high] {
                        line(&mut body, [end[0] - 3.0, end[1]], [end[0] + 3.0, end[1]], colour(series.style), 1.2, "");
                    }
                }
                marker(&mut body, place([point.x, point.y]), series.style);
            }
        }
        let height = legend(&mut body, &self.series, [ROOM[0], HEIGHT], WIDTH);
        Drawing { body, size: [WIDTH, HEIGHT + height] }
    }
}

impl Dots {
    /// Draws them.
    pub fn draw(&self) -> Drawing {
        let longest = self.rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        let left = (longest as f64 * 6.6 + 16.0).clamp(ROOM[0], 330.0);
        let width = left + 380.0 + ROOM[2];
        let field = [width - left - ROOM[2], self.rows.len() as f64 * ROW];
        let place = |x: f64, row: f64| [left + self.x.share(x) * field[0], ROOM[1] + (row + 0.5) * ROW];
        let mut body = frame(&self.title, &self.x, width, left, field);
        for (row, name) in self.rows.iter().enumerate() {
            let [_, y] = place(0.0, row as f64);
            line(&mut body, [left, y], [left + field[0], y], FAINT, 1.0, "");
            text(&mut body, [left - 7.0, y + 4.0], name, "end", 12.0);
        }
        for series in &self.series {
            for point in &series.points {
                let at = place(point.x, point.y);
                if let Some(spread) = point.spread.filter(|spread| *spread > 0.0) {
                    let [low, high] = [point.x - spread, point.x + spread].map(|x| place(x, point.y));
                    line(&mut body, low, high, colour(series.style), 1.2, "");
                }
                marker(&mut body, at, series.style);
            }
        }
        let bottom = ROOM[1] + field[1] + ROOM[3];
        let height = legend(&mut body, &self.series, [left, bottom], width);
        Drawing { body, size: [width, bottom + height] }
    }
}

/// Title, the axis along with its ticks, and the field's edge.
fn frame(title: &str, x: &Axis, width: f64, left: f64, field: [f64; 2]) -> String {
    let mut body = String::new();
    let bottom = ROOM[1] + field[1];
    let title = escaped(title);
    let _ = write!(
        body,
        r#"<text x="{:.1}" y="22" font-size="14.5" font-weight="600" text-anchor="middle" fill="{INK}">{title}</text>"#,
        (left + width - ROOM[2]) / 2.0
    );
    for tick in &x.ticks {
        let at = left + x.share(*tick) * field[0];
        line(&mut body, [at, ROOM[1]], [at, bottom], FAINT, 1.0, "");
        text(&mut body, [at, bottom + 17.0], &figure(*tick), "middle", 12.0);
    }
    text(&mut body, [left + field[0] / 2.0, bottom + 38.0], &x.label, "middle", 13.0);
    let _ = write!(
        body,
        r##"<rect x="{left:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="none" stroke="#888888"/>"##,
        ROOM[1], field[0], field[1]
    );
    body
}

/// Names of the series in as many lines as they need; tells the height that they take.
fn legend(body: &mut String, series: &[Series], [left, top]: [f64; 2], width: f64) -> f64 {
    let (mut x, mut y) = (left, top + 8.0);
    for series in series {
        let length = 26.0 + series.name.chars().count() as f64 * 6.9 + 18.0;
        if x > left && x + length > width {
            (x, y) = (left, y + LEGEND_LINE);
        }
        line(body, [x, y], [x + 20.0, y], colour(series.style), 2.0, DASHES[series.style % DASHES.len()]);
        marker(body, [x + 10.0, y], series.style);
        text(body, [x + 26.0, y + 4.0], &series.name, "start", 12.0);
        x += length;
    }
    y + LEGEND_LINE - top
}

/// Drawings in rows, as one file.
pub fn figure_of(rows: &[Vec<Drawing>]) -> String {
    let width = rows.iter().map(|row| row.iter().map(|drawing| drawing.size[0] + GAP).sum::<f64>()).fold(GAP, f64::max);
    let (mut body, mut top) = (String::new(), GAP);
    for row in rows {
        let mut left = 0.0;
        for drawing in row {
            let _ = write!(body, r#"<g transform="translate({left:.1} {top:.1})">{}</g>"#, drawing.body);
            left += drawing.size[0] + GAP;
        }
        top += row.iter().map(|drawing| drawing.size[1]).fold(0.0, f64::max) + GAP;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{top:.0}" viewBox="0 0 {width:.0} {top:.0}" font-family="{FONT}"><rect width="100%" height="100%" fill="#ffffff"/>{body}</svg>"##
    ) + "\n"
}

fn colour(style: usize) -> &'static str {
    COLOURS[style % COLOURS.len()]
}

fn line(body: &mut String, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: &str, width: f64, dash: &str) {
    let dash = if dash.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dash}""#) };
    let _ = write!(
        body,
        r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="{width}"{dash}/>"#
    );
}

fn text(body: &mut String, [x, y]: [f64; 2], words: &str, anchor: &str, size: f64) {
    let words = escaped(words);
    let _ = write!(body, r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{INK}">{words}</text>"#);
}

/// A disc, a square, a triangle, a diamond, and the same hollow.
fn marker(body: &mut String, [x, y]: [f64; 2], style: usize) {
    let paint = colour(style);
    let fill = if style % 8 < 4 { paint } else { "#ffffff" };
    let path = match style % 4 {
        0 => {
            let _ =
                write!(body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="4.2" fill="{fill}" stroke="{paint}" stroke-width="1.6"/>"#);
            return;
        }
        1 => [(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)].to_vec(),
        2 => [(0.0, -5.0), (4.8, 4.0), (-4.8, 4.0)].to_vec(),
        _ => [(0.0, -5.4), (5.4, 0.0), (0.0, 5.4), (-5.4, 0.0)].to_vec(),
    };
    let points: Vec<String> = path.into_iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx, y + dy)).collect();
    let _ = write!(body, r#"<polygon points="{}" fill="{fill}" stroke="{paint}" stroke-width="1.6"/>"#, points.join(" "));
}

/// A number without needless digits.
pub fn figure(value: f64) -> String {
    let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Text as XML and HTML may hold it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_the_axis_says() {
        let unit = Axis::unit("Dice");
        assert_eq!((unit.share(0.0), unit.share(0.25), unit.share(2.0)), (0.0, 0.25, 1.0));
        let doubling = Axis { range: [1.0, 16.0], ..Axis::over("K", &[1.0, 2.0, 4.0, 8.0], true) };
        assert!((doubling.share(4.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        assert_eq!(Axis::from_zero("mm", [3.0, 11.7].into_iter()).ticks, [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]);
        assert_eq!(Axis::log("s", [9.0, 300.0].into_iter()).ticks, [10.0, 20.0, 50.0, 100.0, 200.0]);
        assert!(Axis::log("s", std::iter::empty()).ticks.len() > 1);
    }

    #[test]
    fn a_chart_says_what_it_shows_and_is_sound_xml() {
        let point = |x, y| Point { x, y, spread: Some(0.05) };
        let series = Series { name: "box <5>".to_owned(), style: 1, points: vec![point(1.0, 0.4), point(8.0, 0.7)] };
        let x = Axis::over("Examples", &[1.0, 8.0], true);
        let chart = Chart {
            title: "A & B".to_owned(),
            x: x.clone(),
            y: Axis::unit("Dice"),
            series: vec![series.clone()],
            is_dodged: true,
        };
        let dots = Dots { title: "Rows".to_owned(), x: Axis::unit("Dice"), rows: vec!["liver".to_owned()], series: vec![series] };
        let svg = figure_of(&[vec![chart.draw()], vec![dots.draw()]]);
        for said in ["A &amp; B", "box &lt;5&gt;", "Examples", "Dice", "liver"] {
            assert!(svg.contains(said), "{said}");
        }
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert_eq!(svg.matches("<text ").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.2, 1.0, 12.5, 1600.0, 0.0].map(figure), ["0.2", "1", "12.5", "1600", "0"]);
    }
}
