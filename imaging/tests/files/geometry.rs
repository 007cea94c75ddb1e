//! Where things are: 48 orientations, by sform, by qform, by both that differ and by neither, of even, uneven and oblique
//! voxels. A marked corner lies where nibabel puts it, when it is read and when it is exported.

use crate::make::{Maker, folder, write};
use crate::outside::ask;
use imaging::export::export_nifti;
use imaging::files;
use std::path::Path;

const SHAPE: [usize; 3] = [4, 5, 6];
const OFFSET: [f64; 3] = [-12.5, 30.25, 7.75];

type Rows = [[f64; 4]; 3];

/// Rows of an affine: the voxel axes along the world's in an order and with signs, turned by an angle about an axis that
/// is none of them.
fn rows(order: [usize; 3], signs: usize, spacing: [f64; 3], angle: f64) -> Rows {
    let axis = [1.0_f64, 2.0, 3.0].map(|part| part / 14_f64.sqrt());
    let (sin, cos) = angle.sin_cos();
    let cross = [[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]];
    let turn = |r: usize, c: usize| f64::from(u8::from(r == c)) * cos + sin * cross[r][c] + (1.0 - cos) * axis[r] * axis[c];
    let mut rows = OFFSET.map(|offset| [0.0, 0.0, 0.0, offset]);
    for (world, &voxel) in order.iter().enumerate() {
        let step = spacing[voxel] * if signs >> world & 1 == 1 { -1.0 } else { 1.0 };
        for (r, row) in rows.iter_mut().enumerate() {
            row[voxel] = turn(r, world) * step;
        }
    }
    rows
}

/// The quaternion of a turn and the side of its third axis (nifti1.h, method 2).
fn quaternion(rows: &Rows, spacing: [f64; 3]) -> ([f64; 3], f64) {
    let mut m: [[f64; 3]; 3] = std::array::from_fn(|r| std::array::from_fn(|c| rows[r][c] / spacing[c]));
    let det = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    m.iter_mut().for_each(|row| row[2] *= det.signum());
    // Of the four squares of a, b, c, d the greatest is taken for the root, so that nothing is divided by nought.
    let [x, y, z] = [m[0][0], m[1][1], m[2][2]];
    let squares = [1.0 + x + y + z, 1.0 + x - y - z, 1.0 - x + y - z, 1.0 - x - y + z];
    let greatest = (0..4).fold(0, |best, n| if squares[n] > squares[best] { n } else { best });
    let s = 2.0 * squares[greatest].sqrt();
    let [a, b, c, d] = match greatest {
        0 => [s / 4.0, (m[2][1] - m[1][2]) / s, (m[0][2] - m[2][0]) / s, (m[1][0] - m[0][1]) / s],
        1 => [(m[2][1] - m[1][2]) / s, s / 4.0, (m[0][1] + m[1][0]) / s, (m[0][2] + m[2][0]) / s],
        2 => [(m[0][2] - m[2][0]) / s, (m[0][1] + m[1][0]) / s, s / 4.0, (m[1][2] + m[2][1]) / s],
        _ => [(m[1][0] - m[0][1]) / s, (m[0][2] + m[2][0]) / s, (m[1][2] + m[2][1]) / s, s / 4.0],
    };
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    ([b, c, d].map(|part| part * sign), det.signum())
}

/// A header that tells its place by `form`.
fn maker(form: &str, rows: Rows, spacing: [f64; 3]) -> Maker {
    let (quaternion, side) = quaternion(&rows, spacing);
    let pixdim = [side, spacing[0], spacing[1], spacing[2]];
    let base = Maker { pixdim, srow: rows, quaternion, offset: OFFSET, units: 10, sform: 0, qform: 0, ..Maker::new(SHAPE, 2) };
    match form {
        "sform" => Maker { sform: 2, ..base },
        "qform" => Maker { qform: 1, ..base },
        "both" => Maker { sform: 4, qform: 1, quaternion: [0.3, 0.2, 0.1], offset: [1.0, 2.0, 3.0], ..base },
        _ => base,
    }
}

/// Reads the marked corner and exports it; what was found, for nibabel to look at.
fn record(folder: &Path, name: &str, maker: &Maker) -> serde_json::Value {
    let last = SHAPE.iter().product::<usize>() - 1;
    let mut voxels = vec![0; last + 1];
    voxels[last] = 9;
    let path = write(folder, &format!("{name}.nii"), &maker.file(&voxels));
    let image = files::open(&path).expect("a sound file opens");
    let at = (0..=last).find(|&index| image.value(index) == 9.0).expect("the corner is marked");
    let world = image.grid.world_from_voxel.apply(image.grid.voxel(at).map(|at| at as f64));
    let labels = files::open_labels(&path).expect("it may be labels");
    let to = folder.join(format!("{name}_mask.nii"));
    export_nifti(&path.as_path().into(), &[(1, &labels.mask(9))], &to, false).expect("a sound export");
    let orientation = files::info(&path.as_path().into()).expect("it can be told").orientation;
    serde_json::json!({ "file": path, "mask": to, "world": world, "orientation": orientation })
}

#[test]
fn a_marked_corner_lies_where_nibabel_puts_it() {
    let folder = folder();
    let mut records = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8 {
            for (kind, spacing, angle) in
                [("even", [2.0; 3], 0.0), ("uneven", [1.5, 2.0, 3.5], 0.0), ("oblique", [1.5, 2.0, 3.5], 0.4)]
            {
                for form in ["sform", "qform", "both", "neither"] {
                    let name = format!("{form}-{kind}-{order:?}-{signs}");
                    records.push(record(folder.path(), &name, &maker(form, rows(order, signs, spacing, angle), spacing)));
                }
            }
        }
    }
    assert_eq!(records.len(), 48 * 4 * 3);
    write(folder.path(), "records.json", serde_json::json!(records).to_string().as_bytes());
    ask("check_geometry.py", folder.path());
}
