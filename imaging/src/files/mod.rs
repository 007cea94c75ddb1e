//! Images in: one format a file. What a file holds is told by its content, and by its name only where the
//! content cannot say it (the voxels of a `.hdr`/`.img` pair). Masks out are `export`'s.

mod fault;
mod label_map;
mod listing;
pub(crate) mod nifti;
pub(crate) mod picture;
pub(crate) mod picture_labels;
mod source;
mod tiff;

pub use fault::{Fault, FileError, shape_text};
pub use label_map::LabelMap;
pub use listing::{case_name, is_supported, list};

pub(crate) use fault::io_text;
pub(crate) use source::Source;

use crate::volume::Image;
use image::ImageFormat;
use std::path::Path;

/// Reads an image.
///
/// # Errors
/// Where the file cannot be read, is no image, is damaged, or holds more than one volume.
pub fn open(path: &Path) -> Result<Image, FileError> {
    let image = picture_format(path).and_then(|format| match format {
        Some(format) => picture::open(path, format),
        None => nifti::open(path),
    });
    image.map_err(|fault| fault.at(path))
}

/// Reads a label map: numbers from NIfTI or a grey or palette picture, or colours, which are numbered in the
/// order of red, green, blue after black (see [`LabelMap::number_by`]).
///
/// # Errors
/// As [`open`], and where a value is no whole number from 0 to 65535.
pub fn open_labels(path: &Path) -> Result<LabelMap, FileError> {
    let labels = picture_format(path).and_then(|format| match format {
        Some(format) => picture_labels::open(path, format),
        None => nifti::open_labels(path),
    });
    labels.map_err(|fault| fault.at(path))
}

/// The picture format that a file's first bytes tell, if it is a picture.
pub(crate) fn picture_format(path: &Path) -> Result<Option<ImageFormat>, Fault> {
    if nifti::is_half(path, "img") {
        return Ok(None);
    }
    let mut source = Source::open(path)?;
    let head = source.take(16)?;
    Ok(match head.as_slice() {
        _ if source.inflates => None,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(ImageFormat::Tiff),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(ImageFormat::Bmp),
        _ => None,
    })
}
