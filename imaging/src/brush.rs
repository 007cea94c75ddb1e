//! Strokes of the mask brush as voxels: what a prompt's geometry covers on its image's own grid.

use crate::labels::Mask;
use crate::prompt::{Prompt, Shape, Sign, Tip};
use crate::volume::Grid;

/// Applies brush strokes to a mask in the order drawn; prompts of other kinds are left out.
pub fn apply_strokes<'a>(mask: &mut Mask, grid: &Grid, prompts: impl IntoIterator<Item = &'a Prompt>) {
    for prompt in prompts {
        if let Shape::Stroke { points, radius_mm, tip } = &prompt.shape {
            stroke(mask, grid, points, *radius_mm, *tip, prompt.sign);
        }
    }
}

/// Draws one stroke: every voxel whose centre lies within `radius_mm` of the line, and always the voxels
/// under its vertices, so that the smallest brush still paints. Work is by the stroke's area.
pub fn stroke(mask: &mut Mask, grid: &Grid, points: &[[f32; 3]], radius_mm: f32, tip: Tip, sign: Sign) {
    let inside = sign == Sign::Positive;
    for (at, point) in points.iter().enumerate() {
        if let Some(voxel) = grid.nearest(*point) {
            mask.set(grid.index(voxel), inside);
        }
        segment(mask, grid, [points[at.saturating_sub(1)], *point], radius_mm, tip, inside);
    }
}

fn segment(mask: &mut Mask, grid: &Grid, [a, b]: [[f32; 3]; 2], radius_mm: f32, tip: Tip, inside: bool) {
    let spacing = grid.spacing_mm().map(|mm| mm as f32);
    let reach = |axis: usize| match tip {
        Tip::Disc { normal } if normal == axis => 0.5,
        _ => radius_mm / spacing[axis],
    };
    let span = |axis: usize| {
        let low = (a[axis].min(b[axis]) - reach(axis)).ceil().max(0.0);
        let high = (a[axis].max(b[axis]) + reach(axis)).floor().min(grid.shape[axis] as f32 - 1.0);
        // A NaN fails this comparison too, and leaves the span empty.
        if low <= high { low as usize..high as usize + 1 } else { 0..0 }
    };
    for k in span(2) {
        for j in span(1) {
            for i in span(0) {
                let voxel = [i as f32, j as f32, k as f32];
                if distance_mm(voxel, a, b, spacing, tip) <= radius_mm {
                    mask.set(grid.index([i, j, k]), inside);
                }
            }
        }
    }
}

/// Distance in mm between a voxel's centre and a segment; a disc counts only distance within its slice.
fn distance_mm(voxel: [f32; 3], a: [f32; 3], b: [f32; 3], spacing: [f32; 3], tip: Tip) -> f32 {
    let weight = |axis: usize| if tip == (Tip::Disc { normal: axis }) { 0.0 } else { spacing[axis] };
    let line: [f32; 3] = std::array::from_fn(|i| (b[i] - a[i]) * weight(i));
    let to: [f32; 3] = std::array::from_fn(|i| (voxel[i] - a[i]) * weight(i));
    let dot = |p: [f32; 3], q: [f32; 3]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    let share = if dot(line, line) > 0.0 { (dot(to, line) / dot(line, line)).clamp(0.0, 1.0) } else { 0.0 };
    let off: [f32; 3] = std::array::from_fn(|i| to[i] - share * line[i]);
    dot(off, off).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;

    fn paint(spacing: [f64; 3], points: &[[f32; 3]], radius_mm: f32, tip: Tip) -> Mask {
        let grid = Grid::new([21, 21, 21], Affine::from_spacing(spacing));
        let mut mask = Mask::empty(grid.shape);
        stroke(&mut mask, &grid, points, radius_mm, tip, Sign::Positive);
        mask
    }

    #[test]
    fn a_ball_has_a_balls_volume_in_mm() {
        for spacing in [[1.0, 1.0, 1.0], [0.8, 1.2, 2.0]] {
            let mask = paint(spacing, &[[10.0, 10.0, 10.0]], 6.0, Tip::Ball);
            let volume = mask.count() as f64 * spacing.iter().product::<f64>();
            let ball = 4.0 / 3.0 * std::f64::consts::PI * 216.0;
            assert!((volume / ball - 1.0).abs() < 0.08, "{volume} mm3 against {ball}");
        }
    }

    #[test]
    fn a_disc_stays_on_its_slice() {
        let mask = paint([1.0; 3], &[[5.0, 10.0, 7.0], [15.0, 10.0, 7.0]], 2.0, Tip::Disc { normal: 2 });
        let [low, high] = mask.bounds().expect("something was painted");
        assert_eq!((low, high), ([3, 8, 7], [17, 12, 7]));
    }

    #[test]
    fn the_smallest_brush_paints_one_voxel() {
        assert_eq!(paint([1.0; 3], &[[3.4, 3.4, 3.0]], 0.1, Tip::Ball).count(), 1);
    }

    #[test]
    fn the_eraser_takes_back_what_the_brush_gave() {
        let grid = Grid::new([21, 21, 21], Affine::IDENTITY);
        let mut mask = paint([1.0; 3], &[[10.0, 10.0, 10.0]], 4.0, Tip::Ball);
        stroke(&mut mask, &grid, &[[10.0, 10.0, 10.0]], 4.0, Tip::Ball, Sign::Negative);
        assert!(mask.is_empty());
    }

    #[test]
    fn strokes_outside_the_image_paint_nothing_and_do_not_panic() {
        for point in [[-50.0, 0.0, 0.0], [0.0, 1e9, 0.0], [f32::NAN, 0.0, 0.0], [0.0, 0.0, 60.0]] {
            assert!(paint([1.0; 3], &[point], 3.0, Tip::Ball).is_empty());
        }
    }
}
