//! Bends one image onto another beyond what a pose can do: each cell is drawn to where the other image looks more like
//! what lies around it, and neighbours move together (the demons of Thirion, on normalised neighbourhoods).

use super::grid::{Grid, blurred, corners, on_halved, place};
use super::{LANES, Pose, SEEN};
use imaging::{Affine, regions};
use rayon::prelude::*;

/// Rounds of drawing all cells.
const ROUNDS: usize = 20;
/// Rounds around a structure, on the whole working grid: 8 masks of hippocampi gave 0.857 without, 0.867 with 5 (then with
/// wider neighbourhoods), 0.870 with 10 and no more with 20.
const FINE_ROUNDS: usize = 8;
/// What is covered so much by a mask belongs to its box, which is so many cells wider on each side.
const COVERED: f32 = 0.1;
const MARGIN: usize = 6;
/// How far a cell is drawn in a round, at most, in cells.
const FARTHEST: f32 = 0.5;
/// Keeps what lies in flat places where it is.
const FLOOR: f32 = 1e-3;
/// How often the steps of a round, and all steps so far, are blurred over the next neighbours: the stiffness.
const STEP_BLURS: usize = 2;
const FIELD_BLURS: usize = 1;

/// Where each cell of a target lies in an example, in cells: a displacement field added to the target's own places.
pub(crate) struct Warp {
    shape: [usize; 3],
    from: Vec<[f32; 3]>,
}

impl Warp {
    #[cfg(test)]
    pub(super) fn of(from: Vec<[f32; 3]>, shape: [usize; 3]) -> Self {
        Self { shape, from }
    }

    /// As a pose alone has it.
    #[cfg(test)]
    pub(super) fn rigid(pose: &Pose, shape: [usize; 3]) -> Self {
        Self::of((0..shape.iter().product()).map(|at| pose.source(place(at, shape), shape)).collect(), shape)
    }

    /// A pose on a grid of `shape`, bent by shifts that are known on the half as fine grid, in cells of that.
    fn bent(pose: &Pose, shape: [usize; 3], shifts: &Grid<3>) -> Self {
        let from = (0..shape.iter().product()).into_par_iter().map(|at| {
            let at = place(at, shape);
            let shift = shifts.sample(on_halved(at, shape)).unwrap_or_default();
            let source = pose.source(at, shape);
            std::array::from_fn(|axis| source[axis] + 2.0 * shift[axis])
        });
        Self { shape, from: from.collect() }
    }

    /// Bends it further, cell by cell of the whole grid, within the box around what a mask covers and a margin.
    pub(super) fn refine(&mut self, target: &Grid<LANES>, example: &Grid<LANES>, mask: &[f32]) {
        let Some((low, shape)) = around(mask, self.shape) else { return };
        let cell = |at: usize| {
            let at = place(at, shape);
            ((low[0] + at[0]) * self.shape[1] + low[1] + at[1]) * self.shape[2] + low[2] + at[2]
        };
        let cells: Vec<usize> = (0..shape.iter().product()).map(cell).collect();
        let part = Grid { shape, values: cells.iter().map(|&at| target.values[at]).collect() };
        let sources: Vec<[f32; 3]> = cells.iter().map(|&at| self.from[at]).collect();
        let mut shifts = [(); 3].map(|()| vec![0.0_f32; cells.len()]);
        draw(&part, example, &sources, &mut shifts, FINE_ROUNDS);
        for (at, cell) in cells.into_iter().enumerate() {
            self.from[cell] = std::array::from_fn(|axis| sources[at][axis] + shifts[axis][at]);
        }
    }

    /// What an example shows, `[C, D, H, W]`, as it would lie in the target; 0 where it shows nothing.
    pub fn carried(&self, cells: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; cells.len()];
        let count = self.from.len();
        for (at, &from) in self.from.iter().enumerate() {
            let Some(corners) = corners(from, self.shape) else { continue };
            for channel in (0..cells.len()).step_by(count) {
                out[channel + at] = corners.iter().map(|&(cell, share)| share * cells[channel + cell]).sum();
            }
        }
        out
    }

    #[cfg(test)]
    pub(super) fn at(&self, at: [usize; 3]) -> [f32; 3] {
        self.from[(at[0] * self.shape[1] + at[1]) * self.shape[2] + at[2]]
    }
}

/// Where the box around what a mask covers begins and its shape, with a margin, as far as the grid goes.
fn around(mask: &[f32], shape: [usize; 3]) -> Option<([usize; 3], [usize; 3])> {
    let [depth, height, width] = shape;
    let grid = imaging::Grid::new([width, height, depth], Affine::IDENTITY);
    let inside: Vec<usize> = (0..mask.len()).filter(|&at| mask[at] >= COVERED).collect();
    let [low, high] = regions::bounds(&grid, &inside)?.map(|[x, y, z]| [z, y, x]);
    let low = low.map(|low| low.saturating_sub(MARGIN));
    Some((low, std::array::from_fn(|axis| (high[axis] + 1 + MARGIN).min(shape[axis]) - low[axis])))
}

/// Bends an example that lies under a pose onto the target, both half as fine as `shape`; and how unlike both then are
/// around each cell of `shape`: 0 where they are the same, about 2 where they have nothing in common.
pub(super) fn bent(
    target: &Grid<LANES>,
    example: &Grid<LANES>,
    pose: &Pose,
    shape: [usize; 3],
    around: usize,
) -> (Warp, Vec<f32>) {
    let small = target.shape;
    let sources: Vec<[f32; 3]> = (0..target.values.len()).map(|at| pose.source(place(at, small), small)).collect();
    let mut shifts = [(); 3].map(|()| vec![0.0_f32; sources.len()]);
    draw(target, example, &sources, &mut shifts, ROUNDS);
    let unlike = |(at, target): (usize, &[f32; LANES])| {
        let example = moved(example, &sources, &shifts, at);
        target.iter().zip(example).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / SEEN as f32
    };
    let unlike = blurred(&target.values.iter().enumerate().map(unlike).collect::<Vec<_>>(), small, around);
    let unlike = Grid { shape: small, values: unlike.into_iter().map(|one| [one]).collect() };
    let [z, y, x] = shifts;
    let shifts = Grid { shape: small, values: z.into_iter().zip(y).zip(x).map(|((z, y), x)| [z, y, x]).collect() };
    let unlike_at = |at| unlike.sample(on_halved(place(at, shape), shape)).unwrap_or_default()[0];
    (Warp::bent(pose, shape, &shifts), (0..shape.iter().product()).into_par_iter().map(unlike_at).collect())
}

/// Draws the cells of a target, or of a part of it, in so many rounds; `sources` are where they come from before.
fn draw(target: &Grid<LANES>, example: &Grid<LANES>, sources: &[[f32; 3]], shifts: &mut [Vec<f32>; 3], rounds: usize) {
    let small = target.shape;
    for _ in 0..rounds {
        let values = (0..sources.len()).map(|at| moved(example, sources, shifts, at)).collect();
        let steps = drawn(target, &Grid { shape: small, values });
        // A picture has no depth to be bent along.
        for ((shifts, step), _) in shifts.iter_mut().zip(steps).zip(small).filter(|(_, n)| *n > 1) {
            let step = (0..STEP_BLURS).fold(step, |step, _| blurred(&step, small, 1));
            shifts.iter_mut().zip(&step).for_each(|(shift, step)| *shift += step);
            *shifts = (0..FIELD_BLURS).fold(std::mem::take(shifts), |field, _| blurred(&field, small, 1));
        }
    }
}

/// What an example shows where a cell of the target lies in it.
fn moved(example: &Grid<LANES>, sources: &[[f32; 3]], shifts: &[Vec<f32>; 3], at: usize) -> [f32; LANES] {
    let mut from = sources[at];
    for axis in 0..3 {
        from[axis] = (from[axis] + shifts[axis][at]).clamp(0.0, (example.shape[axis] - 1) as f32);
    }
    example.sample(from).unwrap_or_default()
}

/// How far each cell is drawn along each axis: down the difference of both images, along the mean of their slopes.
fn drawn(target: &Grid<LANES>, moved: &Grid<LANES>) -> [Vec<f32>; 3] {
    let shape = target.shape;
    let strides = [shape[1] * shape[2], shape[2], 1];
    let mut steps = [(); 3].map(|()| vec![0.0; target.values.len()]);
    for row in 0..shape[0] * shape[1] {
        let is_inside = |axis: usize, place: usize| place > 0 && place + 1 < shape[axis];
        let inside = [is_inside(0, row / shape[1]), is_inside(1, row % shape[1])];
        for x in 0..shape[2] {
            let at = row * shape[2] + x;
            let (a, b) = (&target.values[at], &moved.values[at]);
            let mut least = FLOOR;
            for lane in 0..LANES {
                least += (a[lane] - b[lane]).powi(2) / (4.0 * FARTHEST * FARTHEST);
            }
            let mut pull = [0.0; 3];
            for (axis, inside) in [inside[0], inside[1], is_inside(2, x)].into_iter().enumerate() {
                if !inside {
                    continue;
                }
                let (low, high) = (at - strides[axis], at + strides[axis]);
                let [low, high] = [(&target.values[low], &moved.values[low]), (&target.values[high], &moved.values[high])];
                for lane in 0..LANES {
                    let slope = (high.0[lane] - low.0[lane] + high.1[lane] - low.1[lane]) / 4.0;
                    pull[axis] += (a[lane] - b[lane]) * slope;
                    least += slope * slope;
                }
            }
            for axis in 0..3 {
                steps[axis][at] = pull[axis] / least;
            }
        }
    }
    steps
}
