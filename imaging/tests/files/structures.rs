//! Masks in and out as structures: names, colours, overlap, place; nnU-Net folders; what a file is.

use crate::make::{Maker, folder, write};
use imaging::export::{ExportError, Labelled, export_nnunet, export_slicer, mean_over};
use imaging::files::{self, Fit, Item, Part, Segment};
use imaging::{Grid, Mask};
use std::collections::BTreeMap;
use std::path::Path;

const SHAPE: [usize; 3] = [4, 3, 2];

fn source(folder: &Path) -> Item {
    let voxels: Vec<u8> = (0..24_i16).flat_map(|value| (value - 5).to_le_bytes()).collect();
    write(folder, "scan.nii.gz", &Maker::new(SHAPE, 4).file(&voxels)).into()
}

fn every(step: usize, from: usize) -> Mask {
    Mask::from_fn(SHAPE, |index| index % step == from)
}

#[test]
fn a_slicer_segmentation_keeps_names_colours_and_overlap() {
    let folder = folder();
    let source = source(folder.path());
    let segment = |name: &str, mask| Segment { name: name.to_owned(), colour: Some([255, 51, 0]), mask };
    let segments = [segment("liver: left\n", every(2, 0)), segment("tumour", every(3, 0)), segment("spleen", every(2, 1))];
    let to = folder.path().join("scan.seg.nrrd");
    let receipt = export_slicer(&source, &segments, &to, false).expect("a sound export");
    assert_eq!(receipt.measures.iter().map(|measure| measure.voxels).collect::<Vec<_>>(), [12, 8, 12]);
    let back = files::open_structures(&to.as_path().into()).expect("it reads back");
    assert_eq!(back.list[0], segment("liver: left", every(2, 0)));
    assert_eq!(back.list[1..], segments[1..]);
    assert_eq!(back.fit(&files::open_item(&source).expect("the source opens").grid), Fit::Same);
    assert!(matches!(export_slicer(&source, &segments, &to, false), Err(ExportError::Exists(_))));
    let wrong = export_slicer(&source, &segments, &folder.path().join("a.nii"), false);
    assert!(matches!(wrong, Err(ExportError::Ending { .. })));
}

#[test]
fn names_lie_beside_a_label_map() {
    let folder = folder();
    let labels = write(folder.path(), "seg.nii.gz", &Maker::new([3, 1, 1], 2).file(&[0, 1, 4]));
    let names = || {
        let read = files::open_structures(&labels.as_path().into()).expect("a label map opens");
        read.list.into_iter().map(|segment| segment.name).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["label 1", "label 4"]);
    write(folder.path(), "dataset.json", br#"{"labels": {"background": 0, "liver": 1, "spleen": 4}}"#);
    assert_eq!(names(), ["liver", "spleen"]);
    write(folder.path(), "seg.label", b"# ITK-SNAP\n4 1 2 3 1.0 1 1 \"kidney\"\n");
    assert_eq!(names(), ["label 1", "kidney"]);
    write(folder.path(), "seg.label", b"nonsense");
    assert_eq!(names(), ["label 1", "label 4"], "a file of names that cannot be understood costs only the names");
}

#[test]
fn a_mismatch_is_told_and_resampled_by_what_lies_nearest() {
    let folder = folder();
    let labels = write(folder.path(), "seg.nii", &Maker::new([2, 1, 1], 2).file(&[1, 2]));
    let read = files::open_structures(&labels.as_path().into()).expect("a label map opens");
    let mut moved = read.grid;
    moved.world_from_voxel.0[1][3] += 3.0;
    assert_eq!(read.fit(&moved), Fit::Elsewhere(3.0));
    assert!(read.mismatch(&moved).is_some_and(|said| said.contains("up to 3.0 mm away")));
    // Twice as fine along i, and one voxel longer than the labels reach.
    let mut finer = Grid::new([5, 1, 1], read.grid.world_from_voxel);
    finer.world_from_voxel.0[0][0] /= 2.0;
    finer.world_from_voxel.0[0][3] -= 0.5;
    assert_eq!(read.fit(&finer), Fit::Other);
    let resampled = read.resampled(&finer);
    let voxels = |at: usize| resampled.list[at].mask.iter().collect::<Vec<_>>();
    assert_eq!((voxels(0), voxels(1)), (vec![0, 1], vec![2, 3]));
}

#[test]
fn an_image_is_no_label_file() {
    let folder = folder();
    let voxels: Vec<u8> = (0..1000_u16).flat_map(u16::to_le_bytes).collect();
    let path = write(folder.path(), "a.nii", &Maker::new([10, 10, 10], 512).file(&voxels));
    let said = files::open_structures(&path.as_path().into()).expect_err("999 structures are none").to_string();
    assert!(said.contains("999 different values, as an image does"), "{said}");
}

#[test]
fn a_folder_for_nnunet_is_whole_or_not_there() {
    let folder = folder();
    let source = source(folder.path());
    let names = BTreeMap::from([(1, "liver".to_owned()), (2, "spleen".to_owned())]);
    let (one, other) = (every(3, 0), every(3, 1));
    let case = |masks| [Labelled { case: "scan", source: &source, masks }];
    let out = folder.path().join("Dataset001");
    export_nnunet(&case(vec![(1, &one), (2, &other)]), &names, &out, false).expect("a sound export");
    let image = files::open(&out.join("imagesTr/scan_0000.nii.gz")).expect("the image reads back");
    let original = files::open_item(&source).expect("the source opens");
    assert_eq!((image.pixels, image.grid), (original.pixels, original.grid));
    let labels = files::open_structures(&out.join("labelsTr/scan.nii.gz").as_path().into()).expect("the labels read back");
    let found: Vec<_> = labels.list.iter().map(|segment| (segment.name.as_str(), &segment.mask)).collect();
    assert_eq!(found, [("liver", &one), ("spleen", &other)], "their names are found in dataset.json above");
    assert!(matches!(export_nnunet(&case(vec![(1, &one)]), &names, &out, false), Err(ExportError::Exists(_))));
    let picture = folder.path().join("a.png");
    image::GrayImage::new(4, 3).save(&picture).expect("writable");
    let picture = Item::from(picture);
    let mixed = [Labelled { case: "a", source: &source, masks: vec![] }, Labelled { case: "b", source: &picture, masks: vec![] }];
    assert!(matches!(export_nnunet(&mixed, &names, &folder.path().join("2"), false), Err(ExportError::Mixed(_))));
}

#[test]
fn the_mean_over_a_mask_leaves_nan_out() {
    let folder = folder();
    let voxels: Vec<u8> = [1.0_f32, f32::NAN, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let image = files::open(&write(folder.path(), "a.nii", &Maker::new([3, 1, 1], 16).file(&voxels))).expect("it opens");
    assert_eq!(mean_over(&image, &Mask::from_fn([3, 1, 1], |_| true)), Some(2.5));
    assert_eq!(mean_over(&image, &Mask::empty([3, 1, 1])), None);
}

#[test]
fn what_a_file_is_can_be_told() {
    let folder = folder();
    let maker = Maker { slope: 2.0, inter: 1.0, ..Maker::new([3, 1, 1], 4) };
    let path = write(folder.path(), "a.nii.gz", &maker.file(&[0, 0, 5, 0, 255, 255]));
    let info = files::info(&path.as_path().into()).expect("a sound file is told");
    assert_eq!((info.min, info.max, info.mean), (Some(-1.0), Some(11.0), Some(11.0 / 3.0)));
    assert_eq!((info.shape, info.voxel_type.as_str(), info.orientation.as_str()), (vec![3, 1, 1], "int16", "RAS"));
    // python: sha256(numpy.array([1, 11, -1], "<f8").tobytes())
    let bytes: Vec<u8> = [1.0_f64, 11.0, -1.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    use sha2::Digest as _;
    let sum: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(info.sha256, sum);
    let series = Maker { dim: vec![4, 2, 1, 1, 3], ..Maker::new([1, 1, 1], 2) };
    let path = write(folder.path(), "b.nii", &series.file(&[1, 2, 3, 4, 5, 60]));
    let all = files::info(&path.as_path().into()).expect("all of them together");
    assert_eq!((all.shape, all.min, all.max), (vec![2, 1, 1, 3], Some(1.0), Some(60.0)));
    let one = files::info(&Item::new(path.clone(), Part::Volume(1))).expect("one of them");
    assert_eq!((one.shape, one.min, one.max), (vec![2, 1, 1], Some(3.0), Some(4.0)));
    assert!(files::info(&Item::new(path, Part::Volume(3))).is_err());
}

#[test]
fn thousands_of_segments_of_one_value_cost_one_pass() {
    let folder = folder();
    let mut file = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 200 200 100\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n\
        space: left-posterior-superior\nencoding: raw\n"
        .to_owned();
    for segment in 0..4_000 {
        file += &format!("Segment{segment}_ID:=a\nSegment{segment}_LabelValue:=1\nSegment{segment}_Layer:=0\n");
    }
    let voxels = vec![1; 200 * 200 * 100];
    let path = write(folder.path(), "a.seg.nrrd", &[file.as_bytes(), b"\n", &voxels].concat());
    let started = std::time::Instant::now();
    let read = files::open_structures(&path.as_path().into()).expect("a sound segmentation");
    assert_eq!(read.list.len(), 4_000);
    assert!(read.list.iter().all(|segment| segment.mask.get(0)), "each has the voxels of its value");
    let took = started.elapsed();
    assert!(took.as_secs() < 20, "it took {took:?}");
}
