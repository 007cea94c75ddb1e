//! Sets of contours for radiotherapy (RTSTRUCT, PS3.3 A.19): closed planar ones, filled on the slices that they lie
//! on. A voxel belongs to a structure if its centre lies within an odd number of its contours, so that one drawn in
//! another is a hole.

use super::contour_slices::Slices;
use super::data_set::DataSet;
use super::planes::Planes;
use super::structures::MOST_STRUCTURES;
use crate::files::fault::Fault;
use crate::files::structures::{Segment as NamedMask, Structures};
use crate::labels::Mask;
use dicom_dictionary_std::tags;
use std::collections::HashSet;

/// What was left out of a structure.
#[derive(Default)]
struct Left {
    /// Contours that lie on no slice.
    astray: usize,
    /// Contours that are no closed planar ones.
    others: usize,
}

/// Reads a set of contours.
pub(super) fn read(root: &DataSet<'_>, planes: Planes) -> Result<Structures, Fault> {
    if planes.is_picture {
        return Err(Fault::NotLabels("its contours lie in a patient, but the image is a picture without a place".to_owned()));
    }
    let rois = root.items(tags::STRUCTURE_SET_ROI_SEQUENCE);
    if rois.is_empty() || rois.len() > MOST_STRUCTURES {
        return Err(Fault::Damaged(format!("it describes {} structures", rois.len())));
    }
    let characters = root.characters();
    let drawn = root.items(tags::ROI_CONTOUR_SEQUENCE);
    let mut meant = Vec::new();
    let (mut masks, mut left, mut foreign, mut contours) = (Vec::new(), Left::default(), 0, 0);
    let mut numbers = HashSet::new();
    for roi in rois {
        let number = roi.number(tags::ROI_NUMBER);
        // One set of contours is one structure's: described by thousands, it would be filled as often.
        if !numbers.insert(number.map(f64::to_bits)) {
            continue;
        }
        let frame = roi.text(tags::REFERENCED_FRAME_OF_REFERENCE_UID).unwrap_or_default();
        let Some(item) = drawn.iter().find(|item| item.number(tags::REFERENCED_ROI_NUMBER) == number) else { continue };
        let is_other = !frame.is_empty() && !planes.frame_of_reference.is_empty() && frame != planes.frame_of_reference;
        // Some that were made anonymous bear new frames of reference, but still name their images.
        if is_other && !names_image(item, &planes) {
            foreign += 1;
            continue;
        }
        let name = roi.words(tags::ROI_NAME, &characters).unwrap_or_else(|| format!("structure {}", meant.len() + 1));
        let colour: Vec<u8> =
            item.numbers(tags::ROI_DISPLAY_COLOR).into_iter().map(|part| part.clamp(0.0, 255.0) as u8).collect();
        contours += item.items(tags::CONTOUR_SEQUENCE).len();
        meant.push((name, colour.try_into().ok(), item));
    }
    let firsts = meant.iter().flat_map(|(_, _, item)| item.items(tags::CONTOUR_SEQUENCE)).filter_map(first_point);
    let slices = Slices::of(&firsts.collect::<Vec<_>>(), planes);
    for (name, colour, item) in meant {
        masks.push(NamedMask { name, colour, mask: mask(item, &slices, &mut left) });
    }
    if masks.is_empty() && foreign > 0 {
        return Err(Fault::NotLabels("it was drawn on an image in another frame of reference than this one".to_owned()));
    }
    if contours > 0 && left.astray + left.others == contours {
        return Err(Fault::NotLabels("none of its contours lies on a slice of this image".to_owned()));
    }
    let mut warnings = warnings(&left, foreign);
    warnings.extend(slices.warning);
    Ok(Structures { grid: slices.planes.grid, list: masks, warnings })
}

/// The first point of a contour that is closed and planar.
fn first_point(contour: &DataSet<'_>) -> Option<[f64; 3]> {
    let numbers = contour.numbers(tags::CONTOUR_DATA);
    is_closed(contour).then(|| numbers.first_chunk().copied())?
}

fn is_closed(contour: &DataSet<'_>) -> bool {
    let kind = contour.text(tags::CONTOUR_GEOMETRIC_TYPE).unwrap_or_default();
    matches!(kind.as_str(), "CLOSED_PLANAR" | "CLOSEDPLANAR_XOR" | "CLOSED_PLANAR_XOR" | "")
}

/// Whether a contour of a structure names one of the image's files.
fn names_image(item: &DataSet<'_>, planes: &Planes) -> bool {
    let named = item.items(tags::CONTOUR_SEQUENCE).iter().flat_map(|contour| contour.items(tags::CONTOUR_IMAGE_SEQUENCE));
    let mut named = named.filter_map(|image| image.text(tags::REFERENCED_SOP_INSTANCE_UID));
    let is_source =
        |uid: &String| planes.planes.iter().any(|plane| plane.source.as_ref().is_some_and(|(source, _)| source == uid));
    named.any(|uid| is_source(&uid))
}

fn warnings(left: &Left, foreign: usize) -> Vec<String> {
    let told = [
        (foreign, "structures are in another frame of reference"),
        (left.astray, "contours lie on no slice, or beside others that are nearer to it,"),
        (left.others, "contours are points or open lines"),
    ];
    told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what} and were left out.")).collect()
}

/// The voxels within a structure's contours.
fn mask(item: &DataSet<'_>, slices: &Slices, left: &mut Left) -> Mask {
    let mut mask = Mask::empty(slices.planes.grid.shape);
    for contour in item.items(tags::CONTOUR_SEQUENCE) {
        if !is_closed(contour) {
            left.others += 1;
            continue;
        }
        let numbers = contour.numbers(tags::CONTOUR_DATA);
        let (points, _) = numbers.as_chunks::<3>();
        match polygon(points, &slices.planes) {
            Some((slice, _)) if !slices.counts(slice, points[0]) => left.astray += 1,
            Some((slice, corners)) => fill(&mut mask, slice, &corners),
            None => left.astray += 1,
        }
    }
    mask
}

/// The slice of a contour, and its corners there, in voxels.
fn polygon(points: &[[f64; 3]], planes: &Planes) -> Option<(usize, Vec<[f64; 2]>)> {
    let (slice, off) = planes.nearest(*points.first()?)?;
    if points.len() < 3 || off > planes.reach_mm() + 1e-3 {
        return None;
    }
    // A contour that leaves its slice is of another orientation.
    if points.iter().any(|&point| planes.nearest(point).is_none_or(|(at, _)| at.abs_diff(slice) > 1)) {
        return None;
    }
    let plane = &planes.planes[slice];
    Some((slice, points.iter().map(|&point| plane.voxel_from_patient(point)).collect()))
}

/// Turns over the voxels of a slice whose centres lie within a polygon, by the even-odd rule.
pub(super) fn fill(mask: &mut Mask, slice: usize, corners: &[[f64; 2]]) {
    let [nx, ny, _] = mask.shape();
    let (low, high) = corners.iter().fold((f64::MAX, f64::MIN), |(low, high), corner| (low.min(corner[1]), high.max(corner[1])));
    let first = low.ceil().max(0.0) as usize;
    let last = high.floor().min(ny as f64 - 1.0);
    let mut crossings = Vec::new();
    for row in first..=(if last < 0.0 { return } else { last as usize }) {
        let y = row as f64;
        crossings.clear();
        for (at, a) in corners.iter().enumerate() {
            let b = corners[(at + 1) % corners.len()];
            // Of an edge its lower end counts and its upper does not, so that a corner is crossed once.
            if (a[1] <= y) != (b[1] <= y) {
                crossings.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.as_chunks::<2>().0 {
            let begin = pair[0].ceil().clamp(0.0, nx as f64) as usize;
            let end = (pair[1].ceil().clamp(0.0, nx as f64)) as usize;
            for i in begin..end {
                let at = i + nx * (row + ny * slice);
                mask.set(at, !mask.get(at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(from: f64, to: f64) -> Vec<[f64; 2]> {
        vec![[from, from], [to, from], [to, to], [from, to]]
    }

    #[test]
    fn a_square_in_a_square_is_a_hole() {
        let mut mask = Mask::empty([10, 10, 2]);
        fill(&mut mask, 1, &square(0.5, 8.5));
        assert_eq!(mask.count(), 64);
        fill(&mut mask, 1, &square(2.5, 4.5));
        assert_eq!(mask.count(), 60);
        assert!(mask.iter().all(|at| at >= 100), "the other slice is left alone");
    }

    #[test]
    fn neighbours_that_share_an_edge_share_no_voxel() {
        let mut left = Mask::empty([10, 10, 1]);
        fill(&mut left, 0, &[[1.0, 1.0], [4.0, 1.0], [4.0, 6.0], [1.0, 6.0]]);
        let mut right = Mask::empty([10, 10, 1]);
        fill(&mut right, 0, &[[4.0, 1.0], [8.0, 1.0], [8.0, 6.0], [4.0, 6.0]]);
        assert_eq!(left.count(), 15);
        assert_eq!(right.count(), 20);
        assert!(left.iter().all(|at| !right.get(at)));
    }

    #[test]
    fn what_lies_outside_is_cut() {
        let mut mask = Mask::empty([4, 4, 1]);
        fill(&mut mask, 0, &square(-100.0, 1.5));
        assert_eq!(mask.count(), 4);
        fill(&mut mask, 0, &square(-9.0, -3.0));
        assert_eq!(mask.count(), 4);
    }
}
