//! Files that hold several images: listed, opened one by one, exported one by one.

use crate::make::{Maker, folder, write};
use imaging::export::export_nifti;
use imaging::files::{self, Fault, Item, Part};
use imaging::{Mask, Pixels};
use std::path::Path;

/// 2 x 2 x 1 voxels in `times` points of time and `channels` channels, each volume of its own number.
fn series(two: bool, big: bool, times: i64, channels: i64) -> Vec<u8> {
    let maker = Maker { two, big, dim: vec![5, 2, 2, 1, times, channels], ..Maker::new([1, 1, 1], 4) };
    let voxels = (0..times * channels).flat_map(|at| {
        let at = at as i16;
        [if big { at.to_be_bytes() } else { at.to_le_bytes() }; 4].concat()
    });
    maker.file(&voxels.collect::<Vec<_>>())
}

fn volume(path: &Path, at: u32) -> Item {
    Item::new(path, Part::Volume(at))
}

#[test]
fn each_volume_of_a_series_is_listed_and_opened_by_itself() {
    let folder = folder();
    for (name, two, big) in [("a.nii", false, false), ("b.nii.gz", true, true)] {
        let path = write(folder.path(), name, &series(two, big, 3, 2));
        let items = files::items(&path).expect("a sound file is listed");
        assert_eq!(items.len(), 6);
        assert_eq!(items[4].title, "time point 1, channel 1");
        assert_eq!((items[4].shape, &items[4].item.part), ([2, 2, 1], &Part::Volume(4)));
        for (at, item) in items.iter().enumerate() {
            let image = files::open_item(&item.item).expect("each of them opens");
            assert_eq!(image.pixels, Pixels::I16(vec![at as i16; 4]));
            let labels = files::open_labels_item(&item.item).expect("each of them may be labels");
            assert_eq!(labels.values, [at as u16; 4]);
        }
        assert!(matches!(files::open(&path).expect_err("which one?").fault, Fault::ManyVolumes(6)));
        let beyond = files::open_item(&volume(&path, 6)).expect_err("there are six").to_string();
        assert!(beyond.contains("it holds no part 6; it has volumes or pages 0 to 5"), "{beyond}");
    }
}

#[test]
fn an_ordinary_file_is_one_item_without_a_part() {
    let folder = folder();
    let path = write(folder.path(), "liver.nii", &Maker::new([3, 2, 1], 4).file(&[0; 12]));
    let items = files::items(&path).expect("a sound file is listed");
    assert_eq!((items.len(), items[0].name.as_str(), &items[0].item.part), (1, "liver", &Part::Only));
    assert!(files::open_item(&volume(&path, 0)).is_ok(), "the first of one is that one");
    assert!(files::open_item(&volume(&path, 1)).is_err());
    let uid = Item::new(path, Part::Series { uid: "1.2.3".to_owned(), volume: 0 });
    assert!(matches!(files::open_item(&uid).expect_err("it has no series").fault, Fault::NoSuchPart { .. }));
}

#[test]
fn a_mask_of_one_volume_is_a_file_of_one_volume() {
    let folder = folder();
    for (two, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let path = write(folder.path(), "a.nii", &series(two, big, 3, 2));
        let to = folder.path().join("mask.nii");
        let mask = Mask::from_fn([2, 2, 1], |index| index == 2);
        export_nifti(&volume(&path, 3), &[(1, &mask)], &to, true).expect("a sound export");
        assert_eq!(files::items(&to).expect("it is listed").len(), 1);
        assert_eq!(files::open_labels(&to).expect("it reads back").mask(1), mask);
        assert!(export_nifti(&path.as_path().into(), &[(1, &mask)], &to, true).is_err(), "which one?");
    }
}

#[test]
fn a_file_that_declares_volumes_it_cannot_hold_is_listed_by_nobody() {
    let folder = folder();
    let maker = Maker { two: true, dim: vec![4, 1, 1, 1, i64::MAX], ..Maker::new([1, 1, 1], 2) };
    let path = write(folder.path(), "a.nii", &maker.file(&[0; 8]));
    assert!(matches!(files::items(&path).expect_err("no list is that long").fault, Fault::TooLarge(_)));
    assert!(files::open_item(&volume(&path, u32::MAX)).is_err());
}

#[test]
fn the_pages_of_a_tiff_are_opened_one_by_one() {
    use tiff::encoder::{TiffEncoder, colortype};
    let folder = folder();
    let path = folder.path().join("a.tif");
    let mut encoder = TiffEncoder::new(std::fs::File::create(&path).expect("writable")).expect("a TIFF begins");
    encoder.write_image::<colortype::Gray8>(2, 1, &[1, 2]).expect("a page can be written");
    encoder.write_image::<colortype::RGB8>(1, 1, &[3, 4, 5]).expect("a page can be written");
    encoder.write_image::<colortype::Gray16>(1, 2, &[6, 700]).expect("a page can be written");
    let items = files::items(&path).expect("a sound file is listed");
    let shapes: Vec<_> = items.iter().map(|item| (item.title.as_str(), item.shape)).collect();
    assert_eq!(shapes, [("page 0", [2, 1, 1]), ("page 1", [1, 1, 1]), ("page 2", [1, 2, 1])]);
    let pixels = |at| files::open_item(&volume(&path, at)).expect("each page opens").pixels;
    assert_eq!(pixels(0), Pixels::I16(vec![1, 2]));
    assert_eq!(pixels(1), Pixels::Rgb(vec![[3, 4, 5]]));
    assert_eq!(pixels(2), Pixels::I16(vec![6, 700]));
    let mask = Mask::from_fn([1, 2, 1], |index| index == 1);
    let to = folder.path().join("mask.png");
    export_nifti(&volume(&path, 2), &[(1, &mask)], &to, true).expect("a sound export");
    assert_eq!(files::open_labels(&to).expect("it reads back").mask(1), mask);
}
