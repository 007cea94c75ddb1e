//! What stands over every slice: orientation letters, the R marker, name and number, scale bar, crosshair.
//! Marks and the brush are `marks`'s.

use crate::camera::Placement;
use crate::contrast::Window;
use crate::scene::{Cut, Scene};
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};
use imaging::Plane;

const INK: Color32 = Color32::from_rgb(228, 230, 234);
const FAINT: Color32 = Color32::from_rgb(172, 177, 186);
const SHADE: Color32 = Color32::from_black_alpha(190);
const VEIL: Color32 = Color32::from_black_alpha(120);
const MARGIN: f32 = 8.0;

/// A plane's name, as the window and the docs say it.
#[must_use]
pub fn plane_name(plane: Plane) -> &'static str {
    match plane {
        Plane::Axial => "Axial",
        Plane::Coronal => "Coronal",
        Plane::Sagittal => "Sagittal",
        Plane::Picture => "Picture",
    }
}

/// A plane's colour, the same for its title and for its line in the other panes' crosshairs.
#[must_use]
pub fn plane_colour(plane: Plane) -> Color32 {
    match plane {
        Plane::Axial => Color32::from_rgb(235, 104, 88),
        Plane::Coronal => Color32::from_rgb(122, 190, 104),
        Plane::Sagittal => Color32::from_rgb(232, 200, 88),
        Plane::Picture => FAINT,
    }
}

/// Draws letters, title, window and scale bar.
pub fn annotations(painter: &Painter, scene: &Scene<'_>, cut: &Cut, placement: &Placement) {
    letters(painter, cut, placement.rect);
    title(painter, cut, placement.rect);
    window(painter, scene, placement.rect);
    scale_bar(painter, cut, placement);
}

fn letters(painter: &Painter, cut: &Cut, rect: Rect) {
    let inner = rect.shrink(MARGIN);
    let places = [
        (inner.left_center(), Align2::LEFT_CENTER),
        (inner.right_center(), Align2::RIGHT_CENTER),
        (inner.center_top(), Align2::CENTER_TOP),
        (inner.center_bottom(), Align2::CENTER_BOTTOM),
    ];
    for (letters, (at, align)) in cut.slicing.letters().iter().zip(places) {
        match letters.chars().next() {
            Some('R') => right_marker(painter, at, align, letters),
            Some(_) => text(painter, at, align, letters, 15.0, INK),
            None => {}
        }
    }
}

/// The patient's right, dark on light where all other letters are light on dark: no one shall overlook it.
fn right_marker(painter: &Painter, at: Pos2, align: Align2, letters: &str) {
    let galley = painter.layout_no_wrap(letters.to_owned(), FontId::proportional(15.0), Color32::BLACK);
    let plate = align.anchor_size(at, galley.size() + vec2(10.0, 4.0));
    painter.rect(plate, CornerRadius::same(3), INK, Stroke::new(1.0, SHADE), StrokeKind::Outside);
    painter.galley(plate.center() - galley.size() / 2.0, galley, Color32::BLACK);
}

fn title(painter: &Painter, cut: &Cut, rect: Rect) {
    let plane = cut.slicing.plane;
    let at = rect.min + vec2(MARGIN, MARGIN);
    let chip = Rect::from_min_size(at + vec2(-3.0, 1.0), vec2(3.0, 15.0));
    text(painter, at + vec2(5.0, 0.0), Align2::LEFT_TOP, &title_text(cut), 13.0, INK);
    painter.rect_filled(chip, 1.0, plane_colour(plane));
}

/// `Axial 45/120`; a picture has no number.
#[must_use]
pub fn title_text(cut: &Cut) -> String {
    let (name, count) = (plane_name(cut.slicing.plane), cut.slicing.count());
    if count > 1 { format!("{name} {}/{count}", cut.slice + 1) } else { name.to_owned() }
}

fn window(painter: &Painter, scene: &Scene<'_>, rect: Rect) {
    if scene.image.image().is_colour() || rect.width() < 220.0 {
        return;
    }
    text(painter, rect.max - vec2(MARGIN + 2.0, MARGIN), Align2::RIGHT_BOTTOM, &window_text(scene.window), 12.0, FAINT);
}

/// `W 350  L 50`, with as many digits as the width calls for.
fn window_text(Window { width, level }: Window) -> String {
    let digits = (1.0 - width.max(1e-6).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("W {width:.digits$}  L {level:.digits$}")
}

fn scale_bar(painter: &Painter, cut: &Cut, placement: &Placement) {
    let rect = placement.rect;
    let points_per_unit = placement.points_per_mm;
    let length = round_length((rect.width() * 0.25).min(120.0) / points_per_unit);
    let unit = if cut.slicing.plane == Plane::Picture { "px" } else { "mm" };
    let [left, y] = [rect.left() + MARGIN, rect.bottom() - MARGIN - 1.0];
    let right = left + length * points_per_unit;
    let path = vec![pos2(left, y - 5.0), pos2(left, y), pos2(right, y), pos2(right, y - 5.0)];
    painter.line(path.clone(), Stroke::new(3.5, SHADE));
    painter.line(path, Stroke::new(1.5, INK));
    text(painter, pos2(left + 4.0, y - 8.0), Align2::LEFT_BOTTOM, &format!("{length} {unit}"), 12.0, INK);
}

/// The greatest of 1, 2, 5, 10, 20, 50.. (or their fractions) that is no longer than `most`.
fn round_length(most: f32) -> f32 {
    let power = 10_f32.powf(most.max(1e-6).log10().floor());
    let factor = [5.0, 2.0].into_iter().find(|factor| factor * power <= most).unwrap_or(1.0);
    factor * power
}

/// Text on a dark veil, readable on any ground.
fn text(painter: &Painter, at: Pos2, align: Align2, words: &str, size: f32, colour: Color32) {
    let galley = painter.layout_no_wrap(words.to_owned(), FontId::proportional(size), colour);
    let place = align.anchor_size(at, galley.size());
    painter.rect_filled(place.expand2(vec2(4.0, 1.0)), CornerRadius::same(3), VEIL);
    painter.galley(place.min, galley, colour);
}

/// Two thin lines that leave the point itself free.
pub fn crosshair(painter: &Painter, at: [f32; 3], cut: &Cut, placement: &Placement) {
    const GAP: f32 = 14.0;
    let centre = placement.screen_from_plane(cut.slicing.plane_from_voxel(at));
    let rect = placement.rect;
    let [upright, level] = line_colours(cut.slicing.plane).map(|colour| Stroke::new(1.0, colour.gamma_multiply(0.75)));
    let (x, y) = (painter.round_to_pixel_center(centre.x), painter.round_to_pixel_center(centre.y));
    painter.vline(x, rect.top()..=(y - GAP).max(rect.top()), upright);
    painter.vline(x, (y + GAP).min(rect.bottom())..=rect.bottom(), upright);
    painter.hline(rect.left()..=(x - GAP).max(rect.left()), y, level);
    painter.hline((x + GAP).min(rect.right())..=rect.right(), y, level);
}

/// Colours of the upright and the level line: those of the planes that stand there.
fn line_colours(plane: Plane) -> [Color32; 2] {
    let planes = match plane {
        Plane::Axial => [Plane::Sagittal, Plane::Coronal],
        Plane::Coronal => [Plane::Sagittal, Plane::Axial],
        Plane::Sagittal => [Plane::Coronal, Plane::Axial],
        Plane::Picture => [Plane::Picture; 2],
    };
    planes.map(plane_colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_bars_have_round_lengths() {
        assert_eq!([0.7, 1.0, 3.0, 49.0, 60.0, 120.0].map(round_length), [0.5, 1.0, 2.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn window_numbers_are_short() {
        let words = |width, level| window_text(Window { width, level });
        assert_eq!(words(350.0, 50.0), "W 350  L 50");
        assert_eq!(words(80.0, 40.0), "W 80  L 40");
        assert_eq!(words(0.5, 0.25), "W 0.50  L 0.25");
    }
}
