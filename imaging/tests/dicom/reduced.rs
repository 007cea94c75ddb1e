//! A part of a series: a box of it, or blocks of voxels as one, decoded slice by slice.

use crate::support::data;
use imaging::files::dicom::{self as series};
use imaging::{Image, Pixels, Reduction};

fn colours(image: &Image, index: usize) -> [f64; 3] {
    match &image.pixels {
        Pixels::Rgb(colours) => colours[index].map(f64::from),
        _ => [f64::from(image.value(index)); 3],
    }
}

/// The mean of the voxels of a block that are there, by the whole image.
fn mean(whole: &Image, first: [usize; 3], last: [usize; 3]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for k in first[2]..=last[2] {
        for j in first[1]..=last[1] {
            for i in first[0]..=last[0] {
                let voxel = colours(whole, whole.grid.index([i, j, k]));
                (0..3).for_each(|channel| sum[channel] += voxel[channel]);
                count += 1.0;
            }
        }
    }
    let rounded = !matches!(whole.pixels, Pixels::F32(_));
    sum.map(|sum| if rounded { (sum / count).round() } else { sum / count })
}

#[test]
fn what_is_kept_of_a_series_is_what_the_whole_holds_there() {
    let Some(data) = data() else { return };
    let (mut count, mut colour, mut real) = (0, 0, 0);
    for set in ["dcmqi_seg", "mr_hippocampus_crop", "ct_GE_dcm_qa", "mr_Siemens_mosaic_nih", "torchio_mr", "pydicom_data"] {
        let Ok(listing) = series::list(&data.join(set)) else { continue };
        for info in listing.items.iter().filter(|info| info.shape.iter().product::<usize>() < 4_000_000).take(12) {
            let Ok(whole) = series::open(&info.item) else { continue };
            let shape = whole.grid.shape;
            let [first, last] = [shape.map(|n| n / 4), shape.map(|n| (3 * n / 4).min(n - 1))];
            let whole_box = [first.map(|n| n as u32), last.map(|n| n as u32)];
            for reduction in [Reduction::every(2), Reduction { within: Some(whole_box), every: 3 }] {
                let kept = series::open(&info.item.clone().reduced(reduction)).expect("it opened whole");
                let [from, to] = if reduction.within.is_some() { [first, last] } else { [[0; 3], shape.map(|n| n - 1)] };
                let step: [usize; 3] = std::array::from_fn(|axis| (reduction.every as usize).min(to[axis] - from[axis] + 1));
                for index in (0..kept.grid.len()).step_by(7) {
                    let voxel = kept.grid.voxel(index);
                    let begin: [usize; 3] = std::array::from_fn(|axis| from[axis] + voxel[axis] * step[axis]);
                    let end = std::array::from_fn(|axis| (begin[axis] + step[axis] - 1).min(to[axis]));
                    let (ours, wanted) = (colours(&kept, index), mean(&whole, begin, end));
                    let close = |channel: usize| (ours[channel] - wanted[channel]).abs() <= 1e-5 * wanted[channel].abs();
                    assert!((0..3).all(close), "{} {reduction:?} at {voxel:?}: {ours:?} {wanted:?}", info.name);
                }
                let middle = std::array::from_fn(|axis| from[axis] as f64 + (step[axis] - 1) as f64 / 2.0);
                let (there, here) = (whole.grid.world_from_voxel.apply(middle), kept.grid.world_from_voxel.apply([0.0; 3]));
                assert!((0..3).all(|axis| (there[axis] - here[axis]).abs() < 1e-6), "{}: {there:?} {here:?}", info.name);
                assert_eq!(kept.window, whole.window);
            }
            count += 1;
            colour += usize::from(whole.is_colour());
            real += usize::from(matches!(whole.pixels, Pixels::F32(_)));
        }
    }
    println!("{count} series, {colour} in colour, {real} of real numbers");
    assert!(count > 15 && colour > 0 && real > 0, "{count} series, {colour} in colour, {real} of real numbers");
}
