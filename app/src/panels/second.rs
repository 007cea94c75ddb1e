//! The second reader: another's masks beside ours, case by case; taken or merged where one decides so.

use super::Desk;
use crate::command::Command;
use crate::second::{Compared, Merge, Second};
use egui::{Align2, Button, Context, Grid, RichText, ScrollArea, Ui, Window};

/// Draws the window.
pub fn second_ui(ctx: &Context, desk: &mut Desk<'_>) {
    let Some(second) = &desk.session.second else { return };
    let mut open = true;
    let window = Window::new("Second reader").open(&mut open).collapsible(false).default_width(620.0);
    window.anchor(Align2::CENTER_TOP, [0.0, 90.0]).show(ctx, |ui| {
        ui.label(format!("Masks of {}, compared with those here; light blue is theirs alone, red is ours alone.", second.name));
        let rows = second.compared(desk.project);
        table_ui(ui, desk, &rows);
        ui.separator();
        actions_ui(ui, desk, second);
    });
    if !open {
        desk.order(Command::CloseSecond);
    }
}

fn table_ui(ui: &mut Ui, desk: &mut Desk<'_>, rows: &[Compared]) {
    ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
        Grid::new("second").num_columns(6).spacing([16.0, 4.0]).striped(true).show(ui, |ui| {
            for head in ["case", "structure", "Dice", "theirs alone", "ours alone", "here"] {
                ui.label(RichText::new(head).small().strong());
            }
            ui.end_row();
            for row in rows {
                let (Some(case), Some(structure)) = (desk.project.case(row.place.0), desk.project.structure(row.place.1)) else {
                    continue;
                };
                let name = format!("{} {}", case.name, structure.name);
                let link = ui.selectable_label(desk.session.place() == Some(row.place), &case.name);
                link.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("show {name}")));
                if link.clicked() {
                    desk.order(Command::ShowPlace(row.place));
                }
                ui.label(&structure.name);
                match row.overlap {
                    Some([dice, added, removed]) => {
                        ui.label(format!("{dice:.3}"));
                        ui.label(format!("{added:.0}"));
                        ui.label(format!("{removed:.0}"));
                    }
                    None => ["no mask here", "", ""].into_iter().for_each(|text| drop(ui.weak(text))),
                }
                ui.label(format!("{:?}", case.review(structure.id)).to_lowercase());
                ui.end_row();
            }
        });
    });
}

fn actions_ui(ui: &mut Ui, desk: &mut Desk<'_>, second: &Second) {
    let place = desk.session.place().filter(|place| second.masks.contains_key(place));
    ui.horizontal_wrapped(|ui| {
        ui.label("For the case shown:");
        for (text, hover, merge) in [
            ("Take theirs", "Their mask is accepted in place of ours", Merge::Theirs),
            ("Unite", "What either marked is accepted", Merge::Union),
            ("Intersect", "What both marked is accepted", Merge::Intersection),
        ] {
            if ui.add_enabled(place.is_some(), Button::new(text)).on_hover_text(hover).clicked() {
                desk.order(Command::TakeSecond(merge));
            }
        }
    });
}
