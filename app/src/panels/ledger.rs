//! The ledger as a page: how far the review is, what a mask took, and what it would have taken by hand.

use super::Desk;
use crate::command::Command;
use crate::session::{Session, Status};
use crate::words;
use egui::{Align2, Color32, Context, Grid, Pos2, Rect, RichText, Sense, Stroke, Ui, Window, pos2, vec2};
use imaging::Project;
use imaging::ledger::{Line, What, by_hand};

/// What the ledger comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// Masks that were accepted, and lines about them that count.
    pub masks: usize,
    /// Seconds spent in all, rejected and reopened ones too.
    pub seconds: f64,
    /// Presses in all.
    pub clicks: u32,
    /// Seconds that these masks would have taken by hand.
    pub by_hand: f64,
    /// Median seconds of a mask that was looked at by itself.
    pub median: Option<f64>,
    /// After each accepted mask: seconds spent, and seconds by hand.
    pub course: Vec<[f64; 2]>,
}

/// Adds a ledger up; a place that was accepted more than once is one mask.
#[must_use]
pub fn sum<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Sum {
    let mut sum = Sum::default();
    let (mut places, mut alone) = (std::collections::HashSet::new(), Vec::new());
    for line in lines {
        sum.seconds += line.seconds;
        sum.clicks += line.clicks;
        if line.what == What::Accepted {
            if places.insert((line.case_id, line.structure_id)) {
                sum.masks += 1;
                sum.by_hand += line.by_hand_secs();
            }
            if !line.in_bulk {
                alone.push(line.seconds);
            }
            sum.course.push([sum.seconds, sum.by_hand]);
        }
    }
    alone.sort_by(f64::total_cmp);
    sum.median = (!alone.is_empty()).then(|| alone[alone.len() / 2]);
    sum
}

/// Draws the window.
pub fn ledger_ui(ctx: &Context, desk: &mut Desk<'_>, open: &mut bool) {
    if !*open {
        return;
    }
    Window::new("Ledger").open(open).collapsible(false).anchor(Align2::CENTER_CENTER, [0.0, 0.0]).show(ctx, |ui| {
        ui.set_width(600.0);
        progress_ui(ui, desk.project, desk.session);
        ui.separator();
        let lines = &desk.session.ledger;
        if lines.is_empty() {
            ui.weak("Nothing was reviewed yet: each review writes a line here, with the seconds and presses that it took.");
        } else {
            sum_ui(ui, &sum(lines), lines);
        }
        ui.separator();
        ui.horizontal(|ui| {
            ui.label(format!("Lines are written as {}.", desk.session.prefs.reader));
            if ui.button("Change the name…").clicked() {
                desk.order(Command::ToggleSettings);
            }
            if ui.add_enabled(!lines.is_empty(), egui::Button::new("Export as CSV…")).clicked() {
                desk.order(Command::ExportLedgerDialog);
            }
        });
    });
}

fn progress_ui(ui: &mut Ui, project: &Project, session: &Session) {
    Grid::new("progress").num_columns(6).spacing([18.0, 4.0]).striped(true).show(ui, |ui| {
        for head in ["structure", "accepted", "absent", "to review", "rejected", "left"] {
            ui.label(RichText::new(head).small().strong());
        }
        ui.end_row();
        for structure in &project.structures {
            let count = |wanted: &[Status]| {
                project.cases.iter().filter(|case| wanted.contains(&Status::of(case, structure.id, session))).count()
            };
            ui.label(&structure.name);
            for wanted in [&[Status::Accepted][..], &[Status::Absent], &[Status::Guessed], &[Status::Rejected]] {
                ui.label(count(wanted).to_string());
            }
            ui.label(count(&[Status::New, Status::Marked]).to_string());
            ui.end_row();
        }
    });
}

fn sum_ui(ui: &mut Ui, sum: &Sum, lines: &[Line]) {
    let saved = if sum.seconds > 0.0 { format!(", {:.0} times as long", sum.by_hand / sum.seconds) } else { String::new() };
    let median = sum.median.map_or("-".to_owned(), |secs| format!("{secs:.1} s"));
    let (masks, clicks) = (words::count(sum.masks, "mask"), sum.clicks);
    ui.label(format!("{masks} in {}, presses: {clicks}; median {median} a mask.", time(sum.seconds)));
    ui.label(format!("By hand about {}{saved}.", time(sum.by_hand)));
    ui.small(format!(
        "Reckoned at {:.0} s a point, {:.0} s a box, {:.0} s a mask in a picture, {:.0} s a mask in a volume; the points and boxes set here come to {}.",
        by_hand::POINT,
        by_hand::BOX,
        by_hand::MASK_2D,
        by_hand::MASK_3D,
        time(lines.iter().map(Line::marks_secs).sum()),
    ));
    plot_ui(ui, sum);
}

/// Seconds as a reader says them.
#[must_use]
pub fn time(secs: f64) -> String {
    match secs {
        secs if secs < 90.0 => format!("{secs:.0} s"),
        secs if secs < 5400.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3600.0),
    }
}

/// Time spent and time by hand, mask by mask; both on one scale, so the gap between them is what was saved.
fn plot_ui(ui: &mut Ui, sum: &Sum) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 180.0), Sense::hover());
    response.widget_info(|| {
        let label = format!("plot: {} spent, {} by hand, over {} masks", time(sum.seconds), time(sum.by_hand), sum.masks);
        egui::WidgetInfo::labeled(egui::Role::Image, true, label)
    });
    let most = sum.by_hand.max(sum.seconds).max(1.0);
    let frame = Rect::from_min_max(rect.min + vec2(56.0, 10.0), rect.max - vec2(84.0, 22.0));
    let painter = ui.painter();
    let ink = ui.visuals().text_color();
    let font = egui::FontId::proportional(11.5);
    let at = |mask: usize, secs: f64| -> Pos2 {
        let share = mask as f32 / sum.course.len().max(1) as f32;
        pos2(frame.min.x + share * frame.width(), frame.max.y - (secs / most) as f32 * frame.height())
    };
    for tick in 0..=2 {
        let secs = most * f64::from(tick) / 2.0;
        let y = at(0, secs).y;
        painter.hline(frame.x_range(), y, Stroke::new(1.0, ink.gamma_multiply(0.2)));
        painter.text(pos2(frame.min.x - 6.0, y), Align2::RIGHT_CENTER, time(secs), font.clone(), ink);
    }
    let masks = words::count(sum.course.len(), "mask");
    painter.text(pos2(frame.max.x, frame.max.y + 6.0), Align2::RIGHT_TOP, masks, font.clone(), ink);
    for (which, name, colour) in [(1, "by hand", Color32::from_rgb(204, 121, 167)), (0, "spent", Color32::from_rgb(86, 180, 233))]
    {
        let points = sum.course.iter().enumerate().map(|(n, secs)| at(n + 1, secs[which]));
        let line: Vec<Pos2> = [at(0, 0.0)].into_iter().chain(points).collect();
        let end = line.last().copied().unwrap_or(frame.min);
        painter.line(line, Stroke::new(2.0, colour));
        painter.text(end + vec2(6.0, 0.0), Align2::LEFT_CENTER, name, font.clone(), ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::ledger::Marks;
    use imaging::{CaseId, StructureId};

    fn line(case: u64, what: What, seconds: f64, in_bulk: bool) -> Line {
        Line {
            who: String::new(),
            when: String::new(),
            what,
            case: String::new(),
            case_id: CaseId(case),
            structure: String::new(),
            structure_id: StructureId(0),
            seconds,
            clicks: 2,
            marks: Marks::default(),
            dims: 2,
            in_bulk,
        }
    }

    #[test]
    fn a_mask_accepted_twice_is_one_mask_and_all_time_counts() {
        use What::{Accepted, Rejected, Reopened};
        let lines = [
            line(0, Accepted, 4.0, false),
            line(1, Rejected, 3.0, false),
            line(0, Reopened, 1.0, false),
            line(0, Accepted, 8.0, false),
            line(2, Accepted, 0.0, true),
        ];
        let sum = sum(&lines);
        assert_eq!((sum.masks, sum.seconds, sum.clicks, sum.by_hand), (2, 16.0, 10, 160.0));
        assert_eq!(sum.median, Some(8.0), "what was accepted in bulk says nothing of one mask");
        assert_eq!(sum.course, [[4.0, 80.0], [16.0, 80.0], [16.0, 160.0]]);
    }

    #[test]
    fn times_are_said_in_their_own_unit() {
        assert_eq!([time(12.0), time(600.0), time(9000.0)], ["12 s", "10 min", "2.5 h"]);
    }
}
