//! Every readable series of the real files, as pydicom, SimpleITK and nibabel read it.

use crate::support::{alone, ask, data, files, folder};
use imaging::files::{self as formats, Item};
use imaging::{Image, Pixels};
use serde_json::{Value, json};
use std::path::Path;

/// What was read, as one record of `check_dicom.py`; the values go beside it as 32-bit numbers.
fn record(item: &Item, title: &str, number: usize, out: &Path) -> Value {
    let image = formats::open_item(item);
    match &image {
        Ok(image) => {
            let values = |at: usize| match &image.pixels {
                Pixels::Rgb(colours) => colours[at].map(f32::from).to_vec(),
                _ => vec![image.value(at)],
            };
            let bytes: Vec<u8> = (0..image.grid.len()).flat_map(values).flat_map(f32::to_le_bytes).collect();
            std::fs::write(out.join(format!("{number}.f32")), bytes).expect("a test's folder can be written");
        }
        Err(error) => println!("{error}"),
    }
    let fault = image.as_ref().err().map(|error| error.fault.to_string());
    let image: Option<Image> = image.ok();
    json!({
        "path": item.path, "part": item.part.to_string(), "title": title, "values": format!("{number}.f32"), "fault": fault,
        "shape": image.as_ref().map(|image| image.grid.shape),
        "affine": image.as_ref().map(|image| image.grid.world_from_voxel.0),
        "colour": image.as_ref().is_some_and(Image::is_colour),
        "picture": image.as_ref().map(|image| image.is_picture),
        "window": image.as_ref().and_then(|image| image.window),
        "warnings": image.as_ref().map(|image| image.warnings.clone()),
    })
}

#[test]
fn real_series_read_as_others_read_them() {
    let Some(data) = data() else { return };
    let out = folder();
    let mut homes = Vec::new();
    // Folders of series are read whole; collections of single files, which share identifiers, one by one.
    for set in ["ct_GE_dcm_qa", "mr_GE_epi_4D_nih", "mr_Siemens_mosaic_nih", "mr_hippocampus_crop", "torchio_mr"] {
        homes.push(data.join(set));
    }
    for set in ["pydicom_data", "highdicom_test", "dcmqi_seg", "rt_dicompyler", "rtstruct_mock"] {
        homes.extend(files(&data.join(set)).iter().map(|file| alone(file, out.path())));
    }
    let mut records = Vec::new();
    for home in &homes {
        match formats::items(home) {
            Ok(items) => {
                for info in items {
                    records.push(record(&info.item, &format!("{} | {}", info.name, info.details), records.len(), out.path()));
                }
            }
            Err(error) => records.push(json!({ "path": home, "part": "", "title": "", "fault": error.fault.to_string() })),
        }
    }
    std::fs::write(out.path().join("records.json"), json!(records).to_string()).expect("a test's folder can be written");
    ask("check_dicom.py", &[out.path()]);
}
