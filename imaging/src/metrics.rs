//! How well a mask agrees with a reference: Dice, 95% Hausdorff distance and surface Dice.
//!
//! A mask's surface are its voxels with a face to the outside (beyond the image is outside); a distance is from a
//! voxel's centre on one surface to the nearest one on the other, in mm along the grid's axes. Every surface voxel
//! counts once, as in MONAI and medpy; DeepMind's `surface-distance` weighs surface elements by their area instead
//! and comes out within a voxel of this. An axis of a single voxel is left out: a picture's surface is its outline.
//!
//! Empty masks: two of them agree (Dice 1, distance 0, surface Dice 1). Where one alone is empty Dice and surface
//! Dice are 0 and there is no distance.

use crate::distance;
use crate::labels::Mask;
use crate::regions::neighbours;
use crate::volume::Grid;

/// The tolerance, in mm, of the surface Dice that is told of volumes.
pub const TOLERANCE_MM: f64 = 2.0;

/// How well a mask agrees with a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Dice overlap; 1 where both are empty.
    pub dice: f64,
    /// 95% Hausdorff distance in mm; none of a flat image, and none where one mask alone is empty.
    pub hausdorff95_mm: Option<f64>,
    /// Share of both surfaces within [`TOLERANCE_MM`]; none of a flat image.
    pub surface_dice: Option<f64>,
}

impl Agreement {
    /// Of two masks of one grid; distances only where the grid is no single plane, for a picture has no mm.
    #[must_use]
    pub fn of(grid: &Grid, found: &Mask, reference: &Mask) -> Self {
        let dice = found.dice(reference);
        if grid.shape.contains(&1) {
            return Self { dice, hausdorff95_mm: None, surface_dice: None };
        }
        let surfaces = SurfaceDistances::between(grid, found, reference);
        Self { dice, hausdorff95_mm: surfaces.hausdorff95_mm(), surface_dice: Some(surfaces.dice_within(TOLERANCE_MM)) }
    }
}

/// From every surface voxel of one mask to the surface of another, and back, in mm, each ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceDistances {
    there: Vec<f64>,
    back: Vec<f64>,
}

impl SurfaceDistances {
    /// Between two masks of one grid; the work is by the box that holds both.
    #[must_use]
    pub fn between(grid: &Grid, a: &Mask, b: &Mask) -> Self {
        let (a, b) = (surface(a), surface(b));
        Self { there: distances(grid, &a, &b), back: distances(grid, &b, &a) }
    }

    /// The 95% Hausdorff distance in mm: the greater of the two ways' 95th percentiles, linear between ranks.
    /// `None` where one mask alone is empty.
    #[must_use]
    pub fn hausdorff95_mm(&self) -> Option<f64> {
        match (self.there.is_empty(), self.back.is_empty()) {
            (true, true) => Some(0.0),
            (false, false) => Some(percentile(&self.there, 0.95).max(percentile(&self.back, 0.95))),
            _ => None,
        }
    }

    /// The share of both surfaces that lies within a tolerance of the other.
    #[must_use]
    pub fn dice_within(&self, tolerance_mm: f64) -> f64 {
        let total = self.there.len() + self.back.len();
        match (self.there.is_empty(), self.back.is_empty()) {
            (true, true) => 1.0,
            (false, false) => {
                // Spacings such as 0.1 are not exact, and a surface that lies at the tolerance is within it.
                let within = |distances: &[f64]| distances.partition_point(|&d| d <= tolerance_mm + 1e-9);
                (within(&self.there) + within(&self.back)) as f64 / total as f64
            }
            _ => 0.0,
        }
    }
}

/// A mask's voxels with a face to the outside, ascending.
fn surface(mask: &Mask) -> Vec<usize> {
    let shape = mask.shape();
    let is_outside = |(side, other): (usize, Option<usize>)| shape[side / 2] > 1 && other.is_none_or(|other| !mask.get(other));
    mask.iter().filter(|&index| neighbours(shape, index).into_iter().enumerate().any(is_outside)).collect()
}

/// From each voxel of `from` to the nearest of `to`, ascending; none where either is empty, but as many infinite ones
/// where only `to` is.
fn distances(grid: &Grid, from: &[usize], to: &[usize]) -> Vec<f64> {
    let both: Vec<usize> = from.iter().chain(to).copied().collect();
    let Some([low, high]) = crate::regions::bounds(grid, &both) else { return Vec::new() };
    let near = Grid::new(std::array::from_fn(|axis| high[axis] - low[axis] + 1), grid.world_from_voxel);
    let moved = |index: usize| {
        let voxel = grid.voxel(index);
        near.index(std::array::from_fn(|axis| voxel[axis] - low[axis]))
    };
    let mut is_site = vec![false; near.len()];
    to.iter().for_each(|&index| is_site[moved(index)] = true);
    let squared = distance::squared_mm(near.shape, grid.spacing_mm(), |at| is_site[at]);
    let mut distances: Vec<f64> = from.iter().map(|&index| squared[moved(index)].sqrt()).collect();
    distances.sort_by(f64::total_cmp);
    distances
}

/// A percentile of ascending values, linear between ranks.
fn percentile(values: &[f64], share: f64) -> f64 {
    let rank = share * (values.len() - 1) as f64;
    let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;

    fn grid(spacing: [f64; 3]) -> Grid {
        Grid::new([24, 20, 12], Affine::from_spacing(spacing))
    }

    /// A block of voxels from `low` up to but without `high`.
    fn block(grid: &Grid, low: [usize; 3], high: [usize; 3]) -> Mask {
        Mask::from_fn(grid.shape, |at| {
            let voxel = grid.voxel(at);
            (0..3).all(|axis| (low[axis]..high[axis]).contains(&voxel[axis]))
        })
    }

    #[test]
    fn a_mask_agrees_with_itself() {
        let grid = grid([1.0, 2.0, 3.0]);
        let mask = block(&grid, [2, 3, 4], [9, 8, 7]);
        let surfaces = SurfaceDistances::between(&grid, &mask, &mask);
        assert_eq!((surfaces.hausdorff95_mm(), surfaces.dice_within(0.0)), (Some(0.0), 1.0));
    }

    #[test]
    fn single_voxels_are_as_far_apart_as_their_centres_in_mm() {
        let grid = grid([0.5, 2.0, 3.0]);
        let (a, b) = (block(&grid, [4, 5, 6], [5, 6, 7]), block(&grid, [8, 5, 8], [9, 6, 9]));
        let surfaces = SurfaceDistances::between(&grid, &a, &b);
        let wanted = (2.0_f64.powi(2) + 6.0_f64.powi(2)).sqrt();
        assert!((surfaces.hausdorff95_mm().unwrap() - wanted).abs() < 1e-12);
        assert_eq!((surfaces.dice_within(wanted - 1e-6), surfaces.dice_within(wanted)), (0.0, 1.0));
    }

    #[test]
    fn a_block_moved_across_slices_is_off_by_their_distance() {
        // A slab of one voxel's thickness is all surface, and every voxel of it has its twin two slices on.
        let grid = grid([1.0, 1.0, 2.5]);
        let (a, b) = (block(&grid, [2, 2, 3], [20, 18, 4]), block(&grid, [2, 2, 5], [20, 18, 6]));
        let surfaces = SurfaceDistances::between(&grid, &a, &b);
        assert_eq!(surfaces.hausdorff95_mm(), Some(5.0));
        assert_eq!((surfaces.dice_within(2.0), surfaces.dice_within(5.0)), (0.0, 1.0));
    }

    #[test]
    fn few_far_voxels_do_not_count_in_95_percent() {
        let grid = grid([1.0; 3]);
        let a = block(&grid, [2, 2, 2], [12, 12, 10]);
        let mut b = a.clone();
        b.set(grid.index([22, 18, 11]), true);
        let surfaces = SurfaceDistances::between(&grid, &a, &b);
        assert_eq!(surfaces.hausdorff95_mm(), Some(0.0));
        assert!(surfaces.dice_within(2.0) < 1.0);
    }

    #[test]
    fn of_a_picture_the_outline_counts() {
        let grid = Grid::new([20, 20, 1], Affine::IDENTITY);
        let (a, b) = (block(&grid, [2, 2, 0], [18, 18, 1]), block(&grid, [5, 5, 0], [15, 15, 1]));
        assert_eq!(surface(&a).len(), 60);
        let corner = 18.0_f64.sqrt();
        let far = SurfaceDistances::between(&grid, &a, &b).hausdorff95_mm().unwrap();
        assert!((3.0..=corner).contains(&far), "{far}");
    }

    #[test]
    fn a_flat_image_has_no_distances_in_mm() {
        let grid = Grid::new([20, 20, 1], Affine::IDENTITY);
        let mask = block(&grid, [2, 2, 0], [18, 18, 1]);
        assert_eq!(Agreement::of(&grid, &mask, &mask), Agreement { dice: 1.0, hausdorff95_mm: None, surface_dice: None });
    }

    #[test]
    fn empty_masks_are_as_documented() {
        let grid = grid([1.0; 3]);
        let (none, some) = (Mask::empty(grid.shape), block(&grid, [2, 2, 2], [5, 5, 5]));
        let both = |a, b| {
            let surfaces = SurfaceDistances::between(&grid, a, b);
            (surfaces.hausdorff95_mm(), surfaces.dice_within(2.0))
        };
        assert_eq!(both(&none, &none), (Some(0.0), 1.0));
        assert_eq!(both(&none, &some), (None, 0.0));
        assert_eq!(both(&some, &none), (None, 0.0));
    }
}
