//! Slices for contours that were not drawn on the image's own. Where more than one plane of contours lies on a slice, one
//! would undo what the other fills: they get slices of their own or, being uneven, the plane next to the slice counts.

use super::planes::Planes;
use crate::space::Affine;
use crate::volume::Grid;

/// Part of the way from slice to slice by which contours of one plane may be apart.
const OFF: f64 = 0.1;

/// Where contours are filled.
pub(super) struct Slices {
    pub planes: Planes,
    /// Of each slice the distance along the normal of the contours that count there, where several planes lie on it.
    counting: Vec<Option<f64>>,
    /// What the user is told.
    pub warning: Option<String>,
}

impl Slices {
    /// Of contours by one point each (patient coordinates, mm).
    pub fn of(points: &[[f64; 3]], image: Planes) -> Self {
        let Some((step, distances)) = image.step_mm().and_then(|step| Some((step, distinct(points, &image, step)?))) else {
            return Self { counting: vec![None; image.planes.len()], planes: image, warning: None };
        };
        let mut counting: Vec<Option<f64>> = vec![None; image.planes.len()];
        let mut are_several = false;
        for &(distance, slice) in &distances {
            let off = |distance: f64| (image.distance(image.planes[slice].origin).unwrap_or(distance) - distance).abs();
            are_several |= counting[slice].is_some();
            if counting[slice].is_none_or(|other| off(distance) < off(other)) {
                counting[slice] = Some(distance);
            }
        }
        if !are_several {
            return Self { counting: vec![None; image.planes.len()], planes: image, warning: None };
        }
        match own_grid(&distances, &image, step) {
            Some((grid, between)) => Self {
                counting: vec![None; grid.shape[2]],
                planes: Planes { frame_of_reference: image.frame_of_reference, ..Planes::of_grid(&grid) },
                warning: Some(format!(
                    "It was not drawn on this image's slices, which are {step:.2} mm apart, but on planes {between:.2} mm apart."
                )),
            },
            None => Self {
                counting,
                planes: image,
                warning: Some(
                    "Several planes of contours lie on one slice of this image; those nearest to it are taken.".to_owned(),
                ),
            },
        }
    }

    /// Whether contours at a point count on a slice.
    pub fn counts(&self, slice: usize, point: [f64; 3]) -> bool {
        let Some(Some(counting)) = self.counting.get(slice) else { return true };
        let tolerance = OFF * self.planes.step_mm().unwrap_or(0.0);
        self.planes.distance(point).is_some_and(|distance| (distance - counting).abs() <= tolerance)
    }
}

/// The planes on which points lie, ascending, each with the slice that is nearest: of those that lie on a slice at all.
fn distinct(points: &[[f64; 3]], image: &Planes, step: f64) -> Option<Vec<(f64, usize)>> {
    let on_slice = |point: &[f64; 3]| {
        let (slice, off) = image.nearest(*point)?;
        (off <= image.reach_mm() + 1e-3).then_some((image.distance(*point)?, slice))
    };
    let mut planes: Vec<(f64, usize)> = points.iter().filter_map(on_slice).collect();
    planes.sort_by(|a, b| a.0.total_cmp(&b.0));
    planes.dedup_by(|b, a| b.0 - a.0 <= OFF * step);
    (!planes.is_empty()).then_some(planes)
}

/// A grid whose slices are the planes of the contours, and how far these are apart in mm; nothing where they are uneven.
fn own_grid(distances: &[(f64, usize)], image: &Planes, step: f64) -> Option<(Grid, f64)> {
    /// Contours are drawn by hand, or on slices.
    const MOST: f64 = 65_536.0;
    let between = distances.array_windows().map(|[a, b]| b.0 - a.0).fold(f64::INFINITY, f64::min);
    let (first, last) = (distances.first()?.0, distances.last()?.0);
    let is_even = distances.iter().map(|(distance, _)| (distance - first) / between).all(|at| (at - at.round()).abs() < OFF);
    let count = ((last - first) / between).round();
    if !(is_even && count < MOST) {
        return None;
    }
    let begin = image.distance(image.planes.first()?.origin)?;
    let end = image.distance(image.planes.last()?.origin)?;
    // Along the image's own way, which may run against the normal.
    let (sign, lowest) = if end >= begin { (1.0, first) } else { (-1.0, last) };
    let mut rows = image.grid.world_from_voxel.0;
    let origin = image.grid.world_from_voxel.apply([0.0, 0.0, sign * (lowest - begin) / step]);
    for (world, row) in rows.iter_mut().enumerate() {
        row[2] *= between / step;
        row[3] = origin[world];
    }
    let [nx, ny, _] = image.grid.shape;
    Some((Grid::new([nx, ny, count as usize + 1], Affine(rows)), between))
}
