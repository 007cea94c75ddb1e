//! Segmentations and contours onto the images that they were drawn on, as pydicom and a rasteriser of its own see
//! them.

use crate::support::{ask, copies, data, folder};
use imaging::files::dicom::structures;
use imaging::files::{self as formats, Item};
use serde_json::{Value, json};
use std::path::Path;

/// Images of one series, and files that draw on them.
const PAIRS: [(&[&str], &[&str]); 5] = [
    (
        &["dcmqi_seg/ct-3slice__01.dcm", "dcmqi_seg/ct-3slice__02.dcm", "dcmqi_seg/ct-3slice__03.dcm"],
        &[
            "dcmqi_seg/liver.dcm",
            "dcmqi_seg/partial_overlaps.dcm",
            "pydicom_data/liver.dcm",
            "pydicom_data/liver_deflate.dcm",
            "pydicom_data/liver_expb.dcm",
            "pydicom_data/liver_j2k.dcm",
            "pydicom_data/liver_rle.dcm",
            "pydicom_data/liver_nonbyte_aligned.dcm",
            "pydicom_data/liver_nonbyte_aligned_deflate.dcm",
            "pydicom_data/liver_nonbyte_aligned_j2k.dcm",
            "pydicom_data/liver_nonbyte_aligned_rle.dcm",
        ],
    ),
    (
        &[
            "dcmqi_seg/24x38x3__image__IMG0001.dcm",
            "dcmqi_seg/24x38x3__image__IMG0002.dcm",
            "dcmqi_seg/24x38x3__image__IMG0003.dcm",
        ],
        &["dcmqi_seg/sparse-labelmap-noppv.dcm", "dcmqi_seg/sparse-labelmap-ppv5.dcm"],
    ),
    (&["highdicom_test/ct_image.dcm"], &["highdicom_test/seg_image_ct_binary_single_frame.dcm"]),
    (&["rt_dicompyler/ct.0.dcm"], &["rt_dicompyler/rtss.dcm"]),
    (&["rtstruct_mock/ct_1.dcm", "rtstruct_mock/ct_2.dcm"], &["rtstruct_mock/rt.dcm"]),
];

/// The only image of a folder.
fn image_of(folder: &Path) -> (Item, imaging::Grid) {
    let items = formats::items(folder).expect("a series");
    assert_eq!(items.len(), 1, "{items:?}");
    let image = formats::open_item(&items[0].item).expect("a readable series");
    (items[0].item.clone(), image.grid)
}

#[test]
fn structures_lie_where_other_programs_see_them() {
    let Some(data) = data() else { return };
    let out = folder();
    let mut records: Vec<Value> = Vec::new();
    for (number, (images, drawn)) in PAIRS.iter().enumerate() {
        let home = copies(&data, images, &out.path().join(format!("images{number}")));
        let (item, grid) = image_of(&home);
        for file in *drawn {
            let read = structures(&data.join(file), &item, &grid).unwrap_or_else(|error| panic!("{error}"));
            let mut masks = Vec::new();
            for named in &read.list {
                let values = format!("{}_{}.u8", records.len(), masks.len());
                let bytes: Vec<u8> = (0..named.mask.len()).map(|at| u8::from(named.mask.get(at))).collect();
                std::fs::write(out.path().join(&values), bytes).expect("a test's folder can be written");
                masks.push(json!({ "name": named.name, "colour": named.colour, "values": values }));
            }
            records.push(json!({
                "file": data.join(file), "images": home, "shape": grid.shape, "masks": masks, "warnings": read.warnings,
            }));
        }
    }
    std::fs::write(out.path().join("records.json"), json!(records).to_string()).expect("a test's folder can be written");
    ask("check_dicom_structures.py", &[out.path()]);
}

#[test]
fn structures_of_another_image_are_refused_in_words() {
    let Some(data) = data() else { return };
    let out = folder();
    let refused = |images: &[&str], file: &str| {
        let (item, grid) = image_of(&copies(&data, images, &out.path().join(images.join("+").replace('/', "_"))));
        structures(&data.join(file), &item, &grid).expect_err("it is of another image").to_string()
    };
    let frame = refused(&["highdicom_test/ct_image.dcm"], "dcmqi_seg/liver.dcm");
    assert!(frame.contains("another frame of reference"), "{frame}");
    let contours = refused(&["highdicom_test/ct_image.dcm"], "rt_dicompyler/rtss.dcm");
    assert!(contours.contains("another frame of reference"), "{contours}");
    let neither = refused(&["highdicom_test/ct_image.dcm"], "dcmqi_seg/ct-3slice__01.dcm");
    assert!(neither.contains("neither a segmentation nor a set of contours"), "{neither}");
}
