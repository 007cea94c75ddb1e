//! Which charts show a run: Dice over the number of examples, or clicks, and over a hand's seconds; in 3-D the
//! distances as well; and each structure by itself.

use super::plot::{Axis, Chart, Dots, Drawing, Point, Series, figure_of};
use super::results::{Mode, OURS, Settings, prompt_name};
use super::summary::{Row, Summary};
use crate::words;
use imaging::Kind;

/// Styles from this one on are the baselines'.
const BASELINES: usize = 6;

/// All charts of a run as one SVG.
pub fn figure(settings: &Settings, summary: &Summary) -> String {
    let rows = [2, 3].into_iter().flat_map(|dims| of_dims(settings, summary, dims));
    figure_of(&rows.filter(|row: &Vec<Drawing>| !row.is_empty()).collect::<Vec<_>>())
}

fn of_dims(settings: &Settings, summary: &Summary, dims: usize) -> Vec<Vec<Drawing>> {
    let means: Vec<&Row> = summary.means.iter().filter(|row| row.dims == dims).collect();
    if means.is_empty() {
        return Vec::new();
    }
    let structures: Vec<&Row> = summary.structures.iter().filter(|row| row.dims == dims).collect();
    let mut names: Vec<&str> = structures.iter().filter_map(|row| row.task.as_deref()).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    let what = format!("{dims}-D, mean of {}", words::count(names.len(), "structure"));
    let mut rows = vec![vec![by_amount(settings, &means, &what, Figure::Dice), by_seconds(settings, &means, &what)]];
    if dims == 3 {
        rows.push([Figure::SurfaceDice, Figure::Distance].map(|figure| by_amount(settings, &means, &what, figure)).into());
    }
    rows.push(vec![by_structure(settings, &structures, &names, dims)]);
    rows.into_iter().map(|row| row.into_iter().map(Drawn::draw).collect()).collect()
}

/// A chart of either kind.
enum Drawn {
    Chart(Chart),
    Dots(Dots),
}

impl Drawn {
    fn draw(self) -> Drawing {
        match self {
            Self::Chart(chart) => chart.draw(),
            Self::Dots(dots) => dots.draw(),
        }
    }
}

/// What is up the chart.
#[derive(Clone, Copy)]
enum Figure {
    Dice,
    SurfaceDice,
    Distance,
}

impl Figure {
    fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Dice => Some(row.dice),
            Self::SurfaceDice => row.surface_dice_2mm,
            Self::Distance => row.hausdorff95_mm,
        }
    }

    fn axis(self, rows: &[&Row]) -> Axis {
        match self {
            Self::Dice => Axis::unit("Dice"),
            Self::SurfaceDice => Axis::unit("Surface Dice at 2 mm"),
            Self::Distance => Axis::from_zero("95% Hausdorff distance (mm)", rows.iter().filter_map(|row| self.of(row))),
        }
    }
}

fn by_amount(settings: &Settings, means: &[&Row], what: &str, figure: Figure) -> Drawn {
    let (along, title) = match settings.mode {
        Mode::InContext => (Axis::over("Examples", &amounts(means), true), format!("By examples ({what})")),
        Mode::Interactive => (Axis::over("Clicks", &amounts(means), false), format!("By clicks ({what})")),
    };
    let point = |row: &Row| {
        let spread = if let Figure::Dice = figure { row.dice_spread } else { None };
        Some(Point { x: amount(row), y: figure.of(row)?, spread })
    };
    Drawn::Chart(Chart { title, x: along, y: figure.axis(means), series: series(settings, means, point), is_dodged: true })
}

fn by_seconds(settings: &Settings, means: &[&Row], what: &str) -> Drawn {
    let label = match settings.mode {
        Mode::InContext => "Seconds of marking, all examples",
        Mode::Interactive => "Seconds of marking, each image",
    };
    let x = Axis::log(label, means.iter().map(|row| row.annotation_seconds));
    let point = |row: &Row| Some(Point { x: row.annotation_seconds, y: row.dice, spread: row.dice_spread });
    let title = format!("By a hand's time ({what})");
    Drawn::Chart(Chart { title, x, y: Axis::unit("Dice"), series: series(settings, means, point), is_dodged: false })
}

/// One row of dots a structure, with the most examples, or after a few clicks.
fn by_structure(settings: &Settings, structures: &[&Row], names: &[&str], dims: usize) -> Drawn {
    let most = |rows: &[&Row]| rows.iter().map(|row| shown_amount(row)).max().unwrap_or(0);
    let ours: Vec<&Row> = structures.iter().filter(|row| row.method == OURS && shown_amount(row) <= 8).copied().collect();
    let (most_ours, rows) = (most(&ours), structures.iter().copied());
    let is_shown = |row: &&Row| row.method != OURS || shown_amount(row) == most_ours;
    let rows: Vec<&Row> = rows.filter(is_shown).collect();
    let point = |row: &Row| {
        let place = names.iter().position(|name| Some(*name) == row.task.as_deref())?;
        Some(Point { x: row.dice, y: place as f64, spread: row.dice_spread })
    };
    let title = match settings.mode {
        Mode::InContext => format!("Each structure, {most_ours} examples ({dims}-D)"),
        Mode::Interactive => format!("Each structure after {most_ours} clicks ({dims}-D)"),
    };
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Drawn::Dots(Dots { title, x: Axis::unit("Dice"), rows: names, series: series(settings, &rows, point) })
}

fn shown_amount(row: &Row) -> usize {
    row.clicks.unwrap_or(row.contexts)
}

fn amount(row: &Row) -> f64 {
    shown_amount(row) as f64
}

fn amounts(rows: &[&Row]) -> Vec<f64> {
    let mut amounts: Vec<f64> = rows.iter().map(|row| amount(row)).collect();
    amounts.sort_by(f64::total_cmp);
    amounts.dedup();
    amounts
}

/// A series for each kind of mark, and for each baseline.
fn series(settings: &Settings, rows: &[&Row], point: impl Fn(&Row) -> Option<Point>) -> Vec<Series> {
    let mut keys: Vec<(&str, Kind)> = Vec::new();
    for row in rows {
        if !keys.contains(&(row.method.as_str(), row.prompt)) {
            keys.push((&row.method, row.prompt));
        }
    }
    let mut baselines = 0;
    let one = |(method, kind): (&str, Kind)| {
        let points = rows.iter().filter(|row| row.method == method && row.prompt == kind).filter_map(|row| point(row)).collect();
        let style = if method == OURS {
            style(kind)
        } else {
            baselines += 1;
            BASELINES + (baselines - 1) % 2
        };
        Series { name: name(settings, method, kind), style, points }
    };
    keys.into_iter().map(one).collect()
}

fn style(kind: Kind) -> usize {
    match kind {
        Kind::Mask => 0,
        Kind::Box => 1,
        Kind::Doodle => 2,
        Kind::Click => 3,
    }
}

/// What a series is called.
pub fn name(settings: &Settings, method: &str, kind: Kind) -> String {
    let plural = match kind {
        Kind::Mask => "masks",
        Kind::Box => "boxes",
        Kind::Doodle => "doodles",
        Kind::Click => "clicks",
    };
    match (method == OURS, settings.mode) {
        (false, _) => format!("{method}, {plural}"),
        (true, Mode::InContext) => plural.to_owned(),
        (true, Mode::Interactive) if kind == Kind::Click => "clicks alone".to_owned(),
        (true, Mode::Interactive) => format!("{}, then clicks", prompt_name(kind)),
    }
}
