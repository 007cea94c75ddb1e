//! DICOM: series of files, and files of many frames, as volumes.
//!
//! `file` and `walk` read a file's elements, `instance` what they say of an image, `scan` the files of a folder;
//! `stack` puts slices together to volumes, `geometry` in order, `pixels` reads them. Nobody here asks for the name
//! of a patient.

mod codec;
mod contour_slices;
mod contours;
mod data_set;
mod file;
mod frames;
mod functional;
mod geometry;
mod instance;
mod mosaic;
mod pixels;
mod planes;
mod scan;
mod seg;
mod seg_codes;
mod seg_grid;
mod seg_write;
mod source;
mod stack;
mod structures;
mod syntax;
mod tables;
mod walk;

use super::fault::{Fault, FileError};
use super::item::{Item, ItemInfo, Part};
use crate::volume::Image;
use geometry::Laid;
use instance::{Instance, Series};
use stack::Stack;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use file::{is, is_dicom};
pub(crate) use scan::folders;
pub use seg_write::Drawn;
pub(crate) use source::Source;
pub use structures::{holds_structures, structures};

/// Why DICOM is no label map.
pub(crate) const NO_LABELS: &str = "DICOM structures belong on the DICOM image that they were drawn on";

/// What a folder or a file holds.
#[derive(Debug)]
pub struct Listing {
    /// Its images.
    pub items: Vec<ItemInfo>,
    /// Files that are DICOM, but could not be read.
    pub refused: Vec<FileError>,
    /// DICOM files that hold no image: structures, reports, plans.
    pub others: Vec<PathBuf>,
}

/// The volumes of a folder and all below it, or of the series that a file belongs to.
///
/// # Errors
/// Where the folder or the file cannot be read, or the file is no image.
pub fn list(path: &Path) -> Result<Listing, FileError> {
    let scan::Found { series, refused, others } = scan::scan(path)?;
    let mut found = Vec::new();
    for (uid, files) in &series {
        let stacks = stack::stacks(files);
        let count = stacks.len();
        let number = files.first().and_then(|file| file.series.number).unwrap_or(u32::MAX);
        for (volume, stack) in stacks.into_iter().enumerate() {
            let part = Part::Series { uid: uid.clone(), volume: volume as u32 };
            found.extend(info(path, part, stack, count > 1).map(|info| (number, info)));
        }
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(Listing { items: found.into_iter().map(|(_, info)| info).collect(), refused, others })
}

/// The images of a folder and all below it, or of the series that a file belongs to.
///
/// # Errors
/// As [`list`], and where there is no image at all.
pub(crate) fn items(path: &Path) -> Result<Vec<ItemInfo>, FileError> {
    let mut listing = list(path)?;
    match listing.refused.pop() {
        Some(refused) if listing.items.is_empty() => Err(refused),
        _ => Ok(listing.items),
    }
}

fn info(path: &Path, part: Part, stack: Stack, is_one_of_many: bool) -> Option<ItemInfo> {
    let first = stack.slices.first()?;
    let name = name(&first.file.series);
    let title = if is_one_of_many { stack.label.clone() } else { String::new() };
    let laid = geometry::lay(stack).ok()?;
    let [x, y, z] = laid.grid.spacing_mm();
    let series = &laid.slices[0].file.series;
    let files = laid.slices.iter().map(|slice| &slice.file.path).collect::<std::collections::HashSet<_>>().len();
    let details = [
        series.modality.clone(),
        if laid.is_picture { String::new() } else { format!("{x:.2} x {y:.2} x {z:.2} mm") },
        format!("{files} file{}", if files == 1 { "" } else { "s" }),
    ];
    Some(ItemInfo {
        item: Item::new(home(path, &laid), part),
        name: if title.is_empty() { name } else { format!("{name} ({title})") },
        title,
        format: "DICOM".to_owned(),
        shape: laid.grid.shape,
        voxel_bytes: pixels::kept_width(&laid),
        study: series.study.clone(),
        details: details.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
    })
}

/// What a series is called: its number and its description, never its patient. Masks are named after it, so what no
/// file's name may hold is left out.
fn name(series: &Series) -> String {
    told(series).chars().map(|c| if r#"/\:*?"<>|"#.contains(c) { '_' } else { c }).collect()
}

fn told(series: &Series) -> String {
    let number = series.number.map(|number| number.to_string()).unwrap_or_default();
    let words: Vec<&str> = [number.as_str(), &series.description].into_iter().filter(|part| !part.is_empty()).collect();
    match words.is_empty() {
        false => words.join(" "),
        true if series.modality.is_empty() => "series".to_owned(),
        true => format!("{} series", series.modality),
    }
}

/// Where a volume is found again: for a folder, the smallest folder that holds all of its files, else the first of
/// its files, whose siblings lie beside it.
fn home(path: &Path, laid: &Laid) -> PathBuf {
    let mut paths = laid.slices.iter().map(|slice| slice.file.path.as_path());
    let first = paths.next().unwrap_or(path);
    if !path.is_dir() {
        return paths.fold(first, |first, path| first.min(path)).to_owned();
    }
    let start = first.parent().unwrap_or(path).to_owned();
    paths.fold(start, |mut home, path| {
        while !path.starts_with(&home) && home.pop() {}
        home
    })
}

/// Whether an image is DICOM.
pub(crate) fn is_source(item: &Item) -> bool {
    item.path.is_dir() || is_dicom(&item.path)
}

/// Reads a volume of a series, found in a folder or beside a file.
///
/// # Errors
/// Where there is no such volume, or several of which none is named, or one of its files cannot be read.
pub fn open(item: &Item) -> Result<Image, FileError> {
    let laid = laid(item)?;
    let Item { path, reduction, .. } = item;
    let pixels = pixels::read(&laid, reduction)?;
    let mut warnings = laid.warnings.clone();
    if !reduction.is_none() {
        let kept = reduction.on(laid.grid.shape).map_err(|fault| fault.at(path))?;
        warnings.push(reduction.warning(laid.grid.shape, &kept));
    }
    let grid = reduction.grid(&laid.grid).map_err(|fault| fault.at(path))?;
    Ok(Image { grid, window: pixels::window(&laid), pixels, is_picture: laid.is_picture, warnings })
}

/// The slices of a volume, in order, all of them whatever is kept.
fn laid(item: &Item) -> Result<Laid, FileError> {
    let at = |fault: Fault| fault.at(&item.path);
    let found = scan::scan(&item.path)?;
    let (files, volume) = match &item.part {
        Part::Series { uid, volume } => (found.series.get(uid).ok_or_else(|| at(gone()))?, Part::Volume(*volume)),
        part => (only(&found, &item.path)?, part.clone()),
    };
    let mut stacks = stack::stacks(files);
    let volume = match volume {
        Part::Volume(volume) => u64::from(volume),
        part => part.of(stacks.len() as u64).map_err(at)?,
    };
    if volume >= stacks.len() as u64 {
        return Err(at(gone()));
    }
    geometry::lay(stacks.swap_remove(volume as usize)).map_err(at)
}

/// The files of the only series.
fn only<'a>(found: &'a scan::Found, path: &Path) -> Result<&'a Vec<Arc<Instance>>, FileError> {
    match found.series.len() {
        1 => found.series.values().next().ok_or_else(|| gone().at(path)),
        0 => Err(Fault::Folder.at(path)),
        count => Err(Fault::Unsupported(format!("it holds {count} DICOM series, and one of them must be named")).at(path)),
    }
}

fn gone() -> Fault {
    Fault::Damaged("the series, or this volume of it, is no longer there".to_owned())
}

/// Does what may make a decoder panic; that costs the file.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::Damaged("it made its decoder fail; nothing else is harmed".to_owned())))
}
