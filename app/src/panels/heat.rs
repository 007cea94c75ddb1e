//! The heat strip: along each pane, where the guess is doubtful, slice by slice. A press on it goes there.

use crate::theme;
use egui::{Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use imaging::doubt::Profile;
use imaging::space::closest_canonical;
use viewer::{PaneOutput, scene::Cut};

/// Draws the strips over the panes; gives the voxel axis and slice that were asked for.
pub fn strips_ui(ui: &mut Ui, profile: &Profile, grid: &imaging::Grid, panes: &[(Cut, PaneOutput)]) -> Option<(usize, usize)> {
    let mut wanted = None;
    for (cut, pane) in panes {
        let normal = cut.slicing.normal;
        let doubt = &profile.0[normal];
        if doubt.len() < 2 {
            continue;
        }
        // What lies up, to the front or to the right is on top, as the wheel has it.
        let canonical = closest_canonical(&grid.world_from_voxel);
        let rises = canonical.iter().any(|direction| direction.axis == normal && direction.sign > 0);
        let room = pane.response.rect;
        // Beside the letter at the edge, which must stay in sight.
        let strip = Rect::from_min_max(pos2(room.max.x - 36.0, room.min.y + 26.0), pos2(room.max.x - 27.0, room.max.y - 26.0));
        if strip.height() > 40.0 {
            wanted = strip_ui(ui, strip, doubt, cut.slice, rises).map(|slice| (normal, slice)).or(wanted);
        }
    }
    wanted
}

fn strip_ui(ui: &mut Ui, strip: Rect, doubt: &[f32], shown: usize, rises: bool) -> Option<usize> {
    let id = ui.scope_id().with(("heat", strip.min.x as i32, strip.min.y as i32));
    let response = ui.interact(strip.expand2(vec2(3.0, 0.0)), id, Sense::click_and_drag());
    let worst = doubt.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at);
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, format!("doubt by slice, most at slice {}", worst + 1)));
    let count = doubt.len();
    let y_of = |slice: usize| {
        let from_top = if rises { count - 1 - slice } else { slice };
        strip.min.y + strip.height() * from_top as f32 / count as f32
    };
    let painter = ui.painter();
    painter.rect_filled(strip.expand(1.0), 2.0, egui::Color32::from_black_alpha(170));
    for (slice, &value) in doubt.iter().enumerate().filter(|(_, value)| **value > 0.02) {
        let top = y_of(slice);
        let cell = Rect::from_min_max(pos2(strip.min.x, top), pos2(strip.max.x, top + (strip.height() / count as f32).max(1.0)));
        painter.rect_filled(cell, 0.0, theme::heat(value));
    }
    let at = y_of(shown) + strip.height() / count as f32 / 2.0;
    painter.hline(strip.min.x - 3.0..=strip.max.x + 3.0, at, egui::Stroke::new(2.0, egui::Color32::WHITE));
    let pointer = response.interact_pointer_pos().filter(|_| response.clicked() || response.dragged())?;
    let share = ((pointer.y - strip.min.y) / strip.height()).clamp(0.0, 0.999_99);
    let from_top = (share * count as f32) as usize;
    Some(if rises { count - 1 - from_top } else { from_top })
}
