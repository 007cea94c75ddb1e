//! Which files of a folder are DICOM images, and of which series.
//!
//! A folder is walked downwards, with a bound on its depth and its files, and links to folders are not followed. A
//! DICOMDIR is never believed: what it lists is found by looking, so it cannot point anywhere else.

use super::file::is_dicom;
use super::instance::Instance;
use crate::files::fault::{Fault, FileError};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep folders are walked.
const DEEPEST: usize = 16;
/// The most files that are looked at.
const MOST_FILES: usize = 200_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files of each series, in the order of their paths.
    pub series: BTreeMap<String, Vec<Arc<Instance>>>,
    /// Files that are DICOM, but could not be read.
    pub refused: Vec<FileError>,
    /// DICOM files that hold no image: structures, reports, plans.
    pub others: Vec<PathBuf>,
}

/// The series of a folder and all below it, or the series of one file, with its siblings in the folder.
pub(crate) fn scan(path: &Path) -> Result<Found, FileError> {
    if path.is_dir() {
        let mut paths = Vec::new();
        walk(path, 0, &mut paths).map_err(|fault| fault.at(path))?;
        return Ok(read(&paths, None));
    }
    if is_directory_file(path) {
        return scan(folder_of(path));
    }
    let Some(instance) = Instance::read(path).map_err(|fault| fault.at(path))? else {
        return Err(Fault::Unsupported("it is DICOM, but holds no image".to_owned()).at(path));
    };
    let uid = instance.series_key().to_owned();
    if instance.series.uid.is_empty() {
        return Ok(Found { series: BTreeMap::from([(uid, vec![Arc::new(instance)])]), ..Found::default() });
    }
    let mut paths = Vec::new();
    walk(folder_of(path), DEEPEST, &mut paths).map_err(|fault| fault.at(path))?;
    let mut found = read(&paths, Some(&uid));
    // A file that was named must be in, even if the folder could not be listed to its end.
    let files = found.series.entry(uid).or_default();
    if !files.iter().any(|file| file.path == instance.path) {
        files.push(Arc::new(instance));
    }
    Ok(found)
}

/// The folders that hold DICOM files: this one, or else those in it that do, themselves or further down.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    if holds_dicom(folder, DEEPEST) {
        return vec![folder.to_owned()];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_hidden(entry));
    inner.map(|entry| entry.path()).filter(|path| holds_dicom(path, 0)).collect()
}

/// Whether a folder holds a DICOM file, as far as its first files tell: all others of a folder are alike.
fn holds_dicom(folder: &Path, depth: usize) -> bool {
    const LOOKED_AT: usize = 16;
    let mut paths = Vec::new();
    // A folder that cannot be listed holds nothing that could be opened.
    let _ = walk_some(folder, depth, LOOKED_AT, &mut paths);
    paths.iter().any(|path| is_dicom(path))
}

fn is_hidden(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_directory_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"))
}

/// Files below a folder that may be DICOM, in order.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Fault> {
    walk_some(folder, depth, MOST_FILES, found)
}

/// The first `most` of them.
fn walk_some(folder: &Path, depth: usize, most: usize, found: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if is_hidden(&entry) || found.len() >= most {
            continue;
        }
        if kind.is_dir() && depth < DEEPEST {
            // A folder that may not be read costs its own files, not the others.
            let _ = walk_some(&path, depth + 1, most, found);
        } else if !kind.is_dir() && !has_other_ending(&path) && !is_directory_file(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file's name says that it is of another format; DICOM files have any ending, or none.
fn has_other_ending(path: &Path) -> bool {
    const OTHERS: [&str; 26] = [
        "nii", "hdr", "img", "png", "jpg", "jpeg", "tif", "tiff", "bmp", "mha", "mhd", "raw", "nrrd", "nhdr", "gipl", "txt",
        "json", "csv", "xml", "html", "pdf", "zip", "md", "py", "db", "exe",
    ];
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, ending)| OTHERS.contains(&ending))
}

/// Reads the heads of files; of one series only, where it is named.
fn read(paths: &[PathBuf], wanted: Option<&str>) -> Found {
    let heads: Vec<_> = paths.par_iter().map(|path| (path, head(path))).collect();
    let mut found = Found::default();
    for (path, head) in heads {
        match head {
            Ok(Some(Some(instance))) if wanted.is_none_or(|uid| instance.series.uid == uid) => {
                found.series.entry(instance.series_key().to_owned()).or_default().push(Arc::new(instance));
            }
            Ok(Some(None)) => found.others.push(path.clone()),
            Err(fault) => found.refused.push(fault.at(path)),
            Ok(_) => {}
        }
    }
    found
}

/// The head of a file: `None` where it is no DICOM file, `Some(None)` where it holds no image.
fn head(path: &Path) -> Result<Option<Option<Instance>>, Fault> {
    if is_dicom(path) { Instance::read(path).map(Some) } else { Ok(None) }
}
