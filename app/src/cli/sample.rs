//! `exemplar sample`: a small project made by the program itself, with its reference.

use super::{cells, phantom, told};
use anyhow::ensure;
use flate2::Compression;
use flate2::write::GzEncoder;
use imaging::{Grid, Pixels};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

/// What `sample` takes.
#[derive(clap::Args)]
#[command(after_help = "\
DIR/ct: 8 scans of one synthetic anatomy in 3-D, with liver, spleen, kidneys, lungs, aorta and gallbladder as reference
(one subject has no gallbladder). DIR/cells: 12 pictures of cells in colour, with their nuclei.
Both have images/, labels/ and labels.json. The sample is the same on every machine.")]
pub struct Arguments {
    /// The folder to write; it is made if need be.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Arguments {
    /// Writes the sample.
    pub fn run(self) -> anyhow::Result<()> {
        write(&self.folder)?;
        println!("The sample is in {}", self.folder.display());
        println!("To open it: exemplar {}", self.folder.join("ct/images").display());
        Ok(())
    }
}

/// Writes the sample into a folder, over an earlier one but over nothing else.
///
/// # Errors
/// Where the folder holds something else, or a file cannot be written.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    check_free(folder)?;
    for part in ["ct/images", "ct/labels", "cells/images", "cells/labels"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).map_err(told("the folder cannot be made", &part))?;
    }
    write_names(&folder.join("ct"), &phantom::STRUCTURES)?;
    write_names(&folder.join("cells"), &cells::STRUCTURES)?;
    for number in 0..cells::PICTURES {
        write_picture(folder, number)?;
    }
    in_parallel(phantom::SUBJECTS, |number| write_subject(folder, number))
}

/// A folder that has images in it but not this sample's is somebody's own.
fn check_free(folder: &Path) -> anyhow::Result<()> {
    let is_sample = folder.join("ct/labels.json").is_file() && folder.join("cells/labels.json").is_file();
    let is_used = ["ct", "cells"].iter().any(|part| folder.join(part).exists());
    ensure!(is_sample || !is_used, "the folder holds something else already: {}", folder.display());
    Ok(())
}

fn write_names(folder: &Path, structures: &[(&str, u8)]) -> anyhow::Result<()> {
    let names: BTreeMap<&str, u8> = structures.iter().copied().collect();
    let path = folder.join("labels.json");
    std::fs::write(&path, serde_json::to_string_pretty(&names)?).map_err(told("the names cannot be written", &path))
}

fn write_picture(folder: &Path, number: u64) -> anyhow::Result<()> {
    let (picture, labels) = cells::picture(number);
    let path = |part: &str| folder.join("cells").join(part).join(format!("cells-{:02}.png", number + 1));
    let (image_path, labels_path) = (path("images"), path("labels"));
    picture.save(&image_path).map_err(told("the picture cannot be written", &image_path))?;
    labels.save(&labels_path).map_err(told("the picture cannot be written", &labels_path))
}

fn write_subject(folder: &Path, number: u64) -> anyhow::Result<()> {
    let phantom::Subject { image, labels } = phantom::subject(number);
    let path = |part: &str| folder.join("ct").join(part).join(format!("subject-{:02}.nii.gz", number + 1));
    let Pixels::I16(voxels) = &image.pixels else { anyhow::bail!("a phantom has 16-bit voxels") };
    let bytes: Vec<u8> = voxels.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
    write_nifti(&path("images"), &image.grid, NIFTI_INT16, &bytes)?;
    write_nifti(&path("labels"), &labels.grid, NIFTI_UINT8, &labels.voxels)
}

/// Does numbered work on all processors; the first error ends it.
fn in_parallel(count: u64, work: impl Fn(u64) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(8) as u64;
    let share = |worker: u64| (worker..count).step_by(workers as usize).try_for_each(&work);
    thread::scope(|scope| {
        let share = &share;
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || share(worker))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the sample could not be made"))))
    })
}

/// NIfTI's code of a data type, and its bits.
type DataType = (i16, i16);
const NIFTI_INT16: DataType = (4, 16);
const NIFTI_UINT8: DataType = (2, 8);

/// Writes a volume as gzipped NIfTI-1, its place in the sform.
fn write_nifti(path: &Path, grid: &Grid, data_type: DataType, voxels: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = GzEncoder::new(std::fs::File::create(path)?, Compression::fast());
        file.write_all(&nifti_header(grid, data_type))?;
        file.write_all(voxels)?;
        file.finish()?.sync_all()
    };
    write().map_err(told("the volume cannot be written", path))
}

/// The header of NIfTI-1 (nifti1.h), little-endian, and the four bytes that say that nothing follows it.
fn nifti_header(grid: &Grid, (code, bits): DataType) -> [u8; 352] {
    let mut header = [0; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    put(40, &3_i16.to_le_bytes());
    for axis in 0..7 {
        let length = grid.shape.get(axis).map_or(1, |&n| n as i16);
        put(42 + 2 * axis, &length.to_le_bytes());
    }
    put(70, &code.to_le_bytes());
    put(72, &bits.to_le_bytes());
    put(76, &1_f32.to_le_bytes());
    for (axis, mm) in grid.spacing_mm().into_iter().enumerate() {
        put(80 + 4 * axis, &(mm as f32).to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    put(123, &[2]); // millimetres
    put(148, b"Synthetic phantom");
    put(254, &1_i16.to_le_bytes()); // sform: scanner coordinates
    for (at, value) in grid.world_from_voxel.0.iter().flatten().enumerate() {
        put(280 + 4 * at, &(*value as f32).to_le_bytes());
    }
    put(344, b"n+1\0");
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_read_back_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("ct/images")).unwrap();
        std::fs::create_dir_all(folder.path().join("ct/labels")).unwrap();
        write_subject(folder.path(), 2).unwrap();
        let subject = phantom::subject(2);
        let image = imaging::files::open(&folder.path().join("ct/images/subject-03.nii.gz")).unwrap();
        assert_eq!(image.pixels, subject.image.pixels);
        assert!(image.grid.matches(&subject.image.grid, 1e-3));
        assert!(image.warnings.is_empty(), "{:?}", image.warnings);
        let labels = imaging::files::open_labels(&folder.path().join("ct/labels/subject-03.nii.gz")).unwrap();
        assert_eq!(labels.values, subject.labels.voxels.iter().map(|&v| u16::from(v)).collect::<Vec<_>>());
    }

    #[test]
    fn a_folder_with_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("ct")).unwrap();
        assert!(write(folder.path()).unwrap_err().to_string().contains("something else"));
    }
}
