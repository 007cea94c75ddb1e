//! Parts of files and parts of images on the command line, with the real engine: what is opened is what was asked for,
//! and the mask lies where it lies.

use crate::make::{file, header};
use crate::propagate::{SAMPLE, lines};
use crate::run::{done, exemplar, refused, stderr, stdout, text};
use crate::shared::shared;
use imaging::Image;
use imaging::files::{LabelMap, Segment, Structures, items, open, open_labels, open_structures_on};
use std::fs;
use std::path::{Path, PathBuf};

/// Marks that hold a box around the sample's first liver, in its middle slice, in voxels of a part of its image.
fn marks(at: &Path, voxel_of: impl Fn([usize; 3]) -> [usize; 3]) -> PathBuf {
    let reference = open_labels(&SAMPLE.path().join("ct/labels/subject-01.nii.gz")).unwrap().mask(1);
    let [low, high] = reference.bounds().unwrap();
    let middle = (low[2] + high[2]) / 2;
    let corners = [[low[0], low[1], middle], [high[0], high[1], middle]].map(voxel_of);
    let structures = serde_json::json!([{ "name": "liver", "marks": [{ "box": corners }] }]);
    file(at, "marks.json", serde_json::json!({ "structures": structures }).to_string())
}

/// The sample's first scan, its liver found in less of it: the mask and the reference on the mask's grid.
fn segmented(work: &Path, marks: &Path, less: [&str; 2]) -> (LabelMap, f64) {
    let image = SAMPLE.path().join("ct/images/subject-01.nii.gz");
    let out = work.join("liver.nii.gz");
    let [option, value] = less;
    done(["segment", text(&image), option, value, "--prompts", text(marks), "--out", text(&out), "--device", "cpu"]);
    let found = open_labels(&out).unwrap();
    let reference = open_labels(&SAMPLE.path().join("ct/labels/subject-01.nii.gz")).unwrap();
    let liver = Segment { name: String::new(), colour: None, mask: reference.mask(1) };
    let liver = Structures { grid: reference.grid, list: vec![liver], warnings: Vec::new() }.resampled(&found.grid);
    let dice = found.mask(1).dice(&liver.list[0].mask);
    (found, dice)
}

#[test]
fn an_image_is_segmented_sampled_down() {
    let work = tempfile::tempdir().unwrap();
    let whole = open(&SAMPLE.path().join("ct/images/subject-01.nii.gz")).unwrap().grid;
    let marks = marks(work.path(), |voxel| voxel.map(|index| index / 2));
    let (found, dice) = segmented(work.path(), &marks, ["--every", "2"]);
    assert_eq!(found.grid.shape, whole.shape.map(|n| n.div_ceil(2)));
    let first = found.grid.world_from_voxel.apply([0.0; 3]);
    let middle = whole.world_from_voxel.apply([0.5; 3]);
    assert!(first.iter().zip(middle).all(|(a, b)| (a - b).abs() < 1e-3), "{first:?} is not {middle:?}");
    assert!(dice > 0.25, "Dice {dice}");
}

#[test]
fn a_box_of_an_image_is_segmented() {
    let work = tempfile::tempdir().unwrap();
    let whole = open(&SAMPLE.path().join("ct/images/subject-01.nii.gz")).unwrap().grid;
    let [x, y, z] = whole.shape.map(|n| n - 1);
    let corner = [3, 2, 1];
    let marks = marks(work.path(), |voxel| std::array::from_fn(|axis| voxel[axis] - corner[axis]));
    let (found, dice) = segmented(work.path(), &marks, ["--crop", &format!("3,2,1:{x},{y},{z}")]);
    assert_eq!(found.grid.shape, std::array::from_fn(|axis| whole.shape[axis] - corner[axis]));
    let first = found.grid.world_from_voxel.apply([0.0; 3]);
    let same = whole.world_from_voxel.apply(corner.map(|index| index as f64));
    assert!(first.iter().zip(same).all(|(a, b)| (a - b).abs() < 1e-3), "{first:?} is not {same:?}");
    assert!(dice > 0.25, "Dice {dice}");
}

/// The bytes of an image's voxels as 16-bit numbers.
fn voxels(image: &Image) -> Vec<u8> {
    (0..image.grid.len()).flat_map(|index| (image.value(index) as i16).to_le_bytes()).collect()
}

#[test]
fn an_example_is_a_part_of_a_file() {
    let work = tempfile::tempdir().unwrap();
    let scan = |name: &str| open(&SAMPLE.path().join(format!("ct/images/{name}.nii.gz"))).unwrap();
    let liver = open_labels(&SAMPLE.path().join("ct/labels/subject-01.nii.gz")).unwrap().mask(1);
    let (example, target) = (scan("subject-01"), scan("subject-02"));
    let shape = example.grid.shape.map(|n| n as i16);
    let [x, y, z] = shape;
    let labels: Vec<u8> = (0..example.grid.len()).flat_map(|index| i16::from(liver.get(index)).to_le_bytes()).collect();
    let nothing = vec![0; 2 * example.grid.len()];
    let one = |bytes: &[u8]| [&header(&shape, 4, 16), bytes].concat();
    let two = [&header(&[x, y, z, 2], 4, 16), nothing.as_slice(), &voxels(&example)].concat();
    for (folder, image) in [("plain", one(&voxels(&example))), ("series", two)] {
        file(work.path(), &format!("{folder}/images/a.nii"), image);
        file(work.path(), &format!("{folder}/labels/a.nii"), one(&labels));
    }
    let shape = target.grid.shape.map(|n| n as i16);
    file(work.path(), "targets/b.nii", [header(&shape, 4, 16), voxels(&target)].concat());

    let at = |name: &str| work.path().join(name);
    let propagate = |examples: &str, out: &str, part: &[&str]| {
        let (examples, targets, out) = (at(examples), at("targets"), at(out));
        let told = ["--examples", text(&examples), "--targets", text(&targets), "--out", text(&out), "--device", "cpu"];
        let arguments: Vec<String> = ["propagate"].iter().chain(&told).chain(part).map(|&word| word.to_owned()).collect();
        arguments
    };
    done(propagate("plain", "from-plain", &[]));
    refused(propagate("series", "from-none", &[]), "2 ");
    done(propagate("series", "from-series", &["--example-part", "1"]));
    let mask = |folder: &str| open_labels(&at(folder).join("b.nii.gz")).unwrap().mask(1);
    assert!(mask("from-plain").count() > 0);
    assert!(mask("from-plain") == mask("from-series"), "the same example gives the same mask");
}

#[test]
fn targets_from_dicom_get_dicom_segmentations() {
    let (Some(series), Some(known)) = (shared("dicom/mr_hippocampus_crop"), shared("hippocampus_mr")) else { return };
    let work = tempfile::tempdir().unwrap();
    let mut names: Vec<_> = fs::read_dir(known.join("images")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for (name, part) in names.iter().take(2).flat_map(|name| [(name, "images"), (name, "labels")]) {
        let bytes = fs::read(known.join(part).join(name)).unwrap();
        file(work.path(), &format!("examples/{part}/{}", name.to_string_lossy()), bytes);
    }
    for entry in fs::read_dir(&series).unwrap().map(|entry| entry.unwrap()) {
        let bytes = fs::read(entry.path()).unwrap();
        file(work.path(), &format!("targets/series/{}", entry.file_name().to_string_lossy()), bytes);
    }
    let at = |name: &str| work.path().join(name);
    let (examples, targets, out) = (at("examples"), at("targets"), at("out"));
    let told = ["--examples", text(&examples), "--targets", text(&targets), "--out", text(&out), "--device", "cpu"];
    let output = exemplar(["propagate", "--json", "--dicom-seg"].iter().chain(&told));
    assert!(output.status.success(), "{}", stderr(&output));
    let line = lines(&stdout(&output)).remove(0);
    let written = PathBuf::from(line["file"].as_str().unwrap());
    assert_eq!(written.extension().unwrap(), "dcm");
    let image = items(&targets.join("series")).unwrap().remove(0).item;
    let grid = imaging::files::open_item(&image).unwrap().grid;
    let read = open_structures_on(&written.into(), &image, &grid).unwrap();
    assert_eq!(read.grid, grid, "the segmentation lies on its image");
    for (found, told) in read.list.iter().zip(line["structures"].as_array().unwrap()) {
        assert_eq!(
            (found.name.as_str(), found.mask.count() as u64),
            (told["name"].as_str().unwrap(), told["voxels"].as_u64().unwrap())
        );
    }
    assert!(read.list.iter().any(|found| found.mask.count() > 100), "the hippocampus is there");
}
