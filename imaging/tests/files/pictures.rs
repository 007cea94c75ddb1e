//! Pictures and pictures of labels.

use crate::make::folder;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use imaging::{Affine, Pixels, files};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn save(folder: &Path, name: &str, picture: impl Into<DynamicImage>) -> PathBuf {
    let path = folder.join(name);
    picture.into().save(&path).expect("a test's folder can be written");
    path
}

fn ramp() -> GrayImage {
    GrayImage::from_fn(5, 3, |x, y| Luma([(x + 10 * y) as u8]))
}

fn pixels(path: &Path) -> Pixels {
    files::open(path).expect("a sound picture opens").pixels
}

#[test]
fn grey_of_8_and_16_bits() {
    let folder = folder();
    for name in ["a.png", "a.bmp", "a.tif"] {
        let image = files::open(&save(folder.path(), name, ramp())).expect("a sound picture opens");
        assert_eq!((image.grid.shape, image.grid.world_from_voxel, image.is_picture), ([5, 3, 1], Affine::IDENTITY, true));
        assert_eq!(image.value(image.grid.index([4, 2, 0])), 24.0, "{name}");
        assert!(matches!(image.pixels, Pixels::I16(_)) && image.warnings.is_empty());
    }
    let deep = |top| ImageBuffer::<Luma<u16>, _>::from_fn(2, 1, |x, _| Luma([if x == 0 { 300 } else { top }]));
    assert_eq!(pixels(&save(folder.path(), "b.png", deep(32_767))), Pixels::I16(vec![300, 32_767]));
    assert_eq!(pixels(&save(folder.path(), "c.tiff", deep(65_535))), Pixels::F32(vec![300.0, 65_535.0]));
}

#[test]
fn colour_is_kept_and_grey_in_colours_clothes_is_grey() {
    let folder = folder();
    let colour = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 7, 9]));
    assert_eq!(pixels(&save(folder.path(), "a.png", colour)), Pixels::Rgb(vec![[0, 7, 9], [1, 7, 9]]));
    let grey = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8; 3]));
    assert_eq!(pixels(&save(folder.path(), "b.bmp", grey)), Pixels::I16(vec![0, 1]));
    let clear = RgbaImage::from_fn(1, 1, |_, _| Rgba([1, 2, 3, 4]));
    let image = files::open(&save(folder.path(), "c.png", clear)).expect("a sound picture opens");
    assert_eq!((image.pixels, image.warnings.len()), (Pixels::Rgb(vec![[1, 2, 3]]), 1));
}

#[test]
fn the_content_counts_not_the_ending() {
    let folder = folder();
    let path = folder.path().join("a.jpg");
    DynamicImage::from(ramp()).save_with_format(&path, ImageFormat::Png).expect("a test's folder can be written");
    assert_eq!(files::open(&path).expect("it is a PNG").grid.shape, [5, 3, 1]);
}

#[test]
fn every_truncation_of_a_png_is_an_error_and_none_panics() {
    let folder = folder();
    let whole = std::fs::read(save(folder.path(), "a.png", ramp())).expect("it was just written");
    let path = folder.path().join("b.png");
    for length in 1..whole.len() - 12 {
        std::fs::write(&path, &whole[..length]).expect("a test's folder can be written");
        assert!(files::open(&path).is_err(), "of {length} bytes");
        assert!(files::open_labels(&path).is_err(), "of {length} bytes");
    }
}

#[test]
fn a_jpeg_that_was_cut_short_is_not_filled_with_grey() {
    let folder = folder();
    let path = save(folder.path(), "a.jpg", ramp());
    assert!(files::open(&path).is_ok());
    let whole = std::fs::read(&path).expect("it was just written");
    for length in 3..whole.len() - 1 {
        std::fs::write(&path, &whole[..length]).expect("a test's folder can be written");
        assert!(files::open(&path).is_err(), "of {length} bytes");
    }
}

#[test]
fn a_png_that_declares_a_huge_picture_is_refused() {
    let folder = folder();
    let mut png = std::fs::read(save(folder.path(), "a.png", ramp())).expect("it was just written");
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let sum = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    let path = folder.path().join("b.png");
    std::fs::write(&path, png).expect("a test's folder can be written");
    for said in
        [files::open(&path).expect_err("too large").to_string(), files::open_labels(&path).expect_err("too large").to_string()]
    {
        assert!(said.starts_with("could not read the file: it is too large"), "{said}");
    }
}

#[test]
fn grey_labels_are_their_values() {
    let folder = folder();
    let labels = files::open_labels(&save(folder.path(), "a.png", ramp())).expect("grey values are labels");
    assert_eq!(labels.values_present(), [1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]);
    assert_eq!((labels.grid.shape, labels.colours.len()), ([5, 3, 1], 0));
}

#[test]
fn palette_labels_are_their_indices_of_any_depth() {
    let folder = folder();
    // 5 x 2 pixels of 2 bits: 0 1 2 3 1 / 3 2 1 0 2, each row padded to whole bytes.
    let rows = [0b00_01_10_11, 0b01_000000, 0b11_10_01_00, 0b10_000000];
    let path = folder.path().join("a.png");
    let mut encoder = png::Encoder::new(std::fs::File::create(&path).expect("writable"), 5, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(&[0, 0, 0, 9, 9, 9, 1, 2, 3, 200, 0, 0]);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows)).expect("a palette picture can be written");
    let labels = files::open_labels(&path).expect("indices are labels");
    assert_eq!(labels.values, [0, 1, 2, 3, 1, 3, 2, 1, 0, 2]);
}

#[test]
fn colours_are_numbered_in_order_and_alike_across_files() {
    let folder = folder();
    let of = |name, colours: [[u8; 3]; 3]| save(folder.path(), name, RgbImage::from_fn(3, 1, |x, _| Rgb(colours[x as usize])));
    let mut a = files::open_labels(&of("a.png", [[255, 0, 0], [0, 0, 0], [0, 0, 255]])).expect("colours are labels");
    let mut b = files::open_labels(&of("b.png", [[255, 0, 0], [0, 255, 0], [255, 0, 0]])).expect("colours are labels");
    assert_eq!((a.values.clone(), b.values.clone()), (vec![2, 0, 1], vec![2, 1, 2]));
    let mut table = Vec::new();
    a.number_by(&mut table);
    b.number_by(&mut table);
    assert_eq!(table, [[0, 0, 0], [0, 0, 255], [255, 0, 0], [0, 255, 0]]);
    assert_eq!((a.values, b.values), (vec![2, 0, 1], vec![2, 3, 2]));
}

#[test]
fn a_file_of_greys_alone_is_numbered_by_the_colours_that_they_are() {
    let folder = folder();
    let of = |name, colours: [[u8; 3]; 2]| save(folder.path(), name, RgbImage::from_fn(2, 1, |x, _| Rgb(colours[x as usize])));
    let mut table = vec![[0, 0, 0], [0, 0, 255], [128, 128, 128]];
    let mut greys = files::open_labels(&of("a.png", [[128; 3], [0; 3]])).expect("greys are labels");
    assert_eq!(greys.values, [128, 0]);
    greys.number_by(&mut table);
    assert_eq!((greys.values, greys.colours.len()), (vec![2, 0], 3));
    let mut numbers = files::open_labels(&of("b.png", [[2; 3], [1; 3]])).expect("numbers are labels");
    numbers.number_by(&mut table);
    assert_eq!((numbers.values, numbers.colours.len()), (vec![2, 1], 0), "no colours of the table");
}

#[test]
fn photographs_are_no_labels() {
    let folder = folder();
    let photo = RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8, y as u8, 7]));
    let said = files::open_labels(&save(folder.path(), "a.png", photo.clone())).expect_err("4096 colours").to_string();
    assert!(said.contains("photograph"), "{said}");
    let said = files::open_labels(&save(folder.path(), "b.jpg", photo)).expect_err("JPEG").to_string();
    assert!(said.contains("JPEG"), "{said}");
}

fn tiff<C: tiff::encoder::colortype::ColorType>(folder: &Path, pages: &[&[C::Inner]]) -> PathBuf
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let path = folder.join("a.tif");
    let mut encoder = tiff::encoder::TiffEncoder::new(std::fs::File::create(&path).expect("writable")).expect("a TIFF begins");
    for page in pages {
        encoder.write_image::<C>(page.len() as u32, 1, page).expect("a page can be written");
    }
    path
}

#[test]
fn tiff_of_any_grey_number_and_stacks() {
    use tiff::encoder::colortype::{Gray8, Gray32, Gray32Float, GrayI16, GrayI32};
    let folder = folder();
    assert_eq!(pixels(&tiff::<GrayI16>(folder.path(), &[&[-5, 7]])), Pixels::I16(vec![-5, 7]));
    assert_eq!(pixels(&tiff::<GrayI32>(folder.path(), &[&[-5, 70_000]])), Pixels::F32(vec![-5.0, 70_000.0]));
    assert_eq!(pixels(&tiff::<Gray32Float>(folder.path(), &[&[0.5, 2.0]])), Pixels::F32(vec![0.5, 2.0]));
    assert!(files::open_labels(&folder.path().join("a.tif")).expect_err("0.5 is no label").to_string().contains("0.5"));
    let labels = files::open_labels(&tiff::<Gray32>(folder.path(), &[&[0, 40_000]])).expect("whole numbers are labels");
    assert_eq!(labels.values, [0, 40_000]);
    let stack = files::open(&tiff::<Gray8>(folder.path(), &[&[1], &[2], &[3]])).expect_err("a stack is refused");
    assert!(stack.to_string().contains("it holds 3 volumes"), "{stack}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever stands in a picture's file, reading it ends in an image or in a sentence.
    #[test]
    fn no_picture_makes_the_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length: prop::sample::Index,
        cut: bool,
    ) {
        let folder = folder();
        let picture = RgbImage::from_fn(9, 7, |x, y| Rgb([(x * 20) as u8, (y * 30) as u8, 77]));
        for name in ["a.png", "a.jpg", "a.tif", "a.bmp"] {
            let path = save(folder.path(), name, picture.clone());
            let mut bytes = std::fs::read(&path).expect("it was just written");
            for (at, byte) in &changes {
                *at.get_mut(&mut bytes) = *byte;
            }
            bytes.truncate(if cut { length.index(bytes.len()) } else { bytes.len() });
            std::fs::write(&path, bytes).expect("a test's folder can be written");
            match files::open(&path) {
                Ok(image) => prop_assert!(!image.grid.is_empty()),
                Err(error) => prop_assert!(error.to_string().ends_with(name)),
            }
            let _ = files::open_labels(&path);
        }
    }
}
