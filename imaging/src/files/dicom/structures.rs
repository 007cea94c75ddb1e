//! Structures that another DICOM file draws on an image: a segmentation (`seg`) or contours (`contours`).

use super::planes::Planes;
use super::{contours, file, guarded, is_dicom, is_source, seg};
use crate::files::fault::{Fault, FileError};
use crate::files::item::Item;
use crate::files::structures::Structures;
use crate::volume::Grid;
use dicom_dictionary_std::tags;
use std::path::Path;

/// The most structures of one file.
pub(super) const MOST_STRUCTURES: usize = 4096;

/// Whether a file holds structures and no image: a DICOM segmentation or a set of contours.
#[must_use]
pub fn holds_structures(path: &Path) -> bool {
    let modality = || guarded(|| file::read(path, |root, _| Ok(root.text(tags::MODALITY))));
    is_dicom(path) && matches!(modality(), Ok(Some(modality)) if modality == "SEG" || modality == "RTSTRUCT")
}

/// Reads a segmentation or contours onto the image that they were drawn on; `grid` is the image's. Of an image of which
/// a part is kept they are read onto all of it, and each kept voxel takes what lies in its middle. What was drawn on another
/// grid of the same patient stays on that, as [`Structures::mismatch`] tells, and is only laid on the image by
/// [`Structures::resampled`].
///
/// # Errors
/// Where the file is neither, is damaged, or does not belong on this image, with the reason.
pub fn structures(path: &Path, image: &Item, grid: &Grid) -> Result<Structures, FileError> {
    let planes = if is_source(image) { Planes::of_slices(&super::laid(image)?) } else { Planes::of_grid(grid) };
    let kept = image.reduction.grid(&planes.grid).map_err(|fault| fault.at(path))?;
    if kept.shape != grid.shape {
        return Err(Fault::GridMismatch { image: grid.shape, mask: kept.shape }.at(path));
    }
    let structures = guarded(|| {
        file::read(path, |root, facts| match root.text(tags::MODALITY).as_deref() {
            Some("SEG") => seg::read(path, root, facts, &planes),
            Some("RTSTRUCT") => contours::read(root, planes.clone()),
            _ => Err(Fault::NotLabels("it is DICOM, but neither a segmentation nor a set of contours".to_owned())),
        })
    })
    .map_err(|fault| fault.at(path))?;
    // On a grid of its own it waits for the user's consent to be resampled, as label files do.
    let is_on_image = structures.grid == planes.grid;
    Ok(if is_on_image && !image.reduction.is_none() { structures.resampled(grid) } else { structures })
}
