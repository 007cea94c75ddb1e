//! Images of which only a part is kept: a box, or blocks of voxels as one. Their voxels and their place are those of
//! the whole image, worked out here in another way, and by nibabel and SimpleITK.

use crate::make::{Maker, folder, write};
use crate::outside::{ask, data};
use imaging::export::{export_nifti, export_slicer};
use imaging::files::{self, Fault, Fit, Item, NoRoom, Segment};
use imaging::{Image, Mask, Pixels, Reduction};
use std::path::{Path, PathBuf};

/// What is kept, worked out voxel by voxel from the whole image: block by block, and the mean of its numbers.
fn expected(whole: &Image, reduction: &Reduction) -> (Vec<[f64; 3]>, [usize; 3]) {
    let shape = whole.grid.shape;
    let [first, last] = reduction.within.unwrap_or([[0; 3], shape.map(|n| n as u32 - 1)]);
    let length: [usize; 3] = std::array::from_fn(|axis| (last[axis] - first[axis]) as usize + 1);
    let step = length.map(|n| (reduction.every as usize).min(n));
    let kept: [usize; 3] = std::array::from_fn(|axis| length[axis].div_ceil(step[axis]));
    let whole_numbers = matches!(whole.pixels, Pixels::I16(_) | Pixels::Rgb(_));
    let mut means = Vec::new();
    for block in 0..kept.iter().product() {
        let at = [block % kept[0], block / kept[0] % kept[1], block / (kept[0] * kept[1])];
        let range = |axis: usize| {
            let begin = first[axis] as usize + at[axis] * step[axis];
            begin..(begin + step[axis]).min(last[axis] as usize + 1)
        };
        let (mut sum, mut count) = ([0.0; 3], [0.0; 3]);
        for (k, j, i) in range(2).flat_map(|k| range(1).flat_map(move |j| range(0).map(move |i| (k, j, i)))) {
            let index = whole.grid.index([i, j, k]);
            let numbers = match &whole.pixels {
                Pixels::Rgb(colours) => colours[index].map(f64::from),
                _ => [f64::from(whole.value(index)); 3],
            };
            for channel in (0..3).filter(|&channel| !numbers[channel].is_nan()) {
                sum[channel] += numbers[channel];
                count[channel] += 1.0;
            }
        }
        let mean = |channel: usize| sum[channel] / count[channel];
        means.push([0, 1, 2].map(|channel| if whole_numbers { mean(channel).round() } else { mean(channel) }));
    }
    (means, kept)
}

/// Compares an image of which a part was kept with the whole one.
fn compare(item: &Item, whole: &Image) {
    let kept = files::open_item(item).unwrap_or_else(|error| panic!("{error}"));
    let (means, shape) = expected(whole, &item.reduction);
    assert_eq!(kept.grid.shape, shape, "{item:?}");
    // The whole image's numbers were rounded to 32 bits before their mean was taken.
    let finite = |index: usize| f64::from(whole.value(index)).abs();
    let greatest = (0..whole.grid.len()).map(finite).filter(|number| number.is_finite()).fold(0.0, f64::max);
    for (index, mean) in means.iter().enumerate() {
        let close = |a: f64, b: f64| a.is_nan() && b.is_nan() || a == b || (a - b).abs() <= 1e-6 * greatest;
        let numbers = match &kept.pixels {
            Pixels::Rgb(colours) => colours[index].map(f64::from),
            _ => [f64::from(kept.value(index)); 3],
        };
        assert!((0..3).all(|channel| close(numbers[channel], mean[channel])), "{item:?}: {numbers:?} {mean:?} at {index}");
    }
    assert!(kept.warnings.iter().any(|warning| warning.starts_with("It is ") && warning.contains(" voxels: ")), "{item:?}");
}

/// Ways to keep less of so many voxels: blocks, a box that touches no border, the box's blocks.
fn ways([i, j, k]: [usize; 3]) -> [Reduction; 4] {
    let inner = [i, j, k].map(|n| n as u32 / 4);
    let outer = [i, j, k].map(|n| (n as u32 * 3 / 4).max(n as u32 / 4));
    let within = Reduction::within(inner, outer);
    [Reduction::every(2), Reduction::every(3), within, Reduction { every: 2, ..within }]
}

fn volumes() -> Option<Vec<PathBuf>> {
    let data = data()?.join("odd_io");
    let wanted = ["elastix_mha", "fnndsc", "itksnap", "nibabel", "nifti_reader_js", "pyradiomics_nrrd"];
    let mut paths: Vec<PathBuf> = wanted
        .iter()
        .flat_map(|set| std::fs::read_dir(data.join(set)).expect("the data can be listed"))
        .map(|entry| entry.expect("the data can be listed").path())
        .filter(|path| files::is_supported(path) && path.metadata().is_ok_and(|about| about.len() < 1 << 20))
        .collect();
    paths.sort();
    Some(paths)
}

#[test]
fn what_is_kept_of_real_files_is_what_the_whole_holds_there() {
    let Some(paths) = volumes() else { return };
    let mut kinds = std::collections::BTreeMap::new();
    for path in paths {
        let Ok(items) = files::items(&path) else { continue };
        let Some(info) = items.last().filter(|info| !info.details.contains("picture")) else { continue };
        let Ok(whole) = files::open_item(&info.item) else { continue };
        if whole.grid.len() > 3_000_000 {
            continue;
        }
        for reduction in ways(whole.grid.shape) {
            compare(&info.item.clone().reduced(reduction), &whole);
        }
        *kinds.entry(info.format.clone()).or_insert(0) += 1;
    }
    println!("{kinds:?}");
    for format in ["NIfTI-1", "NIfTI-2", "NRRD", "MetaImage", "GIPL"] {
        assert!(kinds.contains_key(format), "{format} was not among them: {kinds:?}");
    }
}

#[test]
fn what_is_kept_of_real_files_lies_where_others_put_it() {
    let Some(paths) = volumes() else { return };
    let out = folder();
    let mut records = Vec::new();
    for path in paths {
        let Ok(items) = files::items(&path) else { continue };
        let [info] = &items[..] else { continue };
        if info.shape.iter().product::<usize>() > 3_000_000 || info.shape.contains(&1) {
            continue;
        }
        let [_, blocks, within, _] = ways(info.shape);
        for reduction in [blocks, within] {
            let Ok(kept) = files::open_item(&info.item.clone().reduced(reduction)) else { continue };
            let values: Vec<u8> = (0..kept.grid.len()).flat_map(|at| kept.value(at).to_le_bytes()).collect();
            let name = format!("{}.f32", records.len());
            if !kept.is_colour() {
                write(out.path(), &name, &values);
                records.push(serde_json::json!({
                    "path": path, "every": reduction.every, "within": reduction.within, "values": name,
                    "shape": kept.grid.shape, "affine": kept.grid.world_from_voxel.0,
                    "rounded": matches!(kept.pixels, Pixels::I16(_)),
                }));
            }
        }
    }
    assert!(records.len() > 40, "{} records", records.len());
    write(out.path(), "records.json", serde_json::json!(records).to_string().as_bytes());
    ask("check_reduced.py", out.path());
}

/// A volume whose voxel at `corner` is the only one that is not 0.
fn marked(folder: &Path, name: &str, corner: [usize; 3]) -> PathBuf {
    let shape = [20, 18, 12];
    let maker = Maker { srow: [[0.0, -2.0, 0.1, -5.0], [3.0, 0.0, 0.0, 7.0], [0.0, 0.3, 4.0, 11.0]], ..Maker::new(shape, 4) };
    let mut voxels = vec![0; 2 * shape.iter().product::<usize>()];
    voxels[2 * (corner[0] + shape[0] * (corner[1] + shape[1] * corner[2]))] = 64;
    write(folder, name, &maker.file(&voxels))
}

#[test]
fn a_mask_of_what_is_kept_is_written_where_it_lies() {
    let folder = folder();
    let corner = [16, 8, 4];
    let path = marked(folder.path(), "a.nii.gz", corner);
    let whole = files::open(&path).expect("it opens");
    for (number, reduction) in
        [Reduction::within([10, 8, 2], [19, 15, 9]), Reduction { within: Some([[10, 8, 2], [19, 15, 9]]), every: 2 }]
            .into_iter()
            .enumerate()
    {
        let item = Item::from(path.as_path()).reduced(reduction);
        let kept = files::open_item(&item).expect("it opens");
        let mask = Mask::from_fn(kept.grid.shape, |index| kept.value(index) > 0.0);
        assert_eq!(mask.count(), 1);
        let to = folder.path().join(format!("mask{number}.nii.gz"));
        export_nifti(&item, &[(1, &mask)], &to, false).expect("a sound export");
        let back = files::open_labels(&to).expect("it reads back");
        let at = back.grid.voxel(back.values.iter().position(|&value| value == 1).expect("one voxel is marked"));
        let middle = corner.map(|at| at as f64 + f64::from(reduction.every - 1) / 2.0);
        let (there, here) = (whole.grid.world_from_voxel.apply(middle), back.grid.world_from_voxel.apply(at.map(|at| at as f64)));
        assert!((0..3).all(|axis| (there[axis] - here[axis]).abs() < 1e-5), "{there:?} {here:?}");
        let slicer = folder.path().join(format!("mask{number}.seg.nrrd"));
        let segment = Segment { name: "corner".into(), colour: None, mask };
        let receipt = export_slicer(&item, &[segment], &slicer, false).expect("a sound export");
        assert_eq!(receipt.shape, kept.grid.shape);
    }
}

#[test]
fn labels_of_the_whole_image_lie_on_what_is_kept_of_it() {
    let folder = folder();
    let path = marked(folder.path(), "a.nii.gz", [5, 6, 7]);
    let labels = marked(folder.path(), "labels.nii", [5, 6, 7]);
    for reduction in [Reduction::within([4, 4, 4], [10, 10, 10]), Reduction::every(3)] {
        let item = Item::from(path.as_path()).reduced(reduction);
        let grid = files::open_item(&item).expect("it opens").grid;
        let structures = files::open_structures_on(&labels.as_path().into(), &item, &grid).expect("they are labels");
        assert_eq!(structures.fit(&grid), Fit::Same);
        // The middle of the blocks of three from 3, 6 and 6 on is 4, 7, 7: the label beside it is not seen.
        assert_eq!(structures.list.len(), usize::from(reduction.every == 1));
    }
}

#[test]
fn more_than_can_be_opened_is_told_before_it_is_read_and_a_box_of_it_opens() {
    let folder = folder();
    let maker = Maker { two: true, ..Maker::new([2048, 2048, 600], 2) };
    let path = write(folder.path(), "large.nii", &maker.header());
    // A file with holes: it has its length and takes no room.
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it can be written");
    file.set_len(maker.header().len() as u64 + 2048 * 2048 * 600).expect("a file may be long");
    let voxel = maker.header().len() as u64 + 70 + 2048 * (3 + 2048 * 2);
    std::os::unix::fs::FileExt::write_at(&file, &[9], voxel).expect("it can be written");
    let item = Item::from(path.as_path());
    let Fault::NoRoom(NoRoom { shape, need, every, .. }) = files::open_item(&item).expect_err("no image has so many").fault
    else {
        panic!("it is refused for its size");
    };
    assert_eq!((shape, need), ([2048, 2048, 600], 2 * 2048 * 2048 * 600));
    assert!(every >= 2, "{every}");
    let info = &files::items(&path).expect("it is listed all the same")[0];
    assert_eq!(files::lacking(info).map(|lack| lack.shape), Some(shape));
    let reduction = Reduction::within([64, 0, 1], [127, 15, 8]);
    let kept = files::open_item(&item.clone().reduced(reduction)).expect("a box of it opens");
    assert_eq!((kept.grid.shape, kept.value(kept.grid.index([6, 3, 1]))), ([64, 16, 8], 9.0));
    let mut info = info.clone();
    info.item.reduction = reduction;
    assert!(files::lacking(&info).is_none());
    assert!(files::info(&item.reduced(reduction)).expect("it is told").warnings[0].contains("64 x 16 x 8 of 2048 x 2048 x 600"));
}

#[test]
fn what_a_file_does_not_hold_cannot_be_kept() {
    let folder = folder();
    let path = marked(folder.path(), "a.nii", [1, 1, 1]);
    let open = |reduction| files::open_item(&Item::from(path.as_path()).reduced(reduction));
    let said = open(Reduction::within([0, 0, 0], [20, 1, 1])).expect_err("there are 20").to_string();
    assert!(said.contains("there is no box from voxel 0,0,0 to 20,1,1 in its 20 x 18 x 12 voxels"), "{said}");
    assert_eq!(open(Reduction::every(u32::MAX)).expect("one voxel").grid.shape, [1; 3]);
    let picture = write(folder.path(), "a.bmp", &bmp());
    assert!(files::open(&picture).is_ok());
    assert!(files::open_item(&Item::from(picture.as_path()).reduced(Reduction::every(2))).is_err());
}

/// A picture of two pixels.
fn bmp() -> Vec<u8> {
    let mut file = b"BM".to_vec();
    file.extend(62_u32.to_le_bytes());
    file.extend([0; 4]);
    for number in [54_u32, 40, 2, 1, 0x0018_0001, 0, 8, 0, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend([10, 20, 30, 40, 50, 60, 0, 0]);
    file
}
