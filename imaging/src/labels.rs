//! Masks: one bit a voxel and structure, and the reversible change between two of them.

use serde::{Deserialize, Serialize};

/// The voxels of one structure in one case, a bit each, in the order of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Runs", into = "Runs")]
pub struct Mask {
    shape: [usize; 3],
    words: Vec<u64>,
}

impl Mask {
    /// An empty mask for a grid of `shape` voxels.
    #[must_use]
    pub fn empty(shape: [usize; 3]) -> Self {
        Self { shape, words: vec![0; shape.iter().product::<usize>().div_ceil(64)] }
    }

    /// The voxels where `inside` holds, asked by position in memory.
    #[must_use]
    pub fn from_fn(shape: [usize; 3], mut inside: impl FnMut(usize) -> bool) -> Self {
        let mut mask = Self::empty(shape);
        for index in 0..mask.len() {
            if inside(index) {
                mask.words[index / 64] |= 1 << (index % 64);
            }
        }
        mask
    }

    /// Shape of its grid.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Voxels of its grid.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether no voxel is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many voxels are set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the voxel at a position in memory is set.
    #[must_use]
    pub fn get(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// Sets or clears the voxel at a position in memory.
    pub fn set(&mut self, index: usize, inside: bool) {
        let bit = 1 << (index % 64);
        if inside { self.words[index / 64] |= bit } else { self.words[index / 64] &= !bit }
    }

    /// Positions in memory of the set voxels, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words
            .iter()
            .enumerate()
            .filter(|(_, word)| **word != 0)
            .flat_map(|(at, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit))
    }

    /// The voxels of `self` or `other`, which must be of one shape.
    pub fn unite(&mut self, other: &Self) {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// The change that turns `self` into `other`, which must be of one shape.
    #[must_use]
    pub fn patch_to(&self, other: &Self) -> Patch {
        assert_eq!(self.shape, other.shape, "masks of one case have one shape");
        let flipped = Self { shape: self.shape, words: self.words.iter().zip(&other.words).map(|(a, b)| a ^ b).collect() };
        Patch { runs: flipped.runs() }
    }

    /// Applies a change in place; applying it again takes it back. Work is proportional to the change.
    pub fn apply(&mut self, patch: &Patch) {
        for &[start, length] in &patch.runs {
            for index in start..start.saturating_add(length).min(self.len()) {
                self.words[index / 64] ^= 1 << (index % 64);
            }
        }
    }

    /// Dice overlap with `other`; 1 where both are empty.
    #[must_use]
    pub fn dice(&self, other: &Self) -> f64 {
        let both: usize = self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum();
        let sum = self.count() + other.count();
        if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
    }

    /// The least and greatest voxel of the set ones along each axis, or `None` where the mask is empty.
    #[must_use]
    pub fn bounds(&self) -> Option<[[usize; 3]; 2]> {
        let [nx, ny, _] = self.shape;
        self.iter().map(|index| [index % nx, index / nx % ny, index / (nx * ny)]).fold(None, |bounds, voxel| {
            let [low, high] = bounds.unwrap_or([voxel, voxel]);
            Some([std::array::from_fn(|i| low[i].min(voxel[i])), std::array::from_fn(|i| high[i].max(voxel[i]))])
        })
    }

    fn runs(&self) -> Vec<[usize; 2]> {
        let mut runs: Vec<[usize; 2]> = Vec::new();
        for index in self.iter() {
            match runs.last_mut() {
                Some([start, length]) if *start + *length == index => *length += 1,
                _ => runs.push([index, 1]),
            }
        }
        runs
    }
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
}

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
        const MOST_VOXELS: usize = 1 << 36;
        let len = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n))
            .filter(|&n| n <= MOST_VOXELS)
            .ok_or(RunsError)?;
        if runs.iter().any(|[start, length]| start.checked_add(*length).is_none_or(|end| end > len)) {
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
    fn runs_past_the_end_are_refused() {
        assert!(serde_json::from_str::<Mask>(r#"{"shape":[2,2,2],"runs":[[6,3]]}"#).is_err());
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
