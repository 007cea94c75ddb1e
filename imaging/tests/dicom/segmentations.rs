//! Segmentations written of real series: read back here, by highdicom and by pydicom, and checked against the
//! standard by dciodvfy.

use crate::support::{alone, ask, copies, data, folder};
use imaging::Mask;
use imaging::export::{Drawn, ExportError, export_dicom_seg};
use imaging::files::{self as formats, Item};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Series of every kind: tilted, of several time points, mosaic, enhanced, a picture without a place.
fn sources(data: &Path, out: &Path) -> Vec<(&'static str, PathBuf)> {
    let slices = ["dcmqi_seg/ct-3slice__01.dcm", "dcmqi_seg/ct-3slice__02.dcm", "dcmqi_seg/ct-3slice__03.dcm"];
    vec![
        ("tilted", data.join("ct_GE_dcm_qa")),
        ("time", data.join("mr_GE_epi_4D_nih")),
        ("mosaic", data.join("mr_Siemens_mosaic_nih")),
        ("crop", data.join("mr_hippocampus_crop")),
        ("slices", copies(data, &slices, &out.join("three"))),
        ("enhanced", alone(&data.join("pydicom_data/eCT_Supplemental.dcm"), out)),
        ("picture", alone(&data.join("highdicom_test/dx_image.dcm"), out)),
    ]
}

/// Two masks that overlap, and one that is empty.
fn masks(shape: [usize; 3]) -> [Mask; 3] {
    let [nx, ny, nz] = shape;
    let at = |index: usize| [index % nx, index / nx % ny, index / (nx * ny)];
    let ball = |index: usize| {
        let [i, j, k] = at(index).map(|n| n as f64);
        let off = |at: f64, size: usize| (at - size as f64 * 0.4) / (size as f64 * 0.3);
        off(i, nx).powi(2) + off(j, ny).powi(2) + if nz > 1 { off(k, nz).powi(2) } else { 0.0 } < 1.0
    };
    let corner = |index: usize| {
        let [i, j, k] = at(index);
        i < nx / 2 && j < ny / 3 && (nz == 1 || k < nz.div_ceil(2))
    };
    [Mask::from_fn(shape, ball), Mask::from_fn(shape, corner), Mask::empty(shape)]
}

fn segments(masks: &[Mask; 3]) -> Vec<Drawn<'_>> {
    let named =
        [("Liver", false, [230, 159, 0]), ("left \u{e9}tage \\ 2", true, [86, 180, 233]), ("absent one", false, [0, 114, 178])];
    masks.iter().zip(named).map(|(mask, (name, manual, colour))| Drawn { name, colour, manual, mask }).collect()
}

#[test]
fn segmentations_are_what_other_programs_and_the_standard_expect() {
    let Some(data) = data() else { return };
    let out = folder();
    let mut records = Vec::new();
    for (name, home) in sources(&data, out.path()) {
        // Of a series of several volumes the last, so that a mix-up of volumes shows.
        let items = formats::items(&home).expect("a series");
        let item = &items.last().expect("a volume").item;
        let image = formats::open_item(item).expect("a readable series");
        let masks = masks(image.grid.shape);
        let to = out.path().join(format!("{name}.dcm"));
        let receipt = export_dicom_seg(item, &segments(&masks), &to, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(receipt.measures.iter().map(|measure| measure.voxels).collect::<Vec<_>>(), masks.each_ref().map(Mask::count));
        for (number, mask) in masks.iter().enumerate() {
            let bytes: Vec<u8> = (0..mask.len()).map(|at| u8::from(mask.get(at))).collect();
            std::fs::write(out.path().join(format!("{name}_{number}.u8")), bytes).expect("a test's folder can be written");
        }
        records.push(json!({
            "name": name, "file": to, "source": item.path, "shape": image.grid.shape, "picture": image.is_picture,
            "affine": image.grid.world_from_voxel.0,
        }));
    }
    std::fs::write(out.path().join("records.json"), json!(records).to_string()).expect("a test's folder can be written");
    ask("check_dicom_export.py", &[out.path()]);
}

#[test]
fn what_cannot_be_a_segmentation_is_refused_and_leaves_nothing() {
    let Some(data) = data() else { return };
    let out = folder();
    let home = copies(&data, &["dcmqi_seg/ct-3slice__01.dcm"], &out.path().join("one"));
    let item = formats::items(&home).expect("a series")[0].item.clone();
    let shape = formats::open_item(&item).expect("a readable series").grid.shape;
    let masks = masks(shape);
    let export = |source: &Item, segments: &[Drawn<'_>], name: &str, overwrite| {
        export_dicom_seg(source, segments, &out.path().join(name), overwrite)
    };
    let empty = [Drawn { name: "nothing", colour: [0; 3], manual: false, mask: &masks[2] }];
    assert!(matches!(export(&item, &empty, "empty.dcm", false), Err(ExportError::Impossible { .. })));
    assert!(matches!(export(&item, &segments(&masks), "mask.nii.gz", false), Err(ExportError::Ending { .. })));
    let small = Mask::empty([2, 2, 2]);
    let other = [Drawn { name: "small", colour: [0; 3], manual: false, mask: &small }];
    assert!(matches!(export(&item, &other, "small.dcm", false), Err(ExportError::Shape { .. })));
    let itself = export(&item, &segments(&masks), "one/ct-3slice__01.dcm", true);
    assert!(matches!(itself, Err(ExportError::IsSource(_))), "{itself:?}");
    export(&item, &segments(&masks), "good.dcm", false).expect("a sound export");
    assert!(matches!(export(&item, &segments(&masks), "good.dcm", false), Err(ExportError::Exists(_))));
    let volume = out.path().join("volume.nii");
    std::fs::write(&volume, b"no DICOM").expect("a test's folder can be written");
    assert!(matches!(export(&Item::from(volume), &segments(&masks), "other.dcm", false), Err(ExportError::Impossible { .. })));
    let left: Vec<_> = crate::support::files(out.path());
    assert_eq!(left.len(), 2, "only the good one and the volume are left: {left:?}");
}
