//! Fill between slices: the shapes on two marked slices turn into one another, by the mean of their signed
//! distances in mm (Raya and Udupa, "Shape-based interpolation of multidimensional objects", 1990). Shapes that do
//! not overlap are laid over one another by their centres first, or the mean would be empty.

use super::{Cancelled, Watch, distance, plane, report, rows, unwatched};
use crate::labels::Mask;
use crate::volume::Grid;

/// The mask with what lies between its marked slices across `normal`; what is on them stays as it is. Without a
/// `normal`, across the axis on which the marked slices have gaps. `Ok(None)` where there is no gap.
///
/// # Errors
/// Where the watch ends it.
pub fn between_slices(mask: &Mask, grid: &Grid, normal: Option<usize>, watch: &mut Watch<'_>) -> Result<Option<Mask>, Cancelled> {
    let Some(normal) = normal.or_else(|| axis_with_gaps(mask)) else { return Ok(None) };
    let marked = plane::occupied(mask, normal);
    let gaps: Vec<[usize; 2]> = marked.windows(2).map(|pair| [pair[0], pair[1]]).filter(|[a, b]| b - a > 1).collect();
    if gaps.is_empty() {
        return Ok(None);
    }
    let mut filled = mask.clone();
    for (done, &[from, to]) in gaps.iter().enumerate() {
        report(watch, done as f32 / gaps.len() as f32)?;
        let ends = [Shape::cut(mask, grid, normal, from), Shape::cut(mask, grid, normal, to)];
        let aligned = ends[0].mask.count_shared(&ends[1].mask) == 0;
        for at in from + 1..to {
            let share = (at - from) as f64 / (to - from) as f64;
            plane::add(&mut filled, normal, at, &blend(&ends, share, aligned));
        }
    }
    Ok(Some(filled))
}

/// The axis across which slices were marked by hand: the one with gaps, and of several that with the fullest slices.
fn axis_with_gaps(mask: &Mask) -> Option<usize> {
    let fullness = |normal: usize| {
        let marked = plane::occupied(mask, normal);
        let has_gap = marked.windows(2).any(|pair| pair[1] - pair[0] > 1);
        has_gap.then(|| rows::profile(mask, normal).iter().sum::<usize>() as f64 / marked.len() as f64)
    };
    let axes = (0..3).filter_map(|normal| Some((normal, fullness(normal)?)));
    axes.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(normal, _)| normal)
}

/// The shape on a slice, with its signed distance (mm, positive inside) and its centre in voxels of the slice.
struct Shape {
    mask: Mask,
    distance: Vec<f32>,
    centre: [f64; 2],
}

impl Shape {
    fn cut(mask: &Mask, grid: &Grid, normal: usize, at: usize) -> Self {
        let mask = plane::cut(mask, normal, at);
        let [u, v] = plane::axes(normal);
        let spacing = grid.spacing_mm();
        let squares = |inside: bool| {
            let seeds = (0..mask.len()).map(|index| mask.get(index) == inside);
            // A slice takes milliseconds: between two of them the watch is asked.
            distance::squared_mm(mask.shape(), seeds, [spacing[u], spacing[v], 1.0], &mut unwatched).unwrap_or_default()
        };
        // A shape that fills its slice is inside by more than the slice is wide.
        let widest = (mask.shape()[0] as f64 * spacing[u]).hypot(mask.shape()[1] as f64 * spacing[v]) as f32;
        let signed = |(out, within): (f32, f32)| within.sqrt().min(widest) - out.sqrt().min(widest);
        let distance = squares(true).into_iter().zip(squares(false)).map(signed).collect();
        let centre = centre(&mask);
        Self { mask, distance, centre }
    }

    /// The distance at a place between voxels, beyond the slice as at its border.
    fn at(&self, [u, v]: [f64; 2]) -> f64 {
        let [width, height, _] = self.mask.shape();
        let (u, v) = (u.clamp(0.0, width as f64 - 1.0), v.clamp(0.0, height as f64 - 1.0));
        let (i, j) = (u.floor() as usize, v.floor() as usize);
        let (s, t) = (u.fract(), v.fract());
        let value = |i: usize, j: usize| f64::from(self.distance[i.min(width - 1) + width * j.min(height - 1)]);
        (1.0 - t) * ((1.0 - s) * value(i, j) + s * value(i + 1, j)) + t * ((1.0 - s) * value(i, j + 1) + s * value(i + 1, j + 1))
    }
}

fn centre(mask: &Mask) -> [f64; 2] {
    let width = mask.shape()[0];
    let count = mask.count().max(1) as f64;
    let [u, v] = mask.iter().fold([0, 0], |[u, v], at| [u + at % width, v + at / width]);
    [u as f64 / count, v as f64 / count]
}

/// The shape at a share of the way from the first to the second.
fn blend([a, b]: &[Shape; 2], share: f64, aligned: bool) -> Mask {
    let width = a.mask.shape()[0];
    if !aligned {
        return Mask::from_fn(a.mask.shape(), |at| {
            (1.0 - share) * f64::from(a.distance[at]) + share * f64::from(b.distance[at]) > 0.0
        });
    }
    let way: [f64; 2] = std::array::from_fn(|axis| b.centre[axis] - a.centre[axis]);
    Mask::from_fn(a.mask.shape(), |at| {
        let place = [(at % width) as f64, (at / width) as f64];
        let in_a = a.at(std::array::from_fn(|axis| place[axis] - share * way[axis]));
        let in_b = b.at(std::array::from_fn(|axis| place[axis] + (1.0 - share) * way[axis]));
        (1.0 - share) * in_a + share * in_b > 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;

    fn grid(spacing: [f64; 3]) -> Grid {
        Grid::new([40, 36, 12], Affine::from_spacing(spacing))
    }

    /// Discs of so many mm around a middle on some slices.
    fn discs(grid: &Grid, discs: &[(usize, [f64; 2], f64)]) -> Mask {
        let [x, y, _] = grid.spacing_mm();
        Mask::from_fn(grid.shape, |index| {
            let [i, j, k] = grid.voxel(index);
            discs.iter().any(|&(at, [u, v], mm)| at == k && ((i as f64 - u) * x).hypot((j as f64 - v) * y) <= mm)
        })
    }

    fn fill(mask: &Mask, grid: &Grid, normal: Option<usize>) -> Option<Mask> {
        between_slices(mask, grid, normal, &mut unwatched).expect("nobody cancels")
    }

    #[test]
    fn a_cone_comes_back_from_its_ends() {
        let grid = grid([1.0, 2.0, 5.0]);
        let middle = [20.0, 18.0];
        let ends = discs(&grid, &[(2, middle, 14.0), (10, middle, 6.0)]);
        let filled = fill(&ends, &grid, None).expect("slices 2 and 10 are marked");
        assert_eq!(plane::occupied(&filled, 2), (2..=10).collect::<Vec<_>>());
        for at in 3..10 {
            let wanted = discs(&grid, &[(at, middle, 16.0 - at as f64)]);
            let dice = plane::cut(&filled, 2, at).dice(&plane::cut(&wanted, 2, at));
            assert!(dice > 0.93, "slice {at}: {dice}");
        }
        for at in [2, 10] {
            assert_eq!(plane::cut(&filled, 2, at), plane::cut(&ends, 2, at), "what was marked stays");
        }
    }

    #[test]
    fn shapes_apart_wander_over() {
        let grid = grid([1.0, 1.0, 3.0]);
        let ends = discs(&grid, &[(0, [8.0, 8.0], 5.0), (8, [30.0, 26.0], 5.0)]);
        let filled = fill(&ends, &grid, Some(2)).expect("there is a gap");
        let half = plane::cut(&filled, 2, 4);
        let wanted = plane::cut(&discs(&grid, &[(4, [19.0, 17.0], 5.0)]), 2, 4);
        assert!(half.dice(&wanted) > 0.95, "{}", half.dice(&wanted));
    }

    #[test]
    fn the_axis_is_found_and_nothing_is_done_without_a_gap() {
        let grid = grid([1.0; 3]);
        for normal in 0..3 {
            let mask = Mask::from_fn(grid.shape, |index| {
                let voxel = grid.voxel(index);
                let [u, v] = plane::axes(normal);
                [1, 6].contains(&voxel[normal]) && (3..9).contains(&voxel[u]) && (2..10).contains(&voxel[v])
            });
            let filled = fill(&mask, &grid, None).expect("slices 1 and 6 are marked");
            assert_eq!(filled.count(), 6 * 6 * 8, "across axis {normal}");
            assert_eq!(fill(&filled, &grid, None), None);
        }
        assert_eq!(fill(&Mask::empty(grid.shape), &grid, None), None);
        assert_eq!(fill(&discs(&grid, &[(3, [9.0, 9.0], 4.0)]), &grid, Some(2)), None);
    }

    #[test]
    fn several_gaps_and_a_full_slice() {
        let grid = Grid::new([5, 5, 7], Affine::IDENTITY);
        let mask = Mask::from_fn(grid.shape, |index| [0, 3, 6].contains(&(index / 25)));
        assert_eq!(fill(&mask, &grid, Some(2)).map(|mask| mask.count()), Some(5 * 5 * 7));
    }
}
