//! A slice as the simulated user sees it: what of the structure is on it, and what is not.

use imaging::random::Random;
use imaging::regions::{on_slice, pieces};
use imaging::space::closest_canonical;
use imaging::{Grid, Image, Mask, distance};

/// Cells that the nets see along an image's longest side, in 2-D and 3-D: the measure of how close is close.
const CELLS: [f64; 2] = [128.0, 64.0];
/// A negative mark keeps this many cells away from the structure; a close one is within the other two.
const CLEAR: f64 = 2.0;
const CLOSE: [f32; 2] = [5.0, 12.0];
/// Pieces of fewer voxels than this are specks of the reference that no user marks, unless there is nothing else.
const SPECK: usize = 4;
/// Turns of a doodle, and how often a hand tries to find a way to the next without leaving the structure.
const TURNS: usize = 3;
const TRIES: usize = 20;

/// One slice of a case.
pub struct Slice {
    /// The grid of the whole image.
    pub grid: Grid,
    /// The voxel axis across the slice.
    pub axis: usize,
    /// Whether the image is no more than this slice.
    pub is_whole: bool,
    at: usize,
    /// The structure's voxels.
    voxels: Vec<usize>,
    cell_mm: f64,
    spacing_mm: [f64; 3],
}

impl Slice {
    pub fn new(image: &Image, truth: &Mask, axis: usize, at: usize) -> Self {
        let grid = image.grid;
        let spacing_mm = if image.is_picture { [1.0; 3] } else { grid.spacing_mm() };
        let longest = (0..3).map(|axis| grid.shape[axis] as f64 * spacing_mm[axis]).fold(0.0, f64::max);
        let is_whole = image.is_flat();
        let cell_mm = longest / CELLS[usize::from(!is_whole)];
        Self { grid, axis, is_whole, at, voxels: on_slice(truth, axis, at), cell_mm, spacing_mm }
    }

    /// The structure's pieces on this slice, the largest first, without specks.
    pub fn pieces(&self) -> Vec<Vec<usize>> {
        let mut pieces = pieces(self.grid.shape, self.voxels.iter().copied());
        let largest = pieces.first().map_or(0, Vec::len);
        pieces.retain(|piece| piece.len() >= SPECK.min(largest));
        pieces
    }

    /// Where a negative mark may fall: clear of the structure, and if it can be, close to it.
    pub fn outside(&self, close: bool, random: &mut Random) -> Vec<usize> {
        let reach = f64::from(random.between(CLOSE[0], CLOSE[1])) * self.cell_mm;
        let far = self.distances_mm();
        let between = |low: f64, high: f64| self.all().filter(|&at| (low..=high).contains(&far[self.flat(at)])).collect();
        let clear = CLEAR * self.cell_mm;
        let near: Vec<usize> = if close { between(clear, reach) } else { Vec::new() };
        if near.is_empty() { between(clear, f64::INFINITY) } else { near }
    }

    /// A line of a few random turns that never leaves some voxels of the slice; a single point where none can be drawn.
    pub fn line_within(&self, voxels: &[usize], random: &mut Random) -> Vec<[f32; 3]> {
        let mut is_in = vec![false; self.flat_shape().iter().product()];
        voxels.iter().for_each(|&at| is_in[self.flat(at)] = true);
        let inner = self.inner(voxels, &is_in);
        let Some(&start) = random.pick(&inner) else { return Vec::new() };
        let mut points = vec![self.position(start)];
        for _ in 0..TURNS {
            let last = points[points.len() - 1];
            let next = (0..TRIES).filter_map(|_| random.pick(&inner)).map(|&at| self.position(at));
            let mut reached = next.filter(|&to| to != last && self.stays_in(last, to, &is_in));
            points.extend(reached.next());
        }
        points
    }

    /// Those voxels that have all four neighbours on the slice, if they are more than a few, else all.
    fn inner(&self, voxels: &[usize], is_in: &[bool]) -> Vec<usize> {
        let [across, down] = self.sides();
        let has = |voxel: [usize; 3], axis: usize, step: isize| {
            let mut other = voxel;
            other[axis] = voxel[axis].wrapping_add_signed(step);
            other[axis] < self.grid.shape[axis] && is_in[self.flat(self.grid.index(other))]
        };
        let is_inner = |&&at: &&usize| {
            let voxel = self.grid.voxel(at);
            [across, down].into_iter().all(|axis| has(voxel, axis, -1) && has(voxel, axis, 1))
        };
        let inner: Vec<usize> = voxels.iter().filter(is_inner).copied().collect();
        if inner.len() > 4 { inner } else { voxels.to_vec() }
    }

    fn stays_in(&self, from: [f32; 3], to: [f32; 3], is_in: &[bool]) -> bool {
        let length = (0..3).map(|axis| (to[axis] - from[axis]).abs()).fold(0.0, f32::max);
        let steps = (length * 2.0).ceil().max(1.0) as usize;
        (0..=steps).all(|step| {
            let share = step as f32 / steps as f32;
            let place = std::array::from_fn(|axis| from[axis] + share * (to[axis] - from[axis]));
            self.grid.nearest(place).is_some_and(|voxel| is_in[self.flat(self.grid.index(voxel))])
        })
    }

    fn position(&self, at: usize) -> [f32; 3] {
        self.grid.voxel(at).map(|c| c as f32)
    }

    fn sides(&self) -> [usize; 2] {
        [[1, 2], [0, 2], [0, 1]][self.axis]
    }

    fn flat_shape(&self) -> [usize; 3] {
        std::array::from_fn(|axis| if axis == self.axis { 1 } else { self.grid.shape[axis] })
    }

    /// Position on the slice alone of a position in the image.
    fn flat(&self, at: usize) -> usize {
        let voxel = self.grid.voxel(at);
        let [nx, ny, _] = self.flat_shape();
        let [i, j, k] = std::array::from_fn(|axis| if axis == self.axis { 0 } else { voxel[axis] });
        i + nx * (j + ny * k)
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        let (grid, axis, at, [across, down]) = (self.grid, self.axis, self.at, self.sides());
        (0..grid.shape[down]).flat_map(move |b| {
            (0..grid.shape[across]).map(move |a| {
                let mut voxel = [0; 3];
                (voxel[axis], voxel[across], voxel[down]) = (at, a, b);
                grid.index(voxel)
            })
        })
    }

    /// How far each voxel of the slice is from the structure on it.
    fn distances_mm(&self) -> Vec<f64> {
        let mut is_site = vec![false; self.flat_shape().iter().product()];
        self.voxels.iter().for_each(|&at| is_site[self.flat(at)] = true);
        let squared = distance::squared_mm(self.flat_shape(), self.spacing_mm, |at| is_site[at]);
        squared.into_iter().map(f64::sqrt).collect()
    }
}

/// The axis across the slices that a user marks: the flat one; else the one of slices much thicker than the others;
/// else the one closest to the body's length.
#[must_use]
pub fn slice_axis(grid: &Grid) -> usize {
    if let Some(flat) = (0..3).rev().find(|&axis| grid.shape[axis] == 1) {
        return flat;
    }
    let spacing = grid.spacing_mm();
    let thickest = (0..3).max_by(|&a, &b| spacing[a].total_cmp(&spacing[b])).unwrap_or(2);
    let is_thick = (0..3).all(|axis| axis == thickest || spacing[thickest] > 1.5 * spacing[axis]);
    if is_thick { thickest } else { closest_canonical(&grid.world_from_voxel)[2].axis }
}

/// Slices through a structure, one in each of `count` equal parts of those that show it: a random one, or without
/// chance the middle one.
pub fn spread(grid: &Grid, truth: &Mask, axis: usize, count: usize, mut random: Option<&mut Random>) -> Vec<usize> {
    let mut shows = vec![false; grid.shape[axis]];
    truth.iter().for_each(|at| shows[grid.voxel(at)[axis]] = true);
    let hit: Vec<usize> = (0..shows.len()).filter(|&at| shows[at]).collect();
    let count = count.min(hit.len());
    let part = |number: usize| number * hit.len() / count;
    let chosen = (0..count).map(|number| {
        let (low, high) = (part(number), part(number + 1));
        hit[low + random.as_deref_mut().map_or((high - low) / 2, |random| random.below(high - low))]
    });
    chosen.collect()
}
