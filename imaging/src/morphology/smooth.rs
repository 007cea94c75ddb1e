//! Smoothing in mm: a voxel goes to whom most of its neighbourhood belongs. With other structures at hand they are
//! smoothed too, so that a border that two share stays where it is; they themselves are not changed.

use super::block::Block;
use super::{Cancelled, Watch, part, report};
use crate::labels::Mask;
use crate::volume::Grid;
use std::sync::Arc;

/// How the neighbourhood counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Each voxel within the radius alike: keeps edges, takes specks and fills pits.
    Median,
    /// By distance, with the given standard deviation: rounds everything.
    Gaussian,
}

/// Standard deviations after which a Gaussian is cut off.
const CUT_OFF: f64 = 3.0;

/// The mask smoothed by `mm`: the radius of a median, the standard deviation of a Gaussian. Beyond the image it is
/// taken to go on as at the border.
///
/// # Errors
/// Where the watch ends it.
pub fn smooth(
    mask: &Mask,
    others: &[Arc<Mask>],
    grid: &Grid,
    filter: Filter,
    mm: f64,
    watch: &mut Watch<'_>,
) -> Result<Mask, Cancelled> {
    let reach = if filter == Filter::Gaussian { mm * CUT_OFF } else { mm };
    let Some(block) = Block::around(mask, grid, reach) else { return Ok(mask.clone()) };
    let near: Vec<Block> = others
        .iter()
        .filter(|other| other.shape() == mask.shape())
        .map(|other| Block::cut(other, block.from, block.size))
        .filter(|other| other.inside.contains(&true))
        .collect();
    let each = 1.0 / (near.len() + 1) as f32;
    let own = shares(&block, grid, filter, mm, &mut part(watch, 0.0, each))?;
    let mut rival = vec![0.0_f32; own.len()];
    let mut taken = own.clone();
    for (at, other) in near.iter().enumerate() {
        let begun = each * (at + 1) as f32;
        let theirs = shares(other, grid, filter, mm, &mut part(watch, begun, begun + each))?;
        rival.iter_mut().zip(&theirs).for_each(|(most, share)| *most = most.max(*share));
        taken.iter_mut().zip(&theirs).for_each(|(sum, share)| *sum += share);
    }
    let mut smoothed = mask.clone();
    // Sums of shares are off by some 1e-7: a voxel half in must not go one way here and the other way there.
    block.paste(&mut smoothed, |at| own[at] > rival[at].max(1.0 - taken[at]) + 1e-5);
    Ok(smoothed)
}

/// How much of each voxel's neighbourhood is inside, 0 to 1.
fn shares(block: &Block, grid: &Grid, filter: Filter, mm: f64, watch: &mut Watch<'_>) -> Result<Vec<f32>, Cancelled> {
    match filter {
        Filter::Median => ball_shares(block, grid.spacing_mm(), mm, watch),
        Filter::Gaussian => gaussian_shares(block, grid.spacing_mm(), mm, watch),
    }
}

fn gaussian_shares(block: &Block, spacing: [f64; 3], mm: f64, watch: &mut Watch<'_>) -> Result<Vec<f32>, Cancelled> {
    let mut values: Vec<f32> = block.inside.iter().map(|&inside| f32::from(u8::from(inside))).collect();
    let [width, height, _] = block.size;
    for (axis, stride) in [1, width, width * height].into_iter().enumerate() {
        let kernel = kernel(mm / spacing[axis]);
        report(watch, axis as f32 / 3.0)?;
        if kernel.len() > 1 && block.size[axis] > 1 {
            blur(&mut values, block.size[axis], stride, &kernel);
        }
    }
    Ok(values)
}

/// The weights at 0, 1, 2.. voxels, which with their mirror sum to 1.
fn kernel(sigma: f64) -> Vec<f32> {
    let reach = (sigma * CUT_OFF).floor() as usize;
    let weights: Vec<f64> =
        (0..=reach).map(|at| if at == 0 { 1.0 } else { (-0.5 * (at as f64 / sigma).powi(2)).exp() }).collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - 1.0;
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Along one axis, a plane of neighbouring lines at a time: lines side by side in memory are blurred together.
fn blur(values: &mut [f32], length: usize, stride: usize, kernel: &[f32]) {
    let mut before = vec![0.0_f32; length * stride];
    for plane in values.chunks_exact_mut(length * stride) {
        before.copy_from_slice(plane);
        // Where all is alike there is nothing to blur.
        if before.iter().all(|&value| value == before[0]) {
            continue;
        }
        for (at, out) in plane.chunks_exact_mut(stride).enumerate() {
            let line = |at: usize| &before[at * stride..][..stride];
            out.iter_mut().zip(line(at)).for_each(|(out, value)| *out = kernel[0] * value);
            for (step, weight) in kernel.iter().enumerate().skip(1) {
                let (low, high) = (line(at.saturating_sub(step)), line((at + step).min(length - 1)));
                out.iter_mut().zip(low.iter().zip(high)).for_each(|(out, (low, high))| *out += weight * (low + high));
            }
        }
    }
}

/// Counted by rows: the ball's rows, and of each row of voxels how many are inside up to each place.
fn ball_shares(block: &Block, spacing: [f64; 3], mm: f64, watch: &mut Watch<'_>) -> Result<Vec<f32>, Cancelled> {
    let [width, height, depth] = block.size;
    let sums: Vec<u32> = block.inside.chunks_exact(width).flat_map(sums).collect();
    let ball = ball_rows(spacing, mm);
    let mut shares = vec![0.0; block.inside.len()];
    for (row, shares) in shares.chunks_exact_mut(width).enumerate() {
        let (j, k) = (row % height, row / height);
        if j == 0 {
            report(watch, k as f32 / depth as f32)?;
        }
        let (mut inside, mut all) = (vec![0_u32; width], vec![0_u32; width]);
        for &(dj, dk, reach) in &ball {
            let (j, k) = (j.wrapping_add_signed(dj), k.wrapping_add_signed(dk));
            if j < height && k < depth {
                let sums = &sums[(j + height * k) * (width + 1)..][..=width];
                count(sums, reach, &mut inside, &mut all);
            }
        }
        for (share, (inside, all)) in shares.iter_mut().zip(inside.iter().zip(&all)) {
            *share = *inside as f32 / *all as f32;
        }
    }
    Ok(shares)
}

fn count(sums: &[u32], reach: usize, inside: &mut [u32], all: &mut [u32]) {
    let width = inside.len();
    let is_empty = sums[width] == 0;
    for at in 0..width {
        let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(width));
        all[at] += (to - from) as u32;
        if !is_empty {
            inside[at] += sums[to] - sums[from];
        }
    }
}

/// How many voxels of a row are inside before each place, and in all.
fn sums(row: &[bool]) -> impl Iterator<Item = u32> + '_ {
    let counts = row.iter().scan(0, |count, &inside| {
        *count += u32::from(inside);
        Some(*count)
    });
    std::iter::once(0).chain(counts)
}

/// The rows of a ball: steps along `j` and `k`, and how far it reaches along `i`.
fn ball_rows(spacing: [f64; 3], mm: f64) -> Vec<(isize, isize, usize)> {
    let square = mm * mm * (1.0 + 1e-9);
    let reach = |axis: usize| (mm / spacing[axis]).ceil() as isize;
    let mut rows = Vec::new();
    for dk in -reach(2)..=reach(2) {
        for dj in -reach(1)..=reach(1) {
            let rest = square - (dj as f64 * spacing[1]).powi(2) - (dk as f64 * spacing[2]).powi(2);
            if rest >= 0.0 {
                rows.push((dj, dk, (rest.sqrt() / spacing[0]).floor() as usize));
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use crate::space::Affine;

    const BOTH: [Filter; 2] = [Filter::Median, Filter::Gaussian];

    fn grid() -> Grid {
        Grid::new([30, 24, 10], Affine::from_spacing([1.0, 1.0, 2.5]))
    }

    fn run(mask: &Mask, others: &[Arc<Mask>], filter: Filter, mm: f64) -> Mask {
        smooth(mask, others, &grid(), filter, mm, &mut unwatched).expect("nobody cancels")
    }

    fn of(inside: impl Fn([usize; 3]) -> bool) -> Mask {
        Mask::from_fn(grid().shape, |index| inside(grid().voxel(index)))
    }

    #[test]
    fn a_flat_face_stays_and_a_speck_goes() {
        let half = of(|[i, ..]| i < 14);
        let speckled = of(|v| v[0] < 14 && v != [7, 12, 5] || v == [22, 12, 5]);
        for filter in BOTH {
            assert_eq!(run(&half, &[], filter, 2.0), half, "{filter:?}: nor do borders of the image shrink it");
            assert_eq!(run(&speckled, &[], filter, 2.0), half, "{filter:?}");
            assert_eq!(run(&Mask::empty(grid().shape), &[], filter, 2.0), Mask::empty(grid().shape));
        }
    }

    #[test]
    fn mm_are_mm_along_each_axis() {
        // Slices of 2.5 mm: a radius of 2 mm does not reach the next one, so a plate one slice thick stays.
        let plate = of(|[i, j, k]| k == 5 && (5..25).contains(&i) && (5..20).contains(&j));
        assert!(run(&plate, &[], Filter::Median, 2.0).dice(&plate) > 0.95);
        assert!(run(&plate, &[], Filter::Median, 4.0).is_empty());
        let wall = of(|[i, j, _]| i == 12 && j > 4 && j < 20);
        assert!(run(&wall, &[], Filter::Median, 2.0).is_empty(), "but a wall one voxel of 1 mm thick goes");
    }

    #[test]
    fn a_shared_border_stays_where_it_is() {
        // A sharp corner that another structure fills: alone it is rounded, jointly only its free edges are.
        let ours = of(|[i, j, _]| i < 15 && j < 12);
        let theirs = Arc::new(of(|[i, j, _]| i < 15 && j >= 12));
        for filter in BOTH {
            let alone = run(&ours, &[], filter, 3.0);
            let jointly = run(&ours, std::slice::from_ref(&theirs), filter, 3.0);
            let border = |mask: &Mask| (0..12).all(|i| mask.get(grid().index([i, 11, 5])));
            assert!(border(&jointly), "{filter:?}");
            assert_eq!(jointly.count_shared(&theirs), 0);
            assert!(jointly.count() >= alone.count());
        }
    }

    #[test]
    fn shares_are_the_means_over_the_ball() {
        let mask = of(|[i, j, k]| (i * 7 + j * 5 + k * 3) % 4 == 0);
        let block = Block::cut(&mask, [0; 3], grid().shape);
        let shares = ball_shares(&block, grid().spacing_mm(), 2.6, &mut unwatched).expect("nobody cancels");
        for at in [0, 17, 1000, 3333, 7199] {
            let middle = grid().voxel(at);
            let near = |index: &usize| {
                let other = grid().voxel(*index);
                (0..3).map(|axis| ((other[axis] as f64 - middle[axis] as f64) * grid().spacing_mm()[axis]).powi(2)).sum::<f64>()
                    <= 2.6 * 2.6
            };
            let ball: Vec<usize> = (0..grid().len()).filter(near).collect();
            let inside = ball.iter().filter(|&&index| mask.get(index)).count();
            assert!((shares[at] - inside as f32 / ball.len() as f32).abs() < 1e-6);
        }
    }
}
