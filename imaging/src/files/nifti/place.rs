//! Where a NIfTI volume lies: its affine to world (RAS, mm), whatever its header holds.
//!
//! Source: nifti1.h, methods 1 to 3. The sform comes before the qform, and both before the bare spacing, for
//! which the volume is centred on the origin and `i` runs to the left, as Analyze, SPM and nibabel have it.

use super::header::{Header, Kind};
use crate::space::Affine;

/// The affine of a header, always valid; what had to be passed over is said in `warnings`.
pub(crate) fn world_from_voxel(header: &Header, warnings: &mut Vec<String>) -> Affine {
    let sform = (header.sform_code > 0).then_some(("sform", Affine(header.srow)));
    let qform = (header.qform_code > 0).then(|| ("qform", qform(header)));
    for (name, affine) in [sform, qform].into_iter().flatten() {
        let affine = in_mm(affine, header.units, warnings);
        if affine.is_valid() {
            return affine;
        }
        warnings.push(format!("Its {name} cannot be used: a number is missing, or two axes are one."));
    }
    spacing_only(header, warnings)
}

fn spacing_only(header: &Header, warnings: &mut Vec<String>) -> Affine {
    let affine = in_mm(centred(header, spacing(header)), header.units, warnings);
    if affine.is_valid() {
        return affine;
    }
    warnings.push("It says nothing usable of its spacing; 1 mm is taken.".to_owned());
    centred(header, [1.0; 3])
}

/// Spacing as given; what is no length counts as 1.
fn spacing(header: &Header) -> [f64; 3] {
    let [_, spacing @ ..] = header.pixdim;
    spacing.map(|length| if length.is_finite() && length != 0.0 { length.abs() } else { 1.0 })
}

/// Method 2: a rotation as a unit quaternion, the spacing, and the side of the third axis.
fn qform(header: &Header) -> Affine {
    let [mut b, mut c, mut d] = header.quaternion;
    let rest = 1.0 - (b * b + c * c + d * d);
    let a = if rest < 1e-7 {
        // Rounded in the file: a half turn, whose quaternion is brought back to length 1.
        let length = (b * b + c * c + d * d).sqrt();
        (b, c, d) = (b / length, c / length, d / length);
        0.0
    } else {
        rest.sqrt()
    };
    let [x, y, z] = spacing(header);
    let z = if header.pixdim[0] < 0.0 { -z } else { z };
    let [tx, ty, tz] = header.offset;
    Affine([
        [(a * a + b * b - c * c - d * d) * x, 2.0 * (b * c - a * d) * y, 2.0 * (b * d + a * c) * z, tx],
        [2.0 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2.0 * (c * d - a * b) * z, ty],
        [2.0 * (b * d - a * c) * x, 2.0 * (c * d + a * b) * y, (a * a + d * d - b * b - c * c) * z, tz],
    ])
}

fn centred(header: &Header, [x, y, z]: [f64; 3]) -> Affine {
    let steps = [-x, y, z];
    let centre = origin(header);
    let mut affine = Affine::from_spacing(steps);
    for (axis, row) in affine.0.iter_mut().enumerate() {
        row[3] = -centre[axis] * steps[axis];
    }
    affine
}

/// The voxel at the world's origin: the middle, or the one that SPM noted in an Analyze header.
fn origin(header: &Header) -> [f64; 3] {
    let size = header.shape.map(|n| n as f64);
    let noted = header.origin.map(f64::from);
    let sane = (0..3).all(|axis| noted[axis] > -size[axis] && noted[axis] < size[axis] * 2.0);
    if header.kind == Kind::Analyze && noted != [0.0; 3] && sane {
        noted.map(|at| at - 1.0)
    } else {
        size.map(|n| (n - 1.0) / 2.0)
    }
}

/// Lengths in metres or micrometres become mm, as ITK does it.
fn in_mm(Affine(mut rows): Affine, units: i32, warnings: &mut Vec<String>) -> Affine {
    let (scale, name) = match units & 7 {
        1 => (1000.0, "metres"),
        3 => (0.001, "micrometres"),
        _ => return Affine(rows),
    };
    let note = format!("Its lengths are in {name}, and are shown in mm.");
    if !warnings.contains(&note) {
        warnings.push(note);
    }
    rows.iter_mut().flatten().for_each(|length| *length *= scale);
    Affine(rows)
}
