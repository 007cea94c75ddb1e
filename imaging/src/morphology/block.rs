//! A box of voxels cut out of a mask, so that an operation costs time by the structure and not by the image.

use crate::labels::Mask;
use crate::volume::Grid;

/// A box of voxels, `i` fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// The voxel of the image at its corner.
    pub from: [usize; 3],
    /// Voxels along each axis.
    pub size: [usize; 3],
    /// Which of them are in the mask.
    pub inside: Vec<bool>,
}

impl Block {
    /// The voxels of a mask and all within `reach_mm` around them, as far as the image goes, and at least one voxel
    /// more on each side. `None` where the mask is empty.
    pub fn around(mask: &Mask, grid: &Grid, reach_mm: f64) -> Option<Self> {
        let [low, high] = mask.bounds()?;
        let spacing = grid.spacing_mm();
        let reach: [usize; 3] = std::array::from_fn(|axis| (reach_mm / spacing[axis]).floor() as usize + 1);
        let from: [usize; 3] = std::array::from_fn(|axis| low[axis].saturating_sub(reach[axis]));
        let to: [usize; 3] = std::array::from_fn(|axis| (high[axis] + reach[axis] + 1).min(grid.shape[axis]));
        Some(Self::cut(mask, from, std::array::from_fn(|axis| to[axis] - from[axis])))
    }

    /// The voxels of a mask in a box that lies in its grid.
    pub fn cut(mask: &Mask, from: [usize; 3], size: [usize; 3]) -> Self {
        let mut block = Self { from, size, inside: Vec::new() };
        block.inside = block.row_starts(mask.shape()).flat_map(|row| (row..row + size[0]).map(|at| mask.get(at))).collect();
        block
    }

    /// Puts what `inside` says into the box of a mask of the same grid.
    pub fn paste(&self, mask: &mut Mask, inside: impl Fn(usize) -> bool) {
        let width = self.size[0];
        for (row, start) in self.row_starts(mask.shape()).enumerate() {
            let mut at = 0;
            while at < width {
                let value = inside(row * width + at);
                let end = (at + 1..width).find(|&next| inside(row * width + next) != value).unwrap_or(width);
                mask.set_run(start + at, start + end, value);
                at = end;
            }
        }
    }

    fn row_starts(&self, [nx, ny, _]: [usize; 3]) -> impl Iterator<Item = usize> + use<> {
        let ([i, j, k], [_, height, depth]) = (self.from, self.size);
        (k..k + depth).flat_map(move |k| (j..j + height).map(move |j| i + nx * (j + ny * k)))
    }
}
