//! Bad files: each ends in one clear sentence, soon, with little memory.

use crate::make::{Maker, folder, gzipped, write};
use imaging::Grid;
use imaging::files::{self, Fault};
use std::path::Path;

fn sentence(path: &Path) -> String {
    let image = files::open(path).expect_err("this file cannot be opened").to_string();
    let labels = files::open_labels(path).expect_err("nor can its labels").to_string();
    assert_eq!(image, labels);
    assert!(image.ends_with(&path.display().to_string()), "the path is last: {image}");
    image.trim_end_matches(&path.display().to_string()).trim_end_matches(": ").to_owned()
}

fn made(name: &str, bytes: &[u8]) -> String {
    let folder = folder();
    sentence(&write(folder.path(), name, bytes))
}

#[test]
fn what_is_no_image_says_what_it_is() {
    let text = "this is a note, not an image\n".repeat(30);
    assert_eq!(made("a.nii", text.as_bytes()), "could not read the file: it is a text file, not an image");
    assert_eq!(made("b.nii.gz", text.as_bytes()), "could not read the file: it is a text file, not an image");
    assert_eq!(made("c.png", b"x"), "could not read the file: it is a text file, not an image");
    assert!(made("a.nii", b"<!DOCTYPE html><html>404</html>").contains("download that failed"));
    assert!(made("a.nii", &[7; 4000]).contains("none of the formats that can be opened"));
    assert_eq!(made("a.nii", b""), "could not read the file: it is empty");
    assert_eq!(made("a.png", b""), "could not read the file: it is empty");
    let folder = folder();
    assert!(sentence(folder.path()).contains("it is a folder"));
    assert!(sentence(&folder.path().join("none.nii")).contains("there is no such file"));
}

#[test]
fn truncated_files_say_how_far_they_go() {
    let whole = Maker::new([10, 10, 10], 4).file(&vec![1; 2000]);
    assert_eq!(
        made("a.nii", &whole[..352 + 501]),
        "could not read the file: the file ends after 250 of 1000 voxels; copy or download it again"
    );
    assert!(made("a.nii", &whole[..200]).contains("ends within its header"));
    let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let gz = gzipped(&Maker::new([10, 10, 10], 512).file(&noise));
    let folder = folder();
    let path = folder.path().join("a.nii.gz");
    for length in [gz.len() / 2, gz.len() - 9, gz.len() - 4] {
        std::fs::write(&path, &gz[..length]).expect("a test's folder can be written");
        let said = sentence(&path);
        assert!(said.contains("the file ends after") || said.contains("too early"), "{said}");
    }
}

#[test]
fn a_flipped_bit_in_gzip_is_found() {
    let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut gz = gzipped(&Maker::new([10, 10, 10], 512).file(&noise));
    let at = gz.len() - 300;
    gz[at] ^= 16;
    let folder = folder();
    let path = folder.path().join("a.nii.gz");
    std::fs::write(&path, &gz).expect("a test's folder can be written");
    assert!(files::open(&path).is_err());
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for dim in [vec![3, 0, 5, 7], vec![3, -4, 5, 7], vec![2, 4, 0]] {
        let said = made("a.nii", &Maker { dim, ..Maker::new([1, 1, 1], 4) }.file(&[0; 64]));
        assert!(said.contains("its header declares an image of"), "{said}");
    }
    for rank in [0, 8, 200, -1] {
        for two in [false, true] {
            let said = made("a.nii", &Maker { two, dim: vec![rank, 2, 2, 2], ..Maker::new([1, 1, 1], 4) }.file(&[0; 64]));
            assert!(said.contains("dimensions"), "{said}");
        }
    }
    let overflowing = Maker { two: true, dim: vec![3, i64::MAX, i64::MAX, i64::MAX], ..Maker::new([1, 1, 1], 4) };
    assert!(made("a.nii", &overflowing.file(&[])).contains("too large"));
    let volumes = Maker { two: true, dim: vec![7, 1, 1, 1, i64::MAX, i64::MAX, 3, 3], ..Maker::new([1, 1, 1], 4) };
    assert!(made("a.nii", &volumes.file(&[])).contains("its header declares an image of"));
}

#[test]
fn a_header_that_declares_32_gb_costs_nothing() {
    let huge = Maker { two: true, ..Maker::new([2048, 2048, 500], 64) };
    assert!(made("a.nii", &huge.header()).contains("the file ends after 0 of 2097152000 voxels"));
    assert!(made("a.nii.gz", &huge.header()).contains("more than so small a file can hold"));
    let larger = Maker { dim: vec![3, 4096, 4096, 4096], ..huge };
    assert!(made("a.nii", &larger.header()).contains("the file ends after 0 of 68719476736 voxels"));
}

#[test]
fn a_gzip_bomb_is_refused_before_it_goes_off() {
    // 8 MB of zeros behind a header that declares 2 GB: the compressed size alone tells that this cannot be.
    let bomb = [Maker { two: true, ..Maker::new([1024, 1024, 2000], 2) }.header(), vec![0; 8 << 20]].concat();
    assert!(made("a.nii.gz", &bomb).contains("more than so small a file can hold"));
    // More than is declared is left where it is.
    let folder = folder();
    let longer = [Maker::new([2, 2, 2], 2).file(&[0; 8]), vec![0; 8 << 20]].concat();
    assert!(files::open(&write(folder.path(), "a.nii.gz", &longer)).is_ok());
}

#[test]
fn several_volumes_are_counted() {
    let maker = Maker { dim: vec![5, 2, 2, 2, 3, 4], ..Maker::new([1, 1, 1], 2) };
    assert!(made("a.nii", &maker.file(&[0; 96])).contains("it holds 12 volumes"));
}

#[test]
fn types_that_are_not_read_are_named() {
    for (code, word) in [(32, "complex"), (1792, "complex"), (1536, "128-bit"), (1, "single bits"), (77, "does not exist")] {
        let said = made("a.nii", &Maker::new([1, 1, 1], code).file(&[0; 64]));
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_half_without_the_other_says_so() {
    let maker = Maker { single: false, ..Maker::new([3, 2, 1], 2) };
    assert!(made("a.hdr", &maker.header()).contains("the other half of the pair, *.img, is missing"));
    assert!(made("a.img", &[0; 6]).contains("*.hdr, is missing"));
}

#[test]
fn a_first_voxel_that_cannot_be_is_put_right() {
    let folder = folder();
    for at in [f64::NAN, f64::INFINITY, -8.0, 17.0] {
        let maker = Maker { voxels_at: Some(at), ..Maker::new([2, 1, 1], 2) };
        let image = files::open(&write(folder.path(), "a.nii", &maker.file(&[5, 6]))).expect("the voxels are where they belong");
        assert_eq!((image.value(0), image.value(1), image.warnings.len()), (5.0, 6.0, 1));
    }
    let far = Maker { voxels_at: Some(1e14), ..Maker::new([2, 1, 1], 2) };
    assert!(made("a.nii", &far.file(&[5, 6])).contains("the file ends after 0 of 2 voxels"));
}

#[test]
fn a_mask_of_another_shape_names_both() {
    let folder = folder();
    let path = write(folder.path(), "a.nii", &Maker::new([3, 2, 1], 2).file(&[0; 6]));
    let mut labels = files::open_labels(&path).expect("a sound file opens");
    let other = Grid::new([4, 2, 1], labels.grid.world_from_voxel);
    let error = labels.check_grid(&other, &path).expect_err("the shapes differ");
    assert!(matches!(error.fault, Fault::GridMismatch { image: [4, 2, 1], mask: [3, 2, 1] }));
    assert!(
        error.to_string().starts_with("could not read the file: the mask has 3 x 2 x 1 voxels, but the image has 4 x 2 x 1: ")
    );
    let mut elsewhere = labels.grid;
    assert!(labels.check_grid(&elsewhere, &path).is_ok() && labels.warnings.is_empty());
    elsewhere.world_from_voxel.0[0][3] += 30.0;
    assert!(labels.check_grid(&elsewhere, &path).is_ok() && labels.warnings.len() == 1);
}
