//! Masks in: the structures of a label file, each with its name and colour as far as a file tells them, and how they
//! lie on an image. What becomes of them in a project is `edit`'s.

use super::fault::{Fault, FileError, shape_text};
use super::item::{Item, Part};
use super::label_map::LabelMap;
use super::label_names::{LabelName, names_beside};
use super::{Format, Kind, contained, format, nrrd, open_labels_item};
use crate::labels::Mask;
use crate::volume::Grid;
use std::collections::{BTreeMap, BTreeSet};

/// The structures of a label file.
#[derive(Clone, Debug, PartialEq)]
pub struct Structures {
    /// Where their voxels lie.
    pub grid: Grid,
    /// In the order of the file.
    pub list: Vec<Segment>,
    /// What the reader had to say, each a sentence for the user.
    pub warnings: Vec<String>,
}

/// One structure of a label file.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// What it is called: by the file, by one beside it, or "label 3".
    pub name: String,
    /// Red, green, blue.
    pub colour: Option<[u8; 3]>,
    /// Its voxels.
    pub mask: Mask,
}

/// How a label file lies on an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fit {
    /// Voxel on voxel.
    Same,
    /// Of the same shape, but at another place: the corners are up to so many mm apart.
    Elsewhere(f64),
    /// Of another shape.
    Other,
}

/// Reads the structures of a label file: of 3D Slicer's segmentations each segment, of others each label value.
///
/// # Errors
/// As [`super::open_labels_item`].
pub fn open_structures(item: &Item) -> Result<Structures, FileError> {
    let is_nrrd = contained(&item.path, || Ok(format(&item.path)? == Format::Volume(Kind::Nrrd)))?;
    if is_nrrd {
        let segments = contained(&item.path, || Ok(nrrd::Header::read(&item.path)?.segments()))?;
        if !segments.is_empty() {
            return from_slicer(item, &segments);
        }
    }
    let labels = open_labels_item(item)?;
    let mut warnings = labels.warnings.clone();
    let names = names_beside(&item.path).unwrap_or_else(|error| {
        warnings.push(format!("The names of its labels are not known: {}.", error.fault));
        Default::default()
    });
    let count = labels.values_present().len();
    if count > MOST {
        return Err(Fault::NotLabels(format!("it holds {count} different values, as an image does")).at(&item.path));
    }
    let list = labels.masks().into_iter().map(|(value, mask)| {
        let LabelName { name, colour } = names.get(&value).cloned().unwrap_or_else(|| unnamed(&labels, value));
        Segment { name, colour, mask }
    });
    Ok(Structures { grid: labels.grid, list: list.collect(), warnings })
}

/// Reads the structures of a label file for an image: as [`open_structures`], but a DICOM segmentation, or a set of
/// contours, at once onto the slices that it was drawn on. `grid` is the image's. A file of labels of all voxels of an
/// image of which a part is kept is read as the image was.
///
/// # Errors
/// As [`open_structures`] and [`super::dicom::structures`].
pub fn open_structures_on(labels: &Item, image: &Item, grid: &Grid) -> Result<Structures, FileError> {
    if super::dicom::holds_structures(&labels.path) {
        return super::dicom::structures(&labels.path, image, grid);
    }
    // Masks of a stack of pages are saved as one, too.
    let all_pages = Item { part: Part::Stack, ..labels.clone() };
    let is_stack = image.part == Part::Stack && labels.part.is_only() && super::stack(&labels.path).is_ok_and(|it| it.is_some());
    let labels = if is_stack { &all_pages } else { labels };
    if !image.reduction.is_none()
        && let (Ok(of_labels), Ok(of_image)) = (super::grid(labels), super::grid(&image.whole()))
        && of_labels.shape == of_image.shape
    {
        return open_structures(&labels.clone().reduced(image.reduction));
    }
    open_structures(labels)
}

/// More structures are in no label map; an image of 8 bits has as many grey values.
const MOST: usize = 250;

fn unnamed(labels: &LabelMap, value: u16) -> LabelName {
    let colour = labels.colours.get(usize::from(value)).copied();
    let name = colour.map_or_else(|| format!("label {value}"), |[r, g, b]| format!("colour #{r:02x}{g:02x}{b:02x}"));
    LabelName { name, colour }
}

/// Segments lie in layers where they share voxels; each layer is a label map.
fn from_slicer(item: &Item, segments: &[nrrd::segments::Segment]) -> Result<Structures, FileError> {
    let layers = super::items(&item.path)?.len();
    // Each layer is gone through once, and segments of one value share their voxels: a header of some kilobytes could
    // else name thousands of segments, each as large as the image.
    let mut opened: Vec<Option<(LabelMap, BTreeMap<u16, Mask>)>> = vec![None; layers];
    let mut list = Vec::new();
    for segment in segments {
        let missing = || Fault::Damaged(format!("its segment {} lies in a layer that is not there", segment.name)).at(&item.path);
        let layer = opened.get_mut(segment.layer as usize).ok_or_else(missing)?;
        if layer.is_none() {
            let part = if layers == 1 { Part::Only } else { Part::Volume(segment.layer) };
            let labels = open_labels_item(&Item::new(item.path.clone(), part).reduced(item.reduction))?;
            let named = segments.iter().filter(|other| other.layer == segment.layer).map(|other| other.value);
            let named: Vec<u16> = named.collect::<BTreeSet<_>>().into_iter().collect();
            let masks = labels.masks_of(&named).into_iter().collect();
            *layer = Some((labels, masks));
        }
        let (_, masks) = layer.as_ref().ok_or_else(missing)?;
        let mask = masks.get(&segment.value).cloned().ok_or_else(missing)?;
        list.push(Segment { name: segment.name.clone(), colour: segment.colour, mask });
    }
    let (layer, _) =
        opened.into_iter().flatten().next().ok_or_else(|| Fault::NotLabels("it holds no segment".to_owned()).at(&item.path))?;
    Ok(Structures { grid: layer.grid, list, warnings: layer.warnings })
}

impl Structures {
    /// How they lie on an image: at the same place where no corner is off by half a voxel.
    #[must_use]
    pub fn fit(&self, image: &Grid) -> Fit {
        if self.grid.shape != image.shape {
            return Fit::Other;
        }
        let half = image.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) / 2.0;
        if self.grid.matches(image, half) { Fit::Same } else { Fit::Elsewhere(self.grid.distance_mm(image)) }
    }

    /// What a mismatch means, in a sentence for the user; nothing where there is none.
    #[must_use]
    pub fn mismatch(&self, image: &Grid) -> Option<String> {
        match self.fit(image) {
            Fit::Same => None,
            Fit::Elsewhere(mm) => Some(format!(
                "The labels have the image's {} voxels, but lie up to {mm:.1} mm away from it.",
                shape_text(image.shape)
            )),
            Fit::Other => Some(format!(
                "The labels have {} voxels, but the image has {}.",
                shape_text(self.grid.shape),
                shape_text(image.shape)
            )),
        }
    }

    /// The same structures on another grid: each voxel takes what lies nearest to its centre in space. Voxels beyond
    /// the labels are outside.
    #[must_use]
    pub fn resampled(&self, onto: &Grid) -> Self {
        let masks = resample(self.list.iter().map(|segment| &segment.mask), &self.grid, onto);
        let list = self.list.iter().zip(masks).map(|(segment, mask)| Segment { mask, ..segment.clone() }).collect();
        Self { grid: *onto, list, warnings: self.warnings.clone() }
    }

    /// The same structures, voxel by voxel on a grid of the same shape, wherever it lies.
    #[must_use]
    pub fn laid_on(mut self, image: &Grid) -> Self {
        self.grid = *image;
        self
    }
}

fn resample<'a>(masks: impl Iterator<Item = &'a Mask>, from: &Grid, onto: &Grid) -> Vec<Mask> {
    let masks: Vec<&Mask> = masks.collect();
    let mut resampled = vec![Mask::empty(onto.shape); masks.len()];
    let Some(voxel_from_world) = from.world_from_voxel.inverse() else { return resampled };
    for index in 0..onto.len() {
        let world = onto.world_from_voxel.apply(onto.voxel(index).map(|at| at as f64));
        let Some(source) = from.nearest(voxel_from_world.apply(world).map(|at| at as f32)) else { continue };
        let source = from.index(source);
        for (mask, to) in masks.iter().zip(&mut resampled) {
            if mask.get(source) {
                to.set(index, true);
            }
        }
    }
    resampled
}
