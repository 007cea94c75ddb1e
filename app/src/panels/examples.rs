//! The examples of the structure in hand: what shows it to the engine, how much each counts, and what each does for
//! the others.

use super::Desk;
use crate::command::Command;
use crate::influence;
use crate::session::Place;
use crate::theme;
use crate::words;
use egui::{Align2, Button, Checkbox, Color32, Context, Grid, Rect, RichText, ScrollArea, Sense, Ui, Window, vec2};
use imaging::{Case, Edit, MOST_WEIGHT, Mask, StructureId};
use std::collections::HashMap;
use std::sync::Arc;

/// Pictures of masks that stand, with the mask that each shows.
pub type MaskPictures = HashMap<Place, (Arc<Mask>, egui::TextureHandle)>;

/// Draws the window.
pub fn examples_ui(ctx: &Context, desk: &mut Desk<'_>, open: &mut bool, pictures: &MaskPictures) {
    let Some(structure) = desk.session.structure.filter(|_| *open) else { return };
    let name = crate::review::structure_name(desk.project, structure).to_owned();
    let window = Window::new("Examples").open(open).collapsible(false).default_width(560.0);
    window.anchor(Align2::CENTER_CENTER, [0.0, 0.0]).show(ctx, |ui| {
        let count = desk.project.examples(structure).count();
        let listed = desk.project.listed_examples(structure).count();
        ui.label(format!("{name}: {count} of {listed} examples in use."));
        buttons_ui(ui, desk, structure);
        ui.separator();
        ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
            Grid::new("examples").num_columns(6).spacing([14.0, 8.0]).striped(true).show(ui, |ui| {
                let cases: Vec<&Case> = desk.project.listed_examples(structure).collect();
                for case in cases {
                    example_ui(ui, desk, case, structure, pictures);
                    ui.end_row();
                }
            });
        });
        influence_ui(ui, desk, structure);
    });
}

fn buttons_ui(ui: &mut Ui, desk: &mut Desk<'_>, structure: StructureId) {
    ui.horizontal_wrapped(|ui| {
        let shown = desk.session.case.and_then(|case| desk.project.case(case));
        let can_add = shown.is_some_and(|case| {
            let is_example = case.work(structure).is_some_and(|work| work.example);
            !is_example && (case.mask(structure).is_some() || case.prompts_of(structure).next().is_some())
        });
        let add = ui.add_enabled(can_add, Button::new("Add the case shown"));
        if add.on_disabled_hover_text("It is an example already, or has no marks and no mask").clicked() {
            desk.order(Command::ToggleExample);
        }
        if ui.button("Import folder…").clicked() {
            desk.order(Command::ImportExamplesDialog);
        }
        let any = desk.project.listed_examples(structure).next().is_some();
        if ui.add_enabled(any, Button::new("Export to folder…")).clicked() {
            desk.order(Command::ExportExamplesDialog);
        }
        let enough = desk.project.examples(structure).count() >= influence::LEAST;
        let weigh = ui.add_enabled(enough && !desk.session.weighs(), Button::new("Tell the influence of each"));
        if weigh.on_disabled_hover_text("It takes three examples that are turned on").clicked() {
            desk.order(Command::TellInfluence);
        }
    });
}

fn example_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case, structure: StructureId, pictures: &MaskPictures) {
    let Some(work) = case.work(structure) else { return };
    let place = (case.id, structure);
    picture_ui(ui, desk, place, pictures);
    if ui.link(&case.name).on_hover_text("Show this case").clicked() {
        desk.order(Command::ShowCase(case.id));
    }
    ui.label(if work.mask.is_some() { "mask".to_owned() } else { words::count(case.prompts_of(structure).count(), "mark") });
    let mut on = work.weight > 0;
    let label = format!("use {}", case.name);
    let toggle = ui.add(Checkbox::new(&mut on, "on"));
    toggle.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, &label));
    if toggle.changed() {
        weigh(desk, case, structure, u8::from(on));
    }
    ui.horizontal(|ui| {
        for weight in 1..=MOST_WEIGHT {
            let button = Button::selectable(work.weight == weight, format!("{weight}x")).small();
            let response = ui.add(button).on_hover_text(format!("Counts {weight} times"));
            response.widget_info(|| {
                let label = format!("{} counts {weight} times", case.name);
                egui::WidgetInfo::selected(egui::Role::RadioButton, true, work.weight == weight, label)
            });
            if response.clicked() {
                weigh(desk, case, structure, weight);
            }
        }
    });
    bar_ui(ui, desk, place);
    let remove = ui.button("Remove").on_hover_text("No longer an example; its mask and marks stay");
    remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("remove {} from the examples", case.name)));
    if remove.clicked() {
        let name = format!("no longer use {} as example", case.name);
        desk.edit(name, Edit::set_example(desk.project, case.id, structure, false));
    }
}

fn weigh(desk: &mut Desk<'_>, case: &Case, structure: StructureId, weight: u8) {
    let verb = if weight == 0 { "turn off".to_owned() } else { format!("count {weight} times") };
    desk.edit(format!("{verb} the example {}", case.name), Edit::set_weight(desk.project, case.id, structure, weight));
}

fn picture_ui(ui: &mut Ui, desk: &Desk<'_>, place: Place, pictures: &MaskPictures) {
    let (rect, _) = ui.allocate_exact_size(vec2(theme::THUMBNAIL, theme::THUMBNAIL), Sense::hover());
    ui.painter().rect_filled(rect, 3.0, theme::PANE);
    let own = pictures.get(&place).map(|(_, texture)| texture);
    let texture = own.or_else(|| desk.session.views.get(&place.0)?.thumbnail.as_ref());
    if let Some(texture) = texture {
        let size = texture.size_vec2();
        let fitted = size * (rect.size() / size).min_elem();
        egui::Image::new(texture).paint_at(ui, Rect::from_center_size(rect.center(), fitted));
    }
}

/// The influence: to the right of the middle where the others gain by it, to the left where they lose.
fn bar_ui(ui: &mut Ui, desk: &Desk<'_>, place: Place) {
    let influence = desk.session.influence.as_ref().filter(|influence| influence.structure == Some(place.1));
    let Some(value) = influence.and_then(|influence| influence.of(place.0)) else {
        ui.weak("influence not told");
        return;
    };
    ui.horizontal(|ui| {
        let (bar, _) = ui.allocate_exact_size(vec2(64.0, 12.0), Sense::hover());
        ui.painter().rect_filled(bar, 2.0, ui.visuals().widgets.noninteractive.bg_stroke.color);
        // A tenth of Dice fills a half.
        let reach = (value as f32 / 0.1).clamp(-1.0, 1.0) * bar.width() / 2.0;
        let colour = theme::rgb(if value < 0.0 { theme::REMOVED } else { theme::ADDED });
        let from = bar.center().x;
        let filled = Rect::from_x_y_ranges(from.min(from + reach)..=from.max(from + reach), bar.y_range());
        ui.painter().rect_filled(filled, 0.0, colour);
        ui.painter().vline(from, bar.y_range(), egui::Stroke::new(1.0, Color32::WHITE));
        ui.label(RichText::new(told(value)).small());
    });
}

/// An influence in words, with its number.
#[must_use]
pub fn told(value: f64) -> String {
    let word = if value < -0.01 {
        "harmful"
    } else if value > 0.01 {
        "helpful"
    } else {
        "makes no difference"
    };
    format!("{word} ({value:+.3} Dice)")
}

fn influence_ui(ui: &mut Ui, desk: &mut Desk<'_>, structure: StructureId) {
    let Some(influence) = desk.session.influence.as_ref().filter(|influence| influence.structure == Some(structure)) else {
        return;
    };
    if influence.asked.is_empty() {
        ui.small("Influence: what the guesses of the other examples would lose without this one, in Dice.");
        return;
    }
    ui.horizontal(|ui| {
        let share = influence.done() as f32 / influence.total.max(1) as f32;
        ui.add(egui::ProgressBar::new(share).desired_width(220.0).text(format!("{} of {}", influence.done(), influence.total)));
        if ui.button("Cancel").clicked() {
            desk.order(Command::CancelInfluence);
        }
    });
}
