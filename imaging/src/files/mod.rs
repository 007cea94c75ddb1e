//! Images in: one format a file. What a file holds is told by its content, and by its name only where the
//! content cannot say it (the voxels of a `.hdr`/`.img` pair). Masks out are `export`'s.

mod fault;
mod item;
mod label_map;
mod listing;
pub(crate) mod nifti;
pub(crate) mod picture;
pub(crate) mod picture_labels;
mod source;
mod tiff;

pub use fault::{Fault, FileError, shape_text};
pub use item::{Item, ItemInfo, Part};
pub use label_map::LabelMap;
pub use listing::{case_name, is_supported, list};

pub(crate) use fault::io_text;
pub(crate) use source::Source;

use crate::volume::Image;
use image::ImageFormat;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Reads the only image of a file.
///
/// # Errors
/// Where the file cannot be read, is no image, is damaged, or holds more than one volume.
pub fn open(path: &Path) -> Result<Image, FileError> {
    open_item(&path.into())
}

/// Reads an image.
///
/// # Errors
/// As [`open`], and where the file holds no such part.
pub fn open_item(item: &Item) -> Result<Image, FileError> {
    let Item { path, part } = item;
    contained(path, || match picture_format(path)? {
        Some(format) => picture::open(path, part, format),
        None => nifti::open(path, part),
    })
}

/// Reads the only label map of a file: numbers from NIfTI or a grey or palette picture, or colours, which are
/// numbered in the order of red, green, blue after black (see [`LabelMap::number_by`]).
///
/// # Errors
/// As [`open`], and where a value is no whole number from 0 to 65535.
pub fn open_labels(path: &Path) -> Result<LabelMap, FileError> {
    open_labels_item(&path.into())
}

/// Reads a label map.
///
/// # Errors
/// As [`open_labels`], and where the file holds no such part.
pub fn open_labels_item(item: &Item) -> Result<LabelMap, FileError> {
    let Item { path, part } = item;
    contained(path, || match picture_format(path)? {
        Some(format) => picture_labels::open(path, part, format),
        None => nifti::open_labels(path, part),
    })
}

/// What images a file holds, by its header alone: one for an ordinary file, one for each volume or page of others.
///
/// # Errors
/// As [`open`].
pub fn items(path: &Path) -> Result<Vec<ItemInfo>, FileError> {
    contained(path, || match picture_format(path)? {
        Some(format) => picture::items(path, format),
        None => nifti::items(path),
    })
}

/// Runs a reader. Should it panic, that costs one file and not the thread that asked.
fn contained<T>(path: &Path, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, FileError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Fault::Damaged("its reader failed".to_owned())))
        .map_err(|fault| fault.at(path))
}

/// A list of so many parts is no longer one to choose from.
const MOST_PARTS: u64 = 1 << 16;

/// One entry for each of `count` parts of a file; `title` says what each is.
pub(crate) fn parts(whole: ItemInfo, count: u64, title: impl Fn(u32) -> String) -> Result<Vec<ItemInfo>, Fault> {
    match u32::try_from(count) {
        Ok(1) => Ok(vec![whole]),
        Ok(count) if u64::from(count) <= MOST_PARTS => Ok((0..count).map(|at| whole.volume(at, title(at))).collect()),
        _ => Err(Fault::TooLarge(format!("it declares {count} volumes, and at most {MOST_PARTS} can be chosen from"))),
    }
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
