//! The structures: name, colour, visibility, opacity; and what was said of the one in hand on the case shown.

use super::{Desk, cases};
use crate::command::Command;
use crate::review::has_marks;
use crate::session::{Status, Versus};
use crate::theme;
use crate::words;
use egui::{Button, RichText, Role, ScrollArea, Slider, TextEdit, Ui, WidgetInfo};
use imaging::{Case, Edit, Mask, Overlap, Prompt, Review, Shape, Sign, Structure};

/// Draws the panel.
pub fn structures_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Structures").strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("+ New").on_hover_text("A new structure, with a colour of its own").clicked() {
                desk.order(Command::NewStructure);
            }
        });
    });
    ui.separator();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for structure in &desk.project.structures {
            structure_ui(ui, desk, structure);
        }
        if desk.project.structures.is_empty() {
            ui.weak("Name what you want to segment, then mark it with a click, a box, a doodle or the brush.");
        }
        ui.add_space(10.0);
        in_this_case_ui(ui, desk);
    });
}

fn structure_ui(ui: &mut Ui, desk: &mut Desk<'_>, structure: &Structure) {
    let in_hand = desk.session.structure == Some(structure.id);
    let frame = egui::Frame::new().inner_margin(4).corner_radius(4).fill(if in_hand {
        ui.visuals().selection.bg_fill.gamma_multiply(0.55)
    } else {
        egui::Color32::TRANSPARENT
    });
    let id = ui.scope_id().with(("look", structure.id));
    let mut changed = ui.data(|data| data.get_temp::<Structure>(id)).unwrap_or_else(|| structure.clone());
    frame.show(ui, |ui| look_ui(ui, desk, structure, &mut changed, in_hand));
    // While the pointer is down a slider is still on its way: one drag is one step.
    if changed == *structure {
        ui.data_mut(|data| data.remove::<Structure>(id));
    } else if ui.input(|input| input.pointer.any_down()) {
        ui.data_mut(|data| data.insert_temp(id, changed));
    } else {
        ui.data_mut(|data| data.remove::<Structure>(id));
        desk.edit(format!("change {}", structure.name), Edit::change_structure(desk.project, changed));
    }
}

fn look_ui(ui: &mut Ui, desk: &mut Desk<'_>, structure: &Structure, changed: &mut Structure, in_hand: bool) {
    ui.horizontal(|ui| {
        ui.color_edit_button_srgb(&mut changed.colour).on_hover_text(format!("colour of {}", structure.name));
        let visible = changed.visible;
        let shown = ui.add(egui::Checkbox::without_text(&mut changed.visible)).on_hover_text("Show or hide");
        shown.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, visible, format!("show {}", structure.name)));
        name_ui(ui, desk, structure, changed, in_hand);
        let remove = ui.add(Button::new("×").frame(false)).on_hover_text("Remove the structure, its marks and masks");
        named(&remove, &format!("remove {}", structure.name));
        if remove.clicked() {
            desk.order(Command::RemoveStructure(structure.id));
        }
    });
    if in_hand {
        ui.horizontal(|ui| {
            let label = ui.small("Opacity");
            ui.add(Slider::new(&mut changed.opacity, 0.0..=1.0).show_value(false)).labelled_by(label.id);
        });
    }
}

/// The name: text to click on, and a field to type in for the structure in hand.
fn name_ui(ui: &mut Ui, desk: &mut Desk<'_>, structure: &Structure, changed: &mut Structure, in_hand: bool) {
    let width = ui.available_width() - 32.0;
    if !in_hand {
        let label = ui.add_sized([width, 22.0], Button::selectable(false, &structure.name));
        if label.clicked() {
            desk.order(Command::PickStructure(structure.id));
        }
        return;
    }
    let id = ui.scope_id().with(("name", structure.id));
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| structure.name.clone());
    let field = ui.add(TextEdit::singleline(&mut text).desired_width(width).hint_text("Name"));
    if field.has_focus() {
        ui.data_mut(|data| data.insert_temp(id, text.clone()));
    }
    if field.lost_focus() {
        ui.data_mut(|data| data.remove::<String>(id));
        let name = text.trim();
        if !name.is_empty() {
            name.clone_into(&mut changed.name);
        }
    }
}

fn in_this_case_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some((case_id, structure)) = desk.session.place() else { return };
    let project = desk.project;
    let Some(case) = project.case(case_id) else { return };
    ui.label(RichText::new("In this case").strong());
    ui.separator();
    let status = Status::of(case, structure, desk.session);
    ui.horizontal(|ui| cases::badge_ui(ui, status));
    if let Some(guess) = desk.session.guesses.get(&(case_id, structure)) {
        let (uncertain, secs) = (guess.uncertainty * 100.0, guess.took.as_secs_f32());
        ui.small(format!("guess: {}, uncertainty {uncertain:.0} %, {secs:.2} s", size_text(desk, &guess.mask)));
    } else if let Some(mask) = case.mask(structure) {
        ui.small(format!("mask: {}", size_text(desk, mask)));
    }
    change_ui(ui, desk, case.review(structure));
    newer_ui(ui, desk);
    example_ui(ui, desk, case);
    review_ui(ui, desk, case.review(structure));
    note_ui(ui, desk, case);
    overlap_ui(ui, desk);
    marks_ui(ui, desk, case);
}

/// How large a mask is: millilitres, or of a picture its pixels.
fn size_text(desk: &Desk<'_>, mask: &Mask) -> String {
    match desk.session.image() {
        Some(image) if !image.is_picture => format!("{:.2} ml", mask.count() as f64 * image.grid.voxel_ml()),
        _ => format!("{} pixels", mask.count()),
    }
}

/// What the comparison on the screen adds and removes, in its colours.
fn change_ui(ui: &mut Ui, desk: &Desk<'_>, review: Review) {
    let Some([added, removed]) = desk.session.change else { return };
    let size = |voxels: usize| match desk.session.image() {
        Some(image) if !image.is_picture => format!("{:.2} ml", voxels as f64 * image.grid.voxel_ml()),
        _ => format!("{voxels} pixels"),
    };
    let [adds, removes] = match desk.session.versus {
        Some(Versus::Second) => ["theirs alone", "ours alone"],
        Some(Versus::Guess) if review.is_locked() => ["the guess alone", "the mask alone"],
        _ => ["would be added", "would be removed"],
    };
    for (colour, text, voxels) in [(theme::ADDED, adds, added), (theme::REMOVED, removes, removed)] {
        ui.horizontal(|ui| {
            let (swatch, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().rect_filled(swatch, 2.0, theme::rgb(colour));
            ui.small(format!("{text}: {}", size(voxels)));
        });
    }
}

fn newer_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let has_newer = desk.session.place().is_some_and(|place| desk.session.newer.contains_key(&place));
    if has_newer && ui.button("Show the newer guess (U)").on_hover_text("It came while you looked at this one").clicked() {
        desk.order(Command::TakeNewer);
    }
}

fn note_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case) {
    let note = desk.session.structure.and_then(|structure| case.work(structure)).and_then(|work| work.flag.clone());
    if let Some(note) = &note {
        ui.label(RichText::new(format!("Flagged: {note}")).color(theme::text_of(ui, theme::REJECTED)));
    }
    if ui.button(if note.is_some() { "Change the note (Shift+F)" } else { "Flag with a note (Shift+F)" }).clicked() {
        desk.order(Command::ShowNote);
    }
}

/// What becomes of voxels that several masks claim; where there is one structure, there are none.
fn overlap_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    if desk.project.structures.len() < 2 {
        return;
    }
    let now = desk.project.settings.overlap;
    ui.add_space(4.0);
    ui.small("Voxels that another mask holds too:");
    ui.horizontal_wrapped(|ui| {
        for (choice, text, hover) in [
            (Overlap::Allow, "both", "Masks may overlap"),
            (Overlap::Keep, "the other keeps", "An accepted mask leaves them to the masks that are there"),
            (Overlap::Replace, "this takes", "An accepted mask takes them, but from masks that are locked"),
        ] {
            if ui.add(Button::selectable(now == choice, text).small()).on_hover_text(hover).clicked() && now != choice {
                desk.order(Command::SetOverlap(choice));
            }
        }
    });
}

fn example_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case) {
    let Some(structure) = desk.session.structure else { return };
    let work = case.work(structure);
    let mut example = work.is_some_and(|work| work.example);
    let can = example || work.is_some_and(|work| work.mask.is_some()) || case.prompts_of(structure).next().is_some();
    let text = "Use as example (E)";
    if ui.add_enabled(can, egui::Checkbox::new(&mut example, text)).on_disabled_hover_text("Mark the structure first").changed() {
        desk.order(Command::ToggleExample);
    }
    if ui.button("Examples… (Shift+E)").clicked() {
        desk.order(Command::ToggleExamples);
    }
    let count = desk.project.examples(structure).count();
    let label = format!("Propagate from {} (Enter)", words::count(count, "example"));
    if ui.add_enabled(count > 0, Button::new(label)).clicked() {
        desk.order(Command::Propagate);
    }
}

fn review_ui(ui: &mut Ui, desk: &mut Desk<'_>, review: Review) {
    ui.add_space(4.0);
    if review.is_locked() {
        ui.horizontal(|ui| {
            ui.label("Locked");
            if ui.button("Take back (O)").clicked() {
                desk.order(Command::Reopen);
            }
        });
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (text, command) in [
            ("Accept (A)", Command::Accept),
            ("Reject (R)", Command::Reject),
            ("Absent (Z)", Command::Absent),
            ("Amend (X)", Command::Amend),
            ("Next (N)", Command::Next),
        ] {
            if ui.button(text).clicked() {
                desk.order(command);
            }
        }
    });
}

fn marks_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case) {
    let Some(structure) = desk.session.structure else { return };
    ui.add_space(8.0);
    ui.label(RichText::new("Marks").strong());
    if case.prompts_of(structure).next().is_none() {
        ui.weak("none yet");
    } else if !has_marks(desk.project, (case.id, structure)) {
        ui.weak("brush strokes alone are taken as the whole mask");
    }
    for prompt in case.prompts_of(structure) {
        mark_ui(ui, desk, case, prompt);
    }
}

/// A button that shows a sign says in words what it does.
fn named(button: &egui::Response, name: &str) {
    button.widget_info(|| WidgetInfo::labeled(Role::Button, button.enabled(), name));
}

fn mark_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case, prompt: &Prompt) {
    let kind = match &prompt.shape {
        Shape::Click { .. } => "click",
        Shape::Box { .. } => "box",
        Shape::Doodle { .. } => "doodle",
        Shape::Stroke { .. } => "stroke",
        Shape::Region { .. } => "region",
    };
    let sign = if prompt.sign == Sign::Positive { "+" } else { "-" };
    let at = prompt.shape.points().first().map(|p| p.map(|c| c.round() as i64)).unwrap_or_default();
    ui.horizontal(|ui| {
        let text = format!("{sign} {kind} at {}, {}, {}", at[0], at[1], at[2]);
        if ui.selectable_label(desk.session.selected == Some(prompt.id), text).clicked() {
            desk.order(Command::SelectMark(prompt.id));
        }
        let locked = case.review(prompt.structure).is_locked();
        let delete = ui.add_enabled(!locked, Button::new("×").frame(false)).on_hover_text("Delete this mark");
        named(&delete, &format!("delete {kind} at {}, {}, {}", at[0], at[1], at[2]));
        if delete.clicked() {
            desk.edit(format!("delete {kind}"), Edit::change_prompt(desk.project, case.id, prompt, None));
        }
    });
}
