//! Voxels on a grid: `Grid` says where they lie, `Volume` holds one number a voxel, `Image` what a
//! file shows (grey or colour). Anatomy and screen directions are left to `space`.

use crate::space::Affine;
use serde::{Deserialize, Serialize};

/// Where voxels lie: how many there are along each axis, and the affine to world (RAS, mm).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Voxels along `i`, `j`, `k`; `i` runs fastest in memory.
    pub shape: [usize; 3],
    /// World position (RAS, mm) of a voxel's centre.
    pub world_from_voxel: Affine,
}

impl Grid {
    /// A grid of `shape` voxels.
    #[must_use]
    pub fn new(shape: [usize; 3], world_from_voxel: Affine) -> Self {
        Self { shape, world_from_voxel }
    }

    /// How many voxels the grid holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the grid holds no voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Position in memory of voxel `[i, j, k]`.
    #[must_use]
    pub fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        i + self.shape[0] * (j + self.shape[1] * k)
    }

    /// The voxel at a position in memory; the inverse of [`Grid::index`].
    #[must_use]
    pub fn voxel(&self, index: usize) -> [usize; 3] {
        let [nx, ny, _] = self.shape;
        [index % nx, index / nx % ny, index / (nx * ny)]
    }

    /// Distance in mm between neighbouring voxel centres along each axis.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        self.world_from_voxel.spacing_mm()
    }

    /// Volume of one voxel in millilitres; right for sheared affines too.
    #[must_use]
    pub fn voxel_ml(&self) -> f64 {
        self.world_from_voxel.determinant().abs() / 1000.0
    }

    /// The voxel whose cell holds a continuous voxel position, if it lies in the grid.
    #[must_use]
    pub fn nearest(&self, position: [f32; 3]) -> Option<[usize; 3]> {
        let mut voxel = [0; 3];
        for axis in 0..3 {
            let rounded = position[axis].round();
            if !(rounded >= 0.0 && rounded < self.shape[axis] as f32) {
                return None;
            }
            voxel[axis] = rounded as usize;
        }
        Some(voxel)
    }

    /// Whether both grids have the same shape and, within `tolerance_mm` at every corner, lie at the same place.
    #[must_use]
    pub fn matches(&self, other: &Self, tolerance_mm: f64) -> bool {
        self.shape == other.shape
            && self.corners().iter().all(|&corner| {
                let (a, b) = (self.world_from_voxel.apply(corner), other.world_from_voxel.apply(corner));
                (0..3).all(|axis| (a[axis] - b[axis]).abs() <= tolerance_mm)
            })
    }

    /// How far the corners of both grids, counted in voxels, are apart in mm at most.
    #[must_use]
    pub fn distance_mm(&self, other: &Self) -> f64 {
        let corners = self.corners().into_iter().zip(other.corners());
        let apart = corners.map(|(a, b)| {
            let (a, b) = (self.world_from_voxel.apply(a), other.world_from_voxel.apply(b));
            (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
        });
        apart.fold(0.0, f64::max)
    }

    fn corners(&self) -> [[f64; 3]; 8] {
        std::array::from_fn(|corner| {
            std::array::from_fn(|axis| if corner >> axis & 1 == 1 { self.shape[axis].saturating_sub(1) as f64 } else { 0.0 })
        })
    }
}

/// One value a voxel.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T> {
    /// Where the voxels lie.
    pub grid: Grid,
    /// The values, `i` fastest; as many as the grid has voxels.
    pub voxels: Vec<T>,
}

impl<T: Copy> Volume<T> {
    /// A volume of `value` everywhere.
    #[must_use]
    pub fn filled(grid: Grid, value: T) -> Self {
        Self { grid, voxels: vec![value; grid.len()] }
    }

    /// The value at a voxel of the grid.
    #[must_use]
    pub fn at(&self, voxel: [usize; 3]) -> T {
        self.voxels[self.grid.index(voxel)]
    }
}

/// The voxel values of an image, in the form that keeps them whole and small.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Whole numbers that fit 16 bits and need no scaling (CT, most MR).
    I16(Vec<i16>),
    /// Everything else; may hold NaN.
    F32(Vec<f32>),
    /// Colour, red, green, blue.
    Rgb(Vec<[u8; 3]>),
}

/// What a file shows: one volume, grey or colour. A picture is an image one voxel deep.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Where the voxels lie.
    pub grid: Grid,
    /// The voxel values after the file's own slope and intercept.
    pub pixels: Pixels,
    /// Whether this came from a picture file: no anatomy, rows run down the screen.
    pub is_picture: bool,
    /// Width and centre of the values that the file wants to be shown, where it says so.
    pub window: Option<[f32; 2]>,
    /// What a reader had to say of the file, each a sentence for the user.
    pub warnings: Vec<String>,
}

impl Image {
    /// A grey image of `f32` voxels.
    #[must_use]
    pub fn grey(volume: Volume<f32>) -> Self {
        Self { grid: volume.grid, pixels: Pixels::F32(volume.voxels), is_picture: false, window: None, warnings: Vec::new() }
    }

    /// Whether the image holds colour.
    #[must_use]
    pub fn is_colour(&self) -> bool {
        matches!(self.pixels, Pixels::Rgb(_))
    }

    /// Whether the image is one voxel deep: shown in one pane, segmented in 2-D.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.grid.shape.contains(&1)
    }

    /// Value at a position in memory; of colour its luminance (ITU-R BT.601), 0 to 255.
    #[must_use]
    pub fn value(&self, index: usize) -> f32 {
        match &self.pixels {
            Pixels::I16(voxels) => f32::from(voxels[index]),
            Pixels::F32(voxels) => voxels[index],
            Pixels::Rgb(voxels) => luminance(voxels[index]),
        }
    }

    /// Quantiles of the finite values (colour: of all channels together), each share in 0..=1.
    ///
    /// Exact up to 4 million voxels; larger images are sampled evenly to that number.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [f32; N] {
        let mut values = self.sampled_values(4_000_000);
        if values.is_empty() {
            return [0.0; N];
        }
        shares.map(|share| {
            let rank = (share.clamp(0.0, 1.0) * (values.len() - 1) as f64).round() as usize;
            *values.select_nth_unstable_by(rank, f32::total_cmp).1
        })
    }

    fn sampled_values(&self, most: usize) -> Vec<f32> {
        let step = self.grid.len().div_ceil(most).max(1);
        match &self.pixels {
            Pixels::I16(voxels) => voxels.iter().step_by(step).map(|&v| f32::from(v)).collect(),
            Pixels::F32(voxels) => voxels.iter().step_by(step).copied().filter(|v| v.is_finite()).collect(),
            Pixels::Rgb(voxels) => voxels.iter().step_by(step).flat_map(|v| v.map(f32::from)).collect(),
        }
    }
}

/// Luminance (ITU-R BT.601) of a colour, 0 to 255.
#[must_use]
pub fn luminance([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_voxel_are_inverse() {
        let grid = Grid::new([3, 4, 5], Affine::IDENTITY);
        for index in 0..grid.len() {
            assert_eq!(grid.index(grid.voxel(index)), index);
        }
        assert_eq!(grid.voxel(1), [1, 0, 0], "i runs fastest");
    }

    #[test]
    fn a_position_outside_has_no_nearest_voxel() {
        let grid = Grid::new([3, 4, 5], Affine::IDENTITY);
        assert_eq!(grid.nearest([2.4, 0.0, 4.4]), Some([2, 0, 4]));
        assert_eq!(grid.nearest([2.6, 0.0, 0.0]), None);
        assert_eq!(grid.nearest([-0.6, 0.0, 0.0]), None);
        assert_eq!(grid.nearest([f32::NAN, 0.0, 0.0]), None);
    }

    #[test]
    fn quantiles_leave_out_what_is_not_finite() {
        let grid = Grid::new([4, 1, 1], Affine::IDENTITY);
        let image = Image::grey(Volume { grid, voxels: vec![f32::NAN, 3.0, 1.0, 2.0] });
        assert_eq!(image.quantiles([0.0, 0.5, 1.0]), [1.0, 2.0, 3.0]);
    }
}
