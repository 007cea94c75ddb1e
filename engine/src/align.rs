//! Brings one image into line with another: moved, stretched, turned and sheared until both look alike, then bent, for
//! examples to lie as the target does. Affine and deformable registration by what lies around each cell; knows working
//! grids, neither files nor nets.

mod bend;
mod grid;

use crate::encode::Encoded;
pub(crate) use bend::Warp;
use grid::{Grid, halved, standing_out};
pub(crate) use grid::{blurred, corners, place};
use std::iter::StepBy;
use std::ops::Range;

/// What is seen of a cell: how it stands out from its near and from its farther neighbours.
const SEEN: usize = 3;
/// As many numbers as a processor takes at once; the last is 0 everywhere.
const LANES: usize = 4;
/// Cells on each side that count as neighbours, in 2-D and in 3-D.
const NEIGHBOURS: [[usize; SEEN]; 2] = [[3, 10, 32], [2, 5, 10]];
/// Where the search begins: so many steps of this length to each side (1 is half a side), and these zooms.
const MOVES: [i32; 2] = [3, 2];
const MOVE: [f32; 2] = [0.12, 0.15];
const ZOOMS: [f32; 5] = [-0.3, -0.15, 0.0, 0.15, 0.3];
/// How much longer or shorter volumes are taken to be cut along one axis (a logarithm, as of the zooms).
const STRETCH: f32 = 0.3;
/// So many starts in a volume are looked at with all of its cells.
const STARTS_PROMISING: usize = 64;
/// Where several poses are asked for: so many starts are followed at most, none that looks so much less alike than the best.
const STARTS_FOLLOWED: usize = 40;
const STARTS_WITHIN: f32 = 0.25;
/// Two poses are the same unless one is moved or stretched by more than this against the other.
const MOVED_ELSEWHERE: f32 = 0.05;
const STRETCHED_ELSEWHERE: f32 = 0.12;
/// How far each number is changed at first, and how often that is halved; the longer steps are tried on the coarser grid.
const FIRST_STEP: f32 = 0.06;
const HALVINGS: usize = 4;
const COARSE_HALVINGS: usize = 2;
/// Sweeps over all numbers before steps are halved, at most.
const SWEEPS: usize = 3;
/// Cells near to a structure, in 2-D and in 3-D.
const NEAR_BY: [usize; 2] = [10, 5];
/// Cells around one that tell how alike both images are there, in 2-D and in 3-D.
const AROUND: [usize; 2] = [2, 1];
/// What an example that does not cover the target at all loses.
const UNCOVERED: f32 = 0.15;
/// What a pose loses by each square of a move, and of a stretch, turn or shear (in 2-D and in 3-D): images of one kind
/// are taken alike, so of two poses that look as good the plainer one is right more often.
const MOVED: f32 = 0.15;
const DISTORTED: [f32; 2] = [1.0, 0.5];

/// What is compared of an image.
pub(crate) struct Features {
    shape: [usize; 3],
    /// To find poses and to bend them: half as fine as the working grid, and half as fine as that.
    grids: [Grid<LANES>; 2],
    /// To bend them around a structure: as fine as the working grid. Pictures gained nothing (vertebrae 0.525 to 0.510,
    /// carotids 0.71 to 0.73), for their working grid is twice as fine.
    finest: Option<Grid<LANES>>,
}

/// How an example is brought into line with a target.
pub(crate) struct Alignment {
    /// Moved and bent.
    pub warp: Warp,
    /// How alike both look under the pose, less what the pose itself costs; 1 at most.
    pub likeness: f32,
    /// How unlike what lies around each cell of the target is to what the example has there, from 0 on.
    pub unlike: Vec<f32>,
    /// How it lies before it is bent.
    pose: Pose,
}

/// How an example lies: a place of the target, from -1 to 1 along z, y and x, to one of the example.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pose {
    rows: [[f32; 4]; 3],
}

impl Features {
    /// Of an image on its working grid.
    pub fn of(encoded: &Encoded) -> Self {
        Self::new(&encoded.cells, encoded.cells.len() / encoded.fit.count(), encoded.fit.shape())
    }

    /// The memory they take.
    pub fn bytes(&self) -> usize {
        self.grids.iter().chain(&self.finest).map(|grid| size_of_val(grid.values.as_slice())).sum()
    }

    /// Of the first `channels` channels of `cells`, `[C, D, H, W]`.
    fn new(cells: &[f32], channels: usize, shape: [usize; 3]) -> Self {
        let count: usize = shape.iter().product();
        let grey: Vec<f32> =
            (0..count).map(|at| (0..channels).map(|c| cells[c * count + at]).sum::<f32>() / channels as f32).collect();
        let seen = |grey: &[f32], shape| NEIGHBOURS[kind(shape)].map(|reach| standing_out(grey, shape, reach));
        let finest = (shape[0] > 1).then(|| together(&seen(&grey, shape), shape));
        let (grey, fine) = halved(&grey, shape);
        let seen = seen(&grey, fine);
        let coarse = seen.each_ref().map(|seen| halved(seen, fine));
        let coarse_shape = coarse[0].1;
        let grids = [together(&seen, fine), together(&coarse.map(|(seen, _)| seen), coarse_shape)];
        Self { shape, grids, finest }
    }
}

fn together(seen: &[Vec<f32>; SEEN], shape: [usize; 3]) -> Grid<LANES> {
    Grid {
        shape,
        values: (0..seen[0].len()).map(|at| std::array::from_fn(|i| seen.get(i).map_or(0.0, |seen| seen[at]))).collect(),
    }
}

/// 0 for a picture, 1 for a volume.
fn kind(shape: [usize; 3]) -> usize {
    usize::from(shape[0] > 1)
}

/// The numbers of a pose: moves, stretches (logarithms), turns, shear (of pictures).
type Numbers = [f32; 10];

/// Which of them there are in a picture and in a volume.
const IN_PICTURE: [usize; 6] = [1, 2, 4, 5, 6, 9];
const IN_VOLUME: [usize; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

impl Pose {
    #[cfg(test)]
    const NONE: Self = Self { rows: [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]] };

    fn of(numbers: &Numbers) -> Self {
        let mut rows = [[0.0; 4]; 3];
        for axis in 0..3 {
            rows[axis][axis] = numbers[3 + axis].exp();
        }
        // In the plane of a picture, then in the other two.
        for (angle, [a, b]) in numbers[6..9].iter().zip([[1, 2], [0, 2], [0, 1]]) {
            let (sin, cos) = angle.sin_cos();
            let (row_a, row_b) = (rows[a], rows[b]);
            rows[a] = std::array::from_fn(|i| cos * row_a[i] + sin * row_b[i]);
            rows[b] = std::array::from_fn(|i| cos * row_b[i] - sin * row_a[i]);
        }
        rows[2][1] += numbers[9];
        (0..3).for_each(|axis| rows[axis][3] = numbers[axis]);
        Self { rows }
    }

    /// Where a cell of `shape` comes from, in cells of a grid of the same shape.
    fn source(&self, at: [usize; 3], shape: [usize; 3]) -> [f32; 3] {
        let place: [f32; 3] = std::array::from_fn(|axis| (2 * at[axis] + 1) as f32 / shape[axis] as f32 - 1.0);
        std::array::from_fn(|axis| {
            if shape[axis] == 1 {
                return 0.0;
            }
            let row = &self.rows[axis];
            let from = row[0] * place[0] + row[1] * place[1] + row[2] * place[2] + row[3];
            ((from + 1.0) * shape[axis] as f32 - 1.0) / 2.0
        })
    }

    /// Where the first cell of a grid comes from, and how much further each next one does along each axis.
    fn steps(&self, shape: [usize; 3]) -> ([f32; 3], [[f32; 3]; 3]) {
        let first = self.source([0; 3], shape);
        let step = |axis: usize| {
            let mut next = [0; 3];
            next[axis] = 1;
            let next = self.source(next, shape);
            std::array::from_fn(|i| next[i] - first[i])
        };
        (first, [step(0), step(1), step(2)])
    }
}

/// So many steps further on.
#[inline(always)]
fn further(mut from: [f32; 3], step: [f32; 3], times: usize) -> [f32; 3] {
    for axis in 0..3 {
        from[axis] += step[axis] * times as f32;
    }
    from
}

/// How much alike two images look under a pose: the mean correlation over the cells that count, less what is not covered.
/// `counted` gives those of a row by their x.
fn likeness<Xs: Iterator<Item = usize>>(
    target: &Grid<LANES>,
    example: &Grid<LANES>,
    pose: &Pose,
    counted: impl Fn(usize) -> Xs,
) -> f32 {
    let shape = target.shape;
    // Of a, b, aa, bb, ab.
    let mut sums = [[0.0_f64; LANES]; 5];
    let mut row_sums = [[0.0_f32; LANES]; 5];
    let (mut covered, mut all) = (0_usize, 0_usize);
    let (first, [along_z, along_y, along_x]) = pose.steps(shape);
    for (row, values) in target.values.chunks_exact(shape[2]).enumerate() {
        let start = further(further(first, along_z, row / shape[1]), along_y, row % shape[1]);
        for x in counted(row) {
            let a = values[x];
            all += 1;
            let Some(b) = example.sample(further(start, along_x, x)) else { continue };
            covered += 1;
            for lane in 0..LANES {
                row_sums[0][lane] += a[lane];
                row_sums[1][lane] += b[lane];
                row_sums[2][lane] += a[lane] * a[lane];
                row_sums[3][lane] += b[lane] * b[lane];
                row_sums[4][lane] += a[lane] * b[lane];
            }
        }
        for (sums, row) in sums.iter_mut().zip(&mut row_sums) {
            sums.iter_mut().zip(row.iter_mut()).for_each(|(sum, row)| *sum += f64::from(std::mem::take(row)));
        }
    }
    if covered == 0 {
        return -1.0;
    }
    let n = covered as f64;
    let correlation = |seen: usize| {
        let [a, b, aa, bb, ab] = sums.map(|lanes| lanes[seen]);
        (ab - a * b / n) / ((aa - a * a / n) * (bb - b * b / n)).max(1e-6).sqrt()
    };
    let mean = (0..SEEN).map(correlation).sum::<f64>() / SEEN as f64;
    mean as f32 - UNCOVERED * (1.0 - covered as f32 / all as f32)
}

/// The ways an example may lie, so many at most: the one under which it looks most like the target, then those that look
/// like it too but lie elsewhere, as by one vertebra further on.
pub(crate) fn aligned(target: &Features, example: &Features, most: usize) -> Vec<Alignment> {
    let of = |grid: usize, numbers: &Numbers| {
        let [target, example] = [target, example].map(|one| &one.grids[grid]);
        let (pose, shape) = (Pose::of(numbers), target.shape);
        let likeness = if grid == 0 && shape[0] > 1 {
            likeness(target, example, &pose, every_other(shape))
        } else {
            likeness(target, example, &pose, |_| 0..shape[2])
        };
        likeness - strangeness(numbers, shape)
    };
    let is_picture = target.shape[0] == 1;
    let mut starts = starts(is_picture);
    if !is_picture {
        starts = promising(&target.grids[1], &example.grids[1], starts);
    }
    let starts = ranked(starts, |start| of(1, start));
    let least = starts[0].0 - STARTS_WITHIN;
    let mut poses: Vec<(f32, Numbers)> = Vec::new();
    for (_, start) in starts.iter().take_while(|(found, _)| *found >= least).take(STARTS_FOLLOWED) {
        if poses.len() == most {
            break;
        }
        let found = climbed(start, is_picture, &of);
        if poses.iter().all(|(_, known)| lies_elsewhere(known, &found.1)) {
            poses.push(found);
        }
    }
    let around = AROUND[kind(target.shape)];
    let mut alignments: Vec<Alignment> = poses
        .iter()
        .map(|(likeness, numbers)| {
            let pose = Pose::of(numbers);
            let (warp, unlike) = bend::bent(&target.grids[0], &example.grids[0], &pose, target.shape, around);
            Alignment { warp, likeness: *likeness, unlike, pose }
        })
        .collect();
    alignments.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
    alignments
}

/// Every other cell of a volume, none beside another: they tell as much of a pose as all.
fn every_other([_, height, width]: [usize; 3]) -> impl Fn(usize) -> StepBy<Range<usize>> {
    move |row| ((row / height + row % height) % 2..width).step_by(2)
}

/// The starts that look best by an eighth of the cells of a volume.
fn promising(target: &Grid<LANES>, example: &Grid<LANES>, starts: Vec<Numbers>) -> Vec<Numbers> {
    let [_, height, width] = target.shape;
    let eighth = |row: usize| {
        let is_read = row / height % 2 == 1 && row % height % 2 == 1;
        (if is_read { 1..width } else { 0..0 }).step_by(2)
    };
    let seen = |start: &Numbers| likeness(target, example, &Pose::of(start), eighth) - strangeness(start, target.shape);
    ranked(starts, seen).into_iter().take(STARTS_PROMISING).map(|(_, start)| start).collect()
}

/// Starts with how good they look, the best first.
fn ranked(starts: Vec<Numbers>, looks: impl Fn(&Numbers) -> f32) -> Vec<(f32, Numbers)> {
    let mut ranked: Vec<(f32, Numbers)> = starts.into_iter().map(|start| (looks(&start), start)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

/// The pose that is reached from one by changing a number at a time, as long as both look more alike, and how much they do.
fn climbed(start: &Numbers, is_picture: bool, of: &dyn Fn(usize, &Numbers) -> f32) -> (f32, Numbers) {
    let free: &[usize] = if is_picture { &IN_PICTURE } else { &IN_VOLUME };
    let (mut best, mut numbers, mut step) = (0.0, *start, FIRST_STEP);
    for halving in 0..HALVINGS {
        let grid = usize::from(halving < COARSE_HALVINGS);
        best = of(grid, &numbers);
        for _ in 0..SWEEPS {
            let before = best;
            for (&number, way) in free.iter().flat_map(|number| [(number, 1.0), (number, -1.0)]) {
                let mut tried = numbers;
                tried[number] += way * step;
                let found = of(grid, &tried);
                if found > best {
                    (best, numbers) = (found, tried);
                }
            }
            if best <= before {
                break;
            }
        }
        step /= 2.0;
    }
    (best, numbers)
}

fn lies_elsewhere(a: &Numbers, b: &Numbers) -> bool {
    let off = |number: usize| (a[number] - b[number]).abs();
    (0..3).any(|number| off(number) > MOVED_ELSEWHERE) || (3..6).any(|number| off(number) > STRETCHED_ELSEWHERE)
}

fn strangeness(numbers: &Numbers, shape: [usize; 3]) -> f32 {
    let square = |numbers: &[f32]| numbers.iter().map(|number| number * number).sum::<f32>();
    MOVED * square(&numbers[..3]) + DISTORTED[kind(shape)] * square(&numbers[3..])
}

impl Alignment {
    /// Bends it cell by cell, in a volume, around what a mask of the example covers.
    pub fn refine(&mut self, target: &Features, example: &Features, mask: &[f32]) {
        if let (Some(target), Some(example)) = (&target.finest, &example.finest) {
            self.warp.refine(target, example, &self.warp.carried(mask));
        }
    }

    /// How much alike both images look within and near a structure: a mask on the target's grid, from 0 to 1.
    pub fn likeness_near(&self, target: &Features, example: &Features, mask: &[f32]) -> f32 {
        let (mask, shape) = halved(mask, target.shape);
        let reach = NEAR_BY[kind(shape)];
        let near = blurred(&mask, shape, reach);
        // Less than the share of a single cell that is half inside.
        let least = 0.4 / (2.0 * reach as f32 + 1.0).powi(if shape[0] > 1 { 3 } else { 2 });
        let near = |row: usize| {
            let near = &near[row * shape[2]..][..shape[2]];
            (0..shape[2]).filter(move |&x| near[x] >= least)
        };
        likeness(&target.grids[0], &example.grids[0], &self.pose, near)
    }
}

/// Poses to begin with: everywhere with some zoom, and volumes, which are often cut differently along one axis, nearer by
/// with one axis stretched.
fn starts(is_picture: bool) -> Vec<Numbers> {
    let kind = usize::from(!is_picture);
    let moves = |most: i32| -> Vec<[f32; 3]> {
        let along = move |axis: usize| if is_picture && axis == 0 { 0..=0 } else { -most..=most };
        let all = along(0).flat_map(|z| along(1).flat_map(move |y| along(2).map(move |x| [z, y, x])));
        all.map(|steps| steps.map(|step| step as f32 * MOVE[kind])).collect()
    };
    let mut starts = Vec::new();
    for &zoom in ZOOMS.iter().filter(|zoom| is_picture || zoom.abs() < 0.2) {
        let along_z = if is_picture { 0.0 } else { zoom };
        starts.extend(moves(MOVES[kind]).into_iter().map(|[z, y, x]| [z, y, x, along_z, zoom, zoom, 0.0, 0.0, 0.0, 0.0]));
    }
    if !is_picture {
        for (axis, by) in (0..3).flat_map(|axis| [(axis, -STRETCH), (axis, STRETCH)]) {
            let stretched = moves(1).into_iter().map(|[z, y, x]| {
                let mut start = [z, y, x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                start[3 + axis] = by;
                start
            });
            starts.extend(stretched);
        }
    }
    starts
}

#[cfg(test)]
mod tests;
