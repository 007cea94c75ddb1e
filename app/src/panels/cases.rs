//! The list of cases, with picture and status.

use super::{Desk, queue};
use crate::command::Command;
use crate::queue::Row;
use crate::session::Status;
use crate::theme;
use egui::{Align, Color32, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use imaging::Case;

/// Draws the list of cases, or the queue.
pub fn side_ui(ui: &mut Ui, desk: &mut Desk<'_>, rows: &[Row]) {
    let shows_queue = desk.session.shows_queue;
    ui.horizontal(|ui| {
        for (text, is_queue) in [("Cases", false), ("Queue", true)] {
            let tab = ui.add(egui::Button::selectable(shows_queue == is_queue, RichText::new(text).strong()));
            if tab.on_hover_text("Q").clicked() && shows_queue != is_queue {
                desk.order(Command::ToggleQueue);
            }
        }
        if !shows_queue {
            done_ui(ui, desk);
        }
    });
    if shows_queue { queue::queue_ui(ui, desk, rows) } else { cases_ui(ui, desk) }
}

fn cases_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.separator();
    let height = theme::THUMBNAIL + 10.0;
    let count = desk.project.cases.len();
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, height, count, |ui, rows| {
        for at in rows {
            if let Some(case) = desk.project.cases.get(at) {
                case_ui(ui, desk, case, height);
            }
        }
    });
}

fn done_ui(ui: &mut Ui, desk: &Desk<'_>) {
    let cases = &desk.project.cases;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let Some(structure) = desk.session.structure else { return };
        let done = cases.iter().filter(|case| case.review(structure).is_locked()).count();
        ui.label(RichText::new(format!("{done} of {} reviewed", cases.len())).small().weak());
    });
}

fn case_ui(ui: &mut Ui, desk: &mut Desk<'_>, case: &Case, height: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let shown = desk.session.case == Some(case.id);
    let (status, example) = status(desk, case);
    let flagged = desk.session.structure.and_then(|structure| case.work(structure)).is_some_and(|work| work.flag.is_some());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, format!("{}, {}", case.name, status.word())));
    let fill = if shown {
        ui.visuals().selection.bg_fill
    } else if response.hovered() || response.has_focus() {
        ui.visuals().faint_bg_color
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect.shrink2(vec2(0.0, 1.0)), 4.0, fill);
    picture_ui(ui, desk, case, Rect::from_min_size(rect.min + vec2(5.0, 5.0), vec2(theme::THUMBNAIL, theme::THUMBNAIL)));
    let text = Rect::from_min_max(pos2(rect.min.x + theme::THUMBNAIL + 14.0, rect.min.y + 6.0), rect.max - vec2(6.0, 4.0));
    // A child of its own, so that the row keeps the room that it took.
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(text));
    child.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.add(egui::Label::new(&case.name).truncate().selectable(false));
        ui.horizontal(|ui| {
            badge_ui(ui, status);
            if example {
                ui.add(
                    egui::Label::new(RichText::new("example").small().color(theme::text_of(ui, theme::EXAMPLE)))
                        .selectable(false),
                );
            }
            if flagged {
                ui.add(
                    egui::Label::new(RichText::new("flagged").small().color(theme::text_of(ui, theme::REJECTED)))
                        .selectable(false),
                );
            }
        });
    });
    if response.clicked() {
        desk.order(Command::ShowCase(case.id));
    }
    if shown {
        response.scroll_to_me(None);
    }
}

fn status(desk: &Desk<'_>, case: &Case) -> (Status, bool) {
    let Some(structure) = desk.session.structure else { return (Status::New, false) };
    (Status::of(case, structure, desk.session), case.work(structure).is_some_and(|work| work.example))
}

fn picture_ui(ui: &Ui, desk: &Desk<'_>, case: &Case, rect: Rect) {
    ui.painter().rect_filled(rect, 3.0, theme::PANE);
    let Some(view) = desk.session.views.get(&case.id) else { return };
    if let Some(texture) = &view.thumbnail {
        let size = texture.size_vec2();
        let fitted = size * (rect.size() / size).min_elem();
        egui::Image::new(texture).paint_at(ui, Rect::from_center_size(rect.center(), fitted));
    } else if view.fault.is_some() {
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, "!", egui::FontId::proportional(20.0), theme::REJECTED);
    }
}

/// The word of a status behind a dot of its colour.
pub fn badge_ui(ui: &mut Ui, status: Status) {
    let colour = match status {
        Status::New => ui.visuals().weak_text_color(),
        Status::Marked => theme::EXAMPLE,
        Status::Guessed => theme::WAITING,
        Status::Rejected => theme::REJECTED,
        Status::Accepted | Status::Absent => theme::ACCEPTED,
    };
    let colour = theme::dot(colour, ui.visuals().dark_mode);
    let (dot, _) = ui.allocate_exact_size(vec2(8.0, 14.0), Sense::hover());
    if status == Status::Absent {
        ui.painter().circle_stroke(dot.center(), 3.5, egui::Stroke::new(1.5, colour));
    } else {
        ui.painter().circle_filled(dot.center(), 3.5, colour);
    }
    ui.add(egui::Label::new(RichText::new(status.word()).small()).selectable(false));
}
