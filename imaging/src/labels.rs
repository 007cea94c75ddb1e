//! Masks: one bit a voxel and structure, and the reversible change between two of them.

use crate::bits::{Bits, runs};
use serde::{Deserialize, Serialize};

/// The voxels of one structure in one case, a bit each, in the order of the grid. Clones share what neither changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Runs", into = "Runs")]
pub struct Mask {
    shape: [usize; 3],
    bits: Bits,
}

impl Mask {
    /// An empty mask for a grid of `shape` voxels.
    #[must_use]
    pub fn empty(shape: [usize; 3]) -> Self {
        Self { shape, bits: Bits::clear(shape.iter().product()) }
    }

    /// The voxels where `inside` holds, asked by position in memory.
    #[must_use]
    pub fn from_fn(shape: [usize; 3], inside: impl FnMut(usize) -> bool) -> Self {
        Self { shape, bits: Bits::from_fn(shape.iter().product(), inside) }
    }

    /// Shape of its grid.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Voxels of its grid.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether no voxel is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.is_clear()
    }

    /// How many voxels are set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.count()
    }

    /// Whether the voxel at a position in memory is set.
    #[must_use]
    pub fn get(&self, index: usize) -> bool {
        self.bits.get(index)
    }

    /// Sets or clears the voxel at a position in memory.
    pub fn set(&mut self, index: usize, inside: bool) {
        self.bits.set(index, inside);
    }

    /// Sets or clears the voxels at positions `from..to` in memory.
    pub fn set_run(&mut self, from: usize, to: usize, inside: bool) {
        self.bits.set_run(from, to, inside);
    }

    /// Positions in memory of the set voxels, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.bits.words().flat_map(|(first, word)| {
            let next = |word: &u64| (word & (word - 1) != 0).then(|| word & (word - 1));
            std::iter::successors(Some(word), next).map(move |word| first + word.trailing_zeros() as usize)
        })
    }

    /// The runs `[start, length]` of set voxels, ascending; a run may go on from one row to the next.
    #[must_use]
    pub fn runs(&self) -> Vec<[usize; 2]> {
        runs(self.bits.words())
    }

    /// The voxels of `self` or `other`, which must be of one shape.
    pub fn unite(&mut self, other: &Self) {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        self.bits.combine(&other.bits, true, |a, b| a | b);
    }

    /// The voxels of `self` that are not in `other`, which must be of one shape.
    pub fn subtract(&mut self, other: &Self) {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        self.bits.combine(&other.bits, true, |a, b| a & !b);
    }

    /// The voxels of both `self` and `other`, which must be of one shape.
    pub fn intersect(&mut self, other: &Self) {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        self.bits.combine(&other.bits, false, |a, b| a & b);
    }

    /// How many voxels are in both.
    #[must_use]
    pub fn count_shared(&self, other: &Self) -> usize {
        self.bits.sum_of_pairs(&other.bits, |a, b| (a & b).count_ones())
    }

    /// The change that turns `self` into `other`, which must be of one shape.
    #[must_use]
    pub fn patch_to(&self, other: &Self) -> Patch {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        Patch { runs: runs(self.bits.differing(&other.bits)) }
    }

    /// Applies a change in place; applying it again takes it back. Work is proportional to the change.
    pub fn apply(&mut self, patch: &Patch) {
        for &[start, length] in &patch.runs {
            self.bits.flip_run(start, start.saturating_add(length));
        }
    }

    /// The same voxels moved by a number of voxels along each axis; those that leave the grid are lost.
    #[must_use]
    pub fn moved(&self, by: [isize; 3]) -> Self {
        let [nx, ny, _] = self.shape;
        let mut moved = Self::empty(self.shape);
        for index in self.iter() {
            let voxel = [index % nx, index / nx % ny, index / (nx * ny)];
            let to: [usize; 3] = std::array::from_fn(|axis| voxel[axis].wrapping_add_signed(by[axis]));
            if (0..3).all(|axis| to[axis] < self.shape[axis]) {
                moved.set(to[0] + nx * (to[1] + ny * to[2]), true);
            }
        }
        moved
    }

    /// Dice overlap with `other`; 1 where both are empty.
    #[must_use]
    pub fn dice(&self, other: &Self) -> f64 {
        let both = self.count_shared(other);
        let sum = self.count() + other.count();
        if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
    }

    /// The least and greatest voxel of the set ones along each axis, or `None` where the mask is empty.
    #[must_use]
    pub fn bounds(&self) -> Option<[[usize; 3]; 2]> {
        bounds(self.shape, self.bits.words())
    }

    /// The least and greatest voxel of those that differ from `other`, which must be of one shape. Work is by what
    /// differs where one came from the other.
    #[must_use]
    pub fn bounds_of_change(&self, other: &Self) -> Option<[[usize; 3]; 2]> {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        bounds(self.shape, self.bits.differing(&other.bits))
    }
}

/// The box of the set bits of words; a run of them is taken row by row.
fn bounds([nx, ny, _]: [usize; 3], words: impl Iterator<Item = (usize, u64)>) -> Option<[[usize; 3]; 2]> {
    let mut found: Option<[[usize; 3]; 2]> = None;
    for [mut start, length] in runs(words) {
        let end = start + length;
        while start < end {
            let row = start / nx;
            let last = ((row + 1) * nx).min(end) - 1;
            let [from, to] = [[start % nx, row % ny, row / ny], [last % nx, row % ny, row / ny]];
            let [low, high] = found.unwrap_or([from, to]);
            found = Some([std::array::from_fn(|i| low[i].min(from[i])), std::array::from_fn(|i| high[i].max(to[i]))]);
            start = last + 1;
        }
    }
    found
}

/// A change to a mask: the runs `[start, length]` of voxels that flip. It is its own inverse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    runs: Vec<[usize; 2]>,
}

impl Patch {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many voxels it flips.
    #[must_use]
    pub fn count(&self) -> usize {
        self.runs.iter().map(|[_, length]| length).sum()
    }

    /// Whether its runs follow each other among `len` voxels, as those of every change do that this program made.
    pub(crate) fn is_sound(&self, len: usize) -> bool {
        in_order(&self.runs, len)
    }
}

/// Whether runs ascend, share no voxel and end within `len` voxels. A short file could else ask for any amount of work
/// by naming all voxels again and again.
fn in_order(runs: &[[usize; 2]], len: usize) -> bool {
    let ends = |from: usize, [start, length]: &[usize; 2]| if *start < from { None } else { start.checked_add(*length) };
    runs.iter().try_fold(0, ends).is_some_and(|end| end <= len)
}

/// As for images: no mask has more voxels.
pub(crate) const MOST_VOXELS: usize = 1 << 31;

/// A mask as it is written down: shape and runs of set voxels.
#[derive(Clone, Serialize, Deserialize)]
struct Runs {
    shape: [usize; 3],
    runs: Vec<[usize; 2]>,
}

/// A written mask does not hold together.
#[derive(Debug, thiserror::Error)]
#[error("a mask's runs do not fit its shape")]
struct RunsError;

impl From<Mask> for Runs {
    fn from(mask: Mask) -> Self {
        Self { shape: mask.shape, runs: mask.runs() }
    }
}

impl TryFrom<Runs> for Mask {
    type Error = RunsError;

    fn try_from(Runs { shape, runs }: Runs) -> Result<Self, RunsError> {
        let len = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n))
            .filter(|&n| n <= MOST_VOXELS)
            .ok_or(RunsError)?;
        if !in_order(&runs, len) {
            return Err(RunsError);
        }
        let mut mask = Self::empty(shape);
        mask.apply(&Patch { runs });
        Ok(mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(bits: &[bool]) -> Mask {
        Mask::from_fn([5, 13, 2], |index| bits[index])
    }

    proptest! {
        #[test]
        fn a_patch_there_and_back_is_bit_identical(a in prop::collection::vec(any::<bool>(), 130), b in prop::collection::vec(any::<bool>(), 130)) {
            let (a, b) = (mask(&a), mask(&b));
            let patch = a.patch_to(&b);
            let mut changed = a.clone();
            changed.apply(&patch);
            prop_assert_eq!(&changed, &b);
            changed.apply(&patch);
            prop_assert_eq!(&changed, &a);
        }

        #[test]
        fn a_mask_survives_being_written(bits in prop::collection::vec(any::<bool>(), 130)) {
            let mask = mask(&bits);
            let text = serde_json::to_string(&mask).expect("a mask can be written");
            prop_assert_eq!(serde_json::from_str::<Mask>(&text).expect("and read"), mask);
        }
    }

    #[test]
    fn bounds_are_those_of_the_voxels() {
        let mut mask = Mask::empty([70, 5, 3]);
        assert_eq!(mask.bounds(), None);
        mask.set_run(70 * 5 + 68, 70 * 5 + 73, true);
        assert_eq!(mask.bounds(), Some([[0, 0, 1], [69, 1, 1]]), "a run that goes on in the next row");
        let mut other = mask.clone();
        other.set(70 * 14 + 7, true);
        assert_eq!(mask.bounds_of_change(&other), Some([[7, 4, 2]; 2]));
        assert_eq!(mask.bounds_of_change(&mask.clone()), None);
    }

    #[test]
    fn runs_past_the_end_are_refused() {
        assert!(serde_json::from_str::<Mask>(r#"{"shape":[2,2,2],"runs":[[6,3]]}"#).is_err());
        assert!(serde_json::from_str::<Mask>(r#"{"shape":[2,2,2],"runs":[[0,3],[2,1]]}"#).is_err(), "they overlap");
        assert!(serde_json::from_str::<Mask>(r#"{"shape":[2,2,2],"runs":[[0,3],[3,5]]}"#).is_ok());
        assert!(serde_json::from_str::<Mask>(r#"{"shape":[4294967296,4294967296,4294967296],"runs":[]}"#).is_err());
    }

    #[test]
    fn dice_of_halves() {
        let left = Mask::from_fn([4, 1, 1], |i| i < 2);
        let first = Mask::from_fn([4, 1, 1], |i| i < 1);
        assert!((left.dice(&first) - 2.0 / 3.0).abs() < 1e-12);
        assert!((Mask::empty([2, 2, 2]).dice(&Mask::empty([2, 2, 2])) - 1.0).abs() < 1e-12);
    }
}
