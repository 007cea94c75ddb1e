//! The status line: what each mouse button does now, where the pointer is and what it is on, the engine,
//! and when the project was last saved.

use super::Desk;
use crate::command::Command;
use crate::keeper::Saved;
use crate::tools::Gesture;
use egui::{Align, Layout, RichText, Ui};
use imaging::Image;
use std::time::Duration;

/// A guess that takes longer can be cancelled by a button.
const LONG: Duration = Duration::from_secs(1);

/// Draws the line. `hover` is the voxel position under the pointer.
pub fn status_ui(ui: &mut Ui, desk: &mut Desk<'_>, hover: Option<[f32; 3]>, saved: &Saved) {
    ui.horizontal(|ui| {
        ui.small(mouse(desk));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.small(RichText::new(saved.to_string()).weak());
            ui.separator();
            let waits = desk.session.waiting.as_ref().is_some_and(|waiting| waiting.since.elapsed() > LONG);
            if waits && ui.small_button("Cancel guess").clicked() {
                desk.order(Command::CancelGuess);
            }
            ui.small(engine(desk));
            if let (Some(position), Some(image)) = (hover, desk.session.image()) {
                ui.separator();
                ui.small(RichText::new(place(image, position)).monospace());
            }
        });
    });
}

fn mouse(desk: &Desk<'_>) -> String {
    let session = desk.session;
    let sign = if session.sign == imaging::Sign::Negative { " (not here)" } else { "" };
    if session.editing.proposal.is_some() {
        return "Enter: apply what is shown   Esc: leave it   Wheel: slice   Ctrl+wheel: zoom".to_owned();
    }
    if let Gesture::Corners { points, .. } = &session.gesture {
        let count = points.len();
        return format!(
            "{count} corners   Left: next corner   Enter or the first corner: close   Backspace: last one away   Esc: let go"
        );
    }
    let right = session.tool.right_button().unwrap_or("window/level");
    let erases = !sign.is_empty() && session.tool.right_button().is_some();
    let left = if erases { right } else { session.tool.left_button() };
    format!("Left: {left}{sign}   Right: {right}   Middle: pan   Wheel: slice   Ctrl+wheel: zoom")
}

/// Voxel, world (RAS, mm; a picture has none) and value at a position.
#[must_use]
pub fn place(image: &Image, position: [f32; 3]) -> String {
    let Some(voxel) = image.grid.nearest(position) else { return String::new() };
    let index = image.grid.index(voxel);
    let value = match &image.pixels {
        imaging::Pixels::Rgb(voxels) => format!("{:?}", voxels[index]),
        _ => number(image.value(index)),
    };
    let [i, j, k] = voxel;
    if image.is_picture {
        return format!("{i}, {j}: {value}");
    }
    let [x, y, z] = image.grid.world_from_voxel.apply(voxel.map(|v| v as f64));
    format!("voxel {i}, {j}, {k}   RAS {x:.1}, {y:.1}, {z:.1} mm   value {value}")
}

/// Five decimals of a small number, two of a large one; none that are zero.
fn number(value: f32) -> String {
    let text = if value.abs() < 100.0 { format!("{value:.5}") } else { format!("{value:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn engine(desk: &Desk<'_>) -> String {
    let Some(adapter) = &desk.session.adapter else { return "engine starting…".to_owned() };
    match &desk.session.waiting {
        Some(waiting) => {
            let secs = waiting.since.elapsed().as_secs_f32();
            format!("{adapter}: guessing… {secs:.1} s{}", share_text(desk, waiting.ticket))
        }
        None => adapter.clone(),
    }
}

/// How far a long guess is, behind what is said of it.
#[must_use]
pub fn share_text(desk: &Desk<'_>, ticket: engine::Ticket) -> String {
    let Some((_, share, left)) = desk.session.working.filter(|working| working.0 == ticket) else { return String::new() };
    let left = left.map(|left| format!(", {} left", crate::nets::time_text(left.as_secs_f64()))).unwrap_or_default();
    format!(", {:.0} %{left}", 100.0 * share)
}
