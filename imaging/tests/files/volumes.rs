//! NIfTI: voxel types, byte orders, scaling, place.

use crate::make::{Maker, folder, gzipped, write};
use imaging::{Affine, Pixels, files};
use proptest::prelude::*;

/// Numbers that every type of 8 bits and more can hold.
const SMALL: [i8; 6] = [0, 1, 2, 3, 100, 127];

fn bytes_of(datatype: i16, big: bool, values: &[i8]) -> Vec<u8> {
    let number = |value: i8| {
        let mut bytes = match datatype {
            2 | 256 => value.to_le_bytes().to_vec(),
            4 | 512 => i16::from(value).to_le_bytes().to_vec(),
            8 | 768 => i32::from(value).to_le_bytes().to_vec(),
            16 => f32::from(value).to_le_bytes().to_vec(),
            64 => f64::from(value).to_le_bytes().to_vec(),
            _ => i64::from(value).to_le_bytes().to_vec(),
        };
        if big {
            bytes.reverse();
        }
        bytes
    };
    values.iter().flat_map(|&value| number(value)).collect()
}

#[test]
fn every_number_type_reads_in_both_orders_versions_and_gzipped() {
    let folder = folder();
    for datatype in [2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280] {
        for (two, big) in [(false, false), (false, true), (true, false), (true, true)] {
            let maker = Maker { two, big, ..Maker::new([3, 2, 1], datatype) };
            for name in ["a.nii", "a.nii.gz"] {
                let path = write(folder.path(), name, &maker.file(&bytes_of(datatype, big, &SMALL)));
                let image = files::open(&path).expect("a sound file opens");
                let whole = matches!(image.pixels, Pixels::I16(_));
                assert_eq!(whole, datatype != 16 && datatype != 64, "type {datatype}");
                assert_eq!((0..6).map(|n| image.value(n)).collect::<Vec<_>>(), SMALL.map(f32::from));
                assert_eq!(image.grid.shape, [3, 2, 1]);
                assert_eq!(image.grid.world_from_voxel, Affine(maker.srow));
                assert!(image.warnings.is_empty(), "{:?}", image.warnings);
            }
        }
    }
}

#[test]
fn whole_numbers_past_16_bits_become_f32() {
    let folder = folder();
    let voxels: Vec<u8> = [0_u16, 40_000].iter().flat_map(|value| value.to_le_bytes()).collect();
    let path = write(folder.path(), "a.nii", &Maker::new([2, 1, 1], 512).file(&voxels));
    assert_eq!(files::open(&path).expect("a sound file opens").pixels, Pixels::F32(vec![0.0, 40_000.0]));
}

#[test]
fn scaling_is_applied_and_a_slope_of_nought_is_none() {
    let folder = folder();
    let read = |slope, inter| {
        let maker = Maker { slope, inter, ..Maker::new([2, 1, 1], 2) };
        files::open(&write(folder.path(), "a.nii", &maker.file(&[0, 10]))).expect("a sound file opens").pixels
    };
    assert_eq!(read(0.0, 7.0), Pixels::I16(vec![0, 10]));
    assert_eq!(read(f64::NAN, f64::NAN), Pixels::I16(vec![0, 10]));
    assert_eq!(read(f64::INFINITY, 0.0), Pixels::I16(vec![0, 10]));
    assert_eq!(read(1.0, -1024.0), Pixels::I16(vec![-1024, -1014]), "whole scaling keeps whole numbers");
    assert_eq!(read(0.5, 1.0), Pixels::F32(vec![1.0, 6.0]));
    assert_eq!(read(10_000.0, 0.0), Pixels::F32(vec![0.0, 100_000.0]));
}

#[test]
fn colours_and_their_transparency() {
    let folder = folder();
    let rgb = write(folder.path(), "a.nii", &Maker::new([2, 1, 1], 128).file(&[1, 2, 3, 4, 5, 6]));
    let rgba = write(folder.path(), "b.nii", &Maker::new([2, 1, 1], 2304).file(&[1, 2, 3, 9, 4, 5, 6, 9]));
    for path in [rgb, rgba] {
        assert_eq!(files::open(&path).expect("a sound file opens").pixels, Pixels::Rgb(vec![[1, 2, 3], [4, 5, 6]]));
    }
}

#[test]
fn qform_follows_sform_and_bare_spacing_both() {
    let folder = folder();
    let place = |maker: &Maker| {
        files::open(&write(folder.path(), "a.nii", &maker.file(&[0; 6]))).expect("a sound file opens").grid.world_from_voxel
    };
    let half = std::f64::consts::FRAC_1_SQRT_2;
    // A quarter turn about z (b = c = 0), the third axis turned over by qfac.
    let mut maker = Maker {
        pixdim: [-1.0, 2.0, 3.0, 4.0],
        qform: 1,
        quaternion: [0.0, 0.0, half],
        offset: [5.0, 6.0, 7.0],
        ..Maker::new([3, 2, 1], 2)
    };
    assert_eq!(place(&maker), Affine(maker.srow), "the sform comes first");
    maker.sform = 0;
    let near = |a: Affine, b: [[f64; 4]; 3]| a.0.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(near(place(&maker), [[0.0, -3.0, 0.0, 5.0], [2.0, 0.0, 0.0, 6.0], [0.0, 0.0, -4.0, 7.0]]));
    maker.qform = 0;
    assert!(near(place(&maker), [[-2.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, -1.5], [0.0, 0.0, 4.0, 0.0]]));
}

#[test]
fn a_place_that_is_no_place_is_passed_over_with_a_word() {
    let folder = folder();
    for bad in [f64::NAN, f64::INFINITY, 0.0] {
        let mut maker = Maker::new([3, 2, 1], 2);
        maker.srow[1] = [bad; 4];
        let image = files::open(&write(folder.path(), "a.nii", &maker.file(&[0; 6]))).expect("the voxels are sound");
        assert!(image.grid.world_from_voxel.is_valid());
        assert_eq!(image.warnings.len(), 1, "{:?}", image.warnings);
    }
}

#[test]
fn micrometres_become_millimetres() {
    let folder = folder();
    let maker = Maker { units: 3, ..Maker::new([3, 2, 1], 2) };
    let image = files::open(&write(folder.path(), "a.nii", &maker.file(&[0; 6]))).expect("a sound file opens");
    assert!((image.grid.spacing_mm()[0] - 0.002).abs() < 1e-12);
}

#[test]
fn pairs_read_from_either_half() {
    let folder = folder();
    let maker = Maker { single: false, ..Maker::new([3, 2, 1], 2) };
    write(folder.path(), "a.hdr", &maker.header());
    write(folder.path(), "a.img", &[1, 2, 3, 4, 5, 6]);
    write(folder.path(), "b.hdr.gz", &maker.header());
    write(folder.path(), "b.img.gz", &[1, 2, 3, 4, 5, 6]);
    for name in ["a.hdr", "a.img", "b.hdr.gz", "b.img.gz"] {
        let image = files::open(&folder.path().join(name)).expect("a sound pair opens");
        assert_eq!(image.pixels, Pixels::I16(vec![1, 2, 3, 4, 5, 6]), "{name}");
    }
}

#[test]
fn trailing_ones_are_one_volume() {
    let folder = folder();
    let maker = Maker { dim: vec![7, 3, 2, 1, 1, 1, 1, 1], ..Maker::new([3, 2, 1], 2) };
    assert!(files::open(&write(folder.path(), "a.nii", &maker.file(&[0; 6]))).is_ok());
    let flat = Maker { dim: vec![2, 3, 2, 0, -1], ..maker };
    let image = files::open(&write(folder.path(), "b.nii", &flat.file(&[0; 6]))).expect("what lies beyond dim[0] does not count");
    assert_eq!(image.grid.shape, [3, 2, 1]);
}

#[test]
fn nan_is_kept_and_counted() {
    let folder = folder();
    let voxels: Vec<u8> = [1.0, f32::NAN, f32::INFINITY].iter().flat_map(|value| value.to_le_bytes()).collect();
    let image = files::open(&write(folder.path(), "a.nii", &Maker::new([3, 1, 1], 16).file(&voxels))).expect("NaN is no fault");
    assert!(image.value(1).is_nan());
    assert_eq!(
        image.warnings,
        ["1 of its 3 voxels hold no number (NaN).", "1 of its 3 voxels are infinite, or too large for 32 bits."]
    );
}

#[test]
fn extensions_are_passed_over_and_gzip_members_joined() {
    let folder = folder();
    let maker = Maker { extension: [&32_i32.to_le_bytes()[..], &[7; 28]].concat(), ..Maker::new([3, 2, 1], 2) };
    let whole = maker.file(&[1, 2, 3, 4, 5, 6]);
    let members = [gzipped(&whole[..100]), gzipped(&whole[100..]), vec![0; 512]].concat();
    let path = folder.path().join("a.nii.gz");
    std::fs::write(&path, members).expect("a test's folder can be written");
    assert_eq!(files::open(&path).expect("gzip reads it too").pixels, Pixels::I16(vec![1, 2, 3, 4, 5, 6]));
}

#[test]
fn analyze_is_centred_with_i_to_the_left() {
    let folder = folder();
    let mut header = Maker { single: false, pixdim: [0.0, 2.0, 3.0, 4.0], sform: 0, ..Maker::new([3, 2, 1], 2) }.header();
    header.truncate(348);
    header[344..348].fill(0);
    write(folder.path(), "a.hdr", &header);
    write(folder.path(), "a.img", &[0; 6]);
    let image = files::open(&folder.path().join("a.hdr")).expect("Analyze opens");
    assert_eq!(image.grid.world_from_voxel, Affine([[-2.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, -1.5], [0.0, 0.0, 4.0, 0.0]]));
}

#[test]
fn labels_are_whole_numbers() {
    let folder = folder();
    let path = write(folder.path(), "a.nii.gz", &Maker { slope: 2.0, ..Maker::new([3, 1, 1], 2) }.file(&[0, 3, 1]));
    let labels = files::open_labels(&path).expect("whole numbers are labels");
    assert_eq!((labels.values_present(), labels.mask(6).count(), labels.foreground().count()), (vec![2, 6], 1, 2));
    let path = write(folder.path(), "b.nii", &Maker { slope: 0.5, ..Maker::new([3, 1, 1], 2) }.file(&[0, 3, 1]));
    let error = files::open_labels(&path).expect_err("1.5 is no label");
    assert!(error.to_string().contains("1.5"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in a header, reading it ends in an image or in a sentence.
    #[test]
    fn no_header_makes_the_reader_panic(changes in prop::collection::vec((0_usize..556, any::<u8>()), 1..12), two: bool, length in 0_usize..600) {
        let folder = folder();
        let mut file = Maker { two, ..Maker::new([3, 2, 1], 4) }.file(&[0; 12]);
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        file.truncate(file.len().saturating_sub(length % 64));
        for name in ["a.nii", "a.nii.gz", "a.hdr"] {
            let path = write(folder.path(), name, &file);
            match files::open(&path) {
                Ok(image) => prop_assert!(image.grid.world_from_voxel.is_valid() && image.grid.len() <= 24),
                Err(error) => prop_assert!(error.to_string().ends_with(name)),
            }
            let _ = files::open_labels(&path);
        }
    }
}
