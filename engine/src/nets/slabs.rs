//! Features of a volume, cut along their depth: no piece passes what a device can bind at once, work can be stopped
//! between two pieces, and what a layer needs on the way is never larger than a piece.

use burn::tensor::Tensor;
use std::ops::Range;

/// Somebody said stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// What a forward pass must keep to, and whom it tells how far it is.
pub struct Work<'a> {
    /// Most bytes of a piece, with the planes around it that a layer reads.
    most_bytes: usize,
    /// Most products that are summed without asking whether to go on.
    most_products: f64,
    /// Products that the whole pass sums.
    total: f64,
    done: f64,
    /// Bytes of the largest tensor that a layer read or made.
    pub largest: usize,
    go_on: &'a mut dyn FnMut(f32) -> bool,
}

/// The least that WebGPU promises of a storage binding.
pub const BINDING: usize = 128 << 20;
/// An eighth of a second on one core of a common processor: who cancels should not wait longer than a moment, be the
/// processor slow and busy.
const STEP: f64 = 2.5e9;

impl<'a> Work<'a> {
    /// Work of `total` products; `go_on` is told the share done, from 0 to 1, and says whether to go on.
    pub fn new(total: f64, go_on: &'a mut dyn FnMut(f32) -> bool) -> Self {
        Self { most_bytes: BINDING, most_products: STEP, total: total.max(1.0), done: 0.0, largest: 0, go_on }
    }

    /// The same work where no piece may be larger.
    #[must_use]
    pub fn within(self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self }
    }

    /// How many images may go through a layer together that takes so many numbers and products for each.
    pub(super) fn together(numbers: usize, products: f64) -> usize {
        (BINDING / (4 * numbers).max(1)).min((STEP / products.max(1.0)) as usize).max(1)
    }

    /// How many planes a piece may have, of which each takes so many numbers and products; `around` more are read.
    pub(super) fn planes(&self, numbers: usize, products: f64, around: usize) -> usize {
        let by_bytes = (self.most_bytes / (4 * numbers).max(1)).saturating_sub(around);
        let by_products = (self.most_products / products.max(1.0)) as usize;
        by_bytes.min(by_products).max(1)
    }

    /// Notes a tensor that a layer reads or makes.
    pub(super) fn saw(&mut self, tensor: &Tensor<5>) {
        self.largest = self.largest.max(4 * tensor.dims().iter().product::<usize>());
    }

    /// Notes that some products are summed, on the device of `result`.
    pub(super) fn did(&mut self, products: f64, result: &Tensor<5>) -> Result<(), Stopped> {
        // A GPU only queues its work: without waiting, memory would be given back late and the share told early.
        // Whether it failed is seen when the result is read.
        drop(result.device().sync());
        self.saw(result);
        self.done += products;
        let share = (self.done / self.total).min(1.0) as f32;
        if (self.go_on)(share) { Ok(()) } else { Err(Stopped) }
    }
}

/// Features `[B, C, D, H, W]` in pieces along `D`.
#[derive(Clone, Debug)]
pub struct Slabs {
    pieces: Vec<Tensor<5>>,
}

impl Slabs {
    /// Features in one piece.
    #[must_use]
    pub fn whole(features: Tensor<5>) -> Self {
        Self { pieces: vec![features] }
    }

    /// Makes features of `depth` planes, at most `planes` at once.
    pub(super) fn build(
        depth: usize,
        planes: usize,
        mut piece: impl FnMut(Range<usize>) -> Result<Tensor<5>, Stopped>,
    ) -> Result<Self, Stopped> {
        // Pieces of one size: a kernel for a GPU is compiled and tuned for each size.
        let planes = depth.div_ceil(depth.div_ceil(planes.max(1)));
        let pieces = (0..depth).step_by(planes).map(|from| piece(from..(from + planes).min(depth)));
        Ok(Self { pieces: pieces.collect::<Result<_, _>>()? })
    }

    /// `[B, C, D, H, W]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 5] {
        let [b, c, _, h, w] = self.pieces.first().map_or([0; 5], Tensor::dims);
        [b, c, self.pieces.iter().map(|piece| piece.dims()[2]).sum(), h, w]
    }

    /// The number of pieces.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes of the largest piece.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.pieces.iter().map(|piece| 4 * piece.dims().iter().product::<usize>()).max().unwrap_or(0)
    }

    /// Some planes that are there, as one tensor.
    pub(super) fn planes(&self, range: Range<usize>) -> Tensor<5> {
        let mut parts = Vec::new();
        let mut start = 0;
        for piece in &self.pieces {
            let depth = piece.dims()[2];
            let (from, to) = (range.start.max(start), range.end.min(start + depth));
            if from < to {
                let is_whole = to - from == depth;
                parts.push(if is_whole { piece.clone() } else { piece.clone().narrow(2, from - start, to - from) });
            }
            start += depth;
        }
        joined(parts)
    }

    /// Planes `from..to`, of which those outside are zeros.
    pub(super) fn padded(&self, from: isize, to: isize) -> Tensor<5> {
        let [b, c, depth, h, w] = self.dims();
        let inside = from.clamp(0, depth as isize) as usize..to.clamp(0, depth as isize) as usize;
        let (before, behind) = ((-from).max(0) as usize, (to - depth as isize).max(0) as usize);
        let within = self.planes(inside);
        let zeros = |planes: usize| Tensor::zeros([b, c, planes, h, w], &within.device());
        let mut parts = Vec::new();
        parts.extend((before > 0).then(|| zeros(before)));
        parts.push(within.clone());
        parts.extend((behind > 0).then(|| zeros(behind)));
        joined(parts)
    }

    /// All pieces as one tensor.
    #[must_use]
    pub fn join(self) -> Tensor<5> {
        joined(self.pieces)
    }

    /// Each piece by itself.
    #[must_use]
    pub fn map(self, mut change: impl FnMut(Tensor<5>) -> Tensor<5>) -> Self {
        Self { pieces: self.pieces.into_iter().map(&mut change).collect() }
    }

    /// Adds features of the same shape, piece by piece.
    pub fn add(&mut self, other: &Self) {
        let mut start = 0;
        for piece in &mut self.pieces {
            let range = start..start + piece.dims()[2];
            start = range.end;
            piece.inplace(|piece| piece + other.planes(range));
        }
    }
}

fn joined(mut parts: Vec<Tensor<5>>) -> Tensor<5> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            Tensor::cat(parts, 2)
        }
        None => Tensor::zeros([0; 5], &burn::tensor::Device::flex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn ramp(planes: usize) -> Tensor<5> {
        let values: Vec<f32> = (0..planes).map(|at| at as f32 + 1.0).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, planes, 1, 1]), &Device::flex())
    }

    fn values(tensor: Tensor<5>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn planes_are_found_across_pieces_and_outside_is_nothing() {
        let slabs = Slabs::build(5, 2, |range| Ok(ramp(5).narrow(2, range.start, range.len()))).unwrap();
        assert_eq!((slabs.count(), slabs.dims(), slabs.most_bytes()), (3, [1, 1, 5, 1, 1], 8));
        assert_eq!(values(slabs.planes(1..4)), [2.0, 3.0, 4.0]);
        assert_eq!(values(slabs.padded(-1, 2)), [0.0, 1.0, 2.0]);
        assert_eq!(values(slabs.padded(3, 7)), [4.0, 5.0, 0.0, 0.0]);
        let mut sum = slabs.clone();
        sum.add(&Slabs::whole(ramp(5)));
        assert_eq!(values(sum.join()), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(values(slabs.map(|piece| piece * 3.0).join()), [3.0, 6.0, 9.0, 12.0, 15.0]);
    }

    #[test]
    fn work_is_cut_by_bytes_and_by_products_and_can_be_stopped() {
        let mut told = Vec::new();
        let mut go_on = |share| {
            told.push(share);
            share < 0.6
        };
        let mut work = Work { most_bytes: 4000, most_products: 500.0, ..Work::new(100.0, &mut go_on) };
        assert_eq!(work.planes(100, 10.0, 2), 8);
        assert_eq!(work.planes(100, 100.0, 2), 5);
        assert_eq!(work.planes(100_000, 1e9, 2), 1);
        assert_eq!(work.did(50.0, &ramp(1)), Ok(()));
        assert_eq!(work.did(50.0, &ramp(1)), Err(Stopped));
        assert_eq!(told, [0.5, 1.0]);
    }
}
