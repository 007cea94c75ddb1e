//! Less of an image than its file holds: a box of it, blocks of voxels each as one, or both. It is taken while a file
//! is read, so that memory is that of what is kept; where the kept voxels lie in the world is said here too.

use super::fault::{Fault, shape_text};
use crate::space::Affine;
use crate::volume::Grid;
use serde::{Deserialize, Serialize};

/// What is kept of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Reduction {
    /// The first and the last voxel of a box, counted from 0 in the file; all of it where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<[[u32; 3]; 2]>,
    /// Blocks of so many voxels along each axis become one, which is their mean; 1 keeps each.
    pub every: u32,
}

impl Default for Reduction {
    fn default() -> Self {
        Self { within: None, every: 1 }
    }
}

impl Reduction {
    /// Blocks of `every` voxels along each axis as one.
    #[must_use]
    pub fn every(every: u32) -> Self {
        Self { within: None, every }
    }

    /// A box, from its first voxel to its last.
    #[must_use]
    pub fn within(first: [u32; 3], last: [u32; 3]) -> Self {
        Self { within: Some([first, last]), every: 1 }
    }

    /// Whether all is kept.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.within.is_none() && self.every <= 1
    }

    /// The grid of what is kept of a grid: a kept voxel lies in the middle of its block. A block at the far end, which
    /// may hold fewer voxels, lies where a whole one would.
    ///
    /// # Errors
    /// Where the box does not lie in the grid.
    pub fn grid(&self, whole: &Grid) -> Result<Grid, Fault> {
        Ok(if self.is_none() { *whole } else { self.on(whole.shape)?.grid(whole) })
    }

    /// What is kept of so many voxels.
    pub(crate) fn on(&self, shape: [usize; 3]) -> Result<Kept, Fault> {
        let [first, last] = self.within.unwrap_or_else(|| [[0; 3], shape.map(|n| n.saturating_sub(1) as u32)]);
        let kept = Kept {
            from: first.map(|at| at as usize),
            to: last.map(|at| at as usize + 1),
            // An axis shorter than a block is one block.
            step: std::array::from_fn(|axis| {
                let length = (last[axis] as usize + 1).saturating_sub(first[axis] as usize);
                (self.every.max(1) as usize).min(length.max(1))
            }),
        };
        if (0..3).any(|axis| kept.from[axis] >= kept.to[axis] || kept.to[axis] > shape[axis]) {
            return Err(Fault::Unsupported(format!(
                "there is no box from voxel {} to {} in its {} voxels",
                voxel_text(first),
                voxel_text(last),
                shape_text(shape)
            )));
        }
        Ok(kept)
    }

    /// What the user is told of an image that was opened so.
    pub(crate) fn warning(&self, whole: [usize; 3], kept: &Kept) -> String {
        let mut told = Vec::new();
        if let Some([first, last]) = self.within {
            told.push(format!("only voxels {} to {} were opened", voxel_text(first), voxel_text(last)));
        }
        if self.every > 1 {
            told.push(format!("each voxel is the mean of {} of the file", shape_text(kept.step)));
        }
        let told = told.join(", and ");
        let (kept, whole) = (shape_text(kept.shape()), shape_text(whole));
        format!("It is {kept} of {whole} voxels: {told}. Masks are made, and written, on what was opened.")
    }
}

/// A voxel in words.
fn voxel_text([i, j, k]: [u32; 3]) -> String {
    format!("{i},{j},{k}")
}

/// What is kept of an image of a known shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The first voxel of the box.
    pub from: [usize; 3],
    /// The voxel after its last, along each axis.
    pub to: [usize; 3],
    /// Voxels of a block along each axis.
    pub step: [usize; 3],
}

impl Kept {
    /// Voxels along each axis.
    pub fn shape(&self) -> [usize; 3] {
        std::array::from_fn(|axis| (self.to[axis] - self.from[axis]).div_ceil(self.step[axis]))
    }

    /// Where they lie.
    pub fn grid(&self, whole: &Grid) -> Grid {
        let mut rows = whole.world_from_voxel.0;
        let middle = std::array::from_fn(|axis| self.from[axis] as f64 + (self.step[axis] - 1) as f64 / 2.0);
        let origin = whole.world_from_voxel.apply(middle);
        for (world, row) in rows.iter_mut().enumerate() {
            (0..3).for_each(|axis| row[axis] *= self.step[axis] as f64);
            row[3] = origin[world];
        }
        Grid::new(self.shape(), Affine(rows))
    }

    /// The slices of the file that make a kept one.
    pub fn slices(&self, kept: usize) -> std::ops::Range<usize> {
        let first = self.from[2] + kept * self.step[2];
        first..(first + self.step[2]).min(self.to[2])
    }

    /// The same of a volume of so many slices, which are one block.
    pub fn of_slices(mut self, count: usize) -> Self {
        (self.from[2], self.to[2], self.step[2]) = (0, count, count.max(1));
        self
    }

    /// The same of a volume from whose beginning so many slices were passed over, none of them kept.
    pub fn beyond(mut self, slice: usize) -> Self {
        self.from[2] -= slice;
        self.to[2] -= slice;
        self
    }
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    /// The mean of its numbers that are ones.
    Mean,
    /// The same, rounded: of whole numbers.
    RoundedMean,
    /// The number in its middle: of labels.
    Middle,
}

/// Takes the numbers of a volume in the order of the file and gives out what is kept, slice by slice.
pub(crate) struct Sieve {
    /// Voxels along the first two axes of the file.
    plane: [usize; 2],
    kept: Kept,
    taking: Taking,
    /// Numbers a voxel.
    channels: usize,
    /// The voxel that comes next.
    at: [usize; 3],
    /// Of each number of a kept slice.
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl Sieve {
    /// For a volume whose slices are of `plane` voxels, of `channels` numbers each.
    pub fn new(plane: [usize; 2], kept: Kept, channels: usize, taking: Taking) -> Self {
        let [width, height, _] = kept.shape();
        let numbers = width * height * channels;
        Self { plane, kept, taking, channels, at: [0; 3], sums: vec![0.0; numbers], counts: vec![0; numbers] }
    }

    /// Takes whole voxels in; `sink` gets each kept slice when it is complete.
    pub fn take(&mut self, mut numbers: &[f64], mut sink: impl FnMut(&[f64]) -> Result<(), Fault>) -> Result<(), Fault> {
        while numbers.len() >= self.channels {
            let run = (self.plane[0] - self.at[0]).min(numbers.len() / self.channels);
            let (row, rest) = numbers.split_at(run * self.channels);
            self.add(row);
            numbers = rest;
            if self.advance(run) && self.is_complete() {
                self.finish();
                sink(&self.sums)?;
                self.sums.fill(0.0);
                self.counts.fill(0);
            }
        }
        Ok(())
    }

    /// Goes on within a row; whether a slice came to its end.
    fn advance(&mut self, run: usize) -> bool {
        self.at[0] += run;
        if self.at[0] == self.plane[0] {
            self.at = [0, self.at[1] + 1, self.at[2]];
        }
        if self.at[1] == self.plane[1] {
            self.at = [0, 0, self.at[2] + 1];
            return true;
        }
        false
    }

    /// Whether the slice that ended is the last of its block.
    fn is_complete(&self) -> bool {
        let Kept { from, to, step } = self.kept;
        let next = self.at[2];
        next > from[2] && next <= to[2] && (next == to[2] || (next - from[2]).is_multiple_of(step[2]))
    }

    /// Adds a piece of a row.
    fn add(&mut self, numbers: &[f64]) {
        let Kept { from, to, step } = self.kept;
        let [x, y, z] = self.at;
        if (1..3).any(|axis| self.at[axis] < from[axis] || self.at[axis] >= to[axis]) {
            return;
        }
        let last_taken = step.map(|step| if self.taking == Taking::Middle { (step - 1) / 2 } else { step });
        if (y - from[1]) % step[1] > last_taken[1] || (z - from[2]) % step[2] > last_taken[2] {
            return;
        }
        let row = (y - from[1]) / step[1] * self.kept.shape()[0];
        let end = (x + numbers.len() / self.channels).min(to[0]);
        let mut at = x.max(from[0]);
        while at < end {
            let (block, within) = ((at - from[0]) / step[0], (at - from[0]) % step[0]);
            let stop = (at + step[0] - within).min(end);
            let to = (row + block) * self.channels;
            for voxel in at..stop {
                if within + (voxel - at) <= last_taken[0] {
                    self.put(to, &numbers[(voxel - x) * self.channels..][..self.channels]);
                }
            }
            at = stop;
        }
    }

    fn put(&mut self, to: usize, voxel: &[f64]) {
        let kept = self.sums[to..].iter_mut().zip(&mut self.counts[to..]);
        for ((sum, count), &number) in kept.zip(voxel) {
            if self.taking == Taking::Middle {
                (*sum, *count) = (number, 1);
            } else if !number.is_nan() {
                *sum += number;
                *count += 1;
            }
        }
    }

    /// From sums to what is kept; a block without a number is none.
    fn finish(&mut self) {
        for (sum, &count) in self.sums.iter_mut().zip(&self.counts) {
            *sum = if count == 0 { f64::NAN } else { *sum / f64::from(count) };
            if self.taking == Taking::RoundedMean {
                *sum = sum.round();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sieve makes of numbers that come in pieces of `piece`.
    fn sieved(shape: [usize; 3], reduction: Reduction, taking: Taking, piece: usize, number: impl Fn(usize) -> f64) -> Vec<f64> {
        let numbers: Vec<f64> = (0..shape.iter().product()).map(number).collect();
        let mut sieve = Sieve::new([shape[0], shape[1]], reduction.on(shape).expect("the box lies in it"), 1, taking);
        let mut kept = Vec::new();
        for some in numbers.chunks(piece) {
            let take = |slice: &[f64]| {
                kept.extend_from_slice(slice);
                Ok(())
            };
            sieve.take(some, take).expect("the sink takes all");
        }
        kept
    }

    #[test]
    fn blocks_become_their_mean_however_the_numbers_come() {
        let shape = [5, 4, 3];
        let grid = Grid::new(shape, Affine::IDENTITY);
        for piece in [1, 3, 7, 60] {
            let kept = sieved(shape, Reduction::every(2), Taking::Mean, piece, |index| index as f64);
            let mean = |i: usize, j: usize, k: usize| {
                let of = |index: &usize| {
                    let at = grid.voxel(*index);
                    [i, j, k].into_iter().zip(at).all(|(block, at)| at / 2 == block)
                };
                let block: Vec<f64> = (0..grid.len()).filter(of).map(|index| index as f64).collect();
                block.iter().sum::<f64>() / block.len() as f64
            };
            let wanted: Vec<f64> = (0..12).map(|at| mean(at % 3, at / 3 % 2, at / 6)).collect();
            assert_eq!(kept, wanted, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_box_is_kept_as_it_is() {
        let (shape, grid) = ([5, 4, 3], Grid::new([5, 4, 3], Affine::IDENTITY));
        let kept = sieved(shape, Reduction::within([1, 0, 1], [3, 2, 1]), Taking::Mean, 7, |index| index as f64);
        let wanted: Vec<f64> =
            (0..3).flat_map(|j| (1..4).map(move |i| [i, j, 1])).map(|voxel| grid.index(voxel) as f64).collect();
        assert_eq!(kept, wanted);
    }

    #[test]
    fn numbers_that_are_none_are_left_out_and_labels_are_taken_from_the_middle() {
        let nan = |index: usize| if index < 2 { f64::NAN } else { index as f64 };
        let kept = sieved([4, 1, 1], Reduction::every(2), Taking::Mean, 4, nan);
        assert!(kept[0].is_nan() && kept[1] == 2.5, "{kept:?}");
        assert_eq!(
            sieved([4, 1, 1], Reduction::every(3), Taking::Mean, 4, |index| if index == 0 { f64::NAN } else { 3.0 }),
            [3.0; 2]
        );
        assert_eq!(sieved([7, 1, 1], Reduction::every(3), Taking::Middle, 2, |index| index as f64), [1.0, 4.0, 6.0]);
        assert_eq!(sieved([3, 1, 1], Reduction::every(2), Taking::RoundedMean, 3, |index| index as f64 * 3.0), [2.0, 6.0]);
    }

    #[test]
    fn a_kept_voxel_lies_in_the_middle_of_its_block() {
        let rows = [[-2.0, 0.1, 0.0, 90.0], [0.0, 2.0, 0.3, -100.0], [0.2, 0.0, 5.0, 40.0]];
        let whole = Grid::new([64, 48, 3], Affine(rows));
        let reduction = Reduction { within: Some([[4, 2, 0], [63, 47, 2]]), every: 4 };
        let kept = reduction.grid(&whole).expect("the box lies in it");
        assert_eq!(kept.shape, [15, 12, 1]);
        for [i, j, k] in [[0.0, 0.0, 0.0], [14.0, 11.0, 0.0], [3.0, 7.0, 0.0]] {
            let there = whole.world_from_voxel.apply([4.0 + 4.0 * i + 1.5, 2.0 + 4.0 * j + 1.5, 3.0 * k + 1.0]);
            let here = kept.world_from_voxel.apply([i, j, k]);
            assert!((0..3).all(|axis| (there[axis] - here[axis]).abs() < 1e-9), "{there:?} {here:?}");
        }
        assert_eq!(Reduction::default().grid(&whole).expect("all of it"), whole);
    }

    #[test]
    fn a_box_that_is_none_is_refused() {
        let shape = [4, 4, 4];
        for (first, last) in [([0, 0, 0], [4, 0, 0]), ([2, 0, 0], [1, 3, 3]), ([0, 0, u32::MAX], [0, 0, u32::MAX])] {
            assert!(matches!(Reduction::within(first, last).on(shape), Err(Fault::Unsupported(_))), "{first:?} {last:?}");
        }
        assert_eq!(Reduction::every(0).on(shape).expect("all of it").shape(), shape);
        assert_eq!(Reduction::every(u32::MAX).on(shape).expect("one voxel").shape(), [1; 3]);
    }
}
