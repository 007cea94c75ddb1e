//! Where a volume of the ITK family lies: NRRD, MetaImage and GIPL count positions to the left, to the back and
//! upwards (LPS), where this program counts to the right, to the front and upwards (RAS). One place turns them.

use crate::space::Affine;

/// Position of the first voxel and the step along each voxel axis, in mm. The first two world axes are turned over
/// where `lps` says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub origin: [f64; 3],
    /// One a voxel axis.
    pub steps: [[f64; 3]; 3],
}

impl Placed {
    /// The affine to world (RAS, mm), always valid; where the header says nothing that can be, a warning tells so.
    /// `signs` turn each of the file's world axes to the right, to the front and upwards.
    pub fn world_from_voxel(&self, signs: [f64; 3], warnings: &mut Vec<String>) -> Affine {
        let affine = Affine(std::array::from_fn(|row| {
            let [x, y, z] = self.steps.map(|step| signs[row] * step[row]);
            [x, y, z, signs[row] * self.origin[row]]
        }));
        // A zero of either sign is one place.
        let affine = Affine(affine.0.map(|row| row.map(|value| value + 0.0)));
        if affine.is_valid() {
            return affine;
        }
        warnings.push("Its place cannot be used: a number is missing, or two axes are one. 1 mm is taken.".to_owned());
        Affine(std::array::from_fn(|row| std::array::from_fn(|axis| if axis == row { signs[row] } else { 0.0 })))
    }
}

/// What turns LPS to RAS.
pub(crate) const LPS: [f64; 3] = [-1.0, -1.0, 1.0];
