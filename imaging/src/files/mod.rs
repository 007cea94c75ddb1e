//! Images in: one format a file. What a file holds is told by its content, and by its name only where the
//! content cannot say it (the voxels of a `.hdr`/`.img` pair). Masks out are `export`'s.

pub mod dicom;
mod fault;
mod gipl;
mod glimpse;
mod info;
mod item;
mod label_map;
mod label_names;
mod listing;
mod memory;
mod metaimage;
pub(crate) mod nifti;
mod nrrd;
pub(crate) mod picture;
pub(crate) mod picture_labels;
mod place;
mod raw;
mod reduction;
mod source;
mod structures;
mod text_header;
mod tiff;
mod tiff_stack;
mod voxels;

pub use fault::{Fault, FileError, shape_text};
pub use glimpse::glimpse;
pub use info::{Info, info, part_for};
pub use item::{Item, ItemInfo, Part};
pub use label_map::LabelMap;
pub use label_names::{LabelName, LabelNames, names, names_beside, read_names};
pub use listing::{case_name, is_supported, list};
pub use memory::{NoRoom, lacking};
pub use reduction::Reduction;
pub use structures::{Fit, Segment, Structures, open_structures, open_structures_on};

pub(crate) use fault::io_text;

use crate::volume::{Grid, Image};
use image::ImageFormat;
use raw::Raw;
use source::Source;
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
    let Item { path, part, reduction } = item;
    match contained(path, || format(path))? {
        Format::Dicom => dicom::open(item),
        Format::Picture(format) => contained(path, || picture::open(path, part, reduction, format)),
        Format::Volume(kind) => contained(path, || kind.raw(path)?.image(part, reduction)),
    }
}

/// Reads the only label map of a file: numbers from a volume or a grey or palette picture, or colours, which are
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
    let Item { path, part, reduction } = item;
    contained(path, || match format(path)? {
        Format::Dicom if path.is_dir() => Err(Fault::Folder),
        Format::Dicom => Err(Fault::NotLabels(dicom::NO_LABELS.to_owned())),
        Format::Picture(ImageFormat::Tiff) if *part == Part::Stack => tiff_stack::labels(path, reduction),
        Format::Picture(_) if !reduction.is_none() => Err(picture::is_whole()),
        Format::Picture(format) => picture_labels::open(path, part, format),
        Format::Volume(kind) => kind.raw(path)?.labels(part, reduction),
    })
}

/// What images a file holds, by its header alone: one for an ordinary file, one for each volume or page of others.
/// Of DICOM, whose slices are files, what series a folder holds, or the one that a file belongs to.
///
/// # Errors
/// As [`open`].
pub fn items(path: &Path) -> Result<Vec<ItemInfo>, FileError> {
    match contained(path, || format(path))? {
        Format::Dicom => dicom::items(path),
        Format::Picture(format) => contained(path, || picture::items(path, format)),
        Format::Volume(kind) => contained(path, || kind.raw(path)?.items(path)),
    }
}

/// The pages of a file as the slices of one volume ([`Part::Stack`]), besides each by itself, as [`items`] lists them:
/// of a TIFF of several grey pages that are alike. Nothing where a file is no such stack.
///
/// # Errors
/// As [`open`].
pub fn stack(path: &Path) -> Result<Option<ItemInfo>, FileError> {
    contained(path, || match format(path)? {
        Format::Picture(ImageFormat::Tiff) => tiff_stack::item(path),
        _ => Ok(None),
    })
}

/// The grid of an image, or of what is kept of it; its voxels are left alone.
pub(crate) fn grid(item: &Item) -> Result<Grid, FileError> {
    let Item { path, part, reduction } = item;
    match contained(path, || format(path))? {
        Format::Dicom => dicom::Source::read(item).map(|source| source.grid()),
        Format::Picture(format) => contained(path, || reduction.grid(&picture::size(path, part, format)?)),
        Format::Volume(kind) => contained(path, || reduction.grid(&kind.raw(path)?.grid(part)?)),
    }
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

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    /// A DICOM file, or a folder, whose images only DICOM has.
    Dicom,
    /// A picture.
    Picture(ImageFormat),
    /// Volumes of plain numbers behind a header.
    Volume(Kind),
}

/// The formats of plain numbers behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// And Analyze.
    Nifti,
    Nrrd,
    MetaImage,
    Gipl,
}

impl Kind {
    /// A file's header, and its source of voxels.
    fn raw(self, path: &Path) -> Result<Raw, Fault> {
        match self {
            Self::Nifti => nifti::raw(path),
            Self::Nrrd => nrrd::raw(path),
            Self::MetaImage => metaimage::raw(path),
            Self::Gipl => gipl::raw(path),
        }
    }
}

/// The format that a file's first bytes tell.
pub(crate) fn format(path: &Path) -> Result<Format, Fault> {
    if nifti::is_half(path, "img") {
        return Ok(Format::Volume(Kind::Nifti));
    }
    if path.is_dir() {
        return Ok(Format::Dicom);
    }
    let mut source = Source::open(path)?;
    let head = source.take(512)?;
    Ok(match head.as_slice() {
        head if dicom::is(head) => Format::Dicom,
        head if gipl::is(head) => Format::Volume(Kind::Gipl),
        head if nrrd::is(head) => Format::Volume(Kind::Nrrd),
        head if metaimage::is(head) => Format::Volume(Kind::MetaImage),
        _ if source.inflates => Format::Volume(Kind::Nifti),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Format::Picture(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Format::Picture(ImageFormat::Jpeg),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Format::Picture(ImageFormat::Tiff),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Format::Picture(ImageFormat::Bmp),
        _ => Format::Volume(Kind::Nifti),
    })
}
