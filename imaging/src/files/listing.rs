//! Which files of a folder are images, in what order, and what their cases are called.

use super::fault::{Fault, FileError};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Endings that are opened, longest first where one ends in another.
const ENDINGS: [&str; 19] = [
    ".nii.gz",
    ".hdr.gz",
    ".img.gz",
    ".gipl.gz",
    ".nii",
    ".hdr",
    ".img",
    ".seg.nrrd",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".gipl",
    ".png",
    ".jpeg",
    ".jpg",
    ".tiff",
    ".tif",
    ".bmp",
];

/// The image files of a folder, in natural order ("case 2" before "case 10"), capitals as small letters.
/// Hidden files are left out, and a `.hdr`/`.img` pair is named once, by its header. DICOM images, whose slices are
/// files, are named by their folder: this one, or those in it.
///
/// # Errors
/// Where the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = std::fs::read_dir(folder).map_err(|error| Fault::from(error).at(folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut images: Vec<PathBuf> = paths.filter(|path| is_listed(path)).collect();
    images.extend(super::dicom::folders(folder));
    images.sort_by(|a, b| natural_order(&name(a), &name(b)));
    Ok(images)
}

fn is_listed(path: &Path) -> bool {
    let ending = ending(&name(path));
    !name(path).starts_with('.') && !matches!(ending, None | Some(".img" | ".img.gz")) && path.is_file()
}

/// Whether a file's ending is one that is opened.
#[must_use]
pub fn is_supported(path: &Path) -> bool {
    ending(&name(path)).is_some()
}

/// What a case is called: its file's name without the ending.
#[must_use]
pub fn case_name(path: &Path) -> String {
    let name = name(path);
    let length = name.len() - ending(&name).map_or(0, str::len);
    name[..length].to_owned()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn ending(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    ENDINGS.into_iter().find(|ending| name.len() > ending.len() && name.ends_with(ending))
}

/// Compares names part by part: runs of digits as numbers, all else without regard to capitals.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a), parts(b));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return a.cmp(b),
            (x, y) => x.cmp(&y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A name in parts that compare as they should: a number by its length without leading zeros, then its digits.
fn parts(name: &str) -> impl Iterator<Item = (bool, usize, String)> + '_ {
    let mut rest = name;
    std::iter::from_fn(move || {
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        let number = part.trim_start_matches('0');
        match (part.is_empty(), digits) {
            (true, _) => None,
            (_, true) => Some((false, number.len(), number.to_owned())),
            (_, false) => Some((true, 0, part.to_lowercase())),
        }
    })
}
