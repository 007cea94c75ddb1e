//! Strokes of the mask brush as voxels: what a prompt's geometry covers on its image's own grid. Work is by the
//! stroke's area, never by the image's.

use crate::labels::Mask;
use crate::prompt::{Prompt, Shape, Sign, Tip};
use crate::volume::Grid;
use std::ops::Range;

/// Applies brush strokes and corrected regions to a mask in the order drawn; prompts of other kinds are left out.
pub fn apply_strokes<'a>(mask: &mut Mask, grid: &Grid, prompts: impl IntoIterator<Item = &'a Prompt>) {
    for prompt in prompts {
        match &prompt.shape {
            Shape::Stroke { points, radius_mm, tip } => stroke(mask, grid, points, *radius_mm, *tip, prompt.sign),
            Shape::Region { mask: region } if region.shape() == mask.shape() => match prompt.sign {
                Sign::Positive => mask.unite(region),
                Sign::Negative => mask.subtract(region),
            },
            _ => {}
        }
    }
}

/// Draws one stroke: every voxel whose centre lies within `radius_mm` of the line, and always the voxels
/// under its vertices, so that the smallest brush still paints.
pub fn stroke(mask: &mut Mask, grid: &Grid, points: &[[f32; 3]], radius_mm: f32, tip: Tip, sign: Sign) {
    let brush = Brush { grid, radius_mm, tip };
    brush.draw(points, 0, |run| mask.set_run(run.start, run.end, sign == Sign::Positive));
}

/// A brush over a grid, which tells the runs of voxels that it touches.
#[derive(Clone, Copy)]
pub struct Brush<'a> {
    /// Where the voxels lie.
    pub grid: &'a Grid,
    /// Its radius in mm.
    pub radius_mm: f32,
    /// What it touches.
    pub tip: Tip,
}

impl Brush<'_> {
    /// Tells what a stroke touches from its vertex `from` on: runs of positions in memory, some of them twice. So a
    /// stroke that grows is drawn for what is new of it.
    pub fn draw(&self, points: &[[f32; 3]], from: usize, mut paint: impl FnMut(Range<usize>)) {
        for (at, point) in points.iter().enumerate().skip(from) {
            if let Some(voxel) = self.grid.nearest(*point) {
                let index = self.grid.index(voxel);
                paint(index..index + 1);
            }
            self.segment([points[at.saturating_sub(1)], *point], &mut paint);
        }
    }

    fn segment(&self, ends: [[f32; 3]; 2], paint: &mut impl FnMut(Range<usize>)) {
        let [is, js, ks] = std::array::from_fn(|axis| self.span(ends, axis));
        let capsule = Capsule::new(self, ends);
        for k in ks {
            for j in js.clone() {
                let Some([low, high]) = capsule.row(j as f64, k as f64) else { continue };
                let from = (low.ceil().max(0.0) as usize).max(is.start);
                let to = ((high.floor() + 1.0).max(0.0) as usize).min(is.end);
                if from < to {
                    let row = self.grid.index([0, j, k]);
                    paint(row + from..row + to);
                }
            }
        }
    }

    /// The voxels along an axis that a segment may touch.
    fn span(&self, [a, b]: [[f32; 3]; 2], axis: usize) -> Range<usize> {
        let reach = match self.tip {
            Tip::Disc { normal } if normal == axis => 0.5,
            _ => self.radius_mm / self.grid.spacing_mm()[axis] as f32,
        };
        let low = (a[axis].min(b[axis]) - reach).ceil().max(0.0);
        let high = (a[axis].max(b[axis]) + reach).floor().min(self.grid.shape[axis] as f32 - 1.0);
        // A NaN fails this comparison too, and leaves the span empty.
        if low <= high { low as usize..high as usize + 1 } else { 0..0 }
    }
}

/// All points within a radius of a segment, in mm from its first end; of a disc distance across its slice is none.
struct Capsule {
    start: [f64; 3],
    mm: [f64; 3],
    way: [f64; 3],
    square: f64,
}

impl Capsule {
    fn new(brush: &Brush<'_>, [a, b]: [[f32; 3]; 2]) -> Self {
        let spacing = brush.grid.spacing_mm();
        let flat = |axis| brush.tip == (Tip::Disc { normal: axis });
        let mm: [f64; 3] = std::array::from_fn(|axis| if flat(axis) { 0.0 } else { spacing[axis] });
        let way = std::array::from_fn(|axis| f64::from(b[axis] - a[axis]) * mm[axis]);
        // A little more than the radius, so that a voxel exactly on the rim is in on every machine.
        let radius = f64::from(brush.radius_mm) * (1.0 + 1e-6);
        Self { start: a.map(f64::from), mm, way, square: radius * radius }
    }

    /// The voxel positions `[from, to]` along the row at `[_, j, k]` that lie inside. The capsule is convex, so it
    /// is one interval: the hull of those of its two balls and of the cylinder between them.
    fn row(&self, j: f64, k: f64) -> Option<[f64; 2]> {
        let (y, z) = ((j - self.start[1]) * self.mm[1], (k - self.start[2]) * self.mm[2]);
        let [dx, dy, dz] = self.way;
        let parts = [self.ball(0.0, y, z), self.ball(dx, y - dy, z - dz), self.cylinder(y, z)];
        let hull = parts.into_iter().flatten().reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])?;
        // Across a disc's slice there is no distance: the whole span is in.
        Some(if self.mm[0] == 0.0 { [f64::NEG_INFINITY, f64::INFINITY] } else { hull.map(|x| x / self.mm[0] + self.start[0]) })
    }

    fn ball(&self, middle: f64, y: f64, z: f64) -> Option<[f64; 2]> {
        let rest = self.square - y * y - z * z;
        (rest >= 0.0).then(|| [middle - rest.sqrt(), middle + rest.sqrt()])
    }

    /// Where the row runs within the radius of the endless line, and between its ends.
    fn cylinder(&self, y: f64, z: f64) -> Option<[f64; 2]> {
        let [dx, dy, dz] = self.way;
        let length = dx * dx + dy * dy + dz * dz;
        if length == 0.0 {
            return None;
        }
        let along = y * dy + z * dz;
        let [from, to] = if dx == 0.0 {
            (0.0..=length).contains(&along).then_some([f64::NEG_INFINITY, f64::INFINITY])?
        } else {
            let ends = [-along / dx, (length - along) / dx];
            [ends[0].min(ends[1]), ends[0].max(ends[1])]
        };
        let (a, b) = (1.0 - dx * dx / length, -dx * along / length);
        let c = y * y + z * z - along * along / length - self.square;
        if a < 1e-12 {
            return (c <= 0.0).then_some([from, to]);
        }
        let root = b * b - a * c;
        let reach = (root >= 0.0).then(|| root.sqrt())?;
        let [from, to] = [from.max((-b - reach) / a), to.min((-b + reach) / a)];
        (from <= to).then_some([from, to])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use proptest::prelude::*;

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

    /// The distance written out, a voxel at a time.
    fn is_within(voxel: [usize; 3], [a, b]: [[f32; 3]; 2], spacing: [f64; 3], radius_mm: f32, tip: Tip) -> bool {
        if let Tip::Disc { normal } = tip
            && (voxel[normal] as f32 - a[normal]).abs() > 0.5
        {
            return false;
        }
        let mm = |axis: usize| if tip == (Tip::Disc { normal: axis }) { 0.0 } else { spacing[axis] };
        let line: [f64; 3] = std::array::from_fn(|i| f64::from(b[i] - a[i]) * mm(i));
        let to: [f64; 3] = std::array::from_fn(|i| (voxel[i] as f64 - f64::from(a[i])) * mm(i));
        let dot = |p: [f64; 3], q: [f64; 3]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
        let share = if dot(line, line) > 0.0 { (dot(to, line) / dot(line, line)).clamp(0.0, 1.0) } else { 0.0 };
        let off: [f64; 3] = std::array::from_fn(|i| to[i] - share * line[i]);
        dot(off, off).sqrt() <= f64::from(radius_mm)
    }

    proptest! {
        #[test]
        fn rows_cover_what_the_distance_says(
            a in prop::array::uniform3(0_u8..84), b in prop::array::uniform3(0_u8..84), radius in 2_u8..24, normal in 0_usize..4,
        ) {
            // Quarters of a voxel, and a radius between them: nothing lies exactly on the rim.
            let radius_mm = f32::from(radius) * 0.25 + 0.0123;
            let [a, mut b] = [a, b].map(|p| p.map(|c| f32::from(c) * 0.25));
            let tip = if normal < 3 { Tip::Disc { normal } } else { Tip::Ball };
            let mut first = a;
            if normal < 3 {
                (first[normal], b[normal]) = (a[normal].floor(), a[normal].floor());
            }
            let spacing = [0.7, 1.1, 2.5];
            let mask = paint(spacing, &[first, b], radius_mm, tip);
            let grid = Grid::new([21, 21, 21], Affine::from_spacing(spacing));
            let vertices = [first, b].map(|point| grid.nearest(point));
            for index in 0..grid.len() {
                let voxel = grid.voxel(index);
                let wanted = is_within(voxel, [first, b], spacing, radius_mm, tip) || vertices.contains(&Some(voxel));
                prop_assert_eq!(mask.get(index), wanted, "{:?}", voxel);
            }
        }
    }

    #[test]
    fn a_stroke_drawn_in_parts_is_the_stroke() {
        let grid = Grid::new([21, 21, 21], Affine::from_spacing([1.0, 1.0, 3.0]));
        let points: Vec<[f32; 3]> = (0..12).map(|at| [at as f32 * 1.5, 4.0 + (at as f32).sin() * 3.0, 8.0]).collect();
        let brush = Brush { grid: &grid, radius_mm: 2.0, tip: Tip::Ball };
        let [mut whole, mut parts] = [Mask::empty(grid.shape), Mask::empty(grid.shape)];
        brush.draw(&points, 0, |run| whole.set_run(run.start, run.end, true));
        for upto in 1..=points.len() {
            brush.draw(&points[..upto], upto - 1, |run| parts.set_run(run.start, run.end, true));
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn regions_are_applied_in_the_order_of_the_strokes() {
        let grid = Grid::new([4, 4, 1], Affine::IDENTITY);
        let region = |n: usize| Shape::Region { mask: std::sync::Arc::new(Mask::from_fn(grid.shape, |index| index < n)) };
        let prompt = |sign, shape| Prompt { id: crate::PromptId(0), structure: crate::StructureId(0), sign, shape };
        let mut mask = Mask::empty(grid.shape);
        apply_strokes(&mut mask, &grid, &[prompt(Sign::Positive, region(8)), prompt(Sign::Negative, region(5))]);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [5, 6, 7]);
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
