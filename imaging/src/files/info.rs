//! What a file is, told without keeping its voxels: format, size, place, kind and range of its numbers, and a sum
//! by which two files can be compared. `exemplar info` prints it.

use super::fault::{Fault, FileError};
use super::item::{Item, ItemInfo, Part};
use super::{Format, contained, format, items, open_item, picture, stack};
use crate::space::closest_canonical;
use crate::volume::{Grid, Image, Pixels};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a file is, or one image of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Info {
    /// The format, as its specification calls it.
    pub format: String,
    /// Voxels along each axis of space, then (of a file of several volumes) points of time and channels.
    pub shape: Vec<u64>,
    /// World position (RAS, mm) of a voxel `[i, j, k, 1]`.
    pub affine: [[f64; 4]; 4],
    /// The type of a number in the file, as numpy calls it.
    pub voxel_type: String,
    /// Numbers a voxel: 3 or 4 of a colour.
    pub components: u64,
    /// Distance in mm between voxels along each axis.
    pub spacing_mm: [f64; 3],
    /// Where each voxel axis points: `RAS`, `LPS` and so on, for oblique ones the closest.
    pub orientation: String,
    /// The least number that is one, after slope and intercept.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Numbers that are none (NaN); they count in nothing but the sum below.
    pub nan: u64,
    /// SHA-256 of all numbers after slope and intercept, each as a 64-bit float with the least byte first, the first
    /// axis fastest, of a colour one channel after the other: `img.get_fdata().tobytes(order="F")` in nibabel.
    pub sha256: String,
    /// What the reader has to say, each a sentence.
    pub warnings: Vec<String>,
}

/// Tells what an image is; of a file of several volumes without a part, what all of them are together.
///
/// # Errors
/// As [`super::open_item`].
pub fn info(item: &Item) -> Result<Info, FileError> {
    let mut listed = items(&item.path)?;
    if item.part == Part::Stack {
        listed.extend(stack(&item.path)?);
    }
    let raw = contained(&item.path, || match format(&item.path)? {
        Format::Volume(kind) if item.reduction.is_none() => kind.raw(&item.path)?.info(&item.part).map(Some),
        _ => Ok(None),
    })?;
    match raw {
        Some(info) => Ok(info),
        None => of_image(item, &listed),
    }
}

/// Of formats whose images are decoded as a whole.
fn of_image(item: &Item, listed: &[ItemInfo]) -> Result<Info, FileError> {
    let wanted = listed.iter().filter(|info| item.part.is_only() || info.item.part == item.part);
    let wanted: Vec<&ItemInfo> = wanted.collect();
    let mut tally = Tally::default();
    let mut first: Option<Image> = None;
    for info in &wanted {
        let image = open_item(&info.item.clone().reduced(item.reduction))?;
        tally.add_image(&image);
        first.get_or_insert(image);
    }
    let missing = || Fault::NoSuchPart { part: item.part.clone(), count: listed.len() as u64 }.at(&item.path);
    let image = first.ok_or_else(missing)?;
    let about = wanted.first().ok_or_else(missing)?;
    let voxel_type = contained(&item.path, || match format(&item.path)? {
        Format::Dicom | Format::Volume(_) => Ok(decoded_type(&image.pixels).to_owned()),
        Format::Picture(_) => picture::voxel_type(&item.path),
    })?;
    let further = if wanted.len() > 1 { vec![wanted.len() as u64] } else { Vec::new() };
    let components = if image.is_colour() { 3 } else { 1 };
    let told =
        Told { format: &about.format, grid: &image.grid, further, voxel_type, components, warnings: image.warnings.clone() };
    Ok(told.info(tally))
}

/// The type of numbers that slope and intercept were applied to.
fn decoded_type(pixels: &Pixels) -> &'static str {
    match pixels {
        Pixels::I16(_) => "int16",
        Pixels::F32(_) => "float32",
        Pixels::Rgb(_) => "uint8",
    }
}

/// What is known of a file before its numbers are counted.
pub(crate) struct Told<'a> {
    pub format: &'a str,
    pub grid: &'a Grid,
    /// Sizes beyond the axes of space.
    pub further: Vec<u64>,
    pub voxel_type: String,
    pub components: u64,
    pub warnings: Vec<String>,
}

impl Told<'_> {
    /// All of it together.
    pub fn info(self, tally: Tally) -> Info {
        let [x, y, z] = self.grid.world_from_voxel.0;
        let is_any = tally.count > 0;
        let mut warnings = self.warnings;
        if tally.nan > 0 && !warnings.iter().any(|warning| warning.contains("NaN")) {
            warnings.push(format!("{} of its {} voxels hold no number (NaN).", tally.nan, tally.nan + tally.count));
        }
        Info {
            format: self.format.to_owned(),
            shape: self.grid.shape.iter().map(|&n| n as u64).chain(self.further).collect(),
            affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]],
            voxel_type: self.voxel_type,
            components: self.components,
            spacing_mm: self.grid.spacing_mm(),
            orientation: orientation(self.grid),
            min: is_any.then_some(tally.min),
            max: is_any.then_some(tally.max),
            mean: is_any.then(|| tally.sum / tally.count as f64),
            nan: tally.nan,
            sha256: tally.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            warnings,
        }
    }
}

/// Counts numbers as they pass.
pub(crate) struct Tally {
    min: f64,
    max: f64,
    sum: f64,
    count: u64,
    nan: u64,
    hasher: Sha256,
}

impl Default for Tally {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, count: 0, nan: 0, hasher: Sha256::new() }
    }
}

impl Tally {
    /// Takes numbers in.
    pub fn add(&mut self, numbers: &[f64]) {
        for &number in numbers {
            if number.is_nan() {
                self.nan += 1;
                continue;
            }
            (self.min, self.max) = (self.min.min(number), self.max.max(number));
            self.sum += number;
            self.count += 1;
        }
        for some in numbers.chunks(1 << 10) {
            self.hasher.update(some.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
        }
    }

    fn add_image(&mut self, image: &Image) {
        match &image.pixels {
            Pixels::I16(values) => self.add_all(values, |&value| [f64::from(value)]),
            Pixels::F32(values) => self.add_all(values, |&value| [f64::from(value)]),
            Pixels::Rgb(values) => self.add_all(values, |colour| colour.map(f64::from)),
        }
    }

    fn add_all<T, const N: usize>(&mut self, values: &[T], numbers: impl Fn(&T) -> [f64; N]) {
        for some in values.chunks(1 << 13) {
            self.add(&some.iter().flat_map(&numbers).collect::<Vec<_>>());
        }
    }
}

/// Where each voxel axis points, by the letter of the side.
fn orientation(grid: &Grid) -> String {
    const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];
    let directions = closest_canonical(&grid.world_from_voxel);
    let letter = |axis: usize| {
        let world = directions.iter().position(|direction| direction.axis == axis)?;
        Some(LETTERS[world][usize::from(directions[world].sign < 0)])
    };
    (0..3).filter_map(letter).collect()
}

/// Which image is meant by a part that a user named, of a file that may hold only one.
#[must_use]
pub fn part_for(path: &std::path::Path, wanted: &Part) -> Part {
    let is_several = || items(path).is_ok_and(|items| items.len() > 1);
    if wanted.is_only() || is_several() { wanted.clone() } else { Part::Only }
}
