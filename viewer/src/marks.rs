//! Marks on a slice: discs, boxes, lines, the brush at the pointer; and which mark lies under the pointer.

use crate::camera::Placement;
use crate::scene::{Brush, Cut, Mark};
use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Shape as Drawn, Stroke, StrokeKind, vec2};
use imaging::{Corner, End, Shape, Sign, Tip};

const DISC: f32 = 7.0;
const DARK: Color32 = Color32::from_rgb(18, 18, 20);
const RIM: Color32 = Color32::from_black_alpha(200);

/// Draws what of a mark lies on the slice.
pub fn mark(painter: &Painter, mark: &Mark<'_>, cut: &Cut, placement: &Placement) {
    match mark.shape {
        Shape::Click { at } if is_on(cut, *at) => disc(painter, screen(cut, placement, *at), mark),
        Shape::Click { .. } => {}
        Shape::Box { from, to } => {
            if let Some(rect) = box_rect(cut, placement, *from, *to) {
                frame(painter, rect, mark);
            }
        }
        Shape::Doodle { points, .. } => line(painter, &lines(cut, placement, points), mark, 3.0),
        // What a stroke or a region covers is drawn by the layers; only the one in hand shows its line.
        Shape::Stroke { points, radius_mm, .. } if mark.highlighted => {
            band(painter, &lines(cut, placement, points), mark, radius_mm * placement.points_per_mm);
        }
        Shape::Stroke { .. } | Shape::Region { .. } => {}
    }
}

/// The mark under the pointer, the topmost first: its place in `marks`.
#[must_use]
pub fn mark_at(marks: &[Mark<'_>], cut: &Cut, placement: &Placement, pointer: Pos2) -> Option<usize> {
    const REACH: f32 = 6.0;
    marks.iter().rposition(|mark| distance(mark, cut, placement, pointer).is_some_and(|points| points <= REACH))
}

/// The corner of a box under the pointer.
#[must_use]
pub fn corner_at(mark: &Mark<'_>, cut: &Cut, placement: &Placement, pointer: Pos2) -> Option<Corner> {
    const REACH: f32 = 8.0;
    let Shape::Box { from, to } = mark.shape else { return None };
    box_rect(cut, placement, *from, *to)?;
    let normal = cut.slicing.normal;
    // Along an axis on which the box has no length there is only one end to take hold of.
    let ends = |axis: usize| {
        let is_one = axis == normal || from[axis] == to[axis];
        if is_one { vec![None] } else { vec![Some(End::From), Some(End::To)] }
    };
    let mut corners = vec![[None; 3]];
    for axis in 0..3 {
        let longer = |corner: &Corner| ends(axis).into_iter().map(|end| with(*corner, axis, end)).collect::<Vec<_>>();
        corners = corners.iter().flat_map(longer).collect();
    }
    let distance = |corner: &Corner| {
        let at = std::array::from_fn(|axis| if corner[axis] == Some(End::To) { to[axis] } else { from[axis] });
        screen(cut, placement, at).distance(pointer)
    };
    let is_corner = |corner: &Corner| corner.iter().flatten().count() == 2;
    let near = corners.into_iter().filter(is_corner).map(|corner| (distance(&corner), corner));
    near.filter(|(points, _)| *points <= REACH).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, corner)| corner)
}

fn with(mut corner: Corner, axis: usize, end: Option<End>) -> Corner {
    corner[axis] = end;
    corner
}

/// Distance in points from the pointer to what is drawn of a mark; a box is its border.
fn distance(mark: &Mark<'_>, cut: &Cut, placement: &Placement, pointer: Pos2) -> Option<f32> {
    match mark.shape {
        Shape::Click { at } => is_on(cut, *at).then(|| screen(cut, placement, *at).distance(pointer) - DISC),
        Shape::Box { from, to } => box_rect(cut, placement, *from, *to).map(|rect| rect.signed_distance_to_pos(pointer).abs()),
        Shape::Doodle { points, .. } => nearest(&lines(cut, placement, points), pointer),
        Shape::Stroke { points, radius_mm, .. } => {
            nearest(&lines(cut, placement, points), pointer).map(|points| points - radius_mm * placement.points_per_mm)
        }
        Shape::Region { .. } => None,
    }
}

fn nearest(lines: &[Vec<Pos2>], pointer: Pos2) -> Option<f32> {
    let distances = lines.iter().flat_map(|line| (0..line.len()).map(|i| [line[i.saturating_sub(1)], line[i]]));
    distances.map(|[a, b]| distance_to_segment(pointer, a, b)).min_by(f32::total_cmp)
}

fn distance_to_segment(p: Pos2, a: Pos2, b: Pos2) -> f32 {
    let along = b - a;
    let share = if along.length_sq() > 0.0 { ((p - a).dot(along) / along.length_sq()).clamp(0.0, 1.0) } else { 0.0 };
    p.distance(a + along * share)
}

fn is_on(cut: &Cut, at: [f32; 3]) -> bool {
    at[cut.slicing.normal].round() == cut.slice as f32
}

fn screen(cut: &Cut, placement: &Placement, at: [f32; 3]) -> Pos2 {
    placement.screen_from_plane(cut.slicing.plane_from_voxel(at))
}

/// Where a box cuts the slice. A side without length, as on the slice across which it was drawn, shows as
/// one voxel.
fn box_rect(cut: &Cut, placement: &Placement, from: [f32; 3], to: [f32; 3]) -> Option<Rect> {
    let slice = cut.slice as f32;
    let normal = cut.slicing.normal;
    if slice < from[normal].round() || slice > to[normal].round() {
        return None;
    }
    let rect = Rect::from_two_pos(screen(cut, placement, from), screen(cut, placement, to));
    let voxel = placement.points_per_pixel();
    Some(Rect::from_center_size(rect.center(), rect.size().max(voxel)))
}

/// The parts of a line that lie on the slice; a lone point is a part of its own.
fn lines(cut: &Cut, placement: &Placement, points: &[[f32; 3]]) -> Vec<Vec<Pos2>> {
    points
        .split(|point| !is_on(cut, *point))
        .filter(|part| !part.is_empty())
        .map(|part| part.iter().map(|point| screen(cut, placement, *point)).collect())
        .collect()
}

fn colour(mark: &Mark<'_>) -> Color32 {
    let [r, g, b] = mark.colour;
    Color32::from_rgb(r, g, b)
}

/// A disc in two rings, light and dark, so that it stands out on any ground; plus is filled, minus is dark.
fn disc(painter: &Painter, at: Pos2, mark: &Mark<'_>) {
    let radius = if mark.highlighted { DISC + 2.0 } else { DISC };
    let (fill, sign) = match mark.sign {
        Sign::Positive => (colour(mark), ink_on(colour(mark))),
        Sign::Negative => (DARK, Color32::WHITE),
    };
    painter.circle_filled(at, radius + 2.5, RIM);
    painter.circle_filled(at, radius + 1.3, if mark.sign == Sign::Positive { Color32::WHITE } else { colour(mark) });
    painter.circle_filled(at, radius, fill);
    let stroke = Stroke::new(2.0, sign);
    let half = radius * 0.55;
    painter.line_segment([at - vec2(half, 0.0), at + vec2(half, 0.0)], stroke);
    if mark.sign == Sign::Positive {
        painter.line_segment([at - vec2(0.0, half), at + vec2(0.0, half)], stroke);
    }
}

/// Black or white, whichever is read more easily on `ground`.
fn ink_on(ground: Color32) -> Color32 {
    let luminance = imaging::volume::luminance([ground.r(), ground.g(), ground.b()]);
    if luminance > 120.0 { DARK } else { Color32::WHITE }
}

fn frame(painter: &Painter, rect: Rect, mark: &Mark<'_>) {
    let width = if mark.highlighted { 3.0 } else { 2.0 };
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(width + 2.0, RIM), StrokeKind::Middle);
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(width, colour(mark)), StrokeKind::Middle);
    for corner in [rect.left_top(), rect.right_top(), rect.left_bottom(), rect.right_bottom()] {
        let handle = Rect::from_center_size(corner, vec2(5.0, 5.0));
        painter.rect(handle, CornerRadius::ZERO, Color32::WHITE, Stroke::new(1.0, RIM), StrokeKind::Outside);
    }
}

/// A line drawn by hand; a negative one is dark with dashes of the structure's colour.
fn line(painter: &Painter, lines: &[Vec<Pos2>], mark: &Mark<'_>, width: f32) {
    let width = if mark.highlighted { width + 1.5 } else { width };
    for points in lines {
        if let [point] = points[..] {
            painter.circle_filled(point, width / 2.0 + 1.0, RIM);
            painter.circle_filled(point, width / 2.0, colour(mark));
            continue;
        }
        painter.line(points.clone(), Stroke::new(width + 2.5, RIM));
        match mark.sign {
            Sign::Positive => drop(painter.line(points.clone(), Stroke::new(width, colour(mark)))),
            Sign::Negative => {
                painter.line(points.clone(), Stroke::new(width, Color32::WHITE));
                painter.extend(Drawn::dashed_line(points, Stroke::new(width, colour(mark)), 7.0, 5.0));
            }
        }
    }
}

/// A stroke of the brush that is selected: as wide as the brush, and one even tone.
fn band(painter: &Painter, lines: &[Vec<Pos2>], mark: &Mark<'_>, radius: f32) {
    let tone = if mark.sign == Sign::Positive { colour(mark) } else { Color32::from_gray(150) }.gamma_multiply(0.5);
    for points in lines {
        if let [point] = points[..] {
            painter.circle_filled(point, radius, tone);
        } else {
            painter.line(points.clone(), Stroke::new(radius * 2.0, tone));
        }
    }
}

/// The brush at the pointer: its true size as a ring; a ball has a dot in its middle, an eraser is white.
pub fn brush(painter: &Painter, brush: &Brush, pointer: Pos2, placement: &Placement) {
    let radius = (brush.radius_mm * placement.points_per_mm).max(1.5);
    let [r, g, b] = brush.colour;
    let colour = if brush.erases { Color32::WHITE } else { Color32::from_rgb(r, g, b) };
    painter.circle_stroke(pointer, radius, Stroke::new(3.0, RIM));
    painter.circle_stroke(pointer, radius, Stroke::new(1.5, colour));
    if brush.tip == Tip::Ball {
        painter.circle_filled(pointer, 2.0, colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;
    use egui::pos2;
    use imaging::{Affine, Convention, Grid, Plane, Slicing};

    fn view() -> (Cut, Placement) {
        let grid = Grid::new([40, 40, 10], Affine::IDENTITY);
        let slicing = Slicing::new(&grid, Plane::Axial, Convention::Radiological);
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(400.0, 400.0));
        (Cut { slicing, slice: 5 }, Camera::default().place(rect, &slicing))
    }

    fn mark(shape: &Shape) -> Mark<'_> {
        Mark { shape, sign: Sign::Positive, colour: [255, 0, 0], highlighted: false }
    }

    #[test]
    fn the_pointer_finds_marks_of_this_slice_only() {
        let (cut, placement) = view();
        let here = Shape::Click { at: [10.0, 10.0, 5.0] };
        let elsewhere = Shape::Click { at: [10.0, 10.0, 6.0] };
        let pointer = screen(&cut, &placement, [10.0, 10.0, 5.0]);
        assert_eq!(mark_at(&[mark(&here), mark(&elsewhere)], &cut, &placement, pointer), Some(0));
        assert_eq!(mark_at(&[mark(&here)], &cut, &placement, pointer + vec2(40.0, 0.0)), None);
    }

    #[test]
    fn a_box_is_found_at_its_border() {
        let (cut, placement) = view();
        let shape = Shape::Box { from: [5.0, 5.0, 5.0], to: [30.0, 30.0, 5.0] };
        let at = |voxel| mark_at(&[mark(&shape)], &cut, &placement, screen(&cut, &placement, voxel));
        assert_eq!(at([5.0, 20.0, 5.0]), Some(0));
        assert_eq!(at([17.0, 17.0, 5.0]), None);
        assert!(mark_at(&[mark(&shape)], &Cut { slice: 6, ..cut }, &placement, pos2(0.0, 0.0)).is_none());
    }

    #[test]
    fn a_box_is_taken_by_its_corners() {
        let (cut, placement) = view();
        let shape = Shape::Box { from: [5.0, 5.0, 2.0], to: [30.0, 30.0, 8.0] };
        let at = |voxel| corner_at(&mark(&shape), &cut, &placement, screen(&cut, &placement, voxel));
        assert_eq!(at([30.0, 5.0, 5.0]), Some([Some(End::To), Some(End::From), None]));
        assert_eq!(at([5.0, 17.0, 5.0]), None, "an edge is no corner");
        let elsewhere = Shape::Box { from: [5.0, 5.0, 2.0], to: [30.0, 30.0, 3.0] };
        let pointer = screen(&cut, &placement, [5.0, 5.0, 5.0]);
        assert_eq!(corner_at(&mark(&elsewhere), &cut, &placement, pointer), None);
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_slice() {
        let (cut, placement) = view();
        let points = [[1.0, 1.0, 5.0], [2.0, 1.0, 5.0], [3.0, 1.0, 6.0], [4.0, 1.0, 5.0]];
        assert_eq!(lines(&cut, &placement, &points).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}
