//! Brings one image into line with another: moved, stretched, turned and sheared until both look alike, for examples to
//! lie as the target does. Affine registration by normalised correlation of what lies around each cell; knows working
//! grids, neither files nor nets.

use rayon::prelude::*;

/// What is seen of a cell: how it stands out from its near and from its farther neighbours.
const SEEN: usize = 3;
/// Cells on each side that count as neighbours, in 2-D and in 3-D.
const NEIGHBOURS: [[usize; SEEN]; 2] = [[3, 8, 20], [2, 5, 10]];
/// Neighbourhoods that vary less than this (of the image's range) are flat.
const FLAT: f32 = 0.03;
/// Where the search begins: so many steps of this length to each side (1 is half a side), and these zooms.
const MOVES: [i32; 2] = [3, 2];
const MOVE: [f32; 2] = [0.12, 0.15];
const ZOOMS: [f32; 5] = [-0.3, -0.15, 0.0, 0.15, 0.3];
/// How far each number is changed at first, and how often that is halved.
const FIRST_STEP: f32 = 0.06;
const HALVINGS: usize = 4;
/// Sweeps over all numbers before steps are halved, at most.
const SWEEPS: usize = 3;
/// Cells near to a structure, in 2-D and in 3-D.
const NEAR_BY: [usize; 2] = [10, 5];
/// What an example that does not cover the target at all loses.
const UNCOVERED: f32 = 0.15;

/// What is compared of an image: two grids, the second half as fine as the first.
pub(crate) struct Features([Grid; 2]);

struct Grid {
    shape: [usize; 3],
    values: Vec<[f32; SEEN]>,
}

/// How an example lies: a place of the target, from -1 to 1 along z, y and x, to one of the example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pose {
    rows: [[f32; 4]; 3],
}

impl Features {
    /// Of the first `channels` channels of `cells`, `[C, D, H, W]`.
    pub fn new(cells: &[f32], channels: usize, shape: [usize; 3]) -> Self {
        let count: usize = shape.iter().product();
        let grey: Vec<f32> =
            (0..count).map(|at| (0..channels).map(|c| cells[c * count + at]).sum::<f32>() / channels as f32).collect();
        let (grey, shape) = halved(&grey, shape);
        let seen = NEIGHBOURS[usize::from(shape[0] > 1)].map(|reach| standing_out(&grey, shape, reach));
        let fine: Vec<[f32; SEEN]> = (0..grey.len()).map(|at| std::array::from_fn(|i| seen[i][at])).collect();
        let coarse = seen.map(|seen| halved(&seen, shape));
        let coarse_shape = coarse[0].1;
        let coarse = (0..coarse[0].0.len()).map(|at| std::array::from_fn(|i| coarse[i].0[at])).collect();
        Self([Grid { shape, values: fine }, Grid { shape: coarse_shape, values: coarse }])
    }
}

/// Means of two cells along each axis that has more than one.
fn halved(values: &[f32], shape: [usize; 3]) -> (Vec<f32>, [usize; 3]) {
    let by = shape.map(|n| if n > 1 { 2 } else { 1 });
    let small: [usize; 3] = std::array::from_fn(|axis| shape[axis] / by[axis]);
    let share = 1.0 / by.iter().product::<usize>() as f32;
    let mut out = vec![0.0; small.iter().product()];
    for (at, out) in out.iter_mut().enumerate() {
        let [z, y, x] = place(at, small);
        for (dz, dy, dx) in (0..by[0]).flat_map(|dz| (0..by[1]).flat_map(move |dy| (0..by[2]).map(move |dx| (dz, dy, dx)))) {
            *out += share * values[((z * by[0] + dz) * shape[1] + y * by[1] + dy) * shape[2] + x * by[2] + dx];
        }
    }
    (out, small)
}

fn place(at: usize, [_, h, w]: [usize; 3]) -> [usize; 3] {
    [at / (h * w), at / w % h, at % w]
}

/// Each value less the mean of its neighbours, in units of their spread.
fn standing_out(values: &[f32], shape: [usize; 3], reach: usize) -> Vec<f32> {
    let squares: Vec<f32> = values.iter().map(|v| v * v).collect();
    let (means, squares) = (blurred(values, shape, reach), blurred(&squares, shape, reach));
    let one = |((value, mean), square): ((&f32, &f32), &f32)| (value - mean) / ((square - mean * mean).max(0.0).sqrt() + FLAT);
    values.iter().zip(&means).zip(&squares).map(one).collect()
}

/// Means over boxes, along one axis after the other; at the edge over what is there.
fn blurred(values: &[f32], shape: [usize; 3], reach: usize) -> Vec<f32> {
    let mut now = values.to_vec();
    let strides = [shape[1] * shape[2], shape[2], 1];
    for axis in (0..3).filter(|&axis| shape[axis] > 1) {
        let (n, stride) = (shape[axis], strides[axis]);
        let mut sums = vec![0.0; n + 1];
        let from = now.clone();
        for start in (0..from.len()).filter(|at| at / stride % n == 0) {
            (0..n).for_each(|i| sums[i + 1] = sums[i] + from[start + i * stride]);
            for i in 0..n {
                let (low, high) = (i.saturating_sub(reach), (i + reach + 1).min(n));
                now[start + i * stride] = (sums[high] - sums[low]) / (high - low) as f32;
            }
        }
    }
    now
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

    /// What an example shows, `[C, D, H, W]`, as it would lie in the target; 0 where it shows nothing.
    pub fn carried(&self, cells: &[f32], shape: [usize; 3]) -> Vec<f32> {
        let count: usize = shape.iter().product();
        let from: Vec<Option<Corners>> =
            (0..count).into_par_iter().map(|at| corners(self.source(place(at, shape), shape), shape)).collect();
        let mut out = vec![0.0; cells.len()];
        out.par_chunks_exact_mut(count).zip(cells.par_chunks_exact(count)).for_each(|(out, cells)| {
            for (out, corners) in out.iter_mut().zip(&from) {
                let Some(corners) = corners else { continue };
                *out = corners.iter().map(|&(at, share)| share * cells[at]).sum();
            }
        });
        out
    }
}

/// The cells around a place and their shares.
pub(crate) type Corners = [(usize, f32); 8];

/// What a place between the cells of a grid takes from each of them, linearly. None outside; at the edge the outermost
/// cells count alone.
pub(crate) fn corners(from: [f32; 3], shape: [usize; 3]) -> Option<Corners> {
    let (mut low, mut high, mut beyond) = ([0; 3], [0; 3], [0.0; 3]);
    for axis in 0..3 {
        let last = (shape[axis] - 1) as f32;
        if !(-0.5..=last + 0.5).contains(&from[axis]) {
            return None;
        }
        let at = from[axis].clamp(0.0, last);
        low[axis] = at as usize;
        high[axis] = (low[axis] + 1).min(shape[axis] - 1);
        beyond[axis] = at - low[axis] as f32;
    }
    let part = |axis: usize, second: bool| if second { (high[axis], beyond[axis]) } else { (low[axis], 1.0 - beyond[axis]) };
    Some(std::array::from_fn(|corner| {
        let [(z, a), (y, b), (x, c)] = [part(0, corner & 4 > 0), part(1, corner & 2 > 0), part(2, corner & 1 > 0)];
        ((z * shape[1] + y) * shape[2] + x, a * b * c)
    }))
}

/// How much alike two images look under a pose: the mean correlation over the cells that count, less what is not covered.
fn likeness(target: &Grid, example: &Grid, pose: &Pose, counts: impl Fn(usize) -> bool) -> f32 {
    let shape = target.shape;
    let flat = shape[0] == 1;
    // Sums of a, b, aa, bb, ab.
    let mut sums = [[0.0_f64; 5]; SEEN];
    let (mut covered, mut all) = (0_usize, 0_usize);
    let mut row_sums = [[0.0_f32; 5]; SEEN];
    for (row, values) in target.values.chunks_exact(shape[2]).enumerate() {
        let (z, y) = (row / shape[1], row % shape[1]);
        let [first, second] = [pose.source([z, y, 0], shape), pose.source([z, y, 1], shape)];
        let step: [f32; 3] = std::array::from_fn(|axis| second[axis] - first[axis]);
        for (x, a) in values.iter().enumerate().filter(|(x, _)| counts(row * shape[2] + x)) {
            all += 1;
            let from: [f32; 3] = std::array::from_fn(|axis| first[axis] + step[axis] * x as f32);
            let Some(b) = example.sample(from, flat) else { continue };
            covered += 1;
            for ((sums, &a), b) in row_sums.iter_mut().zip(a).zip(b) {
                sums[0] += a;
                sums[1] += b;
                sums[2] += a * a;
                sums[3] += b * b;
                sums[4] += a * b;
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
    let correlation = |[a, b, aa, bb, ab]: [f64; 5]| (ab - a * b / n) / ((aa - a * a / n) * (bb - b * b / n)).max(1e-6).sqrt();
    let mean = sums.into_iter().map(correlation).sum::<f64>() / SEEN as f64;
    mean as f32 - UNCOVERED * (1.0 - covered as f32 / all as f32)
}

impl Grid {
    /// Linear between cells; none outside.
    fn sample(&self, from: [f32; 3], flat: bool) -> Option<[f32; SEEN]> {
        let [d, h, w] = self.shape;
        let axis = |at: f32, n: usize| {
            let last = (n - 1) as f32;
            (at >= -0.5 && at <= last + 0.5).then(|| {
                let at = at.clamp(0.0, last);
                let low = at as usize;
                (low, (low + 1).min(n - 1), at - low as f32)
            })
        };
        let (y0, y1, b) = axis(from[1], h)?;
        let (x0, x1, c) = axis(from[2], w)?;
        let plane = |z: usize| -> [f32; SEEN] {
            let at = |y: usize, x: usize| &self.values[(z * h + y) * w + x];
            let (p, q, r, s) = (at(y0, x0), at(y0, x1), at(y1, x0), at(y1, x1));
            std::array::from_fn(|i| {
                let (near, far) = (p[i] + c * (q[i] - p[i]), r[i] + c * (s[i] - r[i]));
                near + b * (far - near)
            })
        };
        if flat {
            return Some(plane(0));
        }
        let (z0, z1, a) = axis(from[0], d)?;
        let (near, far) = (plane(z0), plane(z1));
        Some(std::array::from_fn(|i| near[i] + a * (far[i] - near[i])))
    }
}

/// How an example lies to look most like the target, and how alike both then look, 1 at most.
pub(crate) fn aligned(target: &Features, example: &Features) -> (Pose, f32) {
    let ([fine, coarse], [fine_example, coarse_example]) = (&target.0, &example.0);
    let flat = fine.shape[0] == 1;
    let (mut best, mut numbers) = (f32::NEG_INFINITY, [0.0; 10]);
    for start in starts(flat) {
        let found = likeness(coarse, coarse_example, &Pose::of(&start), |_| true);
        if found > best {
            (best, numbers) = (found, start);
        }
    }
    let free: &[usize] = if flat { &IN_PICTURE } else { &IN_VOLUME };
    best = likeness(fine, fine_example, &Pose::of(&numbers), |_| true);
    let mut step = FIRST_STEP;
    for _ in 0..HALVINGS {
        for _ in 0..SWEEPS {
            let before = best;
            for (&number, way) in free.iter().flat_map(|number| [(number, 1.0), (number, -1.0)]) {
                let mut tried = numbers;
                tried[number] += way * step;
                let found = likeness(fine, fine_example, &Pose::of(&tried), |_| true);
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
    (Pose::of(&numbers), best)
}

/// How much alike two images look under a pose within and near a structure: a mask on the target's grid, from 0 to 1.
pub(crate) fn alike_near(target: &Features, example: &Features, pose: &Pose, mask: &[f32], shape: [usize; 3]) -> f32 {
    let (mask, shape) = halved(mask, shape);
    let reach = NEAR_BY[usize::from(shape[0] > 1)];
    let near = blurred(&mask, shape, reach);
    // Less than the share of a single cell that is half inside.
    let least = 0.4 / (2.0 * reach as f32 + 1.0).powi(if shape[0] > 1 { 3 } else { 2 });
    likeness(&target.0[0], &example.0[0], pose, |at| near[at] >= least)
}

fn starts(flat: bool) -> Vec<Numbers> {
    let kind = usize::from(!flat);
    let moves: Vec<f32> = (-MOVES[kind]..=MOVES[kind]).map(|step| step as f32 * MOVE[kind]).collect();
    let through: &[f32] = if flat { &[0.0] } else { &moves };
    let mut starts = Vec::new();
    for &zoom in ZOOMS.iter().filter(|zoom| flat || zoom.abs() < 0.2) {
        for &z in through {
            for &y in &moves {
                starts.extend(moves.iter().map(|&x| [z, y, x, zoom, zoom, zoom, 0.0, 0.0, 0.0, 0.0]));
            }
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::random::Random;

    /// Smooth blobs on a grid.
    fn scene(shape: [usize; 3], seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed);
        let blobs: Vec<([f32; 3], f32, f32)> = (0..14)
            .map(|_| (std::array::from_fn(|axis| random.unit() * shape[axis] as f32), random.unit(), random.between(0.05, 0.15)))
            .collect();
        let side = shape[2] as f32;
        let value = |at: [usize; 3]| {
            let near = |(middle, height, width): &([f32; 3], f32, f32)| {
                let square: f32 = (0..3).map(|axis| ((at[axis] as f32 - middle[axis]) / (width * side)).powi(2)).sum();
                height * (-square).exp()
            };
            blobs.iter().map(near).sum::<f32>()
        };
        (0..shape.iter().product()).map(|at| value(place(at, shape))).collect()
    }

    fn check(shape: [usize; 3], numbers: Numbers) {
        let example = scene(shape, 5);
        let pose = Pose::of(&numbers);
        let target = pose.carried(&example, shape);
        let (found, likeness) = aligned(&Features::new(&target, 1, shape), &Features::new(&example, 1, shape));
        assert!(likeness > 0.75, "{likeness}");
        let middle = shape.map(|n| n / 2);
        let corner = shape.map(|n| n / 4);
        for at in [middle, corner] {
            let (should, is) = (pose.source(at, shape), found.source(at, shape));
            let off = (0..3).map(|axis| (should[axis] - is[axis]).abs()).fold(0.0, f32::max);
            assert!(off < 0.02 * shape[2] as f32, "{at:?}: {is:?} in place of {should:?}");
        }
    }

    #[test]
    fn a_moved_and_turned_picture_is_found_again() {
        check([1, 128, 128], [0.0, 0.2, -0.15, 0.0, 0.12, 0.2, 0.1, 0.0, 0.0, 0.05]);
    }

    #[test]
    fn a_moved_and_turned_volume_is_found_again() {
        check([64, 64, 64], [0.1, -0.2, 0.15, 0.1, -0.05, 0.1, 0.1, -0.08, 0.05, 0.0]);
    }

    #[test]
    fn images_that_have_nothing_in_common_are_not_alike() {
        let shape = [1, 128, 128];
        let [a, b] = [5, 6].map(|seed| Features::new(&scene(shape, seed), 1, shape));
        let (pose, itself) = aligned(&a, &a);
        assert!(itself > 0.999 && pose == Pose::NONE, "{itself} {pose:?}");
        assert!(aligned(&a, &b).1 < 0.7, "{}", aligned(&a, &b).1);
    }

    #[test]
    fn what_lies_far_from_a_structure_does_not_count_near_it() {
        let shape = [1, 128, 128];
        let image = scene(shape, 5);
        // Everything right of the middle is another scene.
        let other = scene(shape, 6);
        let half: Vec<f32> =
            image.iter().zip(&other).enumerate().map(|(at, (a, b))| if at % 128 < 64 { *a } else { *b }).collect();
        let [a, b] = [&image, &half].map(|image| Features::new(image, 1, shape));
        let at = |low: usize, high: usize| -> Vec<f32> {
            (0..128 * 128).map(|at| f32::from((low..high).contains(&(at % 128)) && (40..60).contains(&(at / 128)))).collect()
        };
        let [left, right] = [at(10, 20), at(100, 120)].map(|mask| alike_near(&a, &b, &Pose::NONE, &mask, shape));
        assert!(left > 0.95 && right < 0.7, "{left} {right}");
    }

    #[test]
    fn what_is_carried_is_0_where_the_example_ends() {
        let shape = [1, 8, 8];
        let moved = Pose::of(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).carried(&[1.0; 64], shape);
        assert_eq!(moved[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let values: Vec<f32> = (0..64).map(|v| v as f32).collect();
        assert_eq!(Pose::NONE.carried(&values, shape), values);
    }
}
