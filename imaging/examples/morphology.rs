//! How long each mask tool takes on a volume of 512 x 512 x 300 voxels with a structure of about 7 % of it:
//! `cargo run -p imaging --example morphology`. Such operations run beside the window; this tells for how long.

use imaging::morphology::{Extent, Filter, Input, Logic, Operation, Within, unwatched};
use imaging::{Affine, Grid, Image, Mask, Pixels};
use std::sync::Arc;
use std::time::Instant;

const SHAPE: [usize; 3] = [512, 512, 300];

fn main() {
    let grid = Grid::new(SHAPE, Affine::from_spacing([0.8, 0.8, 1.5]));
    // A rough ellipsoid, brighter than its noisy ground.
    let inside = |index: usize| {
        let [i, j, k] = grid.voxel(index);
        let radius = |at: usize, middle: f32, reach: f32| ((at as f32 - middle) / reach).powi(2);
        let rough = ((i * 7 + j * 13 + k * 5) % 11) as f32 / 110.0;
        radius(i, 250.0, 140.0) + radius(j, 260.0, 120.0) + radius(k, 150.0, 80.0) < 1.0 - rough
    };
    let mask = Mask::from_fn(SHAPE, inside);
    let values = (0..grid.len()).map(|index| if mask.get(index) { 120 } else { (index * 7919 % 211) as i16 - 100 });
    let image = Image { grid, pixels: Pixels::I16(values.collect()), is_picture: false, window: None, warnings: Vec::new() };
    let sparse = Mask::from_fn(SHAPE, |index| mask.get(index) && grid.voxel(index)[2].is_multiple_of(10));
    let all_slices = Operation::Threshold { low: 100.0, high: 200.0, within: Within::Image };
    let flood =
        |extent| Operation::Flood { seed: [250, 260, 150], extent, tolerance: Some(15.0), stops_at_mask: false, erases: false };
    let empty = Mask::empty(SHAPE);
    for (name, operation, mask) in [
        ("threshold, whole image", all_slices, &empty),
        ("flood, volume", flood(Extent::Volume), &empty),
        ("flood, slice", flood(Extent::Slice { normal: 2 }), &empty),
        ("fill holes", Operation::FillHoles { normal: None }, &mask),
        ("fill holes in slices", Operation::FillHoles { normal: Some(2) }, &mask),
        ("fill between slices", Operation::FillBetween { normal: None }, &sparse),
        ("keep largest island", Operation::KeepLargest, &mask),
        ("median, 2 mm", Operation::Smooth { filter: Filter::Median, mm: 2.0, joint: false }, &mask),
        ("gaussian, 2 mm", Operation::Smooth { filter: Filter::Gaussian, mm: 2.0, joint: false }, &mask),
        ("grow, 3 mm", Operation::Grow(3.0), &mask),
        ("shrink, 3 mm", Operation::Shrink(3.0), &mask),
        ("open, 3 mm", Operation::Open(3.0), &mask),
        ("close, 3 mm", Operation::Close(3.0), &mask),
        ("copy slice", Operation::CopySlice { normal: 2, from: 150, to: 151 }, &mask),
        ("subtract", Operation::Combine(Logic::Subtract, Arc::new(sparse.clone())), &mask),
    ] {
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let start = Instant::now();
                let result = operation.run(Input { image: &image, mask, others: &[] }, &mut unwatched);
                assert!(result.is_ok(), "{name}: {result:?}");
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name}: median {:.3} s", times[1]);
    }
}
