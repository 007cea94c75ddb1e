//! Small pictures of a case for lists and grids, drawn on the CPU: one slice in true proportion, the right way
//! round, with a mask or guess over it.

use crate::contrast::Window;
use crate::scene::{Cover, Cut, Layer};
use crate::slice::BACKGROUND;
use crate::triplanar::planes;
use egui::{Color32, ColorImage};
use imaging::{Convention, Direction, Image};

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
            let ground = ground(image, &raster, window, [x, y]);
            pixels.push(layer.map_or(ground, |layer| over(layer, &raster, [x, y], ground)));
        }
    }
    ColorImage::new(size, pixels)
}

/// Which voxels lie under a thumbnail's pixels, two samples a pixel each way. Rows and columns are independent,
/// so each is worked out once.
struct Raster {
    /// Part of the position in memory that a column of samples gives, `None` beside the slice.
    columns: Vec<Option<usize>>,
    /// The same of a row, with the slice's own part.
    rows: Vec<Option<usize>>,
}

impl Raster {
    fn new(image: &Image, cut: &Cut, size: [usize; 2]) -> Self {
        let voxels = cut.slicing.size().map(|n| n as f32);
        let pixel_mm = cut.slicing.pixel_mm().map(|mm| mm as f32);
        let scale = (0..2).map(|i| size[i] as f32 / (voxels[i] * pixel_mm[i])).fold(f32::INFINITY, f32::min);
        let strides = [1, image.grid.shape[0], image.grid.shape[0] * image.grid.shape[1]];
        let samples = |i: usize, direction: Direction| {
            let pixels_per_voxel = pixel_mm[i] * scale;
            let corner = (size[i] as f32 - voxels[i] * pixels_per_voxel) / 2.0;
            let at = move |sample: usize| ((sample as f32 + 0.5) / 2.0 - corner) / pixels_per_voxel;
            let within = move |at: f32| (at >= 0.0 && at < voxels[i]).then_some(at as usize);
            let voxel = move |at: usize| if direction.sign > 0 { at } else { voxels[i] as usize - 1 - at };
            (0..2 * size[i]).map(move |sample| within(at(sample)).map(|at| voxel(at) * strides[direction.axis]))
        };
        let slice = cut.slice * strides[cut.slicing.normal];
        Self {
            columns: samples(0, cut.slicing.right).collect(),
            rows: samples(1, cut.slicing.down).map(|row| row.map(|row| row + slice)).collect(),
        }
    }

    /// Position in memory of the voxel under a sample.
    fn index(&self, [x, y]: [usize; 2]) -> Option<usize> {
        Some((*self.columns.get(x)?)? + (*self.rows.get(y)?)?)
    }
}

/// Mean of the pixel's four samples, so that fine detail does not break up.
fn ground(image: &Image, raster: &Raster, window: Window, [x, y]: [usize; 2]) -> Color32 {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for sample in [[2 * x, 2 * y], [2 * x + 1, 2 * y], [2 * x, 2 * y + 1], [2 * x + 1, 2 * y + 1]] {
        if let Some(colour) = raster.index(sample).and_then(|index| colour(image, window, index)) {
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
fn over(layer: &Layer, raster: &Raster, [x, y]: [usize; 2], ground: Color32) -> Color32 {
    let (x2, y2) = (2 * x + 1, 2 * y + 1);
    let inside = |sample| raster.index(sample).is_some_and(|index| layer.cover.contains(index));
    if !inside([x2, y2]) {
        return ground;
    }
    let [r, g, b] = layer.colour;
    let colour = Color32::from_rgb(r, g, b);
    // Past the left or top edge the position wraps to one that no table holds, which is outside, as it should be.
    let around = [[x2.wrapping_sub(2), y2], [x2 + 2, y2], [x2, y2.wrapping_sub(2)], [x2, y2 + 2]];
    if around.into_iter().any(|sample| !inside(sample)) {
        return colour;
    }
    ground.lerp_to_gamma(colour, fill_share(layer, x + y))
}

fn fill_share(layer: &Layer, diagonal: usize) -> f32 {
    let stripe = match diagonal % 5 {
        _ if !layer.cover.is_guess() => 1.0,
        0 | 1 => 1.2,
        _ => 0.3,
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
