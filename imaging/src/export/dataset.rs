//! A folder as nnU-Net wants it: `imagesTr`, `labelsTr` and `dataset.json`, so that what was segmented here can be
//! trained on there.
//!
//! Source: nnU-Net's "dataset format" (version 2).

use super::{ExportError, Receipt, Target, check_free, export_nifti, gzipped, write_and_compare};
use crate::files::{self, Item};
use crate::labels::Mask;
use crate::volume::{Image, Pixels};
use image::{DynamicImage, ImageBuffer, ImageFormat};
use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

/// A case and its masks, each with the label of its structure.
pub struct Labelled<'a> {
    /// What it is called.
    pub case: &'a str,
    /// Its image.
    pub source: &'a Item,
    /// Label and mask; they may share no voxel.
    pub masks: Vec<(u16, &'a Mask)>,
}

/// Writes cases into a folder; `names` are the structures by their label. One receipt a label map.
///
/// # Errors
/// As [`export_nifti`], and where volumes and pictures are mixed, which nnU-Net does not read. Whether files are
/// there already is asked for all of them before the first is written.
pub fn export_nnunet(
    cases: &[Labelled<'_>],
    names: &BTreeMap<u16, String>,
    folder: &Path,
    overwrite: bool,
) -> Result<Vec<Receipt>, ExportError> {
    let plan = plan(cases, folder)?;
    let about = folder.join("dataset.json");
    for (case, [image, labels]) in cases.iter().zip(&plan.goals) {
        check_free(case.source, image, overwrite)?;
        check_free(case.source, labels, overwrite)?;
        check_free(case.source, &about, overwrite)?;
    }
    for name in ["imagesTr", "labelsTr"] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(|error| ExportError::Write { error, path })?;
    }
    let mut receipts = Vec::new();
    for (case, [image, labels]) in cases.iter().zip(&plan.goals) {
        receipts.push(export_nifti(case.source, &case.masks, labels, overwrite)?);
        export_image(case.source, image, overwrite)?;
    }
    let text = about_text(names, cases.len(), plan.ending);
    write_and_compare(&about, overwrite, text.as_bytes(), |_| Ok(Ok(())))?;
    Ok(receipts)
}

struct Plan {
    ending: &'static str,
    /// Image and label map of each case.
    goals: Vec<[PathBuf; 2]>,
}

fn plan(cases: &[Labelled<'_>], folder: &Path) -> Result<Plan, ExportError> {
    let mut ending = None;
    let mut goals: Vec<[PathBuf; 2]> = Vec::new();
    for case in cases {
        let own = super::ending(case.source)?;
        if ending.is_some_and(|other| other != own) {
            return Err(ExportError::Mixed(folder.to_owned()));
        }
        ending = Some(own);
        let name = super::file_name(case.case);
        let image = folder.join("imagesTr").join(format!("{name}_0000{own}"));
        let labels = folder.join("labelsTr").join(format!("{name}{own}"));
        if goals.iter().any(|[other, _]| *other == image) {
            return Err(ExportError::SameName(image));
        }
        goals.push([image, labels]);
    }
    Ok(Plan { ending: ending.unwrap_or(".nii.gz"), goals })
}

fn about_text(names: &BTreeMap<u16, String>, count: usize, ending: &str) -> String {
    let mut labels = serde_json::Map::from_iter([("background".to_owned(), 0.into())]);
    labels.extend(names.iter().map(|(value, name)| (name.clone(), (*value).into())));
    let about = serde_json::json!({
        "channel_names": { "0": "image" },
        "labels": labels,
        "numTraining": count,
        "file_ending": ending,
    });
    format!("{about:#}\n")
}

/// Writes an image as NIfTI on its own grid, after slope and intercept, or as PNG where it is a picture.
fn export_image(source: &Item, to: &Path, overwrite: bool) -> Result<(), ExportError> {
    let image = files::open_item(source)?;
    let failed = |error| ExportError::Write { error, path: to.to_owned() };
    let bytes = match Target::read(source)? {
        Target::Picture(_) => png(&image).map_err(failed)?,
        Target::Nifti(template) => {
            let (stored, voxels) = template.pixels(&image.pixels);
            let mut bytes = template.bytes(stored);
            bytes.extend(voxels);
            gzipped(&bytes).map_err(failed)?
        }
    };
    write_and_compare(to, overwrite, &bytes, |written| {
        let back = files::open(written)?;
        Ok(if !back.grid.matches(&image.grid, 1e-3) {
            Err("place")
        } else if !same(&back, &image) {
            Err("voxels")
        } else {
            Ok(())
        })
    })
}

/// Equal numbers; a NaN is equal to a NaN.
fn same(a: &Image, b: &Image) -> bool {
    match (&a.pixels, &b.pixels) {
        (Pixels::Rgb(a), Pixels::Rgb(b)) => a == b,
        _ => (0..a.grid.len()).all(|index| {
            let (a, b) = (a.value(index), b.value(index));
            a == b || a.is_nan() && b.is_nan()
        }),
    }
}

/// A picture in 8 or 16 bits; one of other numbers cannot be a PNG.
fn png(image: &Image) -> io::Result<Vec<u8>> {
    let [width, height, _] = image.grid.shape.map(|n| n as u32);
    let grey = |values: Vec<Option<u16>>| -> Option<DynamicImage> {
        let values: Vec<u16> = values.into_iter().collect::<Option<_>>()?;
        if values.iter().all(|&value| value < 256) {
            let bytes = values.into_iter().map(|value| value as u8).collect();
            return ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8);
        }
        ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageLuma16)
    };
    let picture = match &image.pixels {
        Pixels::Rgb(colours) => {
            let bytes = colours.iter().flatten().copied().collect();
            ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8)
        }
        Pixels::I16(values) => grey(values.iter().map(|&value| u16::try_from(value).ok()).collect()),
        Pixels::F32(values) => {
            grey(values.iter().map(|&value| Some(value as u16).filter(|&whole| f32::from(whole) == value)).collect())
        }
    };
    let picture = picture.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its numbers are not those of a PNG"))?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(io::Error::other)?;
    Ok(bytes.into_inner())
}
