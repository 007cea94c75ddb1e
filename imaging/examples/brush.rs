//! What a stroke of 500 points costs apart from drawing: each frame copies the mask, paints what is new of the stroke
//! and finds the box that changed, as the window does. `cargo run -p imaging --example brush` prints medians, 95th
//! percentiles and the ratio of a volume of 512 x 512 x 300 voxels to one of 128 x 128 x 75.

use imaging::brush::Brush;
use imaging::{Affine, Grid, Mask, Tip};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    for (name, tip) in [("disc of 6 mm", Tip::Disc { normal: 2 }), ("ball of 6 mm", Tip::Ball)] {
        // The first round warms caches up.
        let _ = frames([512, 512, 300], tip);
        let [large, small] = [[512, 512, 300], [128, 128, 75]].map(|shape| frames(shape, tip));
        println!(
            "{name}: 512x512x300 median {:.1} us, p95 {:.1} us; 128x128x75 median {:.1} us, p95 {:.1} us; ratio {:.2}",
            large[250],
            large[475],
            small[250],
            small[475],
            large[250] / small[250]
        );
    }
}

/// Microseconds of each frame, sorted. A third of the volume is in the mask before.
fn frames(shape: [usize; 3], tip: Tip) -> Vec<f64> {
    let grid = Grid::new(shape, Affine::from_spacing([0.8, 0.8, 1.5]));
    let mut mask = Arc::new(Mask::from_fn(shape, |index| index % 7 < 2 && index > grid.len() / 4));
    let middle = shape.map(|n| n as f32 / 2.0);
    let way: Vec<[f32; 3]> = (0..501)
        .map(|at| (at as f32 * 0.11, 8.0 + at as f32 * 0.08))
        .map(|(turn, radius)| [middle[0] + radius * turn.cos(), middle[1] + radius * turn.sin(), middle[2].floor()])
        .collect();
    let brush = Brush { grid: &grid, radius_mm: 6.0, tip };
    let mut times: Vec<f64> = (1..=500)
        .map(|drawn| {
            let start = Instant::now();
            let mut next = Mask::clone(&mask);
            brush.draw(&way[..=drawn], drawn, |run| next.set_run(run.start, run.end, true));
            let changed = mask.bounds_of_change(&next);
            mask = Arc::new(next);
            std::hint::black_box(changed);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}
