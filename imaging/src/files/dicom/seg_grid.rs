//! The grid on which the frames of a segmentation lie by themselves, where it is not that of the image: finer or coarser,
//! turned, or with slices at other places. Nothing is resampled here.

use super::geometry::{affine, cross, dot, norm, sub, unit};
use super::instance::{Instance, Place};
use super::planes::Planes;
use crate::files::fault::Fault;
use crate::labels::MOST_VOXELS;
use crate::volume::Grid;

/// Part of a voxel by which a frame may lie off its slice.
const OFF: f64 = 0.1;
/// More slices than this are in no segmentation.
const MOST_SLICES: f64 = 65_536.0;

/// A grid, and the slice of it on which each frame lies.
pub(super) struct OwnGrid {
    pub grid: Grid,
    pub slices: Vec<usize>,
}

/// A frame's place: position of its first pixel, the ways along a row and down a column to the next pixel (mm).
struct Lain {
    position: [f64; 3],
    along: [f64; 3],
    down: [f64; 3],
    /// Distance of slices, as the file declares it.
    between: Option<f64>,
    thickness: Option<f64>,
}

impl Lain {
    fn of(place: &Place) -> Option<Self> {
        let Place { position: Some(position), axes: Some([along, down]), spacing: Some([rows, columns]), .. } = *place else {
            return None;
        };
        let (along, down) = (along.map(|part| part * columns), down.map(|part| part * rows));
        Some(Self { position, along, down, between: place.between, thickness: place.thickness })
    }
}

/// The grid of a segmentation's frames. They have to be parallel, equally large and evenly apart; slices between them
/// may be missing, for empty ones are left out of such files.
///
/// # Errors
/// Where they are not, or none of them comes near the image.
pub(super) fn own_grid(file: &Instance, image: &Planes) -> Result<OwnGrid, Fault> {
    let uneven = || {
        Fault::NotLabels(
            "its frames lie neither on the image's grid nor on an even one of their own, so that they cannot be resampled"
                .to_owned(),
        )
    };
    let frames: Option<Vec<Lain>> = file.frames.iter().map(|frame| Lain::of(&frame.place)).collect();
    let frames = frames.ok_or_else(uneven)?;
    let first = frames.first().ok_or(Fault::Empty)?;
    let normal = unit(cross(first.along, first.down)).ok_or_else(uneven)?;
    let voxel = first.smallest();
    let apart = |a: [f64; 3], b: [f64; 3]| norm(sub(a, b));
    let [columns, rows] = [file.form.columns as f64, file.form.rows as f64];
    // Over a whole row or column their pixels may not run apart by more than a part of one.
    let parallel =
        |lain: &Lain| (apart(lain.along, first.along) * columns).max(apart(lain.down, first.down) * rows) <= OFF * voxel;
    let distance = |lain: &Lain| dot(lain.position, normal);
    if !frames.iter().all(|lain| parallel(lain) && distance(lain).is_finite()) {
        return Err(uneven());
    }
    let lowest = frames.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).ok_or(Fault::Empty)?;
    let highest = frames.iter().max_by(|a, b| distance(a).total_cmp(&distance(b))).ok_or(Fault::Empty)?;
    let length = distance(highest) - distance(lowest);
    let mut distances: Vec<f64> = frames.iter().map(distance).collect();
    distances.sort_by(f64::total_cmp);
    let least = distances.array_windows().map(|[a, b]| b - a).filter(|gap| *gap > OFF * voxel).fold(f64::INFINITY, f64::min);
    let declared = first.between;
    let evenly = |gap: f64| {
        let count = (length / gap).round();
        if !(gap > 0.0 && count < MOST_SLICES && (length / gap - count).abs() <= OFF) {
            return None;
        }
        let step = if count < 1.0 {
            normal.map(|part| part * gap)
        } else {
            sub(highest.position, lowest.position).map(|part| part / count)
        };
        let slice = |lain: &Lain| {
            let at = if count < 1.0 { 0.0 } else { ((distance(lain) - distance(lowest)) / length * count).round() };
            let meant = std::array::from_fn(|axis| lowest.position[axis] + step[axis] * at);
            (apart(lain.position, meant) <= OFF * voxel.min(gap)).then_some(at as usize)
        };
        let slices: Option<Vec<usize>> = frames.iter().map(slice).collect();
        Some((slices?, step, count as usize + 1))
    };
    let alone = || first.thickness.unwrap_or(image.reach_mm() * 2.0);
    let gaps = [declared, Some(if least.is_finite() { least } else { alone() })];
    let (slices, step, count) = gaps.into_iter().flatten().find_map(evenly).ok_or_else(uneven)?;
    let shape = [file.form.columns, file.form.rows, count];
    let voxels = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    if voxels.is_none_or(|voxels| voxels > MOST_VOXELS) {
        return Err(Fault::TooLarge("its own grid has more voxels than any image".to_owned()));
    }
    let grid = Grid::new(shape, affine([first.along, first.down, step], lowest.position));
    if !grid.world_from_voxel.is_valid() {
        return Err(uneven());
    }
    if is_apart(&grid, &image.grid) {
        return Err(Fault::NotLabels("none of its frames lies in this image".to_owned()));
    }
    Ok(OwnGrid { grid, slices })
}

impl Lain {
    /// The distance of its pixels along the closer of both ways, in mm.
    fn smallest(&self) -> f64 {
        norm(self.along).min(norm(self.down))
    }
}

/// Whether a grid lies wholly on one side of an image.
fn is_apart(grid: &Grid, image: &Grid) -> bool {
    let Some(voxel_from_world) = image.world_from_voxel.inverse() else { return true };
    let corners: [[f64; 3]; 8] = std::array::from_fn(|corner| {
        let at = std::array::from_fn(|axis| if corner >> axis & 1 == 1 { grid.shape[axis] as f64 - 0.5 } else { -0.5 });
        voxel_from_world.apply(grid.world_from_voxel.apply(at))
    });
    (0..3).any(|axis| {
        let last = image.shape[axis] as f64 - 0.5;
        corners.iter().all(|corner| corner[axis] < -0.5) || corners.iter().all(|corner| corner[axis] > last)
    })
}
