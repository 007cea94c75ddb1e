//! How a source grid lies in its working grid, and the way there and back ("Fit" and "Back" of the input contract in
//! `engine/training/README.md`), for the whole image and for a window of it. Knows no intensity and no mark.
//!
//! The working grid of a volume follows the closest canonical axes: `D` to superior, `H` to anterior, `W` to the
//! right. That of a picture, or of a volume one voxel deep, has `D` = 1 and the other two axes in voxel order.

use crate::error::EngineError;
use imaging::{Direction, Image, space::closest_canonical};
use rayon::prelude::*;

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
    /// Where the working grid's middle lies along each voxel axis, in voxels from the image's edge.
    middle: [f64; 3],
    /// Side of a cell: mm, or pixels of a picture.
    cell: f64,
    /// Voxel axis and way along it of `D`, `H` and `W`.
    tensor: [Direction; 3],
    /// Cells a mm along each voxel axis.
    cells_per_mm: [f64; 3],
}

/// Two cells, and the share of the second.
type Between = ([usize; 2], f32);

/// A window's cells in the order of the voxel axes, and the voxels that they cover.
pub struct Placed {
    cells: Vec<f32>,
    shape: [usize; 3],
    along: [Vec<(usize, Between)>; 3],
}

impl Placed {
    /// Adds what the window shows of plane `k` of the source grid, and how much it counts there.
    fn add_plane(&self, k: usize, width: usize, sums: &mut [[f32; 2]]) {
        let [ci, cj, ck] = self.shape;
        let [across, down, through] = &self.along;
        let Some(&(_, between)) = through.iter().find(|(plane, _)| *plane == k) else { return };
        let (mut plane, mut line) = (vec![0.0; ci * cj], vec![0.0; ci]);
        blend(&self.cells, ci * cj, between, &mut plane);
        let deep = inside(between, ck);
        for &(j, between) in down {
            blend(&plane, ci, between, &mut line);
            let high = deep.min(inside(between, cj));
            for &(i, between) in across {
                let ([low, next], share) = between;
                let weight = high.min(inside(between, ci));
                let [sum, weights] = &mut sums[j * width + i];
                *sum += weight * (line[low] + share * (line[next] - line[low]));
                *weights += weight;
            }
        }
    }
}

/// How far inside of a window a place between two of its cells lies: from 1 in the middle almost to 0 at the edge.
fn inside(([low, _], share): Between, cells: usize) -> f32 {
    1.0 - (2.0 * (low as f32 + share + 0.5) / cells as f32 - 1.0).abs()
}

/// Lays windows of an image over what is there, on the source grid, 0 to 255: where they overlap, each counts the more the
/// farther a voxel lies inside of it. Voxels outside of all windows stay.
pub fn paste(windows: &[Placed], shape: [usize; 3], out: &mut [u8]) {
    let [width, height, _] = shape;
    out.par_chunks_mut((width * height).max(1)).enumerate().for_each(|(k, out)| {
        let mut sums = vec![[0.0; 2]; out.len()];
        windows.iter().for_each(|window| window.add_plane(k, width, &mut sums));
        for (out, [sum, weights]) in out.iter_mut().zip(sums).filter(|(_, [_, weights])| *weights > 0.0) {
            *out = ((sum / weights).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    });
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
            middle: source.map(|voxels| voxels as f64 / 2.0),
            cell,
            tensor: flat.map_or_else(|| canonical(image), in_voxel_order),
            cells_per_mm: std::array::from_fn(|axis| 1.0 / (spacing_mm[axis] * scale[axis])),
        })
    }

    /// A window of the same image: its middle in voxels from the image's edge, and the side of its cells in mm (of a
    /// picture in pixels).
    #[must_use]
    pub fn window(&self, middle: [f64; 3], cell: f64) -> Self {
        let zoom = cell / self.cell;
        let is_flat = |axis: usize| self.cells[axis] == 1;
        Self {
            scale: std::array::from_fn(|axis| if is_flat(axis) { 1.0 } else { self.scale[axis] * zoom }),
            middle: std::array::from_fn(|axis| if is_flat(axis) { self.middle[axis] } else { middle[axis] }),
            cell,
            cells_per_mm: self.cells_per_mm.map(|cells| cells / zoom),
            ..self.clone()
        }
    }

    /// Side of a cell: mm, or pixels of a picture.
    #[must_use]
    pub fn cell(&self) -> f64 {
        self.cell
    }

    /// Side of the working grid in the unit of [`Fit::cell`].
    #[must_use]
    pub fn side(&self) -> f64 {
        self.cell * self.cells.iter().copied().fold(1, usize::max) as f64
    }

    /// The source's shortest voxel edge in the unit of [`Fit::cell`].
    #[must_use]
    pub fn finest(&self) -> f64 {
        let edge = |axis: usize| if self.cells[axis] == 1 { f64::INFINITY } else { self.cell / self.scale[axis] };
        (0..3).map(edge).fold(f64::INFINITY, f64::min)
    }

    /// The longest side of a box of so many voxels along each axis, in the unit of [`Fit::cell`].
    #[must_use]
    pub fn longest(&self, voxels: [f64; 3]) -> f64 {
        let length = |axis: usize| if self.cells[axis] == 1 { 0.0 } else { voxels[axis] / self.scale[axis] * self.cell };
        (0..3).map(length).fold(0.0, f64::max)
    }

    /// A length in the unit of [`Fit::cell`] in voxels along each axis; along a flat one it is the whole image's.
    #[must_use]
    pub fn voxels(&self, length: f64) -> [f64; 3] {
        std::array::from_fn(
            |axis| if self.cells[axis] == 1 { self.source[axis] as f64 } else { length / self.cell * self.scale[axis] },
        )
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

    /// Whether a box between two cell positions touches the working grid: a window shows only some of the marks.
    #[must_use]
    pub fn shows(&self, a: [f32; 3], b: [f32; 3]) -> bool {
        let shape = self.shape();
        (0..3).all(|axis| a[axis].max(b[axis]) >= -0.5 && a[axis].min(b[axis]) <= shape[axis] as f32 - 0.5)
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
        (voxel + 0.5 - self.middle[axis]) / self.scale[axis] + self.cells[axis] as f64 / 2.0 - 0.5
    }

    /// Voxel coordinate of a cell coordinate; the inverse of `along`.
    fn voxel(&self, axis: usize, cell: f64) -> f64 {
        (cell + 0.5 - self.cells[axis] as f64 / 2.0) * self.scale[axis] + self.middle[axis] - 0.5
    }

    /// Voxel position of a continuous cell position `[D, H, W]`; the inverse of [`Fit::cell_from_voxel`].
    #[must_use]
    pub fn voxel_from_cell(&self, cell: [f64; 3]) -> [f64; 3] {
        let mut voxel = [0.0; 3];
        for (Direction { axis, sign }, at) in std::iter::zip(self.tensor, cell) {
            let along = if sign < 0 { self.cells[axis] as f64 - 1.0 - at } else { at };
            voxel[axis] = self.voxel(axis, along);
        }
        voxel
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

    /// Probabilities `[D, H, W]` on the source grid, 0 to 255, linearly; 0 outside of a window.
    #[must_use]
    pub fn back(&self, cells: &[f32]) -> Vec<u8> {
        let mut out = vec![0; self.source.iter().product()];
        paste(&[self.placed(cells)], self.source, &mut out);
        out
    }

    /// Probabilities `[D, H, W]`, ready to be laid on the source grid.
    #[must_use]
    pub fn placed(&self, cells: &[f32]) -> Placed {
        Placed { cells: self.turn(cells, false), shape: self.cells, along: std::array::from_fn(|axis| self.neighbours(axis)) }
    }

    /// For each voxel along an axis, the cells that take it: a triangle of half-width max(1, scale) around each
    /// cell's centre, its weights normalised to 1; a cell outside the source takes nothing.
    fn shares(&self, axis: usize) -> Vec<Shares> {
        let (voxels, cells, scale) = (self.source[axis], self.cells[axis], self.scale[axis]);
        let width = scale.max(1.0);
        let mut shares = vec![Shares::new(); voxels];
        for cell in 0..cells {
            let centre = self.voxel(axis, cell as f64);
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

    /// Each voxel along an axis that the working grid covers, the two cells between which it lies and its share of the
    /// second.
    fn neighbours(&self, axis: usize) -> Vec<(usize, Between)> {
        let last = (self.cells[axis] - 1) as f64;
        let place = |voxel: usize| {
            let along = self.along(axis, voxel as f64);
            // Rounding must not lose the outermost voxels of a whole image.
            if !(-0.501..=last + 0.501).contains(&along) {
                return None;
            }
            let along = along.clamp(0.0, last);
            let low = along as usize;
            Some((voxel, ([low, (low + 1).min(last as usize)], (along - low as f64) as f32)))
        };
        (0..self.source[axis]).filter_map(place).collect()
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

fn blend(from: &[f32], len: usize, ([low, high], share): Between, to: &mut [f32]) {
    let (low, high) = (&from[low * len..][..len], &from[high * len..][..len]);
    to.iter_mut().zip(low.iter().zip(high)).for_each(|(to, (low, high))| *to = low + share * (high - low));
}
