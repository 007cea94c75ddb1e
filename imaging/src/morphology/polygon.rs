//! What a line drawn around a region holds: the lasso and the polygon.

use crate::labels::Mask;
use crate::volume::Grid;

/// The voxels of one slice across `normal` whose centres a closed line winds around. The line's vertices are voxel
/// positions in order, the last joined to the first; its slice is that of the first. A line that crosses itself
/// holds every part that it winds around. Nothing where fewer than three vertices are finite, or the slice is not
/// in the image.
#[must_use]
pub fn polygon(grid: &Grid, points: &[[f32; 3]], normal: usize) -> Mask {
    let mut mask = Mask::empty(grid.shape);
    let [u, v] = super::plane::axes(normal);
    let line: Vec<[f64; 2]> =
        points.iter().filter(|p| p.iter().all(|c| c.is_finite())).map(|p| [f64::from(p[u]), f64::from(p[v])]).collect();
    let slice = points.first().map_or(-1.0, |point| point[normal].round());
    if line.len() < 3 || !(slice >= 0.0 && slice < grid.shape[normal] as f32) {
        return mask;
    }
    let low = line.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min).ceil().max(0.0) as usize;
    let high = line.iter().map(|p| p[1]).fold(f64::NEG_INFINITY, f64::max).floor().min(grid.shape[v] as f64 - 1.0);
    // A negative float becomes 0, and an empty range stays one.
    for row in low..(high + 1.0) as usize {
        for [from, to] in wound_around(&line, row as f64) {
            let first = from.ceil().max(0.0) as usize;
            for at in first..((to.ceil()).max(0.0) as usize).min(grid.shape[u]) {
                mask.set(super::plane::index(grid.shape, normal, slice as usize, [at, row]), true);
            }
        }
    }
    mask
}

/// The stretches `[from, to)` of a row that a closed line winds around.
fn wound_around(line: &[[f64; 2]], row: f64) -> Vec<[f64; 2]> {
    let next = line.iter().cycle().skip(1);
    let mut crossings: Vec<(f64, i32)> = line
        .iter()
        .zip(next)
        .filter(|(a, b)| (a[1] <= row) != (b[1] <= row))
        .map(|(a, b)| (a[0] + (row - a[1]) / (b[1] - a[1]) * (b[0] - a[0]), if a[1] <= row { 1 } else { -1 }))
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut stretches = Vec::new();
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            stretches.push([pair[0].0, pair[1].0]);
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;

    fn grid() -> Grid {
        Grid::new([20, 18, 5], Affine::from_spacing([1.0, 2.0, 3.0]))
    }

    #[test]
    fn a_square_holds_its_voxels_across_each_axis() {
        for normal in 0..3 {
            let [u, v] = super::super::plane::axes(normal);
            let corner = |a: f32, b: f32| {
                let mut point = [2.0; 3];
                (point[u], point[v]) = (a, b);
                point
            };
            let square = [corner(0.5, 0.5), corner(3.5, 0.5), corner(3.5, 2.5), corner(0.5, 2.5)];
            let mask = polygon(&grid(), &square, normal);
            assert_eq!(mask.count(), 6);
            let [low, high] = mask.bounds().expect("it is not empty");
            assert_eq!(([low[u], low[v], low[normal]], [high[u], high[v], high[normal]]), ([1, 1, 2], [3, 2, 2]));
            let backwards: Vec<_> = square.into_iter().rev().collect();
            assert_eq!(polygon(&grid(), &backwards, normal), mask);
        }
    }

    #[test]
    fn a_circle_has_its_area() {
        let circle: Vec<[f32; 3]> = (0..200)
            .map(|n| n as f32 / 200.0 * std::f32::consts::TAU)
            .map(|t| [10.0 + 7.2 * t.cos(), 9.0 + 7.2 * t.sin(), 1.0])
            .collect();
        let area = polygon(&grid(), &circle, 2).count() as f32 / (std::f32::consts::PI * 7.2 * 7.2);
        assert!((area - 1.0).abs() < 0.03, "{area}");
        let twice: Vec<_> = circle.iter().chain(&circle).copied().collect();
        assert_eq!(polygon(&grid(), &twice, 2), polygon(&grid(), &circle, 2), "wound around twice is inside too");
    }

    #[test]
    fn a_line_beyond_the_image_is_cut_and_a_broken_one_holds_nothing() {
        let around = [[-50.0, -50.0, 3.0], [90.0, -50.0, 3.0], [90.0, 90.0, 3.0], [-50.0, 90.0, 3.0]];
        assert_eq!(polygon(&grid(), &around, 2).count(), 20 * 18);
        assert!(polygon(&grid(), &around[..2], 2).is_empty());
        assert!(polygon(&grid(), &around.map(|[x, y, _]| [x, y, 9.0]), 2).is_empty());
        assert!(polygon(&grid(), &[[f32::NAN; 3]; 4], 2).is_empty());
        assert!(polygon(&grid(), &around.map(|[x, y, z]| [x - 200.0, y, z]), 2).is_empty());
        assert!(polygon(&grid(), &around.map(|[x, y, z]| [x, y - 200.0, z]), 2).is_empty());
    }
}
