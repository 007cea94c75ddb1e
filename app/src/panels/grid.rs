//! The fourth pane: the guesses of the structure in hand in every other case, as they come in.

use super::{Desk, cases};
use crate::command::Command;
use crate::session::{Propagation, Status};
use crate::theme;
use egui::{Button, ProgressBar, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use imaging::{Case, CaseId, StructureId};
use std::collections::HashMap;

/// The pictures of guesses, made beside the window.
pub type Pictures = HashMap<(CaseId, StructureId), egui::TextureHandle>;

/// Draws the grid.
pub fn grid_ui(ui: &mut Ui, desk: &mut Desk<'_>, pictures: &Pictures) {
    egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(theme::panel_margin()).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        header_ui(ui, desk);
        let Some(structure) = desk.session.structure else {
            ui.weak("Guesses for the other cases appear here once a structure is marked and propagated.");
            return;
        };
        let shown = shown(desk, structure);
        if shown.is_empty() {
            for line in [
                "1. Mark the structure on one case or a few.",
                "2. Use each of them as an example (E).",
                "3. Propagate to all other cases (Enter).",
            ] {
                ui.weak(line);
            }
            return;
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
                for case in shown {
                    cell_ui(ui, desk, case, structure, pictures);
                }
            });
        });
    });
}

/// Guessed cases, then reviewed ones; while propagating, all that are still to come too.
fn shown<'a>(desk: &Desk<'a>, structure: StructureId) -> Vec<&'a Case> {
    let running = desk.session.propagation.as_ref().is_some_and(|running| running.structure == structure);
    let any = running || desk.session.propagated.contains(&structure);
    desk.project
        .cases
        .iter()
        .filter(|case| any && !case.work(structure).is_some_and(|work| work.example && !work.review.is_locked()))
        .collect()
}

fn header_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let name = desk.session.structure.and_then(|id| desk.project.structure(id)).map(|structure| structure.name.as_str());
    // The pane may be narrow: what has no room beside the title goes below it.
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(name.map_or_else(|| "Propagation".to_owned(), |name| format!("Propagation of {name}"))).strong());
        match desk.session.propagation.clone() {
            Some(running) => running_ui(ui, desk, &running),
            None => idle_ui(ui, desk),
        }
    });
    if let Some(running) = &desk.session.propagation {
        let tuned = desk.session.working.filter(|working| Some(working.0) == running.tuning).map(|working| working.1);
        let share = tuned.unwrap_or(running.done as f32 / running.total.max(1) as f32);
        ui.add(ProgressBar::new(share).desired_height(6.0));
    }
    ui.separator();
}

fn running_ui(ui: &mut Ui, desk: &mut Desk<'_>, running: &Propagation) {
    let prepared = desk.session.preparing.filter(|preparing| preparing.0 == running.ticket);
    let text = match prepared {
        Some((_, share)) => format!("Comparing the examples, {:.0} %", 100.0 * share),
        None if running.tuning.is_some() => tuning_text(desk, running),
        None => guessing_text(desk, running),
    };
    ui.label(RichText::new(text).small());
    if ui.button(if running.paused { "Go on" } else { "Pause" }).clicked() {
        desk.order(Command::PausePropagation);
    }
    if ui.button("Cancel").clicked() {
        desk.order(Command::CancelPropagation);
    }
}

fn tuning_text(desk: &Desk<'_>, running: &Propagation) -> String {
    let share = running.tuning.map(|tuning| super::status::share_text(desk, tuning)).unwrap_or_default();
    format!("Tuning{share}")
}

fn guessing_text(desk: &Desk<'_>, running: &Propagation) -> String {
    let left = running.left.map(|left| format!(", {:.0} s left", left.as_secs_f32().ceil())).unwrap_or_default();
    let image = super::status::share_text(desk, running.ticket);
    let image = image.strip_prefix(", ").map(|image| format!(" (this one {image})")).unwrap_or_default();
    format!("{} of {}{left}{image}", running.done, running.total)
}

const TUNE: &str = "The net learns this structure from its examples for some minutes and then propagates: for structures and kinds \
                    of image that it does not find well as it is. The more examples with whole masks, the better.";

fn idle_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(structure) = desk.session.structure else { return };
    let examples = desk.project.examples(structure).count();
    if ui.add_enabled(examples > 0, Button::new("Propagate (Enter)")).clicked() {
        desk.order(Command::Propagate);
    }
    let tune = ui.add_enabled(examples > 0, Button::new("Tune first (Shift+Enter)"));
    if tune.on_hover_text(TUNE).clicked() {
        desk.order(Command::TuneAndPropagate);
    }
    let waiting = crate::review::waiting(desk.project, desk.session, structure).len();
    if waiting > 0 && ui.button(format!("Accept all {waiting} (Shift+A)")).clicked() {
        desk.order(Command::AcceptAll);
    }
}

fn cell_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case, structure: StructureId, pictures: &Pictures) {
    let side = theme::GRID_PICTURE;
    let (rect, response) = ui.allocate_exact_size(vec2(side, side + 34.0), Sense::click());
    let status = Status::of(case, structure, desk.session);
    let selected = desk.session.case == Some(case.id);
    response
        .widget_info(|| WidgetInfo::selected(Role::Button, true, selected, format!("guess in {}, {}", case.name, status.word())));
    let picture = Rect::from_min_size(rect.min, vec2(side, side));
    ui.painter().rect_filled(picture, 3.0, theme::PANE);
    let texture = pictures.get(&(case.id, structure)).or_else(|| desk.session.views.get(&case.id)?.thumbnail.as_ref());
    if let Some(texture) = texture {
        let size = texture.size_vec2();
        let fitted = size * (picture.size() / size).min_elem();
        let dim = if status == Status::New { egui::Color32::from_gray(110) } else { egui::Color32::WHITE };
        egui::Image::new(texture).tint(dim).paint_at(ui, Rect::from_center_size(picture.center(), fitted));
    }
    let colour = if selected { ui.visuals().selection.bg_fill } else { ui.visuals().widgets.noninteractive.bg_stroke.color };
    ui.painter().rect_stroke(picture, 3.0, egui::Stroke::new(if selected { 3.0 } else { 1.0 }, colour), egui::StrokeKind::Inside);
    let text = Rect::from_min_max(egui::pos2(rect.min.x, picture.max.y + 1.0), rect.max);
    // A child of its own, so that the row keeps the room that it took.
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(text));
    child.vertical(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 0.0);
        ui.add(egui::Label::new(RichText::new(&case.name).small()).truncate().selectable(false));
        ui.horizontal(|ui| cases::badge_ui(ui, status));
    });
    if response.clicked() {
        desk.order(Command::ShowCase(case.id));
    }
}
