//! The panes as pictures, letters and all. Look at each picture that changes: `UPDATE_SNAPSHOTS=1 cargo test -p viewer`.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail there")]

mod support;

use egui_kittest::{Harness, SnapshotOptions};
use imaging::{Convention, Grid, Image, Pixels, Shape, Sign, Tip, Volume};
use std::sync::Arc;
use support::{Stage, layer, mask_above, phantom, window};
use viewer::{Brush, Cover};

/// Compares with the committed picture. A few pixels may differ, for GPUs round an outline's corner differently;
/// anything flipped, moved or missing differs in thousands.
fn picture(mut window: Harness<'_, Stage>, name: &str) {
    window.snapshot_options(name, &SnapshotOptions::new().max_failed_pixels(10));
}

#[test]
fn three_planes() {
    let mut stage = Stage::new(phantom());
    stage.state.crosshair = [34.0, 34.0, 15.0];
    picture(window(stage, [640.0, 560.0]), "three_planes");
}

#[test]
fn three_planes_neurological() {
    let mut stage = Stage::new(phantom());
    stage.state.crosshair = [34.0, 34.0, 15.0];
    stage.behaviour.convention = Convention::Neurological;
    picture(window(stage, [640.0, 560.0]), "three_planes_neurological");
}

#[test]
fn masks_guesses_and_marks() {
    let image = phantom();
    let mut stage = Stage::new(image);
    let image = Arc::clone(stage.image.image());
    let mut guess = Volume::filled(image.grid, 0_u8);
    for (index, value) in guess.voxels.iter_mut().enumerate() {
        *value = (image.value(index) / 2.4) as u8;
    }
    stage.layers.list =
        vec![layer(Cover::Guess(Arc::new(guess)), [230, 159, 0]), layer(Cover::Mask(mask_above(&image, 900.0)), [0, 158, 115])];
    stage.state.crosshair = [34.0, 34.0, 15.0];
    stage.marks = vec![
        (Shape::Click { at: [20.0, 40.0, 15.0] }, Sign::Positive),
        (Shape::Click { at: [8.0, 18.0, 15.0] }, Sign::Negative),
        (Shape::spanning([28.0, 24.0, 15.0], [40.0, 40.0, 15.0]), Sign::Positive),
        (Shape::Doodle { points: vec![[10.0, 12.0, 15.0], [16.0, 16.0, 15.0], [24.0, 10.0, 15.0]], normal: 2 }, Sign::Positive),
        (Shape::Doodle { points: vec![[28.0, 12.0, 15.0], [36.0, 16.0, 15.0], [42.0, 24.0, 15.0]], normal: 2 }, Sign::Negative),
    ];
    picture(window(stage, [900.0, 760.0]), "masks_guesses_and_marks");
}

#[test]
fn a_colour_picture_with_the_brush() {
    let grid = Grid::new([60, 40, 1], imaging::Affine::IDENTITY);
    let colour = |index| {
        let [i, j, _] = grid.voxel(index);
        [(i * 4) as u8, (j * 6) as u8, if i > 40 && j < 10 { 255 } else { 40 }]
    };
    let pixels = Pixels::Rgb((0..grid.len()).map(colour).collect());
    let mut stage = Stage::new(Image { grid, pixels, is_picture: true, window: None, warnings: vec![] });
    stage.crosshair = false;
    stage.brush = Some(Brush { radius_mm: 5.0, tip: Tip::Ball, colour: [230, 159, 0], erases: false });
    let mut window = window(stage, [520.0, 320.0]);
    window.hover_at(egui::pos2(200.0, 120.0));
    window.run_steps(2);
    picture(window, "a_colour_picture_with_the_brush");
}

#[test]
fn voxels_without_a_value_are_background() {
    let mut image = phantom();
    if let Pixels::F32(voxels) = &mut image.pixels {
        voxels.iter_mut().enumerate().filter(|(index, _)| index % 48 < 20).for_each(|(_, v)| *v = f32::NAN);
    }
    let mut stage = Stage::new(image);
    stage.crosshair = false;
    picture(window(stage, [420.0, 420.0]), "voxels_without_a_value");
}

#[test]
fn layers_follow_what_the_app_sets() {
    let mut stage = Stage::new(phantom());
    stage.annotations = false;
    stage.state.crosshair = [34.0, 34.0, 15.0];
    let mut window = window(stage, [240.0, 240.0]);
    let mut drawn = |list| {
        window.state_mut().layers.list = list;
        window.run_steps(1);
        window.render().unwrap()
    };
    let [small, large] = [900.0, 300.0].map(|value| mask_above(&phantom(), value));
    let empty = drawn(vec![]);
    let first = drawn(vec![layer(Cover::Mask(Arc::clone(&small)), [255, 0, 0])]);
    let second = drawn(vec![layer(Cover::Mask(Arc::clone(&large)), [255, 0, 0])]);
    assert!(empty != first && first != second);
    assert!(second != drawn(vec![layer(Cover::Draft(large), [255, 0, 0])]), "a draft looks different from a mask");
    assert!(first == drawn(vec![layer(Cover::Mask(small), [255, 0, 0])]));
    assert!(empty == drawn(vec![]), "what was taken away is gone");
}
