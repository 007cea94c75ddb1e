//! Left must be left: the panes as pixels, for many ways of storing the same anatomy.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail there")]

mod support;

use imaging::{Affine, Convention, Grid, Image, Plane, Volume};
use support::{Stage, stored_as, window};

/// One bright voxel at the patient's right, front and top of an anisotropic volume.
fn corner() -> Image {
    let grid = Grid::new([12, 10, 9], Affine::from_spacing([1.0, 1.5, 3.0]));
    let mut volume = Volume::filled(grid, 0.0);
    volume.voxels[grid.index([11, 9, 8])] = 100.0;
    Image::grey(volume)
}

fn stage(image: Image) -> Stage {
    let bright = (0..image.grid.len()).find(|&index| image.value(index) > 50.0).unwrap();
    let voxel = image.grid.voxel(bright).map(|v| v as f32);
    let mut stage = Stage::new(image);
    stage.state.crosshair = voxel;
    stage.crosshair = false;
    stage.annotations = false;
    stage
}

/// Middle of the bright pixels within a rectangle, as shares of its size.
fn bright_at(picture: &image::RgbaImage, rect: egui::Rect) -> [f32; 2] {
    let bright = picture
        .enumerate_pixels()
        .filter(|(x, y, pixel)| rect.contains(egui::pos2(*x as f32 + 0.5, *y as f32 + 0.5)) && pixel.0[0] > 200);
    let (sum, count) = bright
        .fold((egui::Vec2::ZERO, 0.0), |(sum, count), (x, y, _)| (sum + egui::vec2(x as f32 + 0.5, y as f32 + 0.5), count + 1.0));
    assert!(count > 0.0, "nothing bright was drawn");
    ((sum / count - rect.min.to_vec2()) / rect.size()).into()
}

/// Where the letters say that right, front and top lie: -1 at the left or top, 1 at the right or bottom.
fn sides(letters: &[String; 4]) -> [f32; 2] {
    let side = |low: &str, high: &str| {
        let is_there = |letter: &str| ["R", "A", "S"].contains(&letter);
        assert!(is_there(low) != is_there(high), "{letters:?}");
        if is_there(low) { -1.0 } else { 1.0 }
    };
    // In the sagittal plane the axis across is front to back, so the three letters never compete.
    [side(&letters[0], &letters[1]), side(&letters[2], &letters[3])]
}

#[test]
fn a_voxel_is_drawn_on_the_side_that_the_letters_say() {
    let orders = [[0, 1, 2], [1, 0, 2], [2, 0, 1], [2, 1, 0]];
    let mut window = window(stage(corner()), [240.0, 240.0]);
    for (order, signs) in orders.into_iter().flat_map(|order| [(order, 0), (order, 3), (order, 5), (order, 7)]) {
        for convention in [Convention::Radiological, Convention::Neurological] {
            *window.state_mut() = stage(stored_as(&corner(), order, signs));
            window.state_mut().behaviour.convention = convention;
            window.run_steps(1);
            let picture = window.render().unwrap();
            assert_eq!(window.state().output.panes.len(), 3);
            for (cut, pane) in &window.state().output.panes {
                let at = bright_at(&picture, pane.placement.rect);
                let shown = at.map(|share| (share - 0.5).signum());
                let plane = cut.slicing.plane;
                assert_eq!(shown, sides(&cut.slicing.letters()), "{plane:?} {convention:?} {order:?} {signs:03b}");
                // And the letters themselves are where each convention wants them.
                let right_is_left = convention == Convention::Radiological || plane == Plane::Sagittal;
                assert_eq!(shown, [if right_is_left { -1.0 } else { 1.0 }, -1.0], "{plane:?} {convention:?}");
            }
        }
    }
}

#[test]
fn voxels_keep_their_true_proportion() {
    let mut window = window(stage(corner()), [420.0, 420.0]);
    window.state_mut().smooth = false;
    window.run_steps(1);
    let picture = window.render().unwrap();
    let (cut, pane) = &window.state().output.panes[2];
    assert_eq!(cut.slicing.plane, Plane::Coronal);
    let bright: Vec<[u32; 2]> = picture
        .enumerate_pixels()
        .filter(|(x, y, pixel)| pane.placement.rect.contains(egui::pos2(*x as f32, *y as f32)) && pixel.0[0] > 200)
        .map(|(x, y, _)| [x, y])
        .collect();
    let extent = |i: usize| bright.iter().map(|p| p[i]).max().unwrap() - bright.iter().map(|p| p[i]).min().unwrap() + 1;
    let ratio = extent(1) as f32 / extent(0) as f32;
    assert!((ratio - 3.0).abs() < 0.3, "a voxel of 1 x 3 mm is drawn {} x {}", extent(0), extent(1));
}
