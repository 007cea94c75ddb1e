//! How a source grid lies in its working grid, and the way there and back ("Fit" and "Back" of the input contract in
//! `engine/training/README.md`). Knows no intensity and no mark.
//!
//! The working grid of a volume follows the closest canonical axes: `D` to superior, `H` to anterior, `W` to the
//! right. That of a picture, or of a volume one voxel deep, has `D` = 1 and the other two axes in voxel order.

use crate::error::EngineError;
use imaging::{Direction, Image, space::closest_canonical};

/// Cells along a side of the working grid, in 2-D and in 3-D.
const SIZE_2D: usize = 128;
const SIZE_3D: usize = 64;

/// A source grid in its working grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// 2 or 3.
    pub dims: usize,
    /// Voxels of the source grid.
    pub source: [usize; 3],
    /// Cells along each voxel axis.
    cells: [usize; 3],
    /// Voxels a cell along each voxel axis.
    scale: [f64; 3],
    /// Voxel axis and way along it of `D`, `H` and `W`.
    tensor: [Direction; 3],
    /// Cells a mm along each voxel axis.
    cells_per_mm: [f64; 3],
}

/// A voxel's share in some cells.
type Shares = Vec<(usize, f32)>;

impl Fit {
    /// The fit of an image; 2-D if it is flat.
    ///
    /// # Errors
    /// [`EngineError::Image`] if it holds no voxel.
    pub fn new(image: &Image) -> Result<Self, EngineError> {
        let (grid, source) = (&image.grid, image.grid.shape);
        if grid.is_empty() {
            return Err(EngineError::Image("it holds no voxel".to_owned()));
        }
        let spacing_mm = grid.spacing_mm().map(|mm| if mm.is_finite() && mm > 0.0 { mm } else { 1.0 });
        let spacing = if image.is_picture { [1.0; 3] } else { spacing_mm };
        let flat = image.is_flat().then(|| flat_axis(source));
        let side = |axis: usize| if flat == Some(axis) { 0.0 } else { source[axis] as f64 * spacing[axis] };
        let (dims, size) = if flat.is_some() { (2, SIZE_2D) } else { (3, SIZE_3D) };
        let cell = (0..3).map(side).fold(0.0, f64::max) / size as f64;
        let scale = std::array::from_fn(|axis| if flat == Some(axis) { 1.0 } else { cell / spacing[axis] });
        Ok(Self {
            dims,
            source,
            cells: std::array::from_fn(|axis| if flat == Some(axis) { 1 } else { size }),
            scale,
            tensor: flat.map_or_else(|| canonical(image), in_voxel_order),
            cells_per_mm: std::array::from_fn(|axis| 1.0 / (spacing_mm[axis] * scale[axis])),
        })
    }

    /// Cells along `D`, `H` and `W`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.tensor.map(|direction| self.cells[direction.axis])
    }

    /// Cells in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.cells.iter().product()
    }

    /// Continuous cell position `[D, H, W]` of a voxel position; centres of both at whole numbers.
    #[must_use]
    pub fn cell_from_voxel(&self, voxel: [f32; 3]) -> [f32; 3] {
        self.tensor.map(|Direction { axis, sign }| {
            let cells = self.cells[axis] as f64;
            let along = self.along(axis, f64::from(voxel[axis]));
            (if sign < 0 { cells - 1.0 - along } else { along }) as f32
        })
    }

    /// The tensor axis (0 = `D`) of a voxel axis.
    #[must_use]
    pub fn tensor_axis(&self, voxel_axis: usize) -> usize {
        self.tensor.iter().position(|direction| direction.axis == voxel_axis).unwrap_or(0)
    }

    /// A length in mm in cells of the finest axis across.
    #[must_use]
    pub fn cells_from_mm(&self, mm: f32) -> f32 {
        (f64::from(mm) * self.cells_per_mm[self.tensor[2].axis]) as f32
    }

    /// Cell coordinate, in the voxel axis' own direction, of a voxel coordinate.
    fn along(&self, axis: usize, voxel: f64) -> f64 {
        (voxel + 0.5 - self.source[axis] as f64 / 2.0) / self.scale[axis] + self.cells[axis] as f64 / 2.0 - 0.5
    }

    /// Values of the source grid on the working grid, `[D, H, W]`.
    ///
    /// `row(j, k, out)` writes the voxels of a row and says whether any differs from 0.
    pub fn take(&self, mut row: impl FnMut(usize, usize, &mut [f32]) -> bool) -> Vec<f32> {
        let [across, down, through] = std::array::from_fn(|axis| self.shares(axis));
        let [ci, cj, _] = self.cells;
        let mut values = vec![0.0; self.source[0]];
        let (mut line, mut plane, mut all) = (vec![0.0; ci], vec![0.0; ci * cj], vec![0.0; self.count()]);
        for (k, planes) in through.iter().enumerate().filter(|(_, planes)| !planes.is_empty()) {
            plane.fill(0.0);
            for (j, lines) in down.iter().enumerate().filter(|(_, lines)| !lines.is_empty()) {
                if row(j, k, &mut values) {
                    spread(&values, &across, &mut line);
                    lines.iter().for_each(|&(cell, share)| add(&mut plane[cell * ci..][..ci], &line, share));
                }
            }
            planes.iter().for_each(|&(cell, share)| add(&mut all[cell * ci * cj..][..ci * cj], &plane, share));
        }
        self.turn(&all, true)
    }

    /// Probabilities `[D, H, W]` on the source grid, 0 to 255, linearly.
    #[must_use]
    pub fn back(&self, cells: &[f32]) -> Vec<u8> {
        let cells = self.turn(cells, false);
        let [across, down, through] = std::array::from_fn(|axis| self.neighbours(axis));
        let [ci, cj, _] = self.cells;
        let (mut plane, mut line) = (vec![0.0; ci * cj], vec![0.0; ci]);
        let mut out = Vec::with_capacity(self.source.iter().product());
        for &between in &through {
            blend(&cells, ci * cj, between, &mut plane);
            for &between in &down {
                blend(&plane, ci, between, &mut line);
                out.extend(across.iter().map(|&([low, high], share)| {
                    let value = line[low] + share * (line[high] - line[low]);
                    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
                }));
            }
        }
        out
    }

    /// For each voxel along an axis, the cells that take it: a triangle of half-width max(1, scale) around each
    /// cell's centre, its weights normalised to 1; a cell outside the source takes nothing.
    fn shares(&self, axis: usize) -> Vec<Shares> {
        let (voxels, cells, scale) = (self.source[axis], self.cells[axis], self.scale[axis]);
        let width = scale.max(1.0);
        let mut shares = vec![Shares::new(); voxels];
        for cell in 0..cells {
            let centre = (cell as f64 + 0.5 - cells as f64 / 2.0) * scale + voxels as f64 / 2.0 - 0.5;
            if !(-0.5..=voxels as f64 - 0.5).contains(&centre) {
                continue;
            }
            let (first, last) = ((centre - width).ceil().max(0.0) as usize, ((centre + width) as usize).min(voxels - 1));
            let weight = |voxel: usize| (1.0 - (voxel as f64 - centre).abs() / width).max(0.0);
            let total: f64 = (first..=last).map(weight).sum();
            for (voxel, shares) in shares.iter_mut().enumerate().take(last + 1).skip(first) {
                shares.push((cell, (weight(voxel) / total.max(1e-9)) as f32));
            }
        }
        shares
    }

    /// For each voxel along an axis, the two cells between which it lies and its share of the second.
    fn neighbours(&self, axis: usize) -> Vec<([usize; 2], f32)> {
        let last = self.cells[axis] - 1;
        let place = |voxel: usize| {
            let along = self.along(axis, voxel as f64).clamp(0.0, last as f64);
            let low = along as usize;
            ([low, (low + 1).min(last)], (along - low as f64) as f32)
        };
        (0..self.source[axis]).map(place).collect()
    }

    /// Working grid in the order of the voxel axes (`i` fastest) to `[D, H, W]`, or the other way.
    fn turn(&self, from: &[f32], to_tensor: bool) -> Vec<f32> {
        let strides = [1, self.cells[0], self.cells[0] * self.cells[1]];
        let [d, h, w] = self.shape();
        let place = |at: [usize; 3]| -> usize {
            std::iter::zip(self.tensor, at)
                .map(|(Direction { axis, sign }, at)| strides[axis] * if sign < 0 { self.cells[axis] - 1 - at } else { at })
                .sum()
        };
        let mut to = vec![0.0; from.len()];
        for tensor in 0..d * h * w {
            let source = place([tensor / (h * w), tensor / w % h, tensor % w]);
            if to_tensor { to[tensor] = from[source] } else { to[source] = from[tensor] }
        }
        to
    }
}

/// The last axis that is one voxel long: that of a picture.
fn flat_axis(shape: [usize; 3]) -> usize {
    (0..3).rev().find(|&axis| shape[axis] == 1).unwrap_or(2)
}

fn in_voxel_order(flat: usize) -> [Direction; 3] {
    let forth = |axis| Direction { axis, sign: 1 };
    match flat {
        0 => [forth(0), forth(2), forth(1)],
        1 => [forth(1), forth(2), forth(0)],
        _ => [forth(2), forth(1), forth(0)],
    }
}

fn canonical(image: &Image) -> [Direction; 3] {
    let [right, anterior, superior] = closest_canonical(&image.grid.world_from_voxel);
    [superior, anterior, right]
}

fn spread(values: &[f32], shares: &[Shares], line: &mut [f32]) {
    line.fill(0.0);
    for (&value, shares) in values.iter().zip(shares) {
        shares.iter().for_each(|&(cell, share)| line[cell] += share * value);
    }
}

fn add(to: &mut [f32], from: &[f32], share: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += share * from);
}

fn blend(from: &[f32], len: usize, ([low, high], share): ([usize; 2], f32), to: &mut [f32]) {
    let (low, high) = (&from[low * len..][..len], &from[high * len..][..len]);
    to.iter_mut().zip(low.iter().zip(high)).for_each(|(to, (low, high))| *to = low + share * (high - low));
}
