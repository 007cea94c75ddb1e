//! Series made here slice by slice: their order, their volumes, their numbers, and what is said of uneven ones.

use crate::support::{element, folder};
use imaging::Image;
use imaging::files::{self as formats, ItemInfo};
use std::path::Path;

/// A slice of 2 x 2 pixels of 16 bits.
#[derive(Clone)]
struct Slice {
    position: [f64; 3],
    instance: i32,
    echo: Option<i32>,
    slope: &'static str,
    photometric: &'static str,
    stored: u16,
    pixels: [u16; 4],
}

impl Slice {
    fn at(z: f64, value: u16) -> Self {
        let pixels = [value, value + 1, value + 2, value + 3];
        Self { position: [0.0, 0.0, z], instance: 1, echo: None, slope: "1", photometric: "MONOCHROME2", stored: 12, pixels }
    }

    fn bytes(&self) -> Vec<u8> {
        let text = |tag, vr: &[u8; 2], text: &str| {
            let padded = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text} ") };
            element(tag, vr, padded.as_bytes())
        };
        let short = |tag, number: u16| element(tag, b"US", &number.to_le_bytes());
        let [x, y, z] = self.position;
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend(text([0x0002, 0x0010], b"UI", "1.2.840.10008.1.2.1\0"));
        file.extend(text(
            [0x0008, 0x0018],
            b"UI",
            &format!("1.2.3.{}", z.to_bits() ^ u64::from(self.pixels[0]) ^ (self.instance as u64) << 40),
        ));
        file.extend(text([0x0008, 0x0060], b"CS", "MR"));
        file.extend(text([0x0008, 0x103e], b"LO", "../made up <1>"));
        file.extend(text([0x0010, 0x0010], b"PN", "Doe^Jane"));
        if let Some(echo) = self.echo {
            file.extend(text([0x0018, 0x0086], b"IS", &echo.to_string()));
        }
        file.extend(text([0x0020, 0x000e], b"UI", "1.2.3.4"));
        file.extend(text([0x0020, 0x0011], b"IS", "7"));
        file.extend(text([0x0020, 0x0013], b"IS", &self.instance.to_string()));
        file.extend(text([0x0020, 0x0032], b"DS", &format!("{x}\\{y}\\{z}")));
        file.extend(text([0x0020, 0x0037], b"DS", "1\\0\\0\\0\\1\\0"));
        file.extend(short([0x0028, 0x0002], 1));
        file.extend(text([0x0028, 0x0004], b"CS", self.photometric));
        file.extend(short([0x0028, 0x0010], 2));
        file.extend(short([0x0028, 0x0011], 2));
        file.extend(text([0x0028, 0x0030], b"DS", "2\\0.5"));
        file.extend(short([0x0028, 0x0100], 16));
        file.extend(short([0x0028, 0x0101], self.stored));
        file.extend(short([0x0028, 0x0102], self.stored - 1));
        file.extend(short([0x0028, 0x0103], 0));
        file.extend(text([0x0028, 0x1050], b"DS", "100"));
        file.extend(text([0x0028, 0x1051], b"DS", "300"));
        file.extend(text([0x0028, 0x1052], b"DS", "-10"));
        file.extend(text([0x0028, 0x1053], b"DS", self.slope));
        file.extend(element(
            [0x7fe0, 0x0010],
            b"OW",
            &self.pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect::<Vec<_>>(),
        ));
        file
    }
}

fn series(folder: &Path, slices: &[Slice]) -> Vec<ItemInfo> {
    for (number, slice) in slices.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}")), slice.bytes()).expect("a test's folder can be written");
    }
    formats::items(folder).expect("a series")
}

fn only(slices: &[Slice]) -> Image {
    let home = folder();
    let items = series(home.path(), slices);
    assert_eq!(items.len(), 1, "{items:?}");
    formats::open_item(&items[0].item).expect("a readable series")
}

fn first_of_each(image: &Image) -> Vec<f32> {
    (0..image.grid.shape[2]).map(|k| image.value(image.grid.index([0, 0, k]))).collect()
}

#[test]
fn slices_are_sorted_by_place_and_not_by_number() {
    let slices: Vec<Slice> = [3.0, 0.0, 6.0].iter().zip([30, 10, 60]).map(|(&z, value)| Slice::at(z, value)).collect();
    let image = only(&slices);
    assert_eq!(first_of_each(&image), [0.0, 20.0, 50.0]);
    assert_eq!(image.grid.world_from_voxel.0, [[-0.5, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]]);
    assert_eq!(image.window, Some([300.0, 100.0]));
    assert!(image.warnings.is_empty(), "{:?}", image.warnings);
}

#[test]
fn a_case_is_named_after_its_series_and_not_its_patient() {
    let home = folder();
    let items = series(home.path(), &[Slice::at(0.0, 1), Slice::at(1.0, 1)]);
    assert_eq!(items[0].name, "7 .._made up _1_");
    assert!(!format!("{items:?}").contains("Doe"));
}

#[test]
fn echoes_are_volumes_of_their_own() {
    let home = folder();
    let slice = |z: f64, echo: i32| Slice { echo: Some(echo), instance: echo, ..Slice::at(z, 100 * echo as u16) };
    let items = series(home.path(), &[slice(0.0, 2), slice(0.0, 1), slice(2.0, 1), slice(2.0, 2)]);
    assert_eq!(items.iter().map(|info| info.title.as_str()).collect::<Vec<_>>(), ["echo 1", "echo 2"]);
    let values: Vec<Vec<f32>> =
        items.iter().map(|info| first_of_each(&formats::open_item(&info.item).expect("a readable volume"))).collect();
    assert_eq!(values, [[90.0, 90.0], [190.0, 190.0]]);
}

#[test]
fn slices_that_nothing_tells_apart_are_taken_by_turns() {
    let home = folder();
    let slice = |z: f64, instance: i32| Slice { instance, ..Slice::at(z, 10 * instance as u16) };
    let items = series(home.path(), &[slice(0.0, 3), slice(1.0, 4), slice(0.0, 1), slice(1.0, 2)]);
    assert_eq!(items.len(), 2);
    let first = formats::open_item(&items[0].item).expect("a readable volume");
    assert_eq!(first_of_each(&first), [0.0, 10.0]);
}

#[test]
fn what_is_missing_uneven_doubled_or_tilted_is_said() {
    let warned = |slices: &[Slice], words: &[&str]| {
        let image = only(slices);
        let all = image.warnings.join(" ");
        assert!(words.iter().all(|word| all.contains(word)), "{all}");
        image
    };
    let at = |places: &[f64]| places.iter().map(|&z| Slice::at(z, z as u16)).collect::<Vec<_>>();
    let gap = warned(&at(&[0.0, 2.0, 4.0, 10.0, 12.0]), &["missing", "2 between slices 3 and 4", "as if 3.00 mm apart"]);
    // Both ends lie where they are.
    assert_eq!(gap.grid.world_from_voxel.apply([0.0, 0.0, 4.0]), [0.0, 0.0, 12.0]);
    warned(&at(&[0.0, 2.0, 4.0, 7.0, 9.0]), &["unevenly", "2.00 to 3.00 mm", "after slices 3"]);
    let mut doubled = at(&[0.0, 2.0, 4.0, 6.0]);
    doubled.push(Slice { instance: 9, ..Slice::at(4.0, 99) });
    let image = warned(&doubled, &["1 slice lies where others do", "4.0 mm"]);
    assert_eq!(first_of_each(&image), [-10.0, -8.0, -6.0, -4.0]);
    let tilted: Vec<Slice> =
        (0..4).map(|k| Slice { position: [0.0, f64::from(k), f64::from(k) * 2.0], ..Slice::at(f64::from(k) * 2.0, 1) }).collect();
    let image = warned(&tilted, &["tilted by 26.6 degrees"]);
    assert_eq!(image.grid.world_from_voxel.column(2), [0.0, -1.0, 2.0], "the shear is kept");
}

#[test]
fn numbers_follow_each_slices_own_header() {
    let slopes = [Slice { slope: "2", ..Slice::at(0.0, 10) }, Slice { slope: "0.5", ..Slice::at(1.0, 10) }];
    assert_eq!(first_of_each(&only(&slopes)), [10.0, -5.0]);
    // Of twelve bits stored the other four are no part of the number, and small is bright where the header says so.
    let inverted = [Slice { photometric: "MONOCHROME1 ", ..Slice::at(0.0, 0xf000 + 95) }];
    let image = only(&inverted);
    assert_eq!(first_of_each(&image), [4000.0 - 10.0]);
    assert_eq!(image.window, Some([300.0, 4095.0 - 20.0 - 100.0]));
}

#[test]
fn a_lone_file_brings_its_siblings_and_no_others() {
    let above = folder();
    let home = above.path().join("case 1");
    std::fs::create_dir(&home).expect("a test's folder can be written");
    series(&home, &[Slice::at(0.0, 1), Slice::at(2.0, 3)]);
    std::fs::write(home.join("notes.txt"), "no image").expect("a test's folder can be written");
    let items = formats::items(&home.join("1")).expect("a series");
    assert_eq!((items.len(), items[0].shape), (1, [2, 2, 2]));
    assert_eq!(formats::list(&home).expect("a folder"), std::slice::from_ref(&home));
    assert_eq!(formats::list(above.path()).expect("a folder"), [home], "a folder of folders lists those with DICOM");
}
