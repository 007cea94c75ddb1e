//! Marks as channels on the working grid ("Channels" of the input contract in `engine/training/README.md`):
//! mask, box, positive, negative, previous guess.

use super::fit::Fit;
use imaging::{Mask, Prompt, Shape, Sign, Tip};

/// Channels of the marks.
pub const CHANNELS: usize = 5;
/// A click is a soft ball of this radius in cells.
const CLICK_RADIUS: [f32; 2] = [4.0, 3.0];
/// A doodle covers the cells within this distance.
const DOODLE_REACH: f32 = 1.0;

#[derive(Clone, Copy)]
enum Channel {
    Mask,
    Box,
    Positive,
    Negative,
    Previous,
}

/// The channels of one image, `[5, D, H, W]`.
#[derive(Clone, Debug)]
pub struct Marking {
    fit: Fit,
    /// The values.
    pub cells: Vec<f32>,
}

impl Marking {
    /// No mark at all.
    #[must_use]
    pub fn empty(fit: &Fit) -> Self {
        Self { fit: fit.clone(), cells: vec![0.0; CHANNELS * fit.count()] }
    }

    /// Whether nothing is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|&value| value == 0.0)
    }

    /// Puts a whole mask on the working grid, as [`mask_cells`] made it.
    pub fn put_mask(&mut self, cells: &[f32]) {
        self.channel(Channel::Mask).copy_from_slice(cells);
    }

    /// Puts the previous guess, 0 to 255 on the source grid.
    pub fn put_previous(&mut self, voxels: &[u8]) {
        let width = self.fit.source[0];
        let height = self.fit.source[1];
        let cells = self.fit.take(|j, k, out| {
            let row = &voxels[(k * height + j) * width..][..width];
            out.iter_mut().zip(row).for_each(|(out, &value)| *out = f32::from(value) / 255.0);
            true
        });
        self.channel(Channel::Previous).copy_from_slice(&cells);
    }

    /// Draws a mark; one that is not finite or lies outside is left out.
    pub fn draw(&mut self, prompt: &Prompt) {
        if !prompt.shape.touches(self.fit.source) {
            return;
        }
        match &prompt.shape {
            Shape::Click { at } => self.click(*at, prompt.sign),
            Shape::Box { from, to } => self.fill_box(*from, *to),
            Shape::Doodle { points, normal } => self.line(points, DOODLE_REACH, Some(*normal), prompt.sign),
            Shape::Stroke { points, radius_mm, tip } => {
                let normal = if let Tip::Disc { normal } = tip { Some(*normal) } else { None };
                let radius = self.fit.cells_from_mm(*radius_mm).max(DOODLE_REACH);
                let radius = if radius.is_finite() { radius } else { DOODLE_REACH };
                let before = self.channel(signed(prompt.sign)).to_vec();
                self.line(points, radius, normal, prompt.sign);
                self.overrule(&before, prompt.sign);
            }
            Shape::Region { mask } => {
                let before = self.channel(signed(prompt.sign)).to_vec();
                let cells = mask_cells(&self.fit, mask);
                let channel = self.channel(signed(prompt.sign));
                // Half a cell and more is the structure's, as a stroke takes the cells whose centres it covers.
                channel.iter_mut().zip(cells).filter(|(_, share)| *share >= 0.5).for_each(|(cell, _)| *cell = 1.0);
                self.overrule(&before, prompt.sign);
            }
        }
    }

    fn channel(&mut self, channel: Channel) -> &mut [f32] {
        let len = self.fit.count();
        &mut self.cells[channel as usize * len..][..len]
    }

    fn click(&mut self, at: [f32; 3], sign: Sign) {
        let radius = CLICK_RADIUS[self.fit.dims - 2];
        // Trained with clicks at the centres of cells.
        let centre = self.fit.cell_from_voxel(at).map(f32::round);
        self.stamp(centre, centre, radius, sign, |distance| 1.0 - distance / radius);
    }

    /// Cells whose centres lie in the box, and at least one along each axis: a flat box covers one slice.
    fn fill_box(&mut self, from: [f32; 3], to: [f32; 3]) {
        let (a, b) = (self.fit.cell_from_voxel(from), self.fit.cell_from_voxel(to));
        if !self.fit.shows(a, b) {
            return;
        }
        let [_, h, w] = self.fit.shape();
        let shape = self.fit.shape();
        let [zs, ys, xs] = std::array::from_fn(|axis| covered(a[axis].min(b[axis]), a[axis].max(b[axis]), shape[axis]));
        let channel = self.channel(Channel::Box);
        for z in zs {
            for y in ys.clone() {
                channel[(z * h + y) * w..][..w][xs.clone()].fill(1.0);
            }
        }
    }

    /// A polyline of some reach in cells; with a normal (a voxel axis) only on the slice where it was drawn.
    fn line(&mut self, points: &[[f32; 3]], reach: f32, normal: Option<usize>, sign: Sign) {
        let mut cells: Vec<[f32; 3]> = points.iter().map(|point| self.fit.cell_from_voxel(*point)).collect();
        if let Some(normal) = normal.filter(|&normal| normal < 3) {
            let axis = self.fit.tensor_axis(normal);
            let slice = cells.first().map_or(0.0, |cell| cell[axis].round());
            cells.iter_mut().for_each(|cell| cell[axis] = slice);
            self.pieces(&cells, reach, Some(axis), sign);
        } else {
            self.pieces(&cells, reach, None, sign);
        }
    }

    fn pieces(&mut self, cells: &[[f32; 3]], reach: f32, slice: Option<usize>, sign: Sign) {
        for (at, cell) in cells.iter().enumerate() {
            let from = cells[at.saturating_sub(1)];
            self.stamp_in(slice, from, *cell, reach, sign, |distance| if distance <= reach { 1.0 } else { 0.0 });
        }
    }

    fn stamp(&mut self, a: [f32; 3], b: [f32; 3], reach: f32, sign: Sign, value: impl Fn(f32) -> f32) {
        self.stamp_in(None, a, b, reach, sign, value);
    }

    /// The maximum of what is there and `value(distance to the segment)`, on one slice or on all.
    fn stamp_in(&mut self, slice: Option<usize>, a: [f32; 3], b: [f32; 3], reach: f32, sign: Sign, value: impl Fn(f32) -> f32) {
        let shape = self.fit.shape();
        let [zs, ys, xs] = std::array::from_fn(|axis| {
            // On its own slice a mark has no reach across, and a picture is one slice.
            let reach = if slice == Some(axis) || shape[axis] == 1 { 0.0 } else { reach };
            let low = (a[axis].min(b[axis]) - reach).ceil().max(0.0) as usize;
            let high = (a[axis].max(b[axis]) + reach).floor().min(shape[axis] as f32 - 1.0);
            low..if high < 0.0 { low } else { high as usize + 1 }
        });
        let channel = self.channel(signed(sign));
        for z in zs {
            for y in ys.clone() {
                for x in xs.clone() {
                    let cell = &mut channel[(z * shape[1] + y) * shape[2] + x];
                    *cell = cell.max(value(distance([z as f32, y as f32, x as f32], a, b)));
                }
            }
        }
    }

    /// The brush takes back what the eraser said of the same cells, and the other way.
    fn overrule(&mut self, before: &[f32], sign: Sign) {
        let now = self.channel(signed(sign)).to_vec();
        let other = self.channel(signed(sign.flipped()));
        for ((other, now), before) in other.iter_mut().zip(now).zip(before) {
            if now > *before {
                *other = 0.0;
            }
        }
    }
}

/// A whole mask on the working grid: the share of each cell that it covers.
#[must_use]
pub fn mask_cells(fit: &Fit, mask: &Mask) -> Vec<f32> {
    let Some([low, high]) = mask.bounds() else { return vec![0.0; fit.count()] };
    let [width, height, _] = fit.source;
    fit.take(|j, k, out| {
        if !(low[1]..=high[1]).contains(&j) || !(low[2]..=high[2]).contains(&k) {
            return false;
        }
        let start = (k * height + j) * width;
        out.iter_mut().enumerate().for_each(|(i, out)| *out = f32::from(u8::from(mask.get(start + i))));
        true
    })
}

fn signed(sign: Sign) -> Channel {
    if sign == Sign::Positive { Channel::Positive } else { Channel::Negative }
}

/// Cells whose centres lie between two positions, or else the nearest one.
fn covered(low: f32, high: f32, cells: usize) -> std::ops::Range<usize> {
    let last = cells as f32 - 1.0;
    let (first, end) = (low.ceil().clamp(0.0, last), high.floor().clamp(0.0, last));
    if high.floor() < low.ceil() || high < 0.0 || low > last {
        let nearest = ((low + high) / 2.0).round().clamp(0.0, last) as usize;
        return nearest..nearest + 1;
    }
    first as usize..end as usize + 1
}

fn distance(cell: [f32; 3], a: [f32; 3], b: [f32; 3]) -> f32 {
    let line: [f32; 3] = std::array::from_fn(|i| b[i] - a[i]);
    let to: [f32; 3] = std::array::from_fn(|i| cell[i] - a[i]);
    let dot = |p: [f32; 3], q: [f32; 3]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    let length = dot(line, line);
    let share = if length > 0.0 { (dot(to, line) / length).clamp(0.0, 1.0) } else { 0.0 };
    let off: [f32; 3] = std::array::from_fn(|i| to[i] - share * line[i]);
    dot(off, off).sqrt()
}
