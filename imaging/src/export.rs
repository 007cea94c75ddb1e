//! Masks out, on the grid of their source and nowhere else.
//!
//! A label map is written beside its goal under another name, brought to the disk, read back, compared, and only
//! then given its name; what fails leaves no file behind. A source that is a picture gets a PNG.

use crate::files::nifti::template::{Stored, Template};
use crate::files::{self, FileError, Item, LabelMap, case_name, io_text, shape_text};
use crate::labels::Mask;
use crate::space::Affine;
use crate::volume::{Grid, Image};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod dataset;
mod dicom;
mod slicer;

pub use crate::files::dicom::Drawn;
pub use dataset::{Labelled, export_nnunet};
pub use dicom::{check_dicom_seg, export_dicom_seg, is_from_dicom};
pub use slicer::export_slicer;

/// What was written, as it was read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The file.
    pub path: PathBuf,
    /// Its voxels along each axis: the source's.
    pub shape: [usize; 3],
    /// Its affine to world (RAS, mm): the source's.
    pub world_from_voxel: Affine,
    /// Volume of a voxel in millilitres; of a picture it says nothing.
    pub voxel_ml: f64,
    /// The structures in it, in the order given.
    pub measures: Vec<Measure>,
    /// SHA-256 of the labels, each as a 16-bit number with the lesser byte first, in hexadecimal.
    pub sha256: String,
}

/// How much of a file bears one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// The label.
    pub value: u16,
    /// Voxels that bear it.
    pub voxels: usize,
    /// Their volume in millilitres; of a picture it says nothing.
    pub ml: f64,
}

/// Masks could not be written. Nothing was left half done.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The source cannot be read again.
    #[error(transparent)]
    Source(#[from] FileError),
    /// A mask is not of the source's shape.
    #[error("could not export: a mask has {} voxels, but its image has {}: {}", shape_text(*mask), shape_text(*image), path.display())]
    Shape {
        /// Shape of the mask.
        mask: [usize; 3],
        /// Shape of the source.
        image: [usize; 3],
        /// The source.
        path: PathBuf,
    },
    /// A label is 0, or given to two masks.
    #[error("could not export: the label {0} is background, or is given to two structures")]
    Label(u16),
    /// Two structures in one file share voxels.
    #[error(
        "could not export: {voxels} voxels belong to both label {first} and label {second}; write one file for each structure"
    )]
    Overlap {
        /// A label.
        first: u16,
        /// Another.
        second: u16,
        /// How many voxels bear both.
        voxels: usize,
    },
    /// Two structures would get one file.
    #[error("could not export: two structures would both be written to this file: {}", .0.display())]
    SameName(PathBuf),
    /// Volumes and pictures do not go into one nnU-Net folder.
    #[error("could not export: an nnU-Net folder holds either volumes or pictures, and these cases are both: {}", .0.display())]
    Mixed(PathBuf),
    /// The file is there, and was not to be replaced.
    #[error("could not export: a file of this name exists already: {}", .0.display())]
    Exists(PathBuf),
    /// The goal is the source itself.
    #[error("could not export: this would replace the image itself: {}", .0.display())]
    IsSource(PathBuf),
    /// The ending is not that of what is written.
    #[error("could not export: the file's name must end in {ending}: {}", path.display())]
    Ending {
        /// What is possible.
        ending: &'static str,
        /// The name given.
        path: PathBuf,
    },
    /// The format cannot hold it.
    #[error("could not export: {why}: {}", path.display())]
    Impossible {
        /// Why.
        why: String,
        /// The goal.
        path: PathBuf,
    },
    /// The system refused.
    #[error("could not export: {}: {}", io_text(error), path.display())]
    Write {
        /// Why.
        error: io::Error,
        /// The goal.
        path: PathBuf,
    },
    /// What was read back is not what was written.
    #[error("could not export: the file was written, but its {what} read back differently, so it was deleted: {}", path.display())]
    Differs {
        /// What differs.
        what: &'static str,
        /// The goal.
        path: PathBuf,
    },
}

/// Writes masks as one label map on the source's grid: NIfTI with the source's own header (8 bits a voxel, or 16
/// where a label is beyond 255), or a grey PNG where the source is a picture.
///
/// # Errors
/// See [`ExportError`]; masks that share a voxel are [`ExportError::Overlap`], for which [`export_nifti_each`] is
/// the way out. An existing file is replaced only with `overwrite`.
pub fn export_nifti(source: &Item, labels: &[(u16, &Mask)], to: &Path, overwrite: bool) -> Result<Receipt, ExportError> {
    let target = check_goal(source, to, overwrite)?;
    let grid = target.grid();
    let values = merged(labels, &grid, source)?;
    let sha256 = sha256(&values);
    let encoded = target.encoded(&values, to).map_err(|error| ExportError::Write { error, path: to.to_owned() })?;
    let back = write_and_compare(to, overwrite, &encoded, |written| {
        let back = files::open_labels(written)?;
        Ok(compare(&back, &grid, &sha256).map(|()| back.grid))
    })?;
    let measures = labels.iter().map(|&(value, mask)| Measure::of(value, mask, &grid)).collect();
    Ok(Receipt::new(to, &back, measures, sha256))
}

/// Writes a file beside its goal, reads it back by `check`, which names what differs, and gives it its name.
fn write_and_compare<T>(
    to: &Path,
    overwrite: bool,
    bytes: &[u8],
    check: impl FnOnce(&Path) -> Result<Result<T, &'static str>, ExportError>,
) -> Result<T, ExportError> {
    let failed = |error| ExportError::Write { error, path: to.to_owned() };
    let mut file = beside(to).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let back = check(file.path())?.map_err(|what| ExportError::Differs { what, path: to.to_owned() })?;
    keep(file, to, overwrite)?;
    Ok(back)
}

impl Receipt {
    fn new(path: &Path, grid: &Grid, measures: Vec<Measure>, sha256: String) -> Self {
        let (shape, world_from_voxel) = (grid.shape, grid.world_from_voxel);
        Self { path: path.to_owned(), shape, world_from_voxel, voxel_ml: grid.voxel_ml(), measures, sha256 }
    }
}

impl Measure {
    /// Of a mask on a grid.
    #[must_use]
    pub fn of(value: u16, mask: &Mask, grid: &Grid) -> Self {
        Self { value, voxels: mask.count(), ml: mask.count() as f64 * grid.voxel_ml() }
    }
}

/// Says what would speak against a mask of this name, before any work is done for it.
///
/// # Errors
/// As [`export_nifti`].
pub fn check(source: &Item, to: &Path, overwrite: bool) -> Result<(), ExportError> {
    check_goal(source, to, overwrite).map(drop)
}

fn check_goal(source: &Item, to: &Path, overwrite: bool) -> Result<Target, ExportError> {
    let target = Target::read(source)?;
    target.check_ending(to)?;
    check_free(source, to, overwrite)?;
    Ok(target)
}

/// The ending of the name of a source's label map: `.nii.gz`, or `.png` for a picture.
///
/// # Errors
/// Where the source cannot be read.
pub fn ending(source: &Item) -> Result<&'static str, FileError> {
    Target::read(source).map(|target| target.ending())
}

/// Writes each mask to a file of its own, label 1, named after the case and the structure, into `folder`.
///
/// # Errors
/// As [`export_nifti`]; whether names are free is asked for all before the first is written.
pub fn export_nifti_each(
    source: &Item,
    masks: &[(&str, &Mask)],
    folder: &Path,
    overwrite: bool,
) -> Result<Vec<Receipt>, ExportError> {
    let ending = ending(source)?;
    let mut goals: Vec<PathBuf> = Vec::new();
    for (structure, _) in masks {
        let goal = folder.join(format!("{}_{}{ending}", case_name(&source.path), file_name(structure)));
        check_free(source, &goal, overwrite)?;
        if goals.contains(&goal) {
            return Err(ExportError::SameName(goal));
        }
        goals.push(goal);
    }
    goals.iter().zip(masks).map(|(goal, (_, mask))| export_nifti(source, &[(1, mask)], goal, overwrite)).collect()
}

/// A line of the table of volumes.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The case's name.
    pub case: String,
    /// The structure's name.
    pub structure: String,
    /// How much there is of it.
    pub measure: Measure,
    /// The mean of the image over it, after slope and intercept; none of an empty mask or a picture in colour.
    pub mean: Option<f64>,
}

/// The mean of an image's numbers over a mask, those that are none (NaN) left out.
#[must_use]
pub fn mean_over(image: &Image, mask: &Mask) -> Option<f64> {
    if image.is_colour() || mask.shape() != image.grid.shape {
        return None;
    }
    let (sum, count) = mask
        .iter()
        .map(|index| f64::from(image.value(index)))
        .filter(|value| !value.is_nan())
        .fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// A table of measures, comma-separated as RFC 4180 has it: case, structure, voxels, millilitres, mean intensity.
#[must_use]
pub fn measures_csv(rows: &[Row]) -> String {
    let mut table = "case,structure,voxels,ml,mean_intensity\r\n".to_owned();
    for Row { case, structure, measure: Measure { voxels, ml, .. }, mean } in rows {
        let mean = mean.map(|mean| format!("{mean:.4}")).unwrap_or_default();
        table += &format!("{},{},{voxels},{ml:.4},{mean}\r\n", cell(case), cell(structure));
    }
    table
}

pub(crate) fn cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A structure's name as part of a file's name on every system.
fn file_name(structure: &str) -> String {
    let name: String =
        structure.trim().chars().map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '_' } else { c }).collect();
    if name.is_empty() { "structure".to_owned() } else { name }
}

/// What a source's label maps are made of.
enum Target {
    Nifti(Box<Template>),
    Picture(Grid),
}

impl Target {
    fn read(source: &Item) -> Result<Self, FileError> {
        let Item { path, part, reduction } = source;
        let format = files::format(path).map_err(|fault| fault.at(path))?;
        let template = match format {
            files::Format::Picture(_) if *part == files::Part::Stack => Template::new(files::grid(source)?),
            files::Format::Picture(_) => return files::grid(source).map(Self::Picture),
            files::Format::Dicom => match files::dicom::Source::read(source)?.picture() {
                Some(picture) => return Ok(Self::Picture(picture)),
                None => Template::new(files::grid(source)?),
            },
            // The header of a part of it is none of the source's: matrix and spacing are others.
            files::Format::Volume(files::Kind::Nifti) if reduction.is_none() => {
                Template::read(path, part).map_err(|fault| fault.at(path))?
            }
            files::Format::Volume(_) => Template::new(files::grid(source)?),
        };
        Ok(Self::Nifti(Box::new(template)))
    }

    fn grid(&self) -> Grid {
        match self {
            Self::Nifti(template) => template.grid,
            Self::Picture(grid) => *grid,
        }
    }

    fn ending(&self) -> &'static str {
        if matches!(self, Self::Nifti(_)) { ".nii.gz" } else { ".png" }
    }

    fn check_ending(&self, to: &Path) -> Result<(), ExportError> {
        let name = to.to_string_lossy().to_ascii_lowercase();
        let (fits, ending) = match self {
            Self::Nifti(_) => (name.ends_with(".nii") || name.ends_with(".nii.gz"), ".nii or .nii.gz"),
            Self::Picture(_) => (name.ends_with(".png"), ".png, for the image is a picture"),
        };
        if fits { Ok(()) } else { Err(ExportError::Ending { ending, path: to.to_owned() }) }
    }

    fn encoded(&self, values: &[u16], to: &Path) -> io::Result<Vec<u8>> {
        let stored = Stored::labels(values);
        match self {
            Self::Picture(grid) => files::picture_labels::encode(grid.shape, values, stored == Stored::U16),
            Self::Nifti(template) => {
                let mut bytes = template.bytes(stored);
                bytes.extend(template.voxels(values, stored));
                if to.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) { gzipped(&bytes) } else { Ok(bytes) }
            }
        }
    }
}

fn gzipped(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn check_free(source: &Item, to: &Path, overwrite: bool) -> Result<(), ExportError> {
    let same = matches!((source.path.canonicalize(), to.canonicalize()), (Ok(a), Ok(b)) if a == b);
    match to.symlink_metadata() {
        _ if same => Err(ExportError::IsSource(to.to_owned())),
        Ok(_) if !overwrite => Err(ExportError::Exists(to.to_owned())),
        _ => Ok(()),
    }
}

/// One label a voxel, from masks that share none.
fn merged(labels: &[(u16, &Mask)], grid: &Grid, source: &Item) -> Result<Vec<u16>, ExportError> {
    let mut values = vec![0; grid.len()];
    for (place, &(value, mask)) in labels.iter().enumerate() {
        if value == 0 || labels[..place].iter().any(|(other, _)| *other == value) {
            return Err(ExportError::Label(value));
        }
        if mask.shape() != grid.shape {
            return Err(ExportError::Shape { mask: mask.shape(), image: grid.shape, path: source.path.clone() });
        }
        if let Some(first) = mask.iter().map(|index| values[index]).find(|&other| other != 0) {
            let voxels = mask.iter().filter(|&index| values[index] == first).count();
            return Err(ExportError::Overlap { first, second: value, voxels });
        }
        mask.iter().for_each(|index| values[index] = value);
    }
    Ok(values)
}

fn sha256(values: &[u16]) -> String {
    let mut hasher = Sha256::new();
    for values in values.chunks(1 << 12) {
        hasher.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn compare(back: &LabelMap, grid: &Grid, sha256_before: &str) -> Result<(), &'static str> {
    // An Analyze source's affine is written with 32 bits a number; of all others it is the same bytes.
    const TOLERANCE_MM: f64 = 1e-3;
    if back.grid.shape != grid.shape {
        Err("shape")
    } else if !back.grid.matches(grid, TOLERANCE_MM) {
        Err("place")
    } else if sha256(&back.values) != sha256_before {
        Err("voxels")
    } else {
        Ok(())
    }
}

/// A file in the folder of `to` that goes when it is dropped.
fn beside(to: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".exemplar-").suffix(".part");
    // The default is for the owner's eyes only; an export is as readable as any file that the user saves.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(to))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn keep(file: tempfile::NamedTempFile, to: &Path, overwrite: bool) -> Result<(), ExportError> {
    let kept = if overwrite { file.persist(to) } else { file.persist_noclobber(to) };
    let kept = kept.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists(to.to_owned()),
        _ => ExportError::Write { error: failed.error, path: to.to_owned() },
    })?;
    // A renaming is safe only once its folder is on the disk; where a system cannot do that, the file itself is.
    let _ = kept.sync_all();
    #[cfg(unix)]
    let _ = std::fs::File::open(folder_of(to)).and_then(|folder| folder.sync_all());
    Ok(())
}
