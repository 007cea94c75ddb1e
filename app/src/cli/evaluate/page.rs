//! The report as one HTML page that needs nothing beside it: charts, tables, pictures, and how it was measured.

use super::charts::{figure, name};
use super::compare::Comparison;
use super::pictures::{COLOURS, Picture};
use super::plot::escaped;
use super::results::{Mode, Results, prompt_name};
use super::summary::{Effort, Row};
use crate::words::count;
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,'DejaVu Sans',Arial,sans-serif;color:#222;max-width:1120px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{margin-top:2em;border-bottom:1px solid #ccc}h3{margin:1.4em 0 .3em}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td{white-space:nowrap}th,td{padding:.25em .7em;text-align:right;border-bottom:1px solid #e4e4e4}
th{background:#f5f5f5}th:first-child,td:first-child,td.words{text-align:left}svg{max-width:100%;height:auto}
.pictures{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0}figcaption{font-size:.85em;max-width:300px;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.faint{color:#666}";

/// The pictures of one structure.
pub struct Album {
    /// The task's name.
    pub task: String,
    /// In the order shown.
    pub pictures: Vec<Picture>,
}

/// The whole page.
pub fn page(results: &Results, albums: &[Album]) -> String {
    let mut body = String::new();
    head(&mut body, results);
    let _ = write!(body, r#"<div class="scroll">{}</div>"#, figure(&results.settings, &results.summary));
    section(&mut body, "Means over structures", &table(results, &results.summary.means, false));
    if !results.summary.comparisons.is_empty() {
        section(&mut body, "Beside other methods, on the same cases", &comparisons(results));
    }
    if !results.summary.efforts.is_empty() {
        section(&mut body, "Clicks to a Dice of 0.85", &efforts(results));
    }
    pictures(&mut body, results, albums);
    section(&mut body, "Each structure", &table(results, &results.summary.structures, true));
    section(&mut body, "How it was measured", &method(results));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Exemplar: evaluation of {}</title><style>{STYLE}</style></head>\n<body>{body}</body></html>\n",
        escaped(&results.data.display().to_string())
    )
}

fn section(body: &mut String, title: &str, content: &str) {
    let _ = writeln!(body, "<h2>{title}</h2>\n{content}");
}

fn head(body: &mut String, results: &Results) {
    let mode = match results.settings.mode {
        Mode::InContext => "a structure is marked on some cases and found in others",
        Mode::Interactive => "each case is marked itself and corrected click by click",
    };
    let is_told = |task: &str| results.tasks.iter().any(|planned| planned.name == task);
    let guesses = results.records.iter().filter(|record| is_told(&record.task)).count();
    let sets: std::collections::BTreeSet<&str> = results.tasks.iter().map(|task| task.set.as_str()).collect();
    let _ = writeln!(
        body,
        "<h1>How well Exemplar segments</h1><p>{}: {mode}. {} of {}, {guesses} guesses. Research use only: not a medical device.</p>",
        escaped(&results.data.display().to_string()),
        count(results.tasks.len(), "structure"),
        count(sets.len(), "set"),
    );
    if !results.remarks.is_empty() {
        let remarks: String = results.remarks.iter().map(|remark| format!("<li>{}</li>", escaped(remark))).collect();
        let _ = writeln!(body, "<p>Not everything could be measured:</p><ul>{remarks}</ul>");
    }
}

/// A table of rows; columns without a figure are left out.
fn table(results: &Results, rows: &[Row], by_structure: bool) -> String {
    let is_interactive = results.settings.mode == Mode::Interactive;
    let has = |value: fn(&Row) -> Option<f64>| rows.iter().any(|row| value(row).is_some());
    let two = |value: f64| format!("{value:.2}");
    let three = |value: f64| format!("{value:.3}");
    let share = |value: f64| format!("{:.0} %", value * 100.0);
    type Column<'a> = (&'a str, Box<dyn Fn(&Row) -> String + 'a>);
    fn cell<'a>(value: fn(&Row) -> Option<f64>, text: impl Fn(f64) -> String + 'a) -> Box<dyn Fn(&Row) -> String + 'a> {
        Box::new(move |row| value(row).map_or_else(String::new, &text))
    }
    let mut columns: Vec<Column<'_>> = Vec::new();
    if by_structure {
        columns.push(("Structure", Box::new(|row| escaped(row.task.as_deref().unwrap_or_default()))));
    }
    columns.push(("Marks", Box::new(|row| escaped(&name(&results.settings, &row.method, row.prompt)))));
    columns.push(("", Box::new(|row| format!("{}-D", row.dims))));
    if is_interactive {
        columns.push(("Clicks", Box::new(|row| row.clicks.map_or_else(String::new, |clicks| clicks.to_string()))));
    } else {
        columns.push(("Examples", Box::new(|row| row.contexts.to_string())));
    }
    columns.push(("Dice", cell(|row| Some(row.dice), three)));
    for (title, value) in [
        ("± over repeats", (|row| row.dice_spread) as fn(&Row) -> Option<f64>),
        ("Dice, mean of sets", |row| row.dice_over_sets),
        ("Median", |row| Some(row.dice_median)),
        ("Worst", |row| Some(row.dice_worst)),
    ] {
        if has(value) {
            columns.push((title, cell(value, three)));
        }
    }
    for (title, value, text) in [
        ("95% Hausdorff, mm", (|row| row.hausdorff95_mm) as fn(&Row) -> Option<f64>, &two as &dyn Fn(f64) -> String),
        ("Nothing found", |row| row.missed, &share),
        ("Surface Dice, 2 mm", |row| row.surface_dice_2mm, &three),
        ("Uncertainty with error", |row| row.uncertainty_correlation, &two),
        ("Marking, s", |row| Some(row.annotation_seconds), &(|value| format!("{value:.0}"))),
        ("Machine, s a guess", |row| Some(row.seconds), &two),
        ("Structures", |row| row.structures.map(|count| count as f64), &(|value| format!("{value:.0}"))),
        ("Guesses", |row| Some(row.guesses as f64), &(|value| format!("{value:.0}"))),
    ] {
        if has(value) {
            columns.push((title, cell(value, text)));
        }
    }
    let heads: String = columns.iter().map(|(title, _)| format!("<th>{title}</th>")).collect();
    let line = |row: &Row| {
        let words = |title: &str| if title == "Marks" { " class=\"words\"" } else { "" };
        let cells: String = columns.iter().map(|(title, cell)| format!("<td{}>{}</td>", words(title), cell(row))).collect();
        format!("<tr>{cells}</tr>")
    };
    let lines: String = rows.iter().map(line).collect();
    format!(r#"<div class="scroll"><table><tr>{heads}</tr>{lines}</table></div>"#)
}

/// Each other method beside ours, structure by structure.
fn comparisons(results: &Results) -> String {
    let share = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let line = |comparison: &Comparison| {
        let Comparison { method, task, dims, contexts, prompt, guesses, theirs, ours } = comparison;
        let what = task.as_deref().map_or_else(|| "mean of structures".to_owned(), escaped);
        let words = [escaped(method), name(&results.settings, super::results::OURS, *prompt)];
        let [method, marks] = words;
        let quicker = theirs.seconds / ours.seconds.max(0.005);
        format!(
            r#"<tr><td>{what}</td><td>{dims}-D</td><td>{contexts}</td><td class="words">{method}, masks</td><td class="words">{marks}</td><td>{:.3}</td><td><b>{:.3}</b></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{:.2}</td><td>{quicker:.0}</td><td>{guesses}</td></tr>"#,
            theirs.dice,
            ours.dice,
            share(theirs.dice_over_sets),
            share(ours.dice_over_sets),
            share(theirs.surface_dice_2mm),
            share(ours.surface_dice_2mm),
            theirs.seconds,
            ours.seconds,
        )
    };
    let lines: String = results.summary.comparisons.iter().map(line).collect();
    let heads = [
        "Structure",
        "",
        "Examples",
        "Method",
        "Our marks",
        "Its Dice",
        "Our Dice",
        "Its, of sets",
        "Ours, of sets",
        "Its surface Dice",
        "Our surface Dice",
        "Its s a guess",
        "Our s a guess",
        "Times quicker",
        "Guesses",
    ];
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!(
        r#"<p>Figures of both over the guesses that both made: the same examples, the same cases.</p><div class="scroll"><table><tr>{heads}</tr>{lines}</table></div>"#
    )
}

fn efforts(results: &Results) -> String {
    let line = |effort: &Effort| {
        let what = effort.task.as_deref().map_or_else(|| "mean of structures".to_owned(), escaped);
        format!(
            r#"<tr><td>{what}</td><td>{}-D</td><td class="words">{}</td><td>{:.1}</td><td>{:.0} %</td></tr>"#,
            effort.dims,
            prompt_name(effort.prompt),
            effort.clicks_to_85,
            effort.reached * 100.0
        )
    };
    let lines: String = results.summary.efforts.iter().map(line).collect();
    format!(
        "<p>Clicks after the first mark (a first click counts). A case that never reaches it counts with the {} clicks that were tried.</p><table><tr><th>Structure</th><th></th><th>First mark</th><th>Clicks</th><th>Reached</th></tr>{lines}</table>",
        results.settings.clicks
    )
}

fn pictures(body: &mut String, results: &Results, albums: &[Album]) {
    if albums.is_empty() {
        return;
    }
    let kind = results.settings.prompts.first().copied().map_or("mark", prompt_name);
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let how = match results.settings.mode {
        Mode::InContext => format!("the most examples, marked with a {kind}, in the first repeat"),
        Mode::Interactive => format!("a {kind} first and {} clicks at most, in the first repeat", results.settings.clicks),
    };
    let mut content = format!(
        "<p>Each with {how}. What was found is filled (<b style=\"color:{}\">■</b>), the reference outlined (<b style=\"color:{}\">■</b>); marks for the structure are yellow, marks against it pink. Shown is the slice with the most of the structure or of the marks, the patient's right on the left.</p>",
        hex(COLOURS[0]),
        hex(COLOURS[1])
    );
    for album in albums {
        let _ = write!(content, r#"<h3>{}</h3><div class="pictures">"#, escaped(&album.task));
        for Picture { caption, png } in &album.pictures {
            let caption = escaped(caption);
            let _ = write!(
                content,
                r#"<figure><img src="data:image/png;base64,{png}" alt="{caption}"><figcaption>{caption}</figcaption></figure>"#
            );
        }
        content += "</div>";
    }
    section(body, "Best, median and worst case", &content);
}

fn method(results: &Results) -> String {
    let Results { settings, machine, .. } = results;
    let nets: Vec<String> = results
        .nets
        .iter()
        .map(|net| format!("{} ({}-D, SHA-256 {})", net.name, net.dims, &net.sha256[..net.sha256.len().min(12)]))
        .collect();
    let load = machine.load.map_or_else(String::new, |load| {
        format!("; {load:.1} other processes were at work when it began, so that the seconds are too long where that is not 0")
    });
    let lines = [
        format!("{}; {}.", results.program, nets.join("; ")),
        format!("Computed on {}, {}{load}.", machine.device, count(machine.cores, "processor")),
        format!(
            "Seed {}; {}, each with other examples and other marks; at most {} of a structure; a structure is measured if at least {} show it.",
            settings.seed,
            count(settings.repeats, "repeat"),
            count(settings.targets, "target"),
            count(settings.least_cases, "case"),
        ),
        format!(
            "Marks are simulated on the image's own grid. In a volume weak marks lie on {}: boxes around each piece, each side off by about a twentieth; a click in the structure and one outside; a doodle in each of up to three pieces. A flat image gets three clicks in the structure and two outside. A correction falls in the middle of the largest error.",
            count(settings.slices, "slice")
        ),
        "Seconds of marking by the rates of WS-ICL: 5 a click, 10 a box, 80 a mask of a flat image, 1600 a mask of a volume; a doodle is counted as a box.".to_owned(),
        "Dice, 95% Hausdorff distance (mm, between surface voxels' centres) and surface Dice at 2 mm on the image's own grid. Two empty masks agree (Dice 1); where nothing was found there is no distance, and its share is told. ± is the standard deviation over repeats.".to_owned(),
    ];
    let lines: String = lines.iter().map(|line| format!("<li>{}</li>", escaped(line))).collect();
    format!("<ul>{lines}</ul>")
}
