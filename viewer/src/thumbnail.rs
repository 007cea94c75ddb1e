//! Small pictures of a case for lists and grids, drawn on the CPU: one slice in true proportion, the right way
//! round, with a mask or guess over it.

use crate::contrast::Window;
use crate::scene::{Cover, Cut, Layer};
use crate::slice::BACKGROUND;
use crate::triplanar::planes;
use egui::{Color32, ColorImage};
use imaging::{Convention, Image};

/// The slice that a thumbnail shows: the plane that is shown first, through `through` (a voxel position) or the
/// image's middle.
#[must_use]
pub fn cut(image: &Image, convention: Convention, through: Option<[f32; 3]>) -> Cut {
    let middle = image.grid.shape.map(|n| (n.saturating_sub(1) / 2) as f32);
    Cut::through(planes(image, convention)[0], through.unwrap_or(middle))
}

/// The middle of what a cover covers: where a thumbnail of it should cut. `None` where it covers nothing.
#[must_use]
pub fn middle_of(cover: &Cover) -> Option<[f32; 3]> {
    let [low, high] = crate::texture::bounds(cover)?;
    Some(std::array::from_fn(|axis| (low[axis] + high[axis]).div_ceil(2) as f32))
}

/// Draws a slice into a picture of `size` pixels, with a layer over it.
#[must_use]
pub fn render(image: &Image, cut: &Cut, window: Window, layer: Option<&Layer>, size: [usize; 2]) -> ColorImage {
    let raster = Raster::new(image, cut, size);
    let layer = layer.filter(|layer| layer.visible && layer.cover.shape() == image.grid.shape);
    let mut pixels = Vec::with_capacity(size[0] * size[1]);
    for y in 0..size[1] {
        for x in 0..size[0] {
            let at = [x as f32 + 0.5, y as f32 + 0.5];
            let ground = raster.index(at).map_or(BACKGROUND, |_| ground(image, &raster, window, at));
            pixels.push(layer.map_or(ground, |layer| over(layer, &raster, at, ground)));
        }
    }
    ColorImage::new(size, pixels)
}

/// The way from a thumbnail's pixels to voxels.
struct Raster<'a> {
    image: &'a Image,
    cut: &'a Cut,
    corner: [f32; 2],
    pixels_per_voxel: [f32; 2],
}

impl<'a> Raster<'a> {
    fn new(image: &'a Image, cut: &'a Cut, size: [usize; 2]) -> Self {
        let voxels = cut.slicing.size().map(|n| n as f32);
        let pixel_mm = cut.slicing.pixel_mm().map(|mm| mm as f32);
        let scale = (0..2).map(|i| size[i] as f32 / (voxels[i] * pixel_mm[i])).fold(f32::INFINITY, f32::min);
        let pixels_per_voxel = pixel_mm.map(|mm| mm * scale);
        let corner = std::array::from_fn(|i| (size[i] as f32 - voxels[i] * pixels_per_voxel[i]) / 2.0);
        Self { image, cut, corner, pixels_per_voxel }
    }

    /// Position in memory of the voxel under a point of the thumbnail.
    fn index(&self, at: [f32; 2]) -> Option<usize> {
        let plane = std::array::from_fn(|i| (at[i] - self.corner[i]) / self.pixels_per_voxel[i]);
        let voxel = self.cut.slicing.voxel_from_plane(plane, self.cut.slice);
        Some(self.image.grid.index(self.image.grid.nearest(voxel)?))
    }
}

/// Mean of four samples within the pixel, so that fine detail does not break up.
fn ground(image: &Image, raster: &Raster<'_>, window: Window, [x, y]: [f32; 2]) -> Color32 {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for at in [[x - 0.25, y - 0.25], [x + 0.25, y - 0.25], [x - 0.25, y + 0.25], [x + 0.25, y + 0.25]] {
        if let Some(colour) = raster.index(at).and_then(|index| colour(image, window, index)) {
            (0..3).for_each(|i| sum[i] += colour[i]);
            count += 1.0;
        }
    }
    if count == 0.0 {
        return BACKGROUND;
    }
    let [r, g, b] = sum.map(|channel| (channel / count * 255.0).round() as u8);
    Color32::from_rgb(r, g, b)
}

fn colour(image: &Image, window: Window, index: usize) -> Option<[f32; 3]> {
    if let imaging::Pixels::Rgb(voxels) = &image.pixels {
        return Some(voxels[index].map(|channel| window.brightness(f32::from(channel))));
    }
    let value = image.value(index);
    value.is_finite().then(|| [window.brightness(value); 3])
}

/// Outline where a neighbouring pixel is outside, fill elsewhere; a guess is hatched.
fn over(layer: &Layer, raster: &Raster<'_>, [x, y]: [f32; 2], ground: Color32) -> Color32 {
    let inside = |at| raster.index(at).is_some_and(|index| layer.cover.contains(index));
    if !inside([x, y]) {
        return ground;
    }
    let [r, g, b] = layer.colour;
    let colour = Color32::from_rgb(r, g, b);
    let is_edge = [[x - 1.0, y], [x + 1.0, y], [x, y - 1.0], [x, y + 1.0]].into_iter().any(|at| !inside(at));
    if is_edge { colour } else { ground.lerp_to_gamma(colour, fill_share(layer, x + y)) }
}

fn fill_share(layer: &Layer, diagonal: f32) -> f32 {
    let stripe = match layer.cover {
        Cover::Mask(_) => 1.0,
        Cover::Guess(_) if diagonal.rem_euclid(5.0) < 2.0 => 1.2,
        Cover::Guess(_) => 0.3,
    };
    (layer.opacity * stripe).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, Mask, Volume};
    use std::sync::Arc;

    /// A volume with one bright voxel at the patient's right, front and top.
    fn phantom() -> Image {
        let grid = Grid::new([8, 6, 5], Affine::from_spacing([1.0, 2.0, 1.0]));
        let mut volume = Volume::filled(grid, 0.0);
        volume.voxels[grid.index([7, 5, 2])] = 100.0;
        Image::grey(volume)
    }

    #[test]
    fn right_is_left_and_front_is_top() {
        let image = phantom();
        let window = Window::between(0.0, 100.0);
        let cut = |convention| cut(&image, convention, None);
        let picture = render(&image, &cut(Convention::Radiological), window, None, [64, 96]);
        assert_eq!((picture[(2, 2)], picture[(61, 2)]), (Color32::WHITE, Color32::BLACK));
        let picture = render(&image, &cut(Convention::Neurological), window, None, [64, 96]);
        assert_eq!((picture[(2, 2)], picture[(61, 2)]), (Color32::BLACK, Color32::WHITE));
    }

    #[test]
    fn proportion_is_true_and_the_rest_is_background() {
        let image = phantom();
        let picture = render(&image, &cut(&image, Convention::default(), None), Window::between(0.0, 100.0), None, [96, 96]);
        assert_eq!(picture[(2, 50)], BACKGROUND, "8 mm of 12 are filled");
        assert_eq!(picture[(48, 50)], Color32::BLACK);
    }

    #[test]
    fn a_layer_shows_in_its_colour_on_the_slice_through_its_middle() {
        let image = phantom();
        let mask = Mask::from_fn(image.grid.shape, |index| image.grid.voxel(index) == [3, 3, 4]);
        let cover = Cover::Mask(Arc::new(mask));
        let through = middle_of(&cover).expect("the mask is not empty");
        let layer = Layer { cover, colour: [255, 0, 0], opacity: 0.5, visible: true };
        let cut = cut(&image, Convention::default(), Some(through));
        let picture = render(&image, &cut, Window::between(0.0, 100.0), Some(&layer), [64, 96]);
        assert_eq!(cut.slice, 4);
        assert!(picture.pixels.contains(&Color32::from_rgb(255, 0, 0)));
    }
}
