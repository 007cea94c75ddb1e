//! TIFFs whose pages are the slices of one volume.

use crate::make::folder;
use crate::outside::ask;
use imaging::export::{ending, export_nifti};
use imaging::files::{self, Fault, Fit, Item, open_structures_on};
use imaging::{Grid, Image, Mask, Part, Reduction};
use serde::Deserialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{Gray8, Gray16, Gray32Float, RGB8};

/// A file of pages of 5 x 3 pixels.
fn pages<const N: usize>(path: &Path, count: u8) -> PathBuf {
    let mut encoder = TiffEncoder::new(File::create(path).expect("writable")).expect("a TIFF begins");
    for page in 0..count {
        let values: Vec<u8> = (0..15 * N as u8).map(|at| at + 20 * page).collect();
        let written =
            if N == 3 { encoder.write_image::<RGB8>(5, 3, &values) } else { encoder.write_image::<Gray8>(5, 3, &values) };
        written.expect("a page can be written");
    }
    path.to_owned()
}

fn open(path: &Path, reduction: Reduction) -> Image {
    files::open_item(&Item::new(path, Part::Stack).reduced(reduction)).unwrap_or_else(|error| panic!("{error}"))
}

fn values(image: &Image) -> Vec<f64> {
    (0..image.grid.len()).map(|at| f64::from(image.value(at))).collect()
}

/// What Pillow wrote, and how far voxels of it are apart.
#[derive(Deserialize)]
struct Records {
    shape: [usize; 3],
    stacks: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    spacing: [f64; 3],
    warnings: usize,
}

#[test]
fn a_stack_is_what_pillow_reads_of_its_pages() {
    let out = folder();
    ask("make_stacks.py", out.path());
    let Ok(records) = std::fs::read_to_string(out.path().join("records.json")) else { return };
    let Records { shape, stacks } = serde_json::from_str(&records).expect("it was just written");
    assert!(!stacks.is_empty());
    for Record { name, spacing, warnings } in stacks {
        let path = out.path().join(format!("{name}.tif"));
        let image = open(&path, Reduction::default());
        let theirs = std::fs::read(path.with_extension("f64")).expect("it was just written");
        let theirs: Vec<f64> = theirs.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        assert_eq!((image.grid.shape, values(&image)), (shape, theirs), "{name}");
        let found = image.grid.spacing_mm();
        assert!((0..3).all(|axis| (found[axis] / spacing[axis] - 1.0).abs() < 1e-6), "{name}: {found:?}");
        assert_eq!(image.warnings.len(), warnings, "{name}: {:?}", image.warnings);
        assert!(!image.is_picture);
        let info = files::stack(&path).expect("it is sound").expect("it is a stack");
        assert_eq!(
            (info.shape, &info.item, info.title.as_str()),
            (shape, &Item::new(path, Part::Stack), "all 7 pages as one volume")
        );
        assert_eq!(info.name, name);
    }
}

#[test]
fn a_stack_lies_as_the_itk_family_has_it_and_its_pages_can_still_be_opened() {
    let folder = folder();
    let path = pages::<1>(&folder.path().join("a.tif"), 4);
    let image = open(&path, Reduction::default());
    assert_eq!(image.grid.shape, [5, 3, 4]);
    assert_eq!(image.grid.world_from_voxel.apply([1.0, 2.0, 3.0]), [-1.0, -2.0, 3.0]);
    assert_eq!(image.value(image.grid.index([4, 2, 3])), 74.0);
    let items = files::items(&path).expect("it is listed");
    assert_eq!(items.len(), 4, "the pages");
    assert_eq!(files::open_item(&items[3].item).expect("a page opens").value(14), 74.0);
    let info = files::info(&Item::new(path, Part::Stack)).expect("it is told");
    assert_eq!((info.shape, info.max, info.voxel_type.as_str()), (vec![5, 3, 4], Some(74.0), "uint8"));
}

#[test]
fn pages_that_differ_are_no_stack() {
    let folder = folder();
    let colour = pages::<3>(&folder.path().join("colour.tif"), 2);
    let single = pages::<1>(&folder.path().join("single.tif"), 1);
    let [sizes, kinds] = ["sizes.tif", "kinds.tif"].map(|name| folder.path().join(name));
    let begun = |path: &Path| {
        let mut encoder = TiffEncoder::new(File::create(path).expect("writable")).expect("a TIFF begins");
        encoder.write_image::<Gray16>(2, 1, &[1, 2]).expect("a page can be written");
        encoder
    };
    begun(&sizes).write_image::<Gray16>(1, 2, &[3, 4]).expect("a page can be written");
    begun(&kinds).write_image::<Gray32Float>(2, 1, &[0.5, 1.5]).expect("a page can be written");
    for path in [&colour, &single, &sizes, &kinds] {
        assert_eq!(files::stack(path).expect("it is sound"), None, "{}", path.display());
        assert!(files::open_item(&Item::new(path, Part::Stack)).is_err(), "{}", path.display());
    }
    let refused = files::open_item(&Item::new(&colour, Part::Stack)).expect_err("it is in colour").to_string();
    assert!(refused.contains("no slices of one volume"), "{refused}");
    let other = folder.path().join("a.png");
    image::GrayImage::new(2, 2).save(&other).expect("a test's folder can be written");
    assert_eq!(files::stack(&other).expect("it is sound"), None);
    assert!(matches!(files::open_item(&Item::new(&other, Part::Stack)).expect_err("PNG").fault, Fault::NoSuchPart { .. }));
}

#[test]
fn a_part_of_a_stack_is_what_the_whole_holds_there() {
    let folder = folder();
    let path = pages::<1>(&folder.path().join("a.tif"), 9);
    let whole = open(&path, Reduction::default());
    let cropped = Reduction::within([1, 0, 2], [3, 1, 7]);
    for reduction in [cropped, Reduction::every(2), Reduction { every: 3, ..cropped }] {
        let part = open(&path, reduction);
        assert_eq!(part.grid, reduction.grid(&whole.grid).expect("the box lies in it"));
        let every = reduction.every as usize;
        let [first, last] = reduction.within.unwrap_or([[0; 3], [4, 2, 8]]).map(|at| at.map(|at| at as usize));
        for index in 0..part.grid.len() {
            let at = part.grid.voxel(index);
            // An axis shorter than a block is one block.
            let block = |axis: usize| {
                let step = every.min(last[axis] - first[axis] + 1);
                let from = first[axis] + at[axis] * step;
                from..(from + step).min(last[axis] + 1)
            };
            let block: Vec<f64> = block(2)
                .flat_map(|k| block(1).flat_map(move |j| block(0).map(move |i| [i, j, k])))
                .map(|voxel| f64::from(whole.value(whole.grid.index(voxel))))
                .collect();
            let mean = (block.iter().sum::<f64>() / block.len() as f64).round();
            assert_eq!(f64::from(part.value(index)), mean, "{reduction:?} {at:?}");
        }
        assert!(part.warnings.iter().any(|warning| warning.contains("of 5 x 3 x 9 voxels")), "{:?}", part.warnings);
    }
}

#[test]
fn masks_of_a_stack_are_written_as_a_volume_and_read_of_one_as_a_stack() {
    let folder = folder();
    let source = Item::new(pages::<1>(&folder.path().join("a.tif"), 4), Part::Stack);
    let grid: Grid = open(&source.path, Reduction::default()).grid;
    let mask = Mask::from_fn(grid.shape, |at| at % 7 == 2);
    assert_eq!(ending(&source).expect("it can be read"), ".nii.gz");
    let receipt = export_nifti(&source, &[(3, &mask)], &folder.path().join("mask.nii.gz"), false).expect("a sound export");
    assert_eq!((receipt.shape, receipt.measures[0].voxels), (grid.shape, mask.count()));
    let labels = folder.path().join("labels.tif");
    let mut encoder = TiffEncoder::new(File::create(&labels).expect("writable")).expect("a TIFF begins");
    for page in 0..4 {
        let values: Vec<u8> = (0..15).map(|at| 3 * u8::from(mask.get(at + 15 * page))).collect();
        encoder.write_image::<Gray8>(5, 3, &values).expect("a page can be written");
    }
    for file in [&labels, &receipt.path] {
        let read = open_structures_on(&file.as_path().into(), &source, &grid).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.fit(&grid), Fit::Same);
        assert_eq!((read.list.len(), &read.list[0].mask), (1, &mask));
    }
    let reduced = source.clone().reduced(Reduction::every(3));
    let kept = files::open_item(&reduced).expect("a part of it").grid;
    let read = open_structures_on(&labels.as_path().into(), &reduced, &kept).expect("a part of it");
    let middle = |axis: usize, at: usize| (3 * at + 1).min(grid.shape[axis] - 1);
    let wanted = Mask::from_fn(kept.shape, |at| {
        let [i, j, k] = kept.voxel(at);
        mask.get(grid.index([middle(0, i), middle(1, j), middle(2, k)]))
    });
    assert_eq!((read.fit(&kept), &read.list[0].mask), (Fit::Same, &wanted));
}

#[test]
fn many_pages_of_one_strip_are_more_than_the_file_can_hold() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    // Pages of 4096 x 4096 pixels that all name the same strip of some bytes.
    let mut bytes = b"II\x2a\0\x08\0\0\0".to_vec();
    let count = 40_u32;
    for page in 0..count {
        let tags: [(u16, u16, u32); 8] =
            [(256, 3, 4096), (257, 3, 4096), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 8), (278, 3, 4096), (279, 4, 64)];
        bytes.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, value) in tags {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        let next = if page + 1 < count { bytes.len() as u32 + 4 } else { 0 };
        bytes.extend(next.to_le_bytes());
    }
    std::fs::write(&path, bytes).expect("a test's folder can be written");
    let said = files::open_item(&Item::new(&path, Part::Stack)).expect_err("640 MB of some kilobytes").to_string();
    assert!(said.contains("more voxels than so small a file can hold"), "{said}");
    assert!(files::stack(&path).is_err());
}
