//! From image and marks to the net's input, and from its output to the source grid: exactly the "Input contract" of
//! `engine/training/README.md`. Owns intensities and the order of channels; `fit` owns geometry, `marks` drawing.

pub mod fit;
pub mod marks;

use crate::error::EngineError;
use crate::protocol::Marks;
use fit::Fit;
use imaging::{Grid, Image, Mask, Pixels, Volume};
use marks::Marking;

/// An image on its working grid. Small, so that it can be kept when the image cannot.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The source grid.
    pub grid: Grid,
    /// How it lies in the working grid.
    pub fit: Fit,
    /// `[C, D, H, W]`, 0 to 1.
    pub cells: Vec<f32>,
    /// The image's values that are 0 and 1.
    limits: [f32; 2],
}

impl Encoded {
    /// Brings an image to its working grid: one channel in 3-D, three (red, green, blue) in 2-D.
    ///
    /// # Errors
    /// [`EngineError::Image`] if it holds no voxel.
    pub fn new(image: &Image) -> Result<Self, EngineError> {
        Ok(Self::on(image, Fit::new(image)?, limits(image)))
    }

    /// A window of the same image, its intensities scaled as in the whole.
    #[must_use]
    pub fn window(&self, image: &Image, fit: Fit) -> Self {
        Self::on(image, fit, self.limits)
    }

    fn on(image: &Image, fit: Fit, limits: [f32; 2]) -> Self {
        let scale = |value| scaled(value, limits);
        let cells = match (&image.pixels, fit.dims) {
            (Pixels::Rgb(voxels), 2) => (0..3).flat_map(|c| channel(&fit, |at| scale(f32::from(voxels[at][c])))).collect(),
            (_, 2) => channel(&fit, |at| scale(image.value(at))).repeat(3),
            (Pixels::I16(voxels), _) => channel(&fit, |at| scale(f32::from(voxels[at]))),
            (Pixels::F32(voxels), _) => channel(&fit, |at| scale(voxels[at])),
            _ => channel(&fit, |at| scale(image.value(at))),
        };
        Self { grid: image.grid, fit, cells, limits }
    }

    /// One of the image's values as the cells show it, 0 to 1.
    #[must_use]
    pub fn scaled(&self, value: f32) -> f32 {
        scaled(value, self.limits)
    }

    /// Draws marks and the previous guess. A mask on the working grid comes from [`Encoded::mask_cells`].
    ///
    /// # Errors
    /// [`EngineError::Shape`] if the guess is not of the image's shape.
    pub fn marking(&self, marks: &Marks, mask: Option<&[f32]>, previous: Option<&Volume<u8>>) -> Result<Marking, EngineError> {
        let mut marking = Marking::empty(&self.fit);
        marks.prompts.iter().for_each(|prompt| marking.draw(prompt));
        if let Some(mask) = mask {
            marking.put_mask(mask);
        }
        if let Some(previous) = previous.filter(|_| !marking.is_empty()) {
            self.check(previous.grid.shape)?;
            marking.put_previous(&previous.voxels);
        }
        Ok(marking)
    }

    /// A whole mask on the working grid.
    ///
    /// # Errors
    /// [`EngineError::Shape`] if it is not of the image's shape.
    pub fn mask_cells(&self, mask: &Mask) -> Result<Vec<f32>, EngineError> {
        self.check(mask.shape())?;
        Ok(marks::mask_cells(&self.fit, mask))
    }

    /// A probability of each cell, on the source grid.
    #[must_use]
    pub fn decode(&self, probability: &[f32]) -> Volume<u8> {
        Volume { grid: self.grid, voxels: self.fit.back(probability) }
    }

    fn check(&self, shape: [usize; 3]) -> Result<(), EngineError> {
        if shape == self.grid.shape { Ok(()) } else { Err(EngineError::Shape { mask: shape, image: self.grid.shape }) }
    }
}

fn scaled(value: f32, [low, high]: [f32; 2]) -> f32 {
    if value.is_finite() { ((value - low) / (high - low).max(1e-6)).clamp(0.0, 1.0) } else { 0.0 }
}

fn channel(fit: &Fit, value: impl Fn(usize) -> f32) -> Vec<f32> {
    let [width, height, _] = fit.source;
    fit.take(|j, k, out| {
        let start = (k * height + j) * width;
        out.iter_mut().enumerate().for_each(|(i, out)| *out = value(start + i));
        true
    })
}

/// Most values that the percentiles are taken from; larger images are sampled evenly.
const MOST_VALUES: usize = 4_000_000;

/// The 0.5 and 99.5 percentiles of the finite values, linear between ranks, joint over colours.
fn limits(image: &Image) -> [f32; 2] {
    let step = image.grid.len().div_ceil(MOST_VALUES).max(1);
    let mut values: Vec<f32> = match &image.pixels {
        Pixels::I16(voxels) => voxels.iter().step_by(step).map(|&v| f32::from(v)).collect(),
        Pixels::F32(voxels) => voxels.iter().step_by(step).copied().filter(|v| v.is_finite()).collect(),
        Pixels::Rgb(voxels) => voxels.iter().step_by(step).flat_map(|v| v.map(f32::from)).collect(),
    };
    [0.005, 0.995].map(|share| percentile(&mut values, share))
}

fn percentile(values: &mut [f32], share: f64) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = share * last as f64;
    let (_, &mut low, above) = values.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    low + (high - low) * rank.fract() as f32
}

#[cfg(test)]
mod tests;
