//! The queue of the review: structures of cases in the order chosen, with how doubtful each is.

use super::{Desk, cases};
use crate::command::Command;
use crate::queue::{Order, Row};
use crate::session::Status;
use crate::theme;
use egui::{Align, Color32, ComboBox, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

/// Draws the queue.
pub fn queue_ui(ui: &mut Ui, desk: &mut Desk<'_>, rows: &[Row]) {
    header_ui(ui, desk, rows);
    let height = 38.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, height, rows.len(), |ui, range| {
        for row in &rows[range] {
            row_ui(ui, desk, row, height);
        }
    });
}

fn header_ui(ui: &mut Ui, desk: &mut Desk<'_>, rows: &[Row]) {
    let mut order = desk.session.prefs.order;
    ui.horizontal(|ui| {
        let combo = ComboBox::from_label("first").selected_text(order.name()).width(96.0);
        let combo = combo.show_ui(ui, |ui| {
            for choice in Order::ALL {
                ui.selectable_value(&mut order, choice, choice.name());
            }
        });
        combo.response.on_hover_text("The order of the queue; it is remembered");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let waiting = rows.iter().filter(|row| row.status == Status::Guessed).count();
            ui.label(RichText::new(format!("{waiting} to review")).small().weak());
        });
    });
    if order != desk.session.prefs.order {
        desk.order(Command::SortQueue(order));
    }
    ui.separator();
}

fn row_ui(ui: &mut Ui, desk: &mut Desk<'_>, row: &Row, height: f32) {
    let (Some(case), Some(structure)) = (desk.project.case(row.place.0), desk.project.structure(row.place.1)) else { return };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let shown = desk.session.place() == Some(row.place);
    let doubt = row.uncertainty.map_or(String::new(), |doubt| format!(", uncertainty {:.0} %", doubt * 100.0));
    let label = format!("{} in {}, {}{doubt}", structure.name, case.name, row.status.word());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &label));
    let fill = if shown {
        ui.visuals().selection.bg_fill
    } else if response.hovered() || response.has_focus() {
        ui.visuals().faint_bg_color
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect.shrink2(vec2(0.0, 1.0)), 4.0, fill);
    let [r, g, b] = structure.colour;
    let swatch = Rect::from_min_size(rect.min + vec2(5.0, 6.0), vec2(4.0, height - 12.0));
    ui.painter().rect_filled(swatch, 2.0, Color32::from_rgb(r, g, b));
    let text = Rect::from_min_max(pos2(rect.min.x + 16.0, rect.min.y + 3.0), rect.max - vec2(6.0, 2.0));
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(text));
    child.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add(egui::Label::new(format!("{} · {}", case.name, structure.name)).truncate().selectable(false));
        ui.horizontal(|ui| {
            cases::badge_ui(ui, row.status);
            if row.flagged {
                ui.add(
                    egui::Label::new(RichText::new("flagged").small().color(theme::text_of(ui, theme::REJECTED)))
                        .selectable(false),
                );
            }
            if let Some(doubt) = row.uncertainty.filter(|_| row.status == Status::Guessed) {
                doubt_ui(ui, doubt);
            }
        });
    });
    if response.clicked() {
        desk.order(Command::ShowPlace(row.place));
    }
    if shown {
        response.scroll_to_me(None);
    }
}

/// How doubtful, as a bar with its number.
fn doubt_ui(ui: &mut Ui, doubt: f32) {
    let (bar, _) = ui.allocate_exact_size(vec2(52.0, 8.0), Sense::hover());
    ui.painter().rect_filled(bar, 2.0, ui.visuals().widgets.noninteractive.bg_stroke.color);
    let filled = Rect::from_min_size(bar.min, vec2(bar.width() * doubt.clamp(0.0, 1.0), bar.height()));
    ui.painter().rect_filled(filled, 2.0, theme::heat(doubt));
    ui.add(egui::Label::new(RichText::new(format!("{:.0} %", doubt * 100.0)).small()).selectable(false));
}
