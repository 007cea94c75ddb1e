//! DICOM segmentations (PS3.3 A.51): binary, fractional, and label maps, onto the slices that they were drawn on.
//!
//! A frame finds its slice by the image that it names, else by its place; rows and columns may be turned round. Where its
//! pixels or slices are not those of the image, all frames are laid on a grid of their own (`seg_grid`): nothing is
//! resampled here.

use super::data_set::DataSet;
use super::file::Facts;
use super::frames;
use super::instance::{Instance, Place};
use super::planes::{Plane, Planes};
use super::seg_grid::own_grid;
use super::structures::MOST_STRUCTURES;
use crate::files::fault::Fault;
use crate::files::structures::{Segment as NamedMask, Structures};
use crate::labels::Mask;
use crate::volume::Grid;
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;
use std::path::Path;

/// A segment, as it is described.
struct Segment {
    number: u32,
    name: String,
    colour: Option<[u8; 3]>,
}

/// What a frame says besides its place.
struct FrameOf {
    segment: Option<u32>,
    /// SOPInstanceUID and frame of the image that it was drawn on.
    source: Option<(String, Option<u32>)>,
}

/// How a frame's pixels become voxels.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Binary,
    /// The greatest value, which means the whole of a voxel.
    Fractional(u32),
    LabelMap,
}

/// Reads a segmentation.
pub(super) fn read(path: &Path, root: &DataSet<'_>, facts: Facts, planes: &Planes) -> Result<Structures, Fault> {
    let pixels = facts.pixels.ok_or_else(|| Fault::Damaged("it holds no pixels".to_owned()))?;
    let kind = match root.text(tags::SEGMENTATION_TYPE).as_deref() {
        Some("FRACTIONAL") => {
            Kind::Fractional(root.count(tags::MAXIMUM_FRACTIONAL_VALUE).filter(|&most| most > 0).unwrap_or(255))
        }
        Some("LABELMAP") => Kind::LabelMap,
        _ => Kind::Binary,
    };
    let segments = segments(root)?;
    let file = Instance::new(path, root, facts, pixels)?;
    frames::check(&file)?;
    let own = &file.frame_of_reference;
    if !own.is_empty() && !planes.frame_of_reference.is_empty() && *own != planes.frame_of_reference {
        return Err(Fault::NotLabels("it was drawn on an image in another frame of reference than this one".to_owned()));
    }
    let abouts = frames_of(root, &file);
    let mut warnings = Vec::new();
    let (grid, lies) = lay(&file, &abouts, planes, &mut warnings)?;
    let mut masks: BTreeMap<u32, Mask> = segments.iter().map(|segment| (segment.number, Mask::empty(grid.shape))).collect();
    for ((frame, about), lie) in file.frames.iter().zip(&abouts).zip(&lies) {
        let Some(lie) = lie else { continue };
        let samples = frames::samples(&file, frame.index)?;
        paint(&file, &samples, kind, about, lie, &mut masks)?;
    }
    let astray = lies.iter().filter(|lie| lie.is_none()).count();
    if astray == file.frames.len() {
        return Err(Fault::NotLabels("none of its frames lies on a slice of this image".to_owned()));
    }
    if astray > 0 {
        warnings.push(format!("{astray} of its {} frames lie on no slice of this image and were left out.", file.frames.len()));
    }
    if let Kind::Fractional(_) = kind {
        let what = match root.text(tags::SEGMENTATION_FRACTIONAL_TYPE).as_deref() {
            Some("PROBABILITY") => "how probable it is that a voxel belongs to a structure",
            _ => "how much of each voxel belongs to a structure",
        };
        warnings.push(format!("It tells {what}; one half and more are taken as belonging to it."));
    }
    let named = |segment: Segment| {
        masks.remove(&segment.number).map(|mask| NamedMask { name: segment.name, colour: segment.colour, mask })
    };
    Ok(Structures { grid, list: segments.into_iter().filter_map(named).collect(), warnings })
}

fn segments(root: &DataSet<'_>) -> Result<Vec<Segment>, Fault> {
    let characters = root.characters();
    let items = root.items(tags::SEGMENT_SEQUENCE);
    if items.is_empty() || items.len() > MOST_STRUCTURES {
        return Err(Fault::Damaged(format!("it describes {} segments", items.len())));
    }
    let segment = |(place, item): (usize, &DataSet<'_>)| {
        let number = item.count(tags::SEGMENT_NUMBER).unwrap_or(place as u32 + 1);
        let name = item.words(tags::SEGMENT_LABEL, &characters).unwrap_or_else(|| format!("segment {number}"));
        Segment { number, name, colour: colour(&item.numbers(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE)) }
    };
    // A label map describes its background as segment 0.
    Ok(items.iter().enumerate().map(segment).filter(|segment| segment.number > 0).collect())
}

fn frames_of(root: &DataSet<'_>, file: &Instance) -> Vec<FrameOf> {
    let shared = root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let per_frame = root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let frame = |index: usize| {
        let groups = || per_frame.get(index).into_iter().chain(shared);
        let segment =
            groups().find_map(|group| group.item(tags::SEGMENT_IDENTIFICATION_SEQUENCE)?.count(tags::REFERENCED_SEGMENT_NUMBER));
        let source = groups().find_map(|group| source_of(group));
        FrameOf { segment, source }
    };
    (0..file.frames.len()).map(frame).collect()
}

/// The image that a frame was drawn on, where it names exactly one.
fn source_of(group: &DataSet<'_>) -> Option<(String, Option<u32>)> {
    let derivation = group.item(tags::DERIVATION_IMAGE_SEQUENCE)?;
    let [source] = derivation.items(tags::SOURCE_IMAGE_SEQUENCE) else { return None };
    Some((source.text(tags::REFERENCED_SOP_INSTANCE_UID)?, source.count(tags::REFERENCED_FRAME_NUMBER)))
}

/// The slice of a frame, and how its pixels lie on it: `i` and `j` of its first pixel, and the way from a column to
/// the next and from a row to the next.
struct Lie {
    slice: usize,
    first: [i64; 2],
    column: [i64; 2],
    row: [i64; 2],
}

/// What was found of a frame.
enum Found {
    /// Its slice.
    On(Lie),
    /// It lies on no slice.
    Astray,
    /// Its pixels, or its slices, are not those of the image.
    OtherGrid,
}

/// Lays all frames on the image's grid or, where one of them does not lie there, on a grid of their own.
fn lay(
    file: &Instance,
    abouts: &[FrameOf],
    planes: &Planes,
    warnings: &mut Vec<String>,
) -> Result<(Grid, Vec<Option<Lie>>), Fault> {
    let mut lies = Vec::new();
    let mut is_other = is_coarser(file, planes);
    for (frame, about) in file.frames.iter().zip(abouts) {
        match lie(file, &frame.place, about, planes)? {
            Found::On(lie) => lies.push(Some(lie)),
            Found::Astray => lies.push(None),
            Found::OtherGrid => is_other = true,
        }
    }
    if !is_other {
        return Ok((planes.grid, lies));
    }
    let own = own_grid(file, planes)?;
    let spacing = |grid: &Grid| {
        let [x, y, z] = grid.spacing_mm();
        format!("{x:.2} x {y:.2} x {z:.2} mm")
    };
    warnings.push(format!(
        "It was not drawn on this image's grid ({}) but on another ({}).",
        spacing(&planes.grid),
        spacing(&own.grid)
    ));
    let lie = |slice| Some(Lie { slice, first: [0, 0], column: [1, 0], row: [0, 1] });
    Ok((own.grid, own.slices.into_iter().map(lie).collect()))
}

/// Whether its slices are declared to be farther apart than the image's, and are: all of them may lie on slices of the
/// image, and those between would stay empty.
fn is_coarser(file: &Instance, planes: &Planes) -> bool {
    let (Some(between), Some(step)) = (file.frames.first().and_then(|frame| frame.place.between), planes.step_mm()) else {
        return false;
    };
    let positions = file.frames.iter().filter_map(|frame| planes.distance(frame.place.position?));
    let distances: Vec<f64> = positions.collect();
    let Some(&first) = distances.first() else { return false };
    let steps = || distances.iter().map(|distance| (distance - first) / between);
    between > 1.1 * step && steps().any(|at| at.abs() > 0.5) && steps().all(|at| (at - at.round()).abs() < 0.1)
}

fn lie(file: &Instance, place: &Place, about: &FrameOf, planes: &Planes) -> Result<Found, Fault> {
    let is_named = |plane: &&Plane| about.source.is_some() && plane.source == about.source;
    let named = planes.planes.iter().position(|plane| is_named(&plane));
    let Place { position: Some(position), axes: Some([along, down]), spacing: Some([rows, columns]), .. } = *place else {
        return same_pixels(file, named, planes);
    };
    if planes.is_picture {
        return same_pixels(file, named, planes);
    }
    let Some((nearest, off)) = planes.nearest(position) else { return Ok(Found::Astray) };
    let ends = [[1.0, 0.0], [0.0, 1.0]].map(|[column, row]| {
        let (column, row) = (column * (file.form.columns as f64 - 1.0), row * (file.form.rows as f64 - 1.0));
        std::array::from_fn(|axis| position[axis] + along[axis] * columns * column + down[axis] * rows * row)
    });
    let drift = |end| Some((planes.distance(end)? - planes.distance(position)?).abs());
    if ends.into_iter().any(|end| drift(end).is_none_or(|drift| drift > planes.reach_mm() * 0.5)) {
        return Ok(Found::OtherGrid);
    }
    // All slices of a mosaic are of one image; else a frame lies on the one that it names.
    let slice = if planes.planes.iter().filter(is_named).count() == 1 { named.unwrap_or(nearest) } else { nearest };
    if slice == nearest && off > planes.reach_mm() * 0.5 {
        // Between slices that are evenly apart, and not beyond the last of them.
        let is_between = off <= planes.reach_mm() * 1.01 && planes.step_mm().is_some();
        return Ok(if is_between { Found::OtherGrid } else { Found::Astray });
    }
    let plane = &planes.planes[slice];
    let at = |column: f64, row: f64| {
        let position = std::array::from_fn(|axis| position[axis] + along[axis] * columns * column + down[axis] * rows * row);
        plane.voxel_from_patient(position)
    };
    Ok(whole(at, file).map_or(Found::OtherGrid, |(first, column, row)| Found::On(Lie { slice, first, column, row })))
}

/// The places of the first pixel, and the ways to the next column and row, if they are whole voxels.
fn whole(at: impl Fn(f64, f64) -> [f64; 2], file: &Instance) -> Option<([i64; 2], [i64; 2], [i64; 2])> {
    const OFF: f64 = 0.1;
    let rounded = |[i, j]: [f64; 2]| {
        let whole = [i.round(), j.round()];
        let close = (i - whole[0]).abs() < OFF && (j - whole[1]).abs() < OFF && whole.iter().all(|part| part.abs() < 1e9);
        close.then_some([whole[0] as i64, whole[1] as i64])
    };
    let (columns, rows) = (file.form.columns as f64 - 1.0, file.form.rows as f64 - 1.0);
    let first = rounded(at(0.0, 0.0))?;
    let step = |[i, j]: [i64; 2]| [i - first[0], j - first[1]];
    let column = step(rounded(at(1.0, 0.0))?);
    let row = step(rounded(at(0.0, 1.0))?);
    let last = rounded(at(columns, rows))?;
    let meant: [i64; 2] = std::array::from_fn(|axis| first[axis] + column[axis] * columns as i64 + row[axis] * rows as i64);
    let square = column.iter().map(|part| part.abs()).sum::<i64>() == 1 && row.iter().map(|part| part.abs()).sum::<i64>() == 1;
    (square && last == meant).then_some((first, column, row))
}

/// A frame without a place lies on the image that it names, pixel by pixel.
fn same_pixels(file: &Instance, named: Option<usize>, planes: &Planes) -> Result<Found, Fault> {
    let [columns, rows, _] = planes.grid.shape;
    if [columns, rows] != [file.form.columns, file.form.rows] {
        return Err(Fault::GridMismatch { image: planes.grid.shape, mask: [file.form.columns, file.form.rows, 1] });
    }
    Ok(named.map_or(Found::Astray, |slice| Found::On(Lie { slice, first: [0, 0], column: [1, 0], row: [0, 1] })))
}

fn paint(
    file: &Instance,
    samples: &[u8],
    kind: Kind,
    about: &FrameOf,
    lie: &Lie,
    masks: &mut BTreeMap<u32, Mask>,
) -> Result<(), Fault> {
    let width = super::codec::bytes_a_sample(&file.form);
    let number =
        |at: usize| samples[at * width..][..width].iter().rev().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
    let [nx, ny, nz] = masks.values().next().map(Mask::shape).unwrap_or_default();
    let columns = file.form.columns;
    if samples.len() < columns * file.form.rows * width {
        return Err(Fault::Damaged("a frame ends too early".to_owned()));
    }
    let own = about.segment;
    if kind != Kind::LabelMap && own.is_none_or(|own| !masks.contains_key(&own)) {
        return Err(Fault::Damaged("a frame does not say which of its segments it is of".to_owned()));
    }
    for at in 0..columns * file.form.rows {
        let value = number(at);
        let segment = match kind {
            Kind::Binary => own.filter(|_| value > 0),
            Kind::Fractional(most) => own.filter(|_| u64::from(value) * 2 >= u64::from(most)),
            Kind::LabelMap => Some(value).filter(|&value| value > 0),
        };
        let Some(mask) = segment.and_then(|segment| masks.get_mut(&segment)) else { continue };
        let (column, row) = ((at % columns) as i64, (at / columns) as i64);
        let [i, j] = std::array::from_fn(|axis| lie.first[axis] + lie.column[axis] * column + lie.row[axis] * row);
        if (0..nx as i64).contains(&i) && (0..ny as i64).contains(&j) && lie.slice < nz {
            mask.set(i as usize + nx * (j as usize + ny * lie.slice), true);
        }
    }
    Ok(())
}

/// Red, green and blue (sRGB) from CIELab as DICOM scales it (PS3.3 C.10.7.1.1).
fn colour(numbers: &[f64]) -> Option<[u8; 3]> {
    let &[l, a, b] = numbers else { return None };
    let (l, a, b) = (l / 65535.0 * 100.0, a / 65535.0 * 255.0 - 128.0, b / 65535.0 * 255.0 - 128.0);
    let y = (l + 16.0) / 116.0;
    let inverse = |t: f64| if t > 6.0 / 29.0 { t.powi(3) } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (t - 4.0 / 29.0) };
    let [x, y, z] = [0.950_47 * inverse(y + a / 500.0), inverse(y), 1.088_83 * inverse(y - b / 200.0)];
    let linear = [
        3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z,
        -0.969_266 * x + 1.876_010_8 * y + 0.041_556 * z,
        0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z,
    ];
    let gamma = |c: f64| if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    Some(linear.map(|c| (gamma(c.clamp(0.0, 1.0)) * 255.0).round() as u8))
}

/// CIELab as DICOM scales it from red, green and blue (sRGB); the inverse of [`colour`].
pub(super) fn cielab([r, g, b]: [u8; 3]) -> [u16; 3] {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = [linear(r), linear(g), linear(b)];
    let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
    let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b;
    let z = (0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83;
    let f = |t: f64| if t > (6.0_f64 / 29.0).powi(3) { t.cbrt() } else { t / (3.0 * (6.0_f64 / 29.0).powi(2)) + 4.0 / 29.0 };
    let (l, a, b) = (116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z)));
    let scaled = |share: f64| (share.clamp(0.0, 1.0) * 65535.0).round() as u16;
    [scaled(l / 100.0), scaled((a + 128.0) / 255.0), scaled((b + 128.0) / 255.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_survive_cielab() {
        for rgb in crate::project::PALETTE {
            let back = colour(&cielab(rgb).map(f64::from)).expect("three numbers");
            assert!(rgb.iter().zip(back).all(|(&a, b)| a.abs_diff(b) <= 1), "{rgb:?} became {back:?}");
        }
    }

    #[test]
    fn white_is_the_lightest() {
        assert_eq!(cielab([255; 3])[0], 65535);
    }
}
