//! The slices of an image as planes in the patient, each where it truly lies, for structures that another file
//! draws on them. Of an image that is not DICOM the planes follow from its grid.

use super::geometry::{Laid, cross, dot, unit};
use super::instance::Place;
use super::stack::Slice;
use crate::volume::Grid;

/// The planes of an image (patient coordinates of DICOM: left, posterior, superior, mm).
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    pub grid: Grid,
    pub planes: Vec<Plane>,
    /// The frame of reference; empty where it is not known.
    pub frame_of_reference: String,
    /// Whether the image lies nowhere in a patient.
    pub is_picture: bool,
}

/// One slice.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    /// Centre of its first voxel.
    pub origin: [f64; 3],
    /// From a voxel to the next along `i`, and along `j`.
    pub steps: [[f64; 3]; 2],
    /// The file's SOPInstanceUID and, where the file has many frames, the frame, from 1.
    pub source: Option<(String, Option<u32>)>,
}

impl Planes {
    /// The planes of a DICOM image.
    pub fn of_slices(laid: &Laid) -> Self {
        let regular = Self::of_grid(&laid.grid);
        let plane = |(slice, regular): (&Slice, Plane)| {
            let Place { position, .. } = *slice.place();
            let frame = (slice.file.stored_frames > 1).then_some(slice.frame().index + 1);
            let source = Some((slice.file.sop_instance.clone(), frame));
            Plane { origin: position.filter(|_| !laid.is_picture).unwrap_or(regular.origin), source, ..regular }
        };
        Self {
            grid: laid.grid,
            planes: laid.slices.iter().zip(regular.planes).map(plane).collect(),
            frame_of_reference: laid.slices.first().map(|slice| slice.file.frame_of_reference.clone()).unwrap_or_default(),
            is_picture: laid.is_picture,
        }
    }

    /// The planes of any other image.
    pub fn of_grid(grid: &Grid) -> Self {
        let lps = |[x, y, z]: [f64; 3]| [-x, -y, z];
        let affine = &grid.world_from_voxel;
        let steps = [lps(affine.column(0)), lps(affine.column(1))];
        let plane = |k: usize| Plane { origin: lps(affine.apply([0.0, 0.0, k as f64])), steps, source: None };
        Self {
            grid: *grid,
            planes: (0..grid.shape[2]).map(plane).collect(),
            frame_of_reference: String::new(),
            is_picture: false,
        }
    }

    /// The plane nearest to a position, and how far off that is along the normal, in mm.
    pub fn nearest(&self, position: [f64; 3]) -> Option<(usize, f64)> {
        let normal = self.normal()?;
        let at = dot(position, normal);
        let off = |plane: &Plane| (at - dot(plane.origin, normal)).abs();
        self.planes.iter().map(off).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// How far a position may lie off a plane and still be on it: half of the way to the next.
    pub fn reach_mm(&self) -> f64 {
        self.grid.spacing_mm()[2] / 2.0
    }

    /// How far a position lies along the normal of the planes, in mm from the patient's origin.
    pub fn distance(&self, position: [f64; 3]) -> Option<f64> {
        self.normal().map(|normal| dot(position, normal))
    }

    /// How far the planes lie apart along their normal, in mm; nothing of a single one, or where they are uneven.
    pub fn step_mm(&self) -> Option<f64> {
        let distances: Vec<f64> = self.planes.iter().filter_map(|plane| self.distance(plane.origin)).collect();
        let (first, last) = (distances.first()?, distances.last()?);
        let step = (last - first) / (distances.len().checked_sub(1).filter(|&gaps| gaps > 0)? as f64);
        let is_even =
            (0..).zip(&distances).all(|(k, distance)| (first + step * f64::from(k) - distance).abs() < 0.1 * step.abs());
        is_even.then_some(step.abs())
    }

    fn normal(&self) -> Option<[f64; 3]> {
        let [u, v] = self.planes.first()?.steps;
        unit(cross(u, v))
    }
}

impl Plane {
    /// Where a position lies in the plane: `i` and `j`, in voxels.
    pub fn voxel_from_patient(&self, position: [f64; 3]) -> [f64; 2] {
        let from: [f64; 3] = std::array::from_fn(|axis| position[axis] - self.origin[axis]);
        // The directions of rows and columns are square to each other but for their last digits.
        let [u, v] = self.steps;
        let (uu, uv, vv) = (dot(u, u), dot(u, v), dot(v, v));
        let (a, b) = (dot(from, u), dot(from, v));
        let determinant = uu * vv - uv * uv;
        [(a * vv - b * uv) / determinant, (b * uu - a * uv) / determinant]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_a_plane_is_told_in_voxels() {
        let plane = Plane { origin: [1.0, 2.0, 3.0], steps: [[0.5, 0.0, 0.0], [0.0, 2.0, 0.0]], source: None };
        assert_eq!(plane.voxel_from_patient([2.0, 8.0, 3.0]), [2.0, 3.0]);
    }
}
