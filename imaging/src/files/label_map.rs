//! A label map: one whole number a voxel, as other programs save masks.

use super::fault::{Fault, FileError, shape_text};
use crate::labels::Mask;
use crate::volume::Grid;
use std::path::Path;

/// The labels of an image, one a voxel; 0 is background.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    /// Where the voxels lie.
    pub grid: Grid,
    /// The label of each voxel, in the order of the grid.
    pub values: Vec<u16>,
    /// The colour behind each value, where the file holds colours and not numbers; else empty.
    pub colours: Vec<[u8; 3]>,
    /// What the reader had to say of the file, each a sentence for the user.
    pub warnings: Vec<String>,
}

impl LabelMap {
    /// The labels that occur, ascending, without background.
    #[must_use]
    pub fn values_present(&self) -> Vec<u16> {
        let mut seen = vec![false; 1 << 16];
        self.values.iter().for_each(|&value| seen[usize::from(value)] = true);
        (1..=u16::MAX).filter(|&value| seen[usize::from(value)]).collect()
    }

    /// The voxels of one label.
    #[must_use]
    pub fn mask(&self, value: u16) -> Mask {
        Mask::from_fn(self.grid.shape, |index| self.values[index] == value)
    }

    /// The voxels of each label that occurs, ascending, in one pass.
    #[must_use]
    pub fn masks(&self) -> Vec<(u16, Mask)> {
        self.masks_of(&self.values_present())
    }

    /// The voxels of some labels, in the order named, in one pass; each is named once.
    pub(crate) fn masks_of(&self, labels: &[u16]) -> Vec<(u16, Mask)> {
        let mut masks: Vec<(u16, Mask)> = labels.iter().map(|&value| (value, Mask::empty(self.grid.shape))).collect();
        let mut places = vec![usize::MAX; 1 << 16];
        labels.iter().enumerate().for_each(|(place, &value)| places[usize::from(value)] = place);
        for (index, &value) in self.values.iter().enumerate() {
            if let Some((_, mask)) = masks.get_mut(places[usize::from(value)]) {
                mask.set(index, true);
            }
        }
        masks
    }

    /// The voxels of any label.
    #[must_use]
    pub fn foreground(&self) -> Mask {
        Mask::from_fn(self.grid.shape, |index| self.values[index] != 0)
    }

    /// Checks that the labels belong on an image's grid. Of the same shape but at another place they pass, with
    /// a warning: many programs drop the place when they save a mask.
    ///
    /// # Errors
    /// `Fault::GridMismatch` where the shapes differ. `path` is the label file's, for the error.
    pub fn check_grid(&mut self, image: &Grid, path: &Path) -> Result<(), FileError> {
        if self.grid.shape != image.shape {
            return Err(Fault::GridMismatch { image: image.shape, mask: self.grid.shape }.at(path));
        }
        let half_voxel = image.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) / 2.0;
        if !self.grid.matches(image, half_voxel) {
            let shape = shape_text(image.shape);
            self.warnings.push(format!("The mask lies elsewhere in space than its image; voxel by voxel both are {shape}."));
        }
        Ok(())
    }

    /// Renumbers the labels of a colour-coded file so that a colour bears one number across files: its place
    /// in `table`, to which new colours are appended. The first of the table is the background, black. A file that
    /// holds only black and greys of the table is read as numbers; these are colours of the table too.
    pub fn number_by(&mut self, table: &mut Vec<[u8; 3]>) {
        if table.is_empty() {
            table.push([0; 3]);
        }
        if self.colours.is_empty() && self.is_grey_of(table) {
            self.values.iter_mut().for_each(|value| *value = place_of([*value as u8; 3], table));
            self.colours.clone_from(table);
            return;
        }
        let numbers: Vec<u16> = self.colours.iter().map(|colour| place_of(*colour, table)).collect();
        if !numbers.is_empty() {
            self.values.iter_mut().for_each(|value| *value = numbers[usize::from(*value)]);
            self.colours.clone_from(table);
        }
    }

    /// Whether every label is the grey value of a colour in `table`.
    fn is_grey_of(&self, table: &[[u8; 3]]) -> bool {
        self.values_present().iter().all(|&value| u8::try_from(value).is_ok_and(|grey| table.contains(&[grey; 3])))
    }
}

fn place_of(colour: [u8; 3], table: &mut Vec<[u8; 3]>) -> u16 {
    let place = table.iter().position(|known| *known == colour).unwrap_or_else(|| {
        table.push(colour);
        table.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX)
}

/// A stored number as a label.
pub(super) fn label(number: f64) -> Result<u16, Fault> {
    let whole = number as u16;
    if f64::from(whole) == number {
        return Ok(whole);
    }
    Err(Fault::NotLabels(format!("it holds the value {number}, where labels are whole numbers from 0 to 65535")))
}
