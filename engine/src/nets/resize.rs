//! Linear interpolation along the three axes of `[B, C, D, H, W]`, each with its own table: which two planes, and how
//! much of the second.

use super::cpu;
use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;
use std::ops::Range;

/// Two places of the input and the share of the second.
pub(super) type Between = (usize, usize, f32);

/// Twice as many, the centres of the outermost kept half a step within (`align_corners = False`): the outputs `range`
/// from an input of `len` of which only those from `first` on are given.
pub(super) fn doubled(len: usize, range: Range<usize>, first: usize) -> Vec<Between> {
    let place = |at: usize| {
        let along = ((at as f32 + 0.5) / 2.0 - 0.5).max(0.0);
        let low = along as usize;
        (low - first, (low + 1).min(len - 1) - first, along - low as f32)
    };
    range.map(place).collect()
}

/// The inputs that [`doubled`] reads.
pub(super) fn doubled_from(len: usize, range: &Range<usize>) -> Range<usize> {
    (range.start.saturating_sub(1) / 2)..(range.end / 2 + 1).min(len)
}

/// `to` places whose outermost are those of `from` (`align_corners = True`).
pub(super) fn aligned(from: usize, to: usize) -> Vec<Between> {
    let scale = if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 };
    let place = |at: usize| {
        let along = at as f32 * scale;
        let low = (along as usize).min(from - 1);
        (low, (low + 1).min(from - 1), along - low as f32)
    };
    (0..to).map(place).collect()
}

/// Every place as it is.
pub(super) fn kept(len: usize) -> Vec<Between> {
    (0..len).map(|at| (at, at, 0.0)).collect()
}

/// `x` on a new grid, the tables for `D`, `H` and `W`.
pub(super) fn linear(x: Tensor<5>, tables: &[Vec<Between>; 3]) -> Tensor<5> {
    if cpu::applies(&x.device()) {
        return linear_on_cpu(x, tables);
    }
    // The last axis first: each step then works on as little as can be.
    (0..3).rev().fold(x, |x, axis| along(x, axis + 2, &tables[axis]))
}

fn along(x: Tensor<5>, dim: usize, table: &[Between]) -> Tensor<5> {
    if table.iter().enumerate().all(|(at, &(low, _, share))| low == at && share == 0.0) && table.len() == x.dims()[dim] {
        return x;
    }
    let device = x.device();
    let places = |place: fn(&Between) -> usize| {
        let places: Vec<i32> = table.iter().map(|between| place(between) as i32).collect();
        Tensor::<1, Int>::from_data(TensorData::new(places, [table.len()]), &device)
    };
    let mut shape = [1; 5];
    shape[dim] = table.len();
    let shares: Vec<f32> = table.iter().map(|between| between.2).collect();
    let share = Tensor::<5>::from_data(TensorData::new(shares, shape), &device);
    let low = x.clone().select(dim, places(|between| between.0));
    let high = x.select(dim, places(|between| between.1));
    low.clone() + (high - low) * share
}

fn linear_on_cpu(x: Tensor<5>, tables: &[Vec<Between>; 3]) -> Tensor<5> {
    let device = x.device();
    let [b, c, d, h, w] = x.dims();
    let [depth, rows, columns] = [tables[0].len(), tables[1].len(), tables[2].len()];
    let x = x.into_data();
    // The nets compute in f32 throughout; another type would be a fault of the program.
    let x: &[f32] = x.as_slice().expect("the CPU device holds f32");
    let mut out = vec![0.0; b * c * depth * rows * columns];
    let planes = out.par_chunks_exact_mut((rows * columns).max(1)).enumerate();
    planes.for_each_init(
        || (vec![0.0; h * w], vec![0.0; w]),
        |(plane, line), (at, out)| {
            let channel = &x[at / depth * d * h * w..][..d * h * w];
            blend(channel, h * w, tables[0][at % depth], plane);
            for (out, &between) in out.chunks_exact_mut(columns).zip(&tables[1]) {
                blend(plane, w, between, line);
                for (out, &(low, high, share)) in out.iter_mut().zip(&tables[2]) {
                    *out = line[low] + (line[high] - line[low]) * share;
                }
            }
        },
    );
    Tensor::from_data(TensorData::new(out, [b, c, depth, rows, columns]), &device)
}

fn blend(from: &[f32], len: usize, (low, high, share): Between, to: &mut [f32]) {
    let (low, high) = (&from[low * len..][..len], &from[high * len..][..len]);
    to.iter_mut().zip(low.iter().zip(high)).for_each(|(to, (low, high))| *to = low + (high - low) * share);
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn places_are_those_of_pytorch() {
        let first = |table: Vec<Between>| table.into_iter().take(3).collect::<Vec<_>>();
        assert_eq!(first(doubled(4, 0..8, 0)), [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75)]);
        assert_eq!(doubled(4, 0..8, 0)[7], (3, 3, 0.25));
        assert_eq!(aligned(3, 6)[5], (2, 2, 0.0));
        assert_eq!(aligned(3, 6)[1], (0, 1, 0.4));
    }

    #[test]
    fn a_piece_needs_only_the_planes_that_it_says() {
        for range in [0..4, 3..7, 6..8, 0..8] {
            let given = doubled_from(4, &range);
            let table = doubled(4, range, given.start);
            assert!(table.iter().all(|&(low, high, _)| low < given.len() && high < given.len()));
        }
    }

    #[test]
    fn the_processors_way_is_that_of_any_device() {
        let x = Tensor::<5>::random([2, 3, 4, 5, 6], Distribution::Default, &Device::flex());
        let tables = [doubled(4, 0..8, 0), aligned(5, 10), kept(6)];
        let want = (0..3).rev().fold(x.clone(), |x, axis| along(x, axis + 2, &tables[axis]));
        linear(x, &tables).into_data().assert_approx_eq::<f32>(&want.into_data(), Tolerance::absolute(1e-6));
    }
}
