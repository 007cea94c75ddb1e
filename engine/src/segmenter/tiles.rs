//! Closer looks and what they are laid over: one window, or the tiles of a structure that is larger than a window bears.

use super::NetSegmenter;
use crate::encode::Encoded;
use crate::encode::fit::{self, Fit};
use crate::error::EngineError;
use crate::look::Region;
use crate::look::tiles::{self, Tile};
use crate::nets::in_context::InContextNet;
use crate::protocol::{Example, Target};
use crate::strategy::{self, Input};
use imaging::Mask;
use std::sync::Arc;

/// What was found closely.
pub(super) struct Close {
    /// Windows of the target and the probability of their cells.
    pub windows: Vec<(Fit, Vec<f32>)>,
    /// 0 to 1.
    pub uncertainty: f32,
}

impl Close {
    /// How a window lies in the image.
    pub fn fit(&self) -> Option<&Fit> {
        self.windows.first().map(|(fit, _)| fit)
    }

    /// Lays it over a first look, both on the source grid, 0 to 255.
    pub fn paste(&self, out: &mut [u8]) {
        let Some((fit, _)) = self.windows.first() else { return };
        let placed: Vec<_> = self.windows.iter().map(|(fit, cells)| fit.placed(cells)).collect();
        fit::paste(&placed, fit.source, out);
    }
}

/// What covers fewer cells shows nothing of a structure.
const SPECK: f32 = 10.0;

/// An example and its tiles that show the structure.
type Shown<'a> = (&'a Example, Vec<(Tile, Arc<Encoded>)>);

impl NetSegmenter {
    /// Looks tile by tile at a region of a target, if examples have masks and tiles show more than the whole.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] where `go_on` says so between two tiles.
    pub(super) fn tiled(
        &mut self,
        net: &InContextNet,
        target: &Target,
        region: &Region,
        examples: &[&Example],
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Option<Close>, EngineError> {
        let whole = self.images.encoded(&target.image)?;
        let dims = whole.fit.dims;
        let masked = self.masked(examples, dims)?;
        let Some(side) = self.side_of_tiles(&masked)? else { return Ok(None) };
        let Some((tiles, side)) = tiles::closer(&whole.fit, region, side) else { return Ok(None) };
        // All of the target before the examples: no more than one file is kept open.
        let windows = tiles.iter().map(|tile| self.images.window(&target.image, &tile.fit)).collect::<Result<Vec<_>, _>>()?;
        let shown = self.shown_in_tiles(&masked, side)?;
        let (mut close, mut found) = (Close { windows: Vec::new(), uncertainty: 0.0 }, 0.0);
        for (at, (tile, window)) in tiles.iter().zip(&windows).enumerate() {
            if !go_on((at + 1) as f32 / (tiles.len() + 1) as f32) {
                return Err(EngineError::Cancelled);
            }
            let own = self.images.marking(window, &target.marks, target.previous.as_deref())?;
            let contexts = self.beside(tile, &shown)?;
            if contexts.is_empty() && own.is_empty() {
                continue;
            }
            let input = Input::new(window, &own);
            let (cells, doubt) = strategy::guess(net, &self.compute.device, &input, !own.is_empty(), &contexts)?;
            // A tile counts as much as was found in it.
            let sum = cells.iter().sum::<f32>();
            found += sum;
            close.uncertainty += sum * doubt;
            close.windows.push((tile.fit.clone(), cells));
        }
        close.uncertainty = if found < 1.0 { 1.0 } else { close.uncertainty / found };
        Ok((!close.windows.is_empty()).then_some(close))
    }

    /// How wide tiles are, by the examples.
    fn side_of_tiles(&mut self, examples: &[(&Example, &Arc<Mask>)]) -> Result<Option<f64>, EngineError> {
        let (mut pieces, mut widest): (Vec<[f64; 2]>, Option<Arc<Encoded>>) = (Vec::new(), None);
        for (example, mask) in examples {
            let whole = self.images.encoded(&example.image)?;
            pieces.extend(match whole.fit.dims {
                2 => tiles::pieces_of_picture(&whole.fit, mask),
                _ => tiles::pieces_on_grid(&whole.fit, &self.images.mask(&whole, mask)?),
            });
            if widest.as_ref().is_none_or(|widest| widest.fit.side() < whole.fit.side()) {
                widest = Some(whole);
            }
        }
        Ok(widest.map(|whole| tiles::side(&whole.fit, pieces)))
    }

    /// The tiles of each example that show more than a speck of the structure.
    fn shown_in_tiles<'a>(&mut self, examples: &[(&'a Example, &Arc<Mask>)], side: f64) -> Result<Vec<Shown<'a>>, EngineError> {
        let mut all = Vec::new();
        for &(example, mask) in examples {
            let whole = self.images.encoded(&example.image)?;
            let Some(region) = Region::of_marks(&example.marks) else { continue };
            let mut shown = Vec::new();
            for tile in tiles::cover(&whole.fit, &region, side) {
                let window = self.images.window(&example.image, &tile.fit)?;
                if self.images.mask(&window, mask)?.iter().sum::<f32>() >= SPECK {
                    shown.push((tile, window));
                }
            }
            all.push((example, shown));
        }
        Ok(all)
    }

    /// What goes with a tile of the target: of each example the tile that lies in the structure in the same place.
    fn beside(&mut self, tile: &Tile, shown: &[Shown<'_>]) -> Result<Vec<Input>, EngineError> {
        let mut contexts = Vec::new();
        for (example, tiles) in shown {
            if let Some(window) = tiles::alike(tile.place, tiles) {
                contexts.push(Input::new(window, &self.images.marking(window, &example.marks, None)?));
            }
        }
        Ok(contexts)
    }

    /// The examples of so many dimensions that have a mask: tile by tile, boxes and clicks say too little.
    fn masked<'a>(&mut self, examples: &[&'a Example], dims: usize) -> Result<Vec<(&'a Example, &'a Arc<Mask>)>, EngineError> {
        let mut masked = Vec::new();
        for &example in examples {
            if let Some(mask) = example.marks.filled_mask()
                && self.images.encoded(&example.image)?.fit.dims == dims
            {
                masked.push((example, mask));
            }
        }
        Ok(masked)
    }
}
