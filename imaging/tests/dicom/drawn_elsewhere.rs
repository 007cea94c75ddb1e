//! Segmentations that highdicom wrote: fractional ones as highdicom reads them itself, and ones on grids that are not
//! the image's, resampled as SimpleITK does it.

use crate::support::{ask, folder};
use imaging::files::dicom::structures;
use imaging::files::{self as formats, Fit, Structures, open_structures_on};
use imaging::{Grid, Item, Mask, Reduction};
use serde::Deserialize;
use std::path::Path;

/// A file that was written, and what is known of it.
#[derive(Deserialize)]
struct Record {
    file: String,
    segments: usize,
    /// Of a fractional one what its numbers mean.
    #[serde(default)]
    kind: String,
    /// Of another grid its voxels, and how far they lie apart.
    shape: Option<[usize; 3]>,
    spacing: Option<[f64; 3]>,
    /// Of contours how their planes lie.
    #[serde(default)]
    contours: String,
}

/// The files that highdicom wrote, and the image that they were drawn on.
fn written(out: &Path) -> Option<(Vec<Record>, Item, Grid)> {
    if !ask("make_dicom_segs.py", &[out]) {
        return None;
    }
    let records = std::fs::read_to_string(out.join("records.json")).expect("it was just written");
    let item = formats::items(&out.join("series")).expect("a series")[0].item.clone();
    let grid = formats::open_item(&item).expect("a readable series").grid;
    Some((serde_json::from_str(&records).expect("it was just written"), item, grid))
}

/// Checks that masks are those that the other program made.
fn compare(record: &Record, read: &Structures, out: &Path) {
    assert_eq!(read.list.len(), record.segments, "{}", record.file);
    for (number, named) in read.list.iter().enumerate() {
        let theirs = std::fs::read(out.join(format!("{}_{number}.u8", record.file))).expect("it was just written");
        let theirs = Mask::from_fn(named.mask.shape(), |index| theirs[index] != 0);
        let mut apart = theirs.clone();
        apart.subtract(&named.mask);
        assert_eq!(
            named.mask,
            theirs,
            "{} {number}: {} of {}, {}",
            record.file,
            apart.count(),
            theirs.count(),
            named.mask.count()
        );
        assert!(!theirs.is_empty(), "{} {number} says nothing", record.file);
    }
}

#[test]
fn segmentations_of_highdicom_are_read_as_it_reads_them_itself_and_resampled_as_simpleitk_does() {
    let out = folder();
    let Some((records, item, grid)) = written(out.path()) else { return };
    assert!(records.iter().any(|record| record.shape.is_some()) && records.iter().any(|record| !record.kind.is_empty()));
    for record in records.iter().filter(|record| record.contours.is_empty()) {
        let path = out.path().join(&record.file);
        let read = open_structures_on(&path.as_path().into(), &item, &grid).unwrap_or_else(|error| panic!("{error}"));
        let Some(shape) = record.shape else {
            assert_eq!((read.fit(&grid), read.warnings.len()), (Fit::Same, 1), "{}", record.file);
            let says = if record.kind == "PROBABILITY" { "how probable it is" } else { "how much of each voxel" };
            assert!(read.warnings[0].contains(says), "{:?}", read.warnings);
            compare(record, &read, out.path());
            continue;
        };
        assert_eq!(read.grid.shape, shape, "{}", record.file);
        let spacing = read.grid.spacing_mm();
        let wanted = record.spacing.expect("another grid says how far its voxels lie apart");
        assert!((0..3).all(|axis| (spacing[axis] - wanted[axis]).abs() < 1e-3), "{}: {spacing:?}", record.file);
        assert_ne!(read.fit(&grid), Fit::Same, "{} waits for consent", record.file);
        let mismatch = read.mismatch(&grid).expect("it is told");
        assert!(mismatch.contains("voxels, but"), "{mismatch}");
        assert!(read.warnings.len() == 1 && read.warnings[0].contains("not drawn on this image's grid"), "{:?}", read.warnings);
        compare(record, &read.resampled(&grid), out.path());
    }
}

#[test]
fn planes_of_contours_on_one_slice_do_not_undo_each_other() {
    let out = folder();
    let Some((records, item, grid)) = written(out.path()) else { return };
    for record in records.iter().filter(|record| !record.contours.is_empty()) {
        let read = structures(&out.path().join(&record.file), &item, &grid).unwrap_or_else(|error| panic!("{error}"));
        if record.contours == "fine" {
            assert!((read.grid.spacing_mm()[2] - 1.23).abs() < 1e-3 && read.fit(&grid) == Fit::Other, "{:?}", read.grid);
            assert!(read.warnings[0].contains("on planes 1.23 mm apart"), "{:?}", read.warnings);
            compare(record, &read.resampled(&grid), out.path());
        } else {
            assert!(read.fit(&grid) == Fit::Same && read.warnings.len() == 2, "{:?}", read.warnings);
            compare(record, &read, out.path());
        }
    }
}

#[test]
fn of_a_part_of_an_image_another_grid_waits_for_consent_too() {
    let out = folder();
    let Some((records, item, grid)) = written(out.path()) else { return };
    let record = records.iter().find(|record| record.file == "turned.dcm").expect("it was written");
    let path = out.path().join(&record.file);
    let whole = structures(&path, &item, &grid).expect("it is read").resampled(&grid);
    let part = item.clone().reduced(Reduction::within([3, 2, 1], [25, 20, 9]));
    let kept = formats::open_item(&part).expect("a part of it").grid;
    let read = structures(&path, &part, &kept).expect("it is read");
    assert_eq!(read.fit(&kept), Fit::Other);
    for (here, there) in read.resampled(&kept).list.iter().zip(&whole.list) {
        let cropped = Mask::from_fn(kept.shape, |index| {
            let [i, j, k] = kept.voxel(index);
            there.mask.get(grid.index([i + 3, j + 2, k + 1]))
        });
        assert!(here.mask == cropped && !cropped.is_empty());
    }
}

#[test]
fn frames_that_are_nowhere_near_the_image_are_refused() {
    let out = folder();
    let Some((records, item, _)) = written(out.path()) else { return };
    let record = records.iter().find(|record| record.file == "turned.dcm").expect("it was written");
    let mut grid = formats::open_item(&item).expect("a readable series").grid;
    grid.world_from_voxel.0[1][3] += 900.0;
    let far = out.path().join("far.nii");
    let error = structures(&out.path().join(&record.file), &far.into(), &grid).expect_err("it lies elsewhere");
    assert!(error.to_string().contains("none of its frames lies in this image"), "{error}");
}
