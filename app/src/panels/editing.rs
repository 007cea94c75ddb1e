//! The strip under the tool bar: what can be set of the tool in hand, or of the change that is shown before it is
//! made, with what it would change; and the menu of those changes.

use super::Desk;
use crate::command::{BINDINGS, Binding, Command};
use crate::editing::form::Way;
use crate::editing::{Area, FillSettings, Form, Kind, Proposal, Range};
use crate::theme;
use crate::tools::Tool;
use egui::{Button, ComboBox, DragValue, Slider, Ui};
use imaging::morphology::{Filter, Logic};

/// The menu of changes, each with its key.
pub fn menu_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.menu_button("Edit mask", |ui| {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            if [1, 3, 5, 10, 12].contains(&at) {
                ui.separator();
            }
            let key = BINDINGS.iter().find(|binding| (binding.command)() == Command::OpenEdit(kind));
            let text = key.map_or_else(|| kind.name().to_owned(), |key: &Binding| format!("{}  ({})", kind.name(), key.text()));
            if ui.button(text).clicked() {
                desk.order(Command::OpenEdit(kind));
                ui.close();
            }
        }
    })
    .response
    .on_hover_text("Changes to the mask of the structure in hand, each shown before it is made");
}

/// Draws the strip.
pub fn strip_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let session = desk.session;
    ui.horizontal(|ui| {
        ui.set_min_height(theme::STRIP_HEIGHT);
        match (&session.editing.proposal, session.tool) {
            (Some(proposal), _) => proposal_ui(ui, desk, proposal),
            (None, Tool::Brush) => brush_ui(ui, desk),
            (None, Tool::Fill) => {
                let mut settings = session.editing.fill;
                fill_ui(ui, desk, &mut settings);
                if settings != session.editing.fill {
                    desk.order(Command::SetFill(settings));
                }
            }
            (None, Tool::Lasso) => drop(ui.weak("Drag around a region, or click its corners; the right button erases.")),
            (None, Tool::Island) => drop(ui.weak("Click an island to keep it alone; with the right button, to remove it.")),
            (None, tool) => drop(ui.weak(format!("{}: left button to {}.", tool.name(), tool.left_button()))),
        }
    });
}

fn brush_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let mut radius = desk.session.radius_mm;
    let slider = Slider::new(&mut radius, 0.2..=60.0).logarithmic(true).suffix(" mm").fixed_decimals(1).text("radius");
    if ui.add(slider).on_hover_text("[ and ], or Shift+wheel").changed() {
        desk.order(Command::ScaleBrush(radius / desk.session.radius_mm));
    }
    if ui.add(Button::selectable(desk.session.ball, "Ball")).on_hover_text("Paint through the slices (Shift+B)").clicked() {
        desk.order(Command::ToggleBall);
    }
    ui.separator();
    let range = desk.session.editing.range;
    let hover = "The brush changes only voxels whose value lies in this range (V)";
    for (text, choice) in [("Any value", None), ("Shown window", Some(Range::Window))] {
        if ui.selectable_label(range == choice, text).on_hover_text(hover).clicked() {
            desk.order(Command::SetRange(choice));
        }
    }
    let mut values = range.unwrap_or(Range::Window).values(desk.session);
    let is_own = matches!(range, Some(Range::Values(_)));
    if ui.selectable_label(is_own, "Range").on_hover_text(hover).clicked() && !is_own {
        desk.order(Command::SetRange(Some(Range::Values(values))));
    }
    if is_own && range_ui(ui, &mut values) {
        desk.order(Command::SetRange(Some(Range::Values(values))));
    }
}

/// Two numbers, the first at most the second; returns whether one was changed.
fn range_ui(ui: &mut Ui, values: &mut [f32; 2]) -> bool {
    let before = *values;
    let speed = ((values[1] - values[0]).abs() * 0.005).max(0.001);
    for (at, name) in ["from", "to"].into_iter().enumerate() {
        let label = ui.label(name);
        ui.add(DragValue::new(&mut values[at]).speed(speed).max_decimals(3)).labelled_by(label.id);
    }
    if values[0] > values[1] {
        let moved = usize::from(values[1] != before[1]);
        values[1 - moved] = values[moved];
    }
    *values != before
}

fn proposal_ui(ui: &mut Ui, desk: &mut Desk<'_>, proposal: &Proposal) {
    ui.strong(proposal.form.title());
    let mut form = proposal.form.clone();
    form_ui(ui, desk, &mut form);
    if form != proposal.form {
        desk.order(Command::ChangeEdit(form));
    }
    ui.separator();
    let can_apply = proposal.progress().is_none() && proposal.change.as_ref().is_some_and(|change| change.counts != [0, 0]);
    if ui.add_enabled(can_apply, Button::new("Apply (Enter)")).clicked() {
        desk.order(Command::ApplyEdit);
    }
    if ui.button("Cancel (Esc)").clicked() {
        desk.order(Command::CancelEdit);
    }
    ui.separator();
    state_ui(ui, desk, proposal);
}

/// How far it is, what it would change, or why it cannot be.
fn state_ui(ui: &mut Ui, desk: &Desk<'_>, proposal: &Proposal) {
    if let Some(share) = proposal.progress() {
        ui.add(egui::ProgressBar::new(share).desired_width(90.0).desired_height(8.0));
    }
    if let Some(fault) = &proposal.fault {
        ui.label(fault);
    }
    let Some(change) = &proposal.change else { return };
    if change.counts == [0, 0] {
        ui.weak("nothing would change");
        return;
    }
    for (sign, count, [r, g, b]) in [("+", change.counts[0], theme::ADDED), ("-", change.counts[1], theme::REMOVED)] {
        let (square, _) = ui.allocate_exact_size(egui::Vec2::splat(10.0), egui::Sense::hover());
        ui.painter().rect_filled(square, 2.0, egui::Color32::from_rgb(r, g, b));
        ui.label(format!("{sign} {}", size_text(desk, count)));
    }
}

fn size_text(desk: &Desk<'_>, voxels: usize) -> String {
    match desk.session.image() {
        Some(image) if !image.is_picture => format!("{:.2} ml", voxels as f64 * image.grid.voxel_ml()),
        _ => format!("{voxels} pixels"),
    }
}

fn form_ui(ui: &mut Ui, desk: &mut Desk<'_>, form: &mut Form) {
    match form {
        Form::Threshold { low, high, area } => threshold_ui(ui, low, high, area),
        Form::Holes { slices } => drop(ui.checkbox(slices, "in each slice")),
        Form::Small { voxels } => small_ui(ui, desk, voxels),
        Form::Smooth { filter, mm, joint } => {
            ui.selectable_value(filter, Filter::Median, "Median").on_hover_text("Keeps edges, takes specks away");
            ui.selectable_value(filter, Filter::Gaussian, "Gaussian").on_hover_text("Rounds everything");
            mm_ui(ui, mm, if *filter == Filter::Median { "radius" } else { "width" });
            ui.checkbox(joint, "keep shared borders").on_hover_text("Borders with other structures stay where they are");
        }
        Form::Resize { way, mm } => {
            mm_ui(ui, mm, if matches!(way, Way::Grow | Way::Shrink) { "by" } else { "up to half of" });
        }
        Form::Combine { logic, other } => combine_ui(ui, desk, *logic, other),
        Form::Fill { settings, .. } => fill_ui(ui, desk, settings),
        Form::Between | Form::Largest | Form::Copy { .. } | Form::Island { .. } => {}
    }
}

fn mm_ui(ui: &mut Ui, mm: &mut f64, name: &str) {
    ui.add(Slider::new(mm, 0.1..=30.0).logarithmic(true).suffix(" mm").fixed_decimals(1).text(name));
}

fn threshold_ui(ui: &mut Ui, low: &mut f32, high: &mut f32, area: &mut Area) {
    let mut values = [*low, *high];
    if range_ui(ui, &mut values) {
        [*low, *high] = values;
    }
    ui.separator();
    for (text, choice, hover) in [
        ("Whole image", Area::Image, "Adds what lies in the range anywhere"),
        ("In the box", Area::Box, "Adds what lies in the range within the selected box, or the last one drawn"),
        ("In the mask", Area::Mask, "Takes from the mask what lies out of the range"),
    ] {
        ui.selectable_value(area, choice, text).on_hover_text(hover);
    }
}

/// By voxels, and of a volume by ml too.
fn small_ui(ui: &mut Ui, desk: &Desk<'_>, voxels: &mut usize) {
    let label = ui.label("smaller than");
    let image = desk.session.image().filter(|image| !image.is_picture);
    let unit = if image.is_some() { " voxels" } else { " pixels" };
    ui.add(DragValue::new(voxels).range(1..=100_000_000_usize).speed(1.0).suffix(unit)).labelled_by(label.id);
    if let Some(image) = image {
        let mut ml = *voxels as f64 * image.grid.voxel_ml();
        let label = ui.label("or");
        let field = DragValue::new(&mut ml).range(0.0..=10_000.0).speed(0.01).max_decimals(3).suffix(" ml");
        if ui.add(field).labelled_by(label.id).changed() {
            *voxels = (ml / image.grid.voxel_ml()).round().max(1.0) as usize;
        }
    }
}

fn combine_ui(ui: &mut Ui, desk: &Desk<'_>, logic: Logic, other: &mut Option<imaging::StructureId>) {
    let others: Vec<_> =
        desk.project.structures.iter().filter(|structure| Some(structure.id) != desk.session.structure).collect();
    let chosen = others.iter().find(|structure| other.is_none_or(|id| id == structure.id));
    let name = chosen.map_or("no other structure", |structure| structure.name.as_str());
    let label = ui.label(match logic {
        Logic::Add => "add",
        Logic::Subtract => "subtract",
        Logic::Intersect => "keep what is also",
    });
    let combo = ComboBox::from_id_salt("other structure").selected_text(name).show_ui(ui, |ui| {
        for structure in &others {
            if ui.selectable_label(*other == Some(structure.id), &structure.name).clicked() {
                *other = Some(structure.id);
            }
        }
    });
    combo.response.labelled_by(label.id);
}

fn fill_ui(ui: &mut Ui, desk: &Desk<'_>, settings: &mut FillSettings) {
    ui.selectable_value(&mut settings.volume, false, "Slice").on_hover_text("Fill on the slice clicked");
    ui.selectable_value(&mut settings.volume, true, "Volume").on_hover_text("Fill through the slices");
    ui.separator();
    let mut by_value = settings.tolerance.is_some();
    ui.checkbox(&mut by_value, "like the value clicked")
        .on_hover_text("Fill over values no farther than this from the one clicked");
    let width =
        desk.session.case.and_then(|case| desk.session.views.get(&case)).and_then(|view| view.window).map_or(100.0, |w| w.width);
    if by_value {
        let mut tolerance = settings.tolerance.unwrap_or(width * 0.1);
        let slider = Slider::new(&mut tolerance, 0.0..=width.max(f32::MIN_POSITIVE)).max_decimals(3).text("±");
        ui.add(slider);
        settings.tolerance = Some(tolerance);
    } else {
        settings.tolerance = None;
        // Without a value, only the mask can end a fill.
        settings.stops_at_mask = true;
    }
    ui.add_enabled(by_value, egui::Checkbox::new(&mut settings.stops_at_mask, "stop at the mask"));
}
