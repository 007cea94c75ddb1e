//! A mask as pieces of rows, which is what labelling and counting go by.

use crate::labels::Mask;
use std::ops::Range;

/// Set voxels that follow one another along `i`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// From, and past the end, along `i`.
    pub i: Range<usize>,
    /// Along `j`.
    pub j: usize,
    /// Along `k`.
    pub k: usize,
}

impl Piece {
    /// The slices across an axis that it touches.
    pub fn along(&self, axis: usize) -> Range<usize> {
        match axis {
            0 => self.i.clone(),
            1 => self.j..self.j + 1,
            _ => self.k..self.k + 1,
        }
    }
}

/// The pieces of a mask, in the order of memory.
pub(super) fn pieces(mask: &Mask) -> Vec<Piece> {
    let [nx, ny, _] = mask.shape();
    let mut pieces = Vec::new();
    for [start, length] in mask.runs() {
        let (mut at, end) = (start, start + length);
        while at < end {
            let row = at / nx;
            let to = ((row + 1) * nx).min(end);
            pieces.push(Piece { i: at - row * nx..to - row * nx, j: row % ny, k: row / ny });
            at = to;
        }
    }
    pieces
}

/// How many voxels of each slice across an axis are set.
pub(super) fn profile(mask: &Mask, axis: usize) -> Vec<usize> {
    let mut counts = vec![0; mask.shape()[axis]];
    for piece in pieces(mask) {
        let slices = piece.along(axis);
        let each = piece.i.len() / slices.len();
        counts[slices].iter_mut().for_each(|count| *count += each);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_over_two_rows_is_two_pieces() {
        let mut mask = Mask::empty([4, 3, 2]);
        mask.set_run(2, 6, true);
        assert_eq!(pieces(&mask), [Piece { i: 2..4, j: 0, k: 0 }, Piece { i: 0..2, j: 1, k: 0 }]);
        assert_eq!(profile(&mask, 0), [1, 1, 1, 1]);
        assert_eq!(profile(&mask, 1), [2, 2, 0]);
        assert_eq!(profile(&mask, 2), [4, 0]);
    }
}
