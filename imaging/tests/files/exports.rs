//! Masks out: the source's header, and nothing half done.

use crate::make::{Maker, folder, write};
use imaging::export::{ExportError, Measure, Row, export_nifti, export_nifti_each, measures_csv};
use imaging::files::{self, Item};
use imaging::labels::Mask;
use std::path::Path;

const SHAPE: [usize; 3] = [4, 3, 2];

fn every(step: usize, from: usize) -> Mask {
    Mask::from_fn(SHAPE, |index| index % step == from)
}

fn source(folder: &Path, name: &str, maker: &Maker) -> Item {
    write(folder, name, &maker.file(&[0; 48])).into()
}

fn maker() -> Maker {
    Maker {
        qform: 3,
        quaternion: [0.1, 0.2, 0.3],
        units: 10,
        slope: 3.0,
        inter: 9.0,
        extension: [&32_i32.to_le_bytes()[..], &44_i32.to_le_bytes(), b"an extension of no kind.."].concat()[..32].to_vec(),
        ..Maker::new(SHAPE, 4)
    }
}

#[test]
fn only_what_speaks_of_voxels_changes_in_the_header() {
    let folder = folder();
    for two in [false, true] {
        let maker = Maker { two, ..maker() };
        let source = source(folder.path(), "a.nii", &maker);
        let to = folder.path().join("out.nii");
        let (one, other) = (every(3, 0), every(3, 1));
        let receipt = export_nifti(&source, &[(1, &one), (300, &other)], &to, true).expect("a sound export");
        let (before, after) = (maker.header(), std::fs::read(&to).expect("it was written"));
        let changed: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        let allowed = |at: &usize| {
            if two { (12..16).contains(at) || (176..192).contains(at) } else { (70..74).contains(at) || (112..120).contains(at) }
        };
        assert!(changed.iter().all(allowed), "{changed:?}");
        assert_eq!(after.len(), before.len() + 24 * 2);
        let back = files::open_labels(&to).expect("it reads back");
        assert_eq!((back.mask(1), back.mask(300)), (one, other));
        assert_eq!(
            receipt.measures,
            [Measure { value: 1, voxels: 8, ml: 8.0 * 0.024 }, Measure { value: 300, voxels: 8, ml: 8.0 * 0.024 }]
        );
        assert_eq!((receipt.shape, receipt.world_from_voxel), (SHAPE, imaging::Affine(maker.srow)));
    }
}

#[test]
fn big_endian_pairs_and_analyze_become_one_file_in_the_same_place() {
    let folder = folder();
    let pair = Maker {
        big: true,
        single: false,
        sform: 0,
        qform: 1,
        quaternion: [0.5, 0.5, 0.5],
        pixdim: [-1.0, 2.0, 3.0, 4.0],
        ..Maker::new(SHAPE, 4)
    };
    let mut analyze = pair.header();
    analyze.truncate(348);
    analyze[344..348].fill(0);
    analyze[252..256].fill(0);
    for (name, header) in [("pair", pair.header()), ("analyze", analyze)] {
        write(folder.path(), &format!("{name}.hdr"), &header);
        write(folder.path(), &format!("{name}.img"), &[0; 48]);
        let source = Item::from(folder.path().join(format!("{name}.img")));
        for (value, ending) in [(1, "nii"), (999, "nii.gz")] {
            let to = folder.path().join(format!("{name}{value}.{ending}"));
            let receipt = export_nifti(&source, &[(value, &every(5, 2))], &to, false).expect("a sound export");
            let back = files::open_labels(&to).expect("it reads back");
            assert!(back.grid.matches(&files::open_item(&source).expect("the source reads").grid, 1e-4), "{name}");
            assert_eq!((back.mask(value), receipt.measures[0].voxels), (every(5, 2), 5));
        }
    }
}

#[test]
fn pictures_get_png_labels() {
    let folder = folder();
    let picture = Item::from(folder.path().join("a.jpg"));
    image::RgbImage::new(5, 4).save(&picture.path).expect("a test's folder can be written");
    let mask = Mask::from_fn([5, 4, 1], |index| index == 7);
    for value in [1, 1000] {
        let to = folder.path().join("mask.png");
        export_nifti(&picture, &[(value, &mask)], &to, true).expect("a sound export");
        assert_eq!(files::open_labels(&to).expect("it reads back").mask(value), mask);
    }
    let wrong = export_nifti(&picture, &[(1, &mask)], &folder.path().join("mask.nii"), true);
    assert!(matches!(wrong, Err(ExportError::Ending { .. })));
}

#[test]
fn shared_voxels_are_refused_and_one_file_each_is_the_way_out() {
    let folder = folder();
    let source = source(folder.path(), "case 1.nii.gz", &maker());
    let (half, third) = (every(2, 0), every(3, 0));
    let both = export_nifti(&source, &[(1, &half), (2, &third)], &folder.path().join("out.nii"), false);
    assert!(matches!(both, Err(ExportError::Overlap { first: 1, second: 2, voxels: 4 })), "{both:?}");
    let receipts =
        export_nifti_each(&source, &[("left/right", &half), ("third", &third)], folder.path(), false).expect("a sound export");
    let names: Vec<_> = receipts.iter().map(|receipt| receipt.path.file_name().expect("a file has a name").to_owned()).collect();
    assert_eq!(names, ["case 1_left_right.nii.gz", "case 1_third.nii.gz"]);
    let again = export_nifti_each(&source, &[("new", &half), ("third", &third)], folder.path(), false);
    assert!(matches!(again, Err(ExportError::Exists(_))));
    assert!(!folder.path().join("case 1_new.nii.gz").exists(), "none is written where one cannot be");
    let same = export_nifti_each(&source, &[("a:b", &half), ("a?b", &third)], folder.path(), false);
    assert!(matches!(same, Err(ExportError::SameName(_))));
}

#[test]
fn what_fails_leaves_everything_as_it_was() {
    let folder = folder();
    let source = source(folder.path(), "a.nii", &maker());
    let there = write(folder.path(), "there.nii", b"older");
    let mask = every(2, 0);
    let small = Mask::empty([1, 1, 1]);
    let to = folder.path().join("out.nii");
    assert!(matches!(export_nifti(&source, &[(1, &mask)], &there, false), Err(ExportError::Exists(_))));
    assert!(matches!(export_nifti(&source, &[(1, &mask)], &source.path, true), Err(ExportError::IsSource(_))));
    assert!(matches!(export_nifti(&source, &[(1, &small)], &to, false), Err(ExportError::Shape { .. })));
    assert!(matches!(export_nifti(&source, &[(0, &mask)], &to, false), Err(ExportError::Label(0))));
    assert!(matches!(export_nifti(&source, &[(1, &mask), (1, &mask)], &to, false), Err(ExportError::Label(1))));
    let nowhere = export_nifti(&source, &[(1, &mask)], &folder.path().join("none/out.nii"), false);
    assert!(matches!(nowhere, Err(ExportError::Write { .. })));
    let gone = export_nifti(&folder.path().join("gone.nii").into(), &[(1, &mask)], &to, false);
    assert!(matches!(gone, Err(ExportError::Source(_))));
    assert_eq!(std::fs::read(&there).expect("it is there"), b"older");
    let left = std::fs::read_dir(folder.path()).expect("a folder can be listed").count();
    assert_eq!(left, 2, "no half file stays behind");
    export_nifti(&source, &[(1, &mask)], &there, true).expect("it may be replaced");
    assert_eq!(files::open_labels(&there).expect("it reads back").mask(1), mask);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_sentence() {
    let folder = folder();
    let source = source(folder.path(), "a.nii", &maker());
    let error =
        export_nifti(&source, &[(1, &every(2, 0))], Path::new("/proc/out.nii"), false).expect_err("nothing can be written there");
    assert!(error.to_string().starts_with("could not export: ") && error.to_string().ends_with("/proc/out.nii"), "{error}");
}

#[test]
fn the_table_of_volumes_quotes_what_must_be() {
    let measure = Measure { value: 1, voxels: 12, ml: 0.288 };
    let row = Row { case: "case 1".to_owned(), structure: "liver, \"left\"".to_owned(), measure, mean: Some(57.5) };
    let empty = Row { mean: None, ..row.clone() };
    assert_eq!(
        measures_csv(&[row, empty]),
        "case,structure,voxels,ml,mean_intensity\r\n\
         case 1,\"liver, \"\"left\"\"\",12,0.2880,57.5000\r\ncase 1,\"liver, \"\"left\"\"\",12,0.2880,\r\n"
    );
}
