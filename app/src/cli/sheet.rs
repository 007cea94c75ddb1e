//! Pictures of cases without a window: in two planes (a picture in one), masks filled, the reference outlined, marks on top.

use image::{Rgb, RgbImage, imageops};
use imaging::project::PALETTE;
use imaging::{Convention, Image, Mask, Pixels, Plane, Prompt, Shape, Sign, Slicing};
use std::sync::Arc;

/// Side of one view, in pixels.
const SIDE: u32 = 288;
const GAP: u32 = 6;
const GROUND: Rgb<u8> = Rgb([24, 24, 26]);
/// Share of a mask's colour in its fill.
const FILL: f32 = 0.38;

/// Colours of a mark for and of one against a structure.
const FOR: Rgb<u8> = Rgb([240, 228, 66]);
const AGAINST: Rgb<u8> = Rgb([204, 121, 167]);
/// A mark has a dark rim, to be seen on any ground.
const RIM: Rgb<u8> = Rgb([0, 0, 0]);

/// A case to show.
pub struct Shown {
    /// The image.
    pub image: Arc<Image>,
    /// Structure by structure.
    pub layers: Vec<Layer>,
    /// Marks to draw; the slice with the most of them is shown.
    pub marks: Vec<Prompt>,
}

/// A structure of a case: what was found and what the reference says.
pub struct Layer {
    /// Filled.
    pub found: Mask,
    /// Outlined.
    pub reference: Mask,
    /// Colours of fill and outline.
    pub colours: [[u8; 3]; 2],
}

impl Layer {
    /// In the colour of its place among others, the outline a little lighter.
    pub fn at(place: usize, found: Mask, reference: Mask) -> Self {
        let own = PALETTE[place % PALETTE.len()];
        Self { found, reference, colours: [own, own.map(|c| c.saturating_add(40))] }
    }
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

/// The view of a case across one voxel axis.
pub fn across(shown: &Shown, axis: usize) -> RgbImage {
    let planes = [Plane::Axial, Plane::Coronal, Plane::Sagittal];
    let cuts = |plane: &&Plane| Slicing::new(&shown.image.grid, **plane, Convention::Radiological).normal == axis;
    let plane = if shown.image.is_picture { Plane::Picture } else { planes.iter().find(cuts).copied().unwrap_or(Plane::Axial) };
    View::new(shown, plane).draw()
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
        let slice = marked_slice(shown, &slicing).unwrap_or_else(|| busiest_slice(shown, &slicing));
        Self { shown, slice, slicing, window }
    }

    fn draw(&self) -> RgbImage {
        let mut picture =
            RgbImage::from_fn(SIDE, SIDE, |x, y| self.index(x, y).map_or(GROUND, |index| Rgb(self.colour(index, x, y))));
        let is_here = |prompt: &&Prompt| touches_slice(&prompt.shape, self.slicing.normal, self.slice);
        self.shown.marks.iter().filter(is_here).for_each(|prompt| self.draw_mark(&mut picture, prompt));
        picture
    }

    fn draw_mark(&self, picture: &mut RgbImage, prompt: &Prompt) {
        let colour = if prompt.sign == Sign::Positive { FOR } else { AGAINST };
        let points: Vec<[f32; 2]> = prompt.shape.points().into_iter().map(|point| self.pixel(point)).collect();
        let path = match (&prompt.shape, &points[..]) {
            (Shape::Click { .. }, &[at]) => return dot(picture, at, colour),
            (Shape::Box { .. }, &[a, b]) => vec![a, [b[0], a[1]], b, [a[0], b[1]], a],
            _ => points,
        };
        for (thick, colour) in [(1.8, RIM), (0.8, colour)] {
            path.windows(2).for_each(|pair| stroke(picture, pair[0], pair[1], thick, colour));
        }
    }

    /// Where on the picture a voxel position lies.
    fn pixel(&self, voxel: [f32; 3]) -> [f32; 2] {
        let plane = self.slicing.plane_from_voxel(voxel);
        let [size, mm] = [self.slicing.size().map(|n| n as f32), self.slicing.pixel_mm().map(|mm| mm as f32)];
        std::array::from_fn(|axis| (plane[axis] - size[axis] / 2.0) * mm[axis] / self.mm_a_pixel() + SIDE as f32 / 2.0)
    }

    /// The longer side of the slice fills the picture.
    fn mm_a_pixel(&self) -> f32 {
        let [size, mm] = [self.slicing.size().map(|n| n as f32), self.slicing.pixel_mm().map(|mm| mm as f32)];
        (size[0] * mm[0]).max(size[1] * mm[1]) / SIDE as f32
    }

    /// Position in memory of the voxel under a pixel; the slice lies in the middle in its true proportion.
    fn index(&self, x: u32, y: u32) -> Option<usize> {
        let size = self.slicing.size().map(|n| n as f32);
        let mm = self.slicing.pixel_mm().map(|mm| mm as f32);
        let along =
            |at: u32, axis: usize| (at as f32 + 0.5 - SIDE as f32 / 2.0) * self.mm_a_pixel() / mm[axis] + size[axis] / 2.0;
        let grid = &self.shown.image.grid;
        Some(grid.index(grid.nearest(self.slicing.voxel_from_plane([along(x, 0), along(y, 1)], self.slice))?))
    }

    fn colour(&self, index: usize, x: u32, y: u32) -> [u8; 3] {
        let mut colour = self.ground(index);
        for Layer { found, reference, colours: [fill, outline] } in &self.shown.layers {
            if found.get(index) {
                colour = std::array::from_fn(|c| (f32::from(colour[c]) * (1.0 - FILL) + f32::from(fill[c]) * FILL) as u8);
            }
            if self.is_edge(reference, index, x, y) {
                return *outline;
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

/// A disc with a dark rim.
fn dot(picture: &mut RgbImage, at: [f32; 2], colour: Rgb<u8>) {
    stroke(picture, at, at, 5.0, RIM);
    stroke(picture, at, at, 3.5, colour);
}

/// Colours the pixels within a distance of a line.
fn stroke(picture: &mut RgbImage, a: [f32; 2], b: [f32; 2], reach: f32, colour: Rgb<u8>) {
    let span = |axis: usize, end: u32| {
        let low = (a[axis].min(b[axis]) - reach).floor().max(0.0) as u32;
        low..((a[axis].max(b[axis]) + reach).ceil().max(0.0) as u32 + 1).min(end)
    };
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = along[0].powi(2) + along[1].powi(2);
    for y in span(1, picture.height()) {
        for x in span(0, picture.width()) {
            let to = [x as f32 + 0.5 - a[0], y as f32 + 0.5 - a[1]];
            let share = if length > 0.0 { ((to[0] * along[0] + to[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
            if (to[0] - share * along[0]).hypot(to[1] - share * along[1]) <= reach {
                picture.put_pixel(x, y, colour);
            }
        }
    }
}

fn touches_slice(shape: &Shape, normal: usize, slice: usize) -> bool {
    shape.points().iter().all(|point| (point[normal] - slice as f32).abs() <= 0.5)
}

/// The slice with the most marks, of such the one in the middle; none where there are no marks on one slice.
fn marked_slice(shown: &Shown, slicing: &Slicing) -> Option<usize> {
    let on = |slice: usize| shown.marks.iter().filter(|mark| touches_slice(&mark.shape, slicing.normal, slice)).count();
    let counts: Vec<usize> = (0..slicing.count()).map(on).collect();
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    let best: Vec<usize> = (0..counts.len()).filter(|&slice| counts[slice] == most).collect();
    best.get(best.len() / 2).copied()
}

/// The slice on which the most structures of the reference are seen, and of these the most of them.
fn busiest_slice(shown: &Shown, slicing: &Slicing) -> usize {
    let mut seen = vec![(0_usize, 0.0_f64); slicing.count()];
    for Layer { reference, .. } in &shown.layers {
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
        let image = Arc::new(Image::grey(Volume::filled(grid, 0.0)));
        let mask = Mask::from_fn(grid.shape, |index| grid.voxel(index)[0] > 14);
        let picture = row(&Shown { image, layers: vec![Layer::at(0, mask.clone(), mask)], marks: Vec::new() });
        assert_eq!(picture.dimensions(), (2 * SIDE + GAP, SIDE));
        assert_ne!(picture.get_pixel(20, SIDE / 2)[0], picture.get_pixel(SIDE - 20, SIDE / 2)[0]);
        assert!(picture.get_pixel(20, SIDE / 2)[0] > 40);
    }

    #[test]
    fn marks_are_drawn_where_they_lie_on_the_slice_that_bears_them() {
        let grid = Grid::new([20, 20, 20], Affine::IDENTITY);
        let image = Arc::new(Image::grey(Volume::filled(grid, 0.0)));
        let mark = |shape, sign| Prompt { id: imaging::PromptId(0), structure: imaging::StructureId(0), sign, shape };
        let marks = vec![
            mark(Shape::Click { at: [2.0, 17.0, 5.0] }, Sign::Positive),
            mark(Shape::Click { at: [17.0, 2.0, 5.0] }, Sign::Negative),
            mark(Shape::Click { at: [10.0, 10.0, 9.0] }, Sign::Positive),
        ];
        let picture = across(&Shown { image, layers: Vec::new(), marks }, 2);
        let at = |voxel: [f32; 2]| {
            // Radiological: the patient's right is on the left, the front is up.
            let side = |share: f32| (share / 20.0 * SIDE as f32) as u32;
            *picture.get_pixel(side(19.5 - voxel[0]), side(19.5 - voxel[1]))
        };
        assert_eq!((at([2.0, 17.0]), at([17.0, 2.0])), (FOR, AGAINST));
        assert_eq!(at([10.0, 10.0]), *picture.get_pixel(SIDE / 2 + 40, SIDE / 2), "that mark is on another slice");
    }
}
