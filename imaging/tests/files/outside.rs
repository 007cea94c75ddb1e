//! The same files seen by others: nibabel, SimpleITK and Pillow, through the scripts in `tests/outside`.
//!
//! `EXEMPLAR_PYTHON` names a Python that has the three; `EXEMPLAR_DATA` the folder of real files
//! (else `../shared/data` beside the workspace). Where one is missing, the test says so and passes.

use crate::make::{Maker, folder, write};
use imaging::export::export_nifti;
use imaging::files::{self, Fault, FileError, Item, Part};
use imaging::{Image, Mask};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of `tests/outside`, which fails where it finds a difference.
pub fn ask(script: &str, folder: &Path) {
    let Some(python) = std::env::var_os("EXEMPLAR_PYTHON") else {
        eprintln!("NOT TESTED ({script}): EXEMPLAR_PYTHON names no Python with nibabel, SimpleITK and Pillow");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside").join(script);
    let output = Command::new(python).arg(&script).arg(folder).output().expect("EXEMPLAR_PYTHON is a Python that starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

/// The folder of real files, if it is there.
pub fn data() -> Option<PathBuf> {
    let data = std::env::var_os("EXEMPLAR_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if !data.is_dir() {
        eprintln!("NOT TESTED: there are no real files in {} (EXEMPLAR_DATA)", data.display());
    }
    data.is_dir().then_some(data)
}

/// Every file below a folder that this program would open.
fn images_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the data can be listed") {
        let path = entry.expect("the data can be listed").path();
        if path.is_dir() {
            images_below(&path, found);
        } else if files::is_supported(&path) {
            found.push(path);
        }
    }
}

/// What was read, as one record of `check_reading.py`; the values go beside it as 32-bit numbers.
fn record(item: &Item, number: usize, out: &Path) -> serde_json::Value {
    let values = |count: usize, value: &dyn Fn(usize) -> Vec<f32>| {
        let bytes: Vec<u8> = (0..count).flat_map(value).flat_map(f32::to_le_bytes).collect();
        write(out, &format!("{number}.f32"), &bytes);
    };
    let image: Result<Image, FileError> = files::open_item(item);
    match &image {
        Ok(image) => values(image.grid.len(), &|at| match &image.pixels {
            imaging::Pixels::Rgb(colours) => colours[at].map(f32::from).to_vec(),
            _ => vec![image.value(at)],
        }),
        Err(error) => println!("{error}"),
    }
    let fault = image.as_ref().err().map(|error| match error.fault {
        Fault::MissingHalf(_) => "missing half".to_owned(),
        Fault::UnknownFormat(_) => "unknown format".to_owned(),
        _ => error.to_string(),
    });
    let image = image.ok();
    serde_json::json!({
        "path": item.path,
        "volume": if let Part::Volume(at) = item.part { Some(at) } else { None },
        "values": format!("{number}.f32"),
        "fault": fault,
        "shape": image.as_ref().map(|image| image.grid.shape),
        "affine": image.as_ref().map(|image| image.grid.world_from_voxel.0),
        "colour": image.as_ref().is_some_and(Image::is_colour),
        "labels": files::open_labels_item(item).ok().map(|labels| {
            labels.values_present().into_iter().map(|value| (value, labels.mask(value).count())).collect::<Vec<_>>()
        }),
    })
}

/// The images of a file, of a long series its first and last ones; the file itself where it cannot be read.
fn items_of(path: &Path) -> Vec<Item> {
    let Ok(items) = files::items(path) else { return vec![path.into()] };
    let last = items.len().saturating_sub(2);
    items.into_iter().enumerate().filter(|(at, _)| *at < 3 || *at >= last).map(|(_, info)| info.item).collect()
}

#[test]
fn real_files_read_as_others_read_them() {
    let Some(data) = data() else { return };
    let mut paths = Vec::new();
    for set in ["odd_io", "mini2d", "axon_sem", "nuclei_microscopy", "spinalcord_mr", "msd_spleen_crop"] {
        let before = paths.len();
        images_below(&data.join(set), &mut paths);
        paths[before..].sort();
        // A large set of one kind shows nothing new after its first files.
        paths.truncate(before + if set == "odd_io" { usize::MAX - before } else { 40 });
    }
    let out = folder();
    let items: Vec<Item> = paths.iter().flat_map(|path| items_of(path)).collect();
    let records: Vec<_> = items.iter().enumerate().map(|(number, item)| record(item, number, out.path())).collect();
    write(out.path(), "records.json", serde_json::json!(records).to_string().as_bytes());
    ask("check_reading.py", out.path());
}

/// Rows of an affine: the voxel axes along the world's in an order and with signs, spaced 1.5, 2 and 3.5 mm,
/// turned by an angle about an axis that is none of them.
fn rows(order: [usize; 3], signs: usize, angle: f64) -> [[f64; 4]; 3] {
    let axis = [1.0_f64, 2.0, 3.0].map(|part| part / 14_f64.sqrt());
    let (sin, cos) = angle.sin_cos();
    let cross = [[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]];
    let turn = |r: usize, c: usize| f64::from(u8::from(r == c)) * cos + sin * cross[r][c] + (1.0 - cos) * axis[r] * axis[c];
    let mut rows = [[0.0, 0.0, 0.0, -12.5], [0.0, 0.0, 0.0, 30.25], [0.0, 0.0, 0.0, 7.75]];
    for (world, &voxel) in order.iter().enumerate() {
        let step = [1.5, 2.0, 3.5][voxel] * if signs >> world & 1 == 1 { -1.0 } else { 1.0 };
        for (r, row) in rows.iter_mut().enumerate() {
            row[voxel] = turn(r, world) * step;
        }
    }
    rows
}

/// A source of 5 x 6 x 7 voxels whose mask is where it is 7, and the mask as this program exports it.
fn export_one(folder: &Path, name: &str, maker: &Maker, gz: bool) {
    let voxels: Vec<i16> = (0..210_i16).map(|at| at * 37 % 11).collect();
    let bytes = |value: &i16| if maker.big { value.to_be_bytes() } else { value.to_le_bytes() };
    let ending = if gz { "nii.gz" } else { "nii" };
    let source =
        write(folder, &format!("{name}_source.{ending}"), &maker.file(&voxels.iter().flat_map(bytes).collect::<Vec<_>>()));
    let mask = Mask::from_fn([5, 6, 7], |at| voxels[at] == 7);
    let to = folder.join(format!("{name}_mask.{ending}"));
    let receipt = export_nifti(&source.into(), &[(1, &mask)], &to, false).expect("a sound export");
    let affine = receipt.world_from_voxel.0;
    write(
        folder,
        &format!("{name}_receipt.json"),
        serde_json::json!({ "affine": affine, "voxels": mask.count() }).to_string().as_bytes(),
    );
}

#[test]
fn exports_lie_on_their_source_in_all_48_orientations_and_obliquely() {
    let folder = folder();
    let base = Maker { pixdim: [1.0, 1.5, 2.0, 3.5], units: 10, ..Maker::new([5, 6, 7], 4) };
    for (number, order) in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].into_iter().enumerate() {
        for signs in 0..8 {
            let maker = Maker { big: signs % 2 == 1, srow: rows(order, signs, 0.0), ..base.clone() };
            export_one(folder.path(), &format!("axes{number}{signs}"), &maker, signs % 3 == 0);
        }
        export_one(folder.path(), &format!("oblique{number}"), &Maker { srow: rows(order, number, 0.4), ..base.clone() }, true);
    }
    // By qform alone, with either side of the third axis; and NIfTI-2.
    let quaternion = Maker { sform: 0, qform: 1, quaternion: [0.1, -0.3, 0.5], offset: [-12.5, 30.25, 7.75], ..base.clone() };
    export_one(folder.path(), "qform", &quaternion, true);
    export_one(folder.path(), "qfac", &Maker { pixdim: [-1.0, 1.5, 2.0, 3.5], ..quaternion }, false);
    export_one(folder.path(), "second", &Maker { two: true, srow: rows([2, 0, 1], 5, 0.4), ..base.clone() }, true);
    export_one(folder.path(), "neither", &Maker { sform: 0, ..base }, true);
    ask("check_export.py", folder.path());
}
