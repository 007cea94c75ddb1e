//! Masks of an image that came from DICOM, out as a DICOM segmentation, which bears the patient and the study of its
//! image: that is asked for by choosing this format. Structures may overlap.

use super::{ExportError, Measure, Receipt, check_free, write_and_compare};
use crate::files::dicom::{self, Drawn, Source};
use crate::files::{Item, Structures};
use crate::labels::Mask;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Writes structures as one binary DICOM segmentation on the slices of their image, reads it back and compares. Its
/// receipt's SHA-256 is of the masks one after another, a byte a voxel.
///
/// # Errors
/// See [`ExportError`]; where the image did not come from DICOM, or no structure has a voxel, it is
/// [`ExportError::Impossible`].
pub fn export_dicom_seg(source: &Item, segments: &[Drawn<'_>], to: &Path, overwrite: bool) -> Result<Receipt, ExportError> {
    let image = check_goal(source, to, overwrite)?;
    let grid = image.grid();
    if let Some(segment) = segments.iter().find(|segment| segment.mask.shape() != grid.shape) {
        return Err(ExportError::Shape { mask: segment.mask.shape(), image: grid.shape, path: source.path.clone() });
    }
    let bytes = image.segmentation(segments).map_err(|why| ExportError::Impossible { why, path: to.to_owned() })?;
    let back = write_and_compare(to, overwrite, &bytes, |written| {
        let back = dicom::structures(written, source, &grid)?;
        Ok(compare(segments, &back).map(|()| back))
    })?;
    let measures = segments.iter().enumerate().map(|(at, segment)| Measure::of(at as u16 + 1, segment.mask, &grid)).collect();
    Ok(Receipt::new(to, &grid, measures, sha256(back.list.iter().map(|segment| &segment.mask))))
}

/// Says what would speak against a segmentation of this name, before any work is done for it.
///
/// # Errors
/// As [`export_dicom_seg`].
pub fn check_dicom_seg(source: &Item, to: &Path, overwrite: bool) -> Result<(), ExportError> {
    check_goal(source, to, overwrite).map(drop)
}

/// Whether an image came from DICOM, and all of it was opened, so that a segmentation can be written of it.
#[must_use]
pub fn is_from_dicom(source: &Item) -> bool {
    dicom::is_source(source) && source.reduction.is_none()
}

fn check_goal(source: &Item, to: &Path, overwrite: bool) -> Result<Source, ExportError> {
    if !to.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm")) {
        return Err(ExportError::Ending { ending: ".dcm", path: to.to_owned() });
    }
    if !dicom::is_source(source) {
        let why = "a DICOM segmentation refers to DICOM images, and this image is none".to_owned();
        return Err(ExportError::Impossible { why, path: to.to_owned() });
    }
    check_free(source, to, overwrite)?;
    let image = Source::read(source)?;
    let goal = to.canonicalize();
    if goal.is_ok_and(|goal| image.paths().any(|path| path.canonicalize().is_ok_and(|path| path == goal))) {
        return Err(ExportError::IsSource(to.to_owned()));
    }
    Ok(image)
}

fn compare(segments: &[Drawn<'_>], back: &Structures) -> Result<(), &'static str> {
    if segments.len() != back.list.len() {
        return Err("number of structures");
    }
    match segments.iter().zip(&back.list).any(|(segment, named)| *segment.mask != named.mask) {
        true => Err("voxels"),
        false => Ok(()),
    }
}

fn sha256<'a>(masks: impl Iterator<Item = &'a Mask>) -> String {
    let mut hasher = Sha256::new();
    for mask in masks {
        hasher.update((0..mask.len()).map(|at| u8::from(mask.get(at))).collect::<Vec<u8>>());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
