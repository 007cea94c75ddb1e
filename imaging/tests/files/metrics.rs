//! Dice and distances of surfaces, compared with SimpleITK on blobs of many spacings and on real labels.

use crate::make::{folder, write};
use crate::outside::{ask, data};
use imaging::files::open_labels;
use imaging::metrics::SurfaceDistances;
use imaging::random::Random;
use imaging::{Affine, Grid, Mask};
use serde_json::{Value, json};
use std::path::Path;

const TOLERANCE_MM: f64 = 2.0;

/// Balls and boxes at random, from edge to edge.
fn blobs(grid: &Grid, random: &mut Random, count: usize) -> Mask {
    let spacing = grid.spacing_mm();
    let mut balls = Vec::new();
    for _ in 0..count {
        let centre: [f64; 3] = std::array::from_fn(|axis| random.below(grid.shape[axis]) as f64);
        balls.push((centre, f64::from(random.between(2.0, 9.0))));
    }
    Mask::from_fn(grid.shape, |at| {
        let voxel = grid.voxel(at);
        balls.iter().any(|(centre, radius)| {
            let squared: f64 = (0..3).map(|axis| ((voxel[axis] as f64 - centre[axis]) * spacing[axis]).powi(2)).sum();
            squared <= radius * radius
        })
    })
}

/// Writes two masks and what is said of them.
fn record(folder: &Path, name: &str, grid: &Grid, a: &Mask, b: &Mask) -> Value {
    for (which, mask) in [("a", a), ("b", b)] {
        let voxels: Vec<u8> = (0..mask.len()).map(|at| u8::from(mask.get(at))).collect();
        write(folder, &format!("{name}_{which}.u8"), &voxels);
    }
    let surfaces = SurfaceDistances::between(grid, a, b);
    json!({
        "name": name,
        "shape": grid.shape,
        "spacing": grid.spacing_mm(),
        "tolerance_mm": TOLERANCE_MM,
        "dice": a.dice(b),
        "hausdorff95_mm": surfaces.hausdorff95_mm(),
        "surface_dice": surfaces.dice_within(TOLERANCE_MM),
    })
}

#[test]
fn distances_of_surfaces_are_simpleitks() {
    let folder = folder();
    let mut random = Random::new(11);
    let mut records = Vec::new();
    for (number, spacing) in
        [[1.0, 1.0, 1.0], [0.7, 0.7, 3.0], [2.5, 1.0, 0.4], [0.1, 0.2, 1.5], [3.0, 2.0, 1.0]].into_iter().enumerate()
    {
        let grid = Grid::new([29 - number, 18 + number, 15], Affine::from_spacing(spacing));
        let (a, b) = (blobs(&grid, &mut random, 4), blobs(&grid, &mut random, 3));
        records.push(record(folder.path(), &format!("blobs{number}"), &grid, &a, &b));
    }
    if let Some(data) = data() {
        // Two parts of a hippocampus, and one against the whole.
        let labels = open_labels(&data.join("hippocampus_mr/labels/hippocampus_001.nii.gz")).expect("a label map");
        let (one, other, whole) = (labels.mask(1), labels.mask(2), labels.foreground());
        records.push(record(folder.path(), "parts", &labels.grid, &one, &other));
        records.push(record(folder.path(), "whole", &labels.grid, &one, &whole));
    }
    write(folder.path(), "metrics.json", json!(records).to_string().as_bytes());
    ask("check_metrics.py", folder.path());
}
