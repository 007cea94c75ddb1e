//! 3D Slicer's segmentations (`.seg.nrrd`): every structure by its name and colour, those that share voxels in layers
//! of their own.
//!
//! Source: 3D Slicer's documentation of segmentation files.

use super::{ExportError, Measure, Receipt, check_free, gzipped, sha256, write_and_compare};
use crate::files::{self, Item, Segment, Structures};
use crate::labels::Mask;
use crate::volume::Grid;
use std::path::Path;

/// A label in a layer.
type Place = (usize, u16);

/// Writes structures as a segmentation of 3D Slicer, on the source's grid.
///
/// # Errors
/// As [`super::export_nifti`], but structures may share voxels.
pub fn export_slicer(source: &Item, segments: &[Segment], to: &Path, overwrite: bool) -> Result<Receipt, ExportError> {
    if !to.to_string_lossy().to_ascii_lowercase().ends_with(".seg.nrrd") {
        return Err(ExportError::Ending { ending: ".seg.nrrd", path: to.to_owned() });
    }
    check_free(source, to, overwrite)?;
    let grid = files::grid(source)?;
    let shapes = segments.iter().map(|segment| segment.mask.shape());
    if let Some(mask) = shapes.into_iter().find(|shape| *shape != grid.shape) {
        return Err(ExportError::Shape { mask, image: grid.shape, path: source.path.clone() });
    }
    let (places, layers) = places(segments);
    let values = interleaved(segments, &places, layers, &grid);
    let failed = |error| ExportError::Write { error, path: to.to_owned() };
    let mut bytes = header(segments, &places, layers, &grid).into_bytes();
    let voxels: Vec<u8> = values.iter().map(|&value| value as u8).collect();
    bytes.extend(gzipped(&voxels).map_err(failed)?);
    let back = write_and_compare(to, overwrite, &bytes, |written| {
        Ok(compare(&files::open_structures(&written.into())?, segments, &grid))
    })?;
    let measure = |(segment, (_, value)): (&Segment, &Place)| Measure::of(*value, &segment.mask, &grid);
    let measures = segments.iter().zip(&places).map(measure).collect();
    Ok(Receipt::new(to, &back, measures, sha256(&values)))
}

/// The layer and label of each segment: the first layer in which it shares no voxel and a label is left.
fn places(segments: &[Segment]) -> (Vec<Place>, usize) {
    let mut layers: Vec<(Mask, u16)> = Vec::new();
    let mut places = Vec::new();
    for Segment { mask, .. } in segments {
        let is_free = |(taken, labels): &(Mask, u16)| *labels < 255 && !mask.iter().any(|index| taken.get(index));
        let layer = layers.iter().position(is_free).unwrap_or_else(|| {
            layers.push((Mask::empty(mask.shape()), 0));
            layers.len() - 1
        });
        let (taken, labels) = &mut layers[layer];
        taken.unite(mask);
        *labels += 1;
        places.push((layer, *labels));
    }
    (places, layers.len().max(1))
}

/// The labels, those of all layers side by side at each voxel.
fn interleaved(segments: &[Segment], places: &[Place], layers: usize, grid: &Grid) -> Vec<u16> {
    let mut values = vec![0; grid.len() * layers];
    for (segment, (layer, value)) in segments.iter().zip(places) {
        segment.mask.iter().for_each(|index| values[index * layers + layer] = *value);
    }
    values
}

fn header(segments: &[Segment], places: &[Place], layers: usize, grid: &Grid) -> String {
    let mut text =
        "NRRD0004\n# Complete NRRD file format specification at:\n# http://teem.sourceforge.net/nrrd/format.html\n".to_owned();
    let [i, j, k] = grid.shape;
    // Slicer counts to the left and to the back.
    let lps = |vector: [f64; 3]| format!("({},{},{})", -vector[0] + 0.0, -vector[1] + 0.0, vector[2]);
    let steps: Vec<String> = (0..3).map(|axis| lps(grid.world_from_voxel.column(axis))).collect();
    let several = layers > 1;
    let first = |word: &str| if several { format!("{word} ") } else { String::new() };
    let mut line = |name: &str, value: String| text.extend([name, value.as_str(), "\n"]);
    line("type: ", "unsigned char".to_owned());
    line("dimension: ", if several { "4" } else { "3" }.to_owned());
    line("space: ", "left-posterior-superior".to_owned());
    line("sizes: ", format!("{}{i} {j} {k}", first(&layers.to_string())));
    line("space directions: ", first("none") + &steps.join(" "));
    line("kinds: ", first("list") + "domain domain domain");
    line("encoding: ", "gzip".to_owned());
    line("space origin: ", lps(grid.world_from_voxel.column(3)));
    for (number, (segment, (layer, value))) in segments.iter().zip(places).enumerate() {
        let [red, green, blue] = segment.colour.unwrap_or([128, 174, 128]).map(|part| f64::from(part) / 255.0);
        line(&format!("Segment{number}_ID:="), format!("Segment_{}", number + 1));
        line(&format!("Segment{number}_Name:="), one_line(&segment.name));
        line(&format!("Segment{number}_Color:="), format!("{red} {green} {blue}"));
        line(&format!("Segment{number}_LabelValue:="), value.to_string());
        line(&format!("Segment{number}_Layer:="), layer.to_string());
        line(&format!("Segment{number}_Extent:="), extent(&segment.mask));
    }
    line("Segmentation_MasterRepresentation:=", "Binary labelmap".to_owned());
    text.push('\n');
    text
}

/// A name that cannot end its line.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// First and last voxel along each axis.
fn extent(mask: &Mask) -> String {
    let [low, high] = mask.bounds().unwrap_or([[0; 3], [0; 3]]);
    (0..3).map(|axis| format!("{} {}", low[axis], high[axis])).collect::<Vec<_>>().join(" ")
}

fn compare(back: &Structures, segments: &[Segment], grid: &Grid) -> Result<Grid, &'static str> {
    if back.grid.shape != grid.shape {
        Err("shape")
    } else if !back.grid.matches(grid, 1e-6) {
        Err("place")
    } else if back.list.len() != segments.len() || back.list.iter().zip(segments).any(|(a, b)| a.mask != b.mask) {
        Err("voxels")
    } else if back.list.iter().zip(segments).any(|(a, b)| a.name != one_line(&b.name)) {
        Err("names")
    } else {
        Ok(back.grid)
    }
}
