//! A published net as its authors run it: from target and examples to a probability on the source grid. Owns what is
//! done before and after the net and who can do what; `volume`, `plane` and `brain` know each family's ways.

mod brain;
mod frame;
mod plane;
mod volume;

use crate::cache::Cache;
use crate::error::EngineError;
use crate::protocol::{Example, ImageRef, Target};
use crate::segmenter::Guess;
use crate::segmenter::images::{ImageKey, opened};
use crate::strategy::entropy;
use crate::weights::installed::Installed;
use crate::weights::recognise::{Config, Net};
use burn::tensor::{Device, Tensor};
use frame::{Between, Frame};
use imaging::{Grid, Image, Volume};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How an image is made ready for a net that gives a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manner {
    /// Exactly as the authors' own program does it: axes as stored, the whole range of values.
    #[default]
    Published,
    /// All images turned the same way, the outermost half percent of values at each end clipped.
    Oriented,
}

/// Numbers on their way into a net.
type Fed = Arc<Vec<f32>>;

/// An image on a net's own grid.
struct Prepared {
    grid: Grid,
    frame: Frame,
    cells: Fed,
}

/// Bytes of images on the net's grid that are kept.
const MOST_BYTES: usize = 256 << 20;

/// A published net on a device.
pub(crate) struct Published {
    net: Net,
    installed: Installed,
    manner: Manner,
    device: Device,
    images: Cache<ImageKey, Prepared>,
}

impl Published {
    /// Loads an installed net.
    ///
    /// # Errors
    /// [`EngineError::Weights`] where its files are not what they were, or do not fit.
    pub fn open(installed: Installed, manner: Manner, device: &Device) -> Result<Self, EngineError> {
        let refuse = |why| EngineError::Weights { path: installed.folder.clone(), why };
        let net = installed.load(device).map_err(refuse)?;
        Ok(Self { net, installed, manner, device: device.clone(), images: Cache::new(MOST_BYTES) })
    }

    /// Guesses one image.
    ///
    /// # Errors
    /// Where the net cannot take what it is given, or the work is cancelled, or the device fails.
    pub fn guess(
        &mut self,
        target: &Target,
        examples: &[Example],
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Guess, EngineError> {
        match self.installed.entry.dims {
            _ if self.installed.entry.automatic => self.automatic(&target.image, go_on),
            3 => self.volume(target, examples, go_on),
            _ => self.plane(target, examples, go_on),
        }
    }

    /// Segments an image by itself.
    fn automatic(&mut self, image: &ImageRef, go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        let Net::MeshNet(net, config) = &self.net else { return Err(EngineError::NoMarks) };
        let image = opened(image)?;
        check_dims(&image, 3)?;
        let probability = brain::segment(net, config, &self.device, &image, go_on)?;
        let cells: Vec<f32> = probability.voxels.iter().map(|&p| f32::from(p) / 255.0).collect();
        Ok(Guess { uncertainty: entropy(&cells), probability })
    }

    fn volume(
        &mut self,
        target: &Target,
        examples: &[Example],
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Guess, EngineError> {
        let prompts = self.installed.prompts;
        let own = self.prepared(&target.image)?;
        let is_marked = !target.marks.is_empty();
        let mut contexts: Vec<[Fed; 2]> = Vec::new();
        for example in sorted(examples, target, is_marked).into_iter().take(volume::MOST_EXAMPLES) {
            let context = self.prepared(&example.image)?;
            contexts.push([context.cells.clone(), Arc::new(volume::label_cells(&context.frame, &example.marks, prompts)?)]);
        }
        if is_marked {
            let label = volume::label_cells(&own.frame, &target.marks, prompts);
            // Marks of another kind on the target do no harm where examples tell what is wanted.
            match label {
                Ok(label) => contexts.push([own.cells.clone(), Arc::new(label)]),
                Err(error) if contexts.is_empty() => return Err(error),
                Err(_) => {}
            }
        }
        if contexts.is_empty() {
            return Err(EngineError::NoMarks);
        }
        let Net::Neuroverse(net) = &self.net else { return Err(EngineError::NoNet { dims: 3 }) };
        let cells = volume::forward(net, &self.device, &own.cells, &contexts, own.frame.size, go_on)?;
        Ok(told(&own, &cells, Between::Nearest, None))
    }

    fn plane(&mut self, target: &Target, examples: &[Example], go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        let own = self.prepared(&target.image)?;
        let is_marked = !target.marks.prompts.is_empty();
        let mut supports = Vec::new();
        for example in sorted(examples, target, is_marked) {
            let Some(mask) = example.marks.filled_mask() else { continue };
            let support = self.prepared(&example.image)?;
            supports.push([support.cells.clone(), Arc::new(plane::mask_cells(&support.frame, mask))]);
        }
        let previous = target.previous.as_deref().filter(|previous| is_marked && previous.grid.shape == own.grid.shape);
        let marks = Arc::new(plane::mark_cells(&own.frame, &target.marks, previous));
        let given = plane::Given { image: own.cells.clone(), marks, is_marked, supports };
        let (cells, disagreement) = plane::forward(&self.net, &self.installed.config, &self.device, &given, go_on)?;
        Ok(told(&own, &cells, Between::Linear, disagreement))
    }

    /// An image on the net's grid; its file is opened only if it was not lately.
    fn prepared(&mut self, image: &ImageRef) -> Result<Arc<Prepared>, EngineError> {
        let key = ImageKey::new(image);
        if let Some(prepared) = self.images.get(&key) {
            return Ok(prepared);
        }
        let image = opened(image)?;
        check_dims(&image, self.installed.entry.dims)?;
        let prepared = if self.installed.entry.dims == 3 {
            let frame = Frame::volume(&image.grid, volume::SIDE, self.manner);
            let cells = Arc::new(volume::image_cells(&image, &frame, self.manner));
            Prepared { grid: image.grid, frame, cells }
        } else {
            let frame = Frame::picture(&image.grid, plane::SIDE);
            let cells = Arc::new(plane::image_cells(&image, &frame));
            Prepared { grid: image.grid, frame, cells }
        };
        let bytes = size_of_val(prepared.cells.as_slice());
        Ok(self.images.put(key, prepared, bytes))
    }

    /// Looks whether examples can be opened.
    ///
    /// # Errors
    /// Where one cannot.
    pub fn prepare(&mut self, examples: &[Example]) -> Result<(), EngineError> {
        if self.installed.entry.automatic {
            return Ok(());
        }
        for example in examples {
            self.prepared(&example.image)?;
        }
        Ok(())
    }
}

/// The examples in the order of their cases, without the target where its own marks say more.
fn sorted<'a>(examples: &'a [Example], target: &Target, is_marked: bool) -> Vec<&'a Example> {
    let mut sorted: Vec<&Example> = examples.iter().filter(|example| !is_marked || example.case != target.case).collect();
    sorted.sort_by_key(|example| example.case);
    sorted
}

fn check_dims(image: &Image, dims: usize) -> Result<(), EngineError> {
    match (dims, image.grid.is_empty(), image.is_flat()) {
        (_, true, _) => Err(EngineError::Image("it holds no voxel".to_owned())),
        (3, _, true) => Err(EngineError::Image("the net in use segments volumes, not pictures or single slices".to_owned())),
        (2, _, false) => Err(EngineError::Image("the net in use segments pictures and single slices, not volumes".to_owned())),
        _ => Ok(()),
    }
}

fn told(own: &Prepared, cells: &[f32], between: Between, disagreement: Option<f32>) -> Guess {
    let cells: Vec<f32> = cells.iter().map(|cell| cell.clamp(0.0, 1.0)).collect();
    let voxels = own.frame.back(between, &cells).into_iter().map(|p| (p * 255.0 + 0.5) as u8).collect();
    Guess { probability: Volume { grid: own.grid, voxels }, uncertainty: disagreement.unwrap_or_else(|| entropy(&cells)) }
}

/// The numbers of a result; waits for them.
fn numbers(tensor: Tensor<5>) -> Result<Vec<f32>, EngineError> {
    let failed = |why: String| EngineError::Device { name: "the device".to_owned(), why };
    let data = tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
    data.try_into_vec().map_err(|error| failed(format!("{error:?}")))
}

/// About what a guess costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bytes of memory, weights and all.
    pub bytes: usize,
    /// Products that are summed.
    pub products: f64,
}

/// About what a guess from some examples costs with a net.
#[must_use]
pub fn cost(config: &Config, examples: usize) -> Cost {
    let weights = 4 * config.parameters();
    match config {
        Config::Neuroverse(config) => {
            let cells = volume::SIDE.pow(config.dims as u32);
            let [fixed, each] = config.products(cells);
            // At the finest level six maps live at once: skip, sum, and four of a unit at work.
            let bytes = 6 * 4 * config.widths[0] * cells;
            Cost { bytes: weights + bytes, products: fixed + each * examples.clamp(1, volume::MOST_EXAMPLES) as f64 }
        }
        Config::UniverSeg(config) => {
            let products = config.products(plane::SIDE * plane::SIDE, examples.max(1));
            Cost { bytes: weights + 6 * 4 * config.width * plane::SIDE * plane::SIDE * (examples + 1), products }
        }
        Config::ScribblePrompt(net) => {
            let cells = plane::SIDE * plane::SIDE;
            Cost { bytes: weights + 6 * 4 * net.width * cells, products: net.products(cells) }
        }
        Config::Tyche(net) => {
            let cells = plane::SIDE * plane::SIDE;
            let products = net.products(cells, plane::CANDIDATES, examples.max(1));
            Cost { bytes: weights + 6 * 4 * net.width * cells * (examples + plane::CANDIDATES), products }
        }
        Config::MeshNet(config) => {
            let cells = 256_usize.pow(3);
            let width = config.layers.iter().map(|layer| layer.filters).max().unwrap_or(1);
            Cost { bytes: weights + 3 * 4 * width * cells, products: config.products(cells) }
        }
    }
}

#[cfg(test)]
mod tests;
