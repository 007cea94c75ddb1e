//! Spaces and the ways between them: voxel `[i, j, k]` (centres at whole numbers), world (RAS, mm) and
//! plane (a slice as it lies on the screen). Every `a_from_b` takes b and gives a.

use crate::volume::Grid;
use serde::{Deserialize, Serialize};

/// An affine map of 3-D positions, three rows of four.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

    /// A map that scales each axis by its spacing.
    #[must_use]
    pub fn from_spacing([x, y, z]: [f64; 3]) -> Self {
        Self([[x, 0.0, 0.0, 0.0], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]])
    }

    /// Where a position goes.
    #[must_use]
    pub fn apply(&self, p: [f64; 3]) -> [f64; 3] {
        self.0.map(|row| row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3])
    }

    /// The direction in which an input axis points, not normalised.
    #[must_use]
    pub fn column(&self, axis: usize) -> [f64; 3] {
        self.0.map(|row| row[axis])
    }

    /// Length of each column: mm a voxel.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        std::array::from_fn(|axis| self.column(axis).iter().map(|c| c * c).sum::<f64>().sqrt())
    }

    /// Determinant of the linear part; negative where the axes are left-handed.
    #[must_use]
    pub fn determinant(&self) -> f64 {
        let [a, b, c] = self.0;
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    }

    /// The inverse map, or `None` where the linear part is singular or not finite.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let det = self.determinant();
        // Against the size of the voxel, for microscopes have voxels of a thousandth of a millimetre.
        let size: f64 = self.spacing_mm().iter().product();
        if !(det.abs() > 1e-9 * size && size.is_finite() && size > 0.0) {
            return None;
        }
        let m = self.0;
        let cofactor = |r: usize, c: usize| {
            let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let mut inverse = Self([[0.0; 4]; 3]);
        for (r, row) in inverse.0.iter_mut().enumerate() {
            for (c, value) in row.iter_mut().take(3).enumerate() {
                *value = cofactor(c, r) / det;
            }
            row[3] = -(row[0] * m[0][3] + row[1] * m[1][3] + row[2] * m[2][3]);
        }
        Some(inverse)
    }

    /// Whether every number is finite and the map can be inverted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.iter().flatten().all(|v| v.is_finite()) && self.inverse().is_some()
    }
}

/// A voxel axis and the way along it: `sign` is +1 or -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Voxel axis, 0 to 2.
    pub axis: usize,
    /// +1 along the axis, -1 against it.
    pub sign: i8,
}

/// The voxel axis that lies closest to each world axis (right, anterior, superior), each axis used once.
#[must_use]
pub fn closest_canonical(world_from_voxel: &Affine) -> [Direction; 3] {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let spacing = world_from_voxel.spacing_mm();
    let cosine = |world: usize, axis: usize| world_from_voxel.0[world][axis] / spacing[axis].max(1e-12);
    let fit = |order: &[usize; 3]| (0..3).map(|world| cosine(world, order[world]).abs()).sum::<f64>();
    // Ties go to the first order, so that a pure rotation by 45 degrees still has one answer.
    let mut best = ORDERS[0];
    for order in ORDERS {
        if fit(&order) > fit(&best) + 1e-9 {
            best = order;
        }
    }
    std::array::from_fn(|world| Direction { axis: best[world], sign: if cosine(world, best[world]) < 0.0 { -1 } else { 1 } })
}

/// The anatomical planes, and the plane of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Plane {
    /// Seen from the feet.
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the patient's left.
    Sagittal,
    /// A picture: `i` to the right, `j` down.
    Picture,
}

/// Which side of the screen shows the patient's right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Convention {
    /// Patient right on the left of the screen.
    #[default]
    Radiological,
    /// Patient right on the right of the screen.
    Neurological,
}

/// How one plane of a grid lies on the screen.
///
/// Plane coordinates are `[right, down]` in voxels from the outer edge of the slice's first cell: the
/// slice covers `0..=width` by `0..=height`, and a voxel's centre lies at a half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slicing {
    /// The plane shown.
    pub plane: Plane,
    /// Voxel direction towards the right of the screen.
    pub right: Direction,
    /// Voxel direction towards the bottom of the screen.
    pub down: Direction,
    /// Voxel axis across the slices.
    pub normal: usize,
    shape: [usize; 3],
    world_from_voxel: Affine,
}

impl Slicing {
    /// How `plane` cuts `grid` along its voxel axes (the closest ones, for an oblique grid).
    #[must_use]
    pub fn new(grid: &Grid, plane: Plane, convention: Convention) -> Self {
        let [right, anterior, superior] = closest_canonical(&grid.world_from_voxel);
        let flip = |d: Direction| Direction { axis: d.axis, sign: -d.sign };
        let across = if convention == Convention::Radiological { flip(right) } else { right };
        let (to_right, to_bottom) = match plane {
            Plane::Axial => (across, flip(anterior)),
            Plane::Coronal => (across, flip(superior)),
            Plane::Sagittal => (flip(anterior), flip(superior)),
            Plane::Picture => (Direction { axis: 0, sign: 1 }, Direction { axis: 1, sign: 1 }),
        };
        Self {
            plane,
            right: to_right,
            down: to_bottom,
            normal: 3 - to_right.axis - to_bottom.axis,
            shape: grid.shape,
            world_from_voxel: grid.world_from_voxel,
        }
    }

    /// Voxels across and down the slice.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.shape[self.right.axis], self.shape[self.down.axis]]
    }

    /// How many slices there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shape[self.normal]
    }

    /// Width and height of a voxel on the screen in mm.
    #[must_use]
    pub fn pixel_mm(&self) -> [f64; 2] {
        let spacing = self.world_from_voxel.spacing_mm();
        [spacing[self.right.axis], spacing[self.down.axis]]
    }

    /// Continuous voxel position of a point of slice `slice`.
    #[must_use]
    pub fn voxel_from_plane(&self, [u, v]: [f32; 2], slice: usize) -> [f32; 3] {
        let mut voxel = [0.0; 3];
        voxel[self.right.axis] = along(self.right, u, self.shape);
        voxel[self.down.axis] = along(self.down, v, self.shape);
        voxel[self.normal] = slice as f32;
        voxel
    }

    /// The point of the plane where a voxel position lies; its slice is `voxel[self.normal]`.
    #[must_use]
    pub fn plane_from_voxel(&self, voxel: [f32; 3]) -> [f32; 2] {
        [against(self.right, voxel, self.shape), against(self.down, voxel, self.shape)]
    }

    /// Anatomical letters at the left, right, top and bottom of the screen; two for an oblique direction.
    /// A picture has none.
    #[must_use]
    pub fn letters(&self) -> [String; 4] {
        if self.plane == Plane::Picture {
            return Default::default();
        }
        let letters = |d: Direction, sign: f64| {
            direction_letters(self.world_from_voxel.column(d.axis).map(|c| c * f64::from(d.sign) * sign))
        };
        [letters(self.right, -1.0), letters(self.right, 1.0), letters(self.down, -1.0), letters(self.down, 1.0)]
    }
}

fn along(direction: Direction, position: f32, shape: [usize; 3]) -> f32 {
    if direction.sign > 0 { position - 0.5 } else { shape[direction.axis] as f32 - 0.5 - position }
}

fn against(direction: Direction, voxel: [f32; 3], shape: [usize; 3]) -> f32 {
    let at = voxel[direction.axis];
    if direction.sign > 0 { at + 0.5 } else { shape[direction.axis] as f32 - 0.5 - at }
}

/// The anatomical letters of a world direction, the strongest first; the second where it turns by more than
/// about 15 degrees towards another axis.
#[must_use]
pub fn direction_letters(direction: [f64; 3]) -> String {
    const NAMES: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];
    let length = direction.iter().map(|c| c * c).sum::<f64>().sqrt().max(1e-12);
    let mut parts: Vec<(f64, char)> =
        (0..3).map(|axis| (direction[axis].abs() / length, NAMES[axis][usize::from(direction[axis] < 0.0)])).collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.iter().enumerate().filter(|(rank, (share, _))| *rank == 0 || *share > 0.26).map(|(_, (_, letter))| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_an_oblique_map() {
        let affine = Affine([[0.9, 0.2, 0.1, -5.0], [-0.3, 1.4, 0.0, 7.0], [0.0, 0.3, 2.0, 1.0]]);
        let there = affine.apply([3.0, 4.0, 5.0]);
        let back = affine.inverse().expect("this map is not singular").apply(there);
        for (got, want) in back.iter().zip([3.0, 4.0, 5.0]) {
            assert!((got - want).abs() < 1e-9);
        }
        assert!(Affine([[0.0; 4]; 3]).inverse().is_none());
        assert!(Affine::from_spacing([1e-5; 3]).is_valid(), "ten nanometres is a voxel too");
        assert!(!Affine::from_spacing([f64::NAN, 1.0, 1.0]).is_valid());
    }

    #[test]
    fn radiological_axial_shows_right_on_the_left_in_every_orientation() {
        for grid in all_orientations() {
            let letters = |plane| Slicing::new(&grid, plane, Convention::Radiological).letters().concat();
            assert_eq!(letters(Plane::Axial), "RLAP");
            assert_eq!(letters(Plane::Coronal), "RLSI");
            assert_eq!(letters(Plane::Sagittal), "APSI");
            assert_eq!(Slicing::new(&grid, Plane::Axial, Convention::Neurological).letters().concat(), "LRAP");
        }
    }

    #[test]
    fn plane_and_voxel_are_inverse_in_every_orientation() {
        for grid in all_orientations() {
            for plane in [Plane::Axial, Plane::Coronal, Plane::Sagittal] {
                let slicing = Slicing::new(&grid, plane, Convention::Radiological);
                let voxel = slicing.voxel_from_plane([1.25, 2.75], 1);
                assert_eq!(slicing.plane_from_voxel(voxel), [1.25, 2.75]);
                assert_eq!(voxel[slicing.normal], 1.0);
            }
        }
    }

    #[test]
    fn oblique_directions_have_two_letters() {
        assert_eq!(direction_letters([0.9, 0.4, 0.0]), "RA");
        assert_eq!(direction_letters([-1.0, 0.1, 0.0]), "L");
    }

    /// The 48 ways in which three voxel axes can lie along the world's.
    fn all_orientations() -> Vec<Grid> {
        let mut grids = Vec::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for signs in 0..8 {
                let mut rows = [[0.0; 4]; 3];
                for (world, &axis) in order.iter().enumerate() {
                    rows[world][axis] = if signs >> world & 1 == 1 { -1.0 } else { 1.0 } * (axis as f64 + 1.0);
                }
                grids.push(Grid::new([5, 6, 7], Affine(rows)));
            }
        }
        grids
    }
}
