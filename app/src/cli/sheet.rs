//! The picture that `demo` leaves: each case in two planes (a picture in one), masks filled, the reference outlined.

use image::{Rgb, RgbImage, imageops};
use imaging::project::PALETTE;
use imaging::{Convention, Image, Mask, Pixels, Plane, Slicing};

/// Side of one view, in pixels.
const SIDE: u32 = 288;
const GAP: u32 = 6;
const GROUND: Rgb<u8> = Rgb([24, 24, 26]);
/// Share of a mask's colour in its fill.
const FILL: f32 = 0.38;

/// A case to show: its image, and for each structure what was found and what the reference says.
pub struct Shown {
    /// The image.
    pub image: Image,
    /// Found and reference, structure by structure.
    pub masks: Vec<(Mask, Mask)>,
}

/// One slice of an image on the screen.
struct View<'a> {
    shown: &'a Shown,
    slicing: Slicing,
    slice: usize,
    /// Least value shown, and the range.
    window: [f32; 2],
}

/// The views of a case, side by side.
pub fn row(shown: &Shown) -> RgbImage {
    let planes: &[Plane] = if shown.image.is_picture { &[Plane::Picture] } else { &[Plane::Axial, Plane::Coronal] };
    let pictures: Vec<RgbImage> = planes.iter().map(|&plane| View::new(shown, plane).draw()).collect();
    beside(&pictures, pictures.len() as u32)
}

/// Pictures of one size in a grid.
pub fn beside(pictures: &[RgbImage], columns: u32) -> RgbImage {
    let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
    let rows = (pictures.len() as u32).div_ceil(columns.max(1));
    let mut sheet = RgbImage::from_pixel(columns * (width + GAP) - GAP, (rows * (height + GAP)).max(GAP + 1) - GAP, GROUND);
    for (place, picture) in pictures.iter().enumerate() {
        let (column, row) = (place as u32 % columns, place as u32 / columns);
        imageops::replace(&mut sheet, picture, i64::from(column * (width + GAP)), i64::from(row * (height + GAP)));
    }
    sheet
}

/// Pictures of one width below each other.
pub fn below(pictures: &[RgbImage]) -> RgbImage {
    let width = pictures.iter().map(RgbImage::width).max().unwrap_or(1);
    let height = pictures.iter().map(|picture| picture.height() + GAP).sum::<u32>().max(GAP + 1) - GAP;
    let mut sheet = RgbImage::from_pixel(width, height, GROUND);
    let mut top = 0;
    for picture in pictures {
        imageops::replace(&mut sheet, picture, 0, i64::from(top));
        top += picture.height() + GAP;
    }
    sheet
}

impl<'a> View<'a> {
    fn new(shown: &'a Shown, plane: Plane) -> Self {
        let slicing = Slicing::new(&shown.image.grid, plane, Convention::Radiological);
        // Scans in Hounsfield units are shown as a belly is read, 350/50; other images by their own range.
        let [low, high] = shown.image.quantiles([0.001, 0.999]);
        let window = if low < -900.0 { [-125.0, 350.0] } else { [low, (high - low).max(1e-6)] };
        Self { shown, slice: busiest_slice(shown, &slicing), slicing, window }
    }

    fn draw(&self) -> RgbImage {
        RgbImage::from_fn(SIDE, SIDE, |x, y| self.index(x, y).map_or(GROUND, |index| Rgb(self.colour(index, x, y))))
    }

    /// Position in memory of the voxel under a pixel; the slice lies in the middle in its true proportion.
    fn index(&self, x: u32, y: u32) -> Option<usize> {
        let size = self.slicing.size().map(|n| n as f32);
        let mm = self.slicing.pixel_mm().map(|mm| mm as f32);
        let mm_a_pixel = (size[0] * mm[0]).max(size[1] * mm[1]) / SIDE as f32;
        let along = |at: u32, axis: usize| (at as f32 + 0.5 - SIDE as f32 / 2.0) * mm_a_pixel / mm[axis] + size[axis] / 2.0;
        let grid = &self.shown.image.grid;
        Some(grid.index(grid.nearest(self.slicing.voxel_from_plane([along(x, 0), along(y, 1)], self.slice))?))
    }

    fn colour(&self, index: usize, x: u32, y: u32) -> [u8; 3] {
        let mut colour = self.ground(index);
        for (place, (found, reference)) in self.shown.masks.iter().enumerate() {
            let own = PALETTE[place % PALETTE.len()];
            if found.get(index) {
                colour = std::array::from_fn(|c| (f32::from(colour[c]) * (1.0 - FILL) + f32::from(own[c]) * FILL) as u8);
            }
            if self.is_edge(reference, index, x, y) {
                return own.map(|c| c.saturating_add(40));
            }
        }
        colour
    }

    /// Whether the mask ends between a pixel and one of its neighbours outside.
    fn is_edge(&self, mask: &Mask, index: usize, x: u32, y: u32) -> bool {
        let neighbours = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        let is_out = |(x, y)| self.index(x, y).is_none_or(|other| !mask.get(other));
        mask.get(index) && neighbours.into_iter().any(is_out)
    }

    fn ground(&self, index: usize) -> [u8; 3] {
        if let Pixels::Rgb(colours) = &self.shown.image.pixels {
            return colours[index];
        }
        let [low, range] = self.window;
        [((self.shown.image.value(index) - low) / range * 255.0).clamp(0.0, 255.0) as u8; 3]
    }
}

/// The slice on which the most structures of the reference are seen, and of these the most of them.
fn busiest_slice(shown: &Shown, slicing: &Slicing) -> usize {
    let mut seen = vec![(0_usize, 0.0_f64); slicing.count()];
    for (_, reference) in &shown.masks {
        let mut voxels = vec![0_usize; slicing.count()];
        reference.iter().for_each(|index| voxels[shown.image.grid.voxel(index)[slicing.normal]] += 1);
        for ((structures, share), &count) in seen.iter_mut().zip(&voxels) {
            *structures += usize::from(count > 0);
            *share += count as f64 / reference.count().max(1) as f64;
        }
    }
    let busier = |a: &usize, b: &usize| seen[*a].0.cmp(&seen[*b].0).then(seen[*a].1.total_cmp(&seen[*b].1));
    (0..seen.len()).max_by(busier).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, Volume};

    #[test]
    fn a_mask_on_the_patients_right_is_drawn_on_the_left() {
        let grid = Grid::new([20, 20, 20], Affine::IDENTITY);
        let image = Image::grey(Volume::filled(grid, 0.0));
        let mask = Mask::from_fn(grid.shape, |index| grid.voxel(index)[0] > 14);
        let picture = row(&Shown { image, masks: vec![(mask.clone(), mask)] });
        assert_eq!(picture.dimensions(), (2 * SIDE + GAP, SIDE));
        assert_ne!(picture.get_pixel(20, SIDE / 2)[0], picture.get_pixel(SIDE - 20, SIDE / 2)[0]);
        assert!(picture.get_pixel(20, SIDE / 2)[0] > 40);
    }
}
