//! Tyche-TS (Rakic et al., CVPR 2024): UniverSeg with several candidates for the target, each begun from noise of its
//! own, which see each other through their mean; the guesses of the candidates differ where the answer is uncertain.

use super::layer::Conv;
use super::slabs::{Stopped, Work};
use super::source::Source;
use super::universeg::{ConvOp, Cross, Features, SLOPE, down_and_up, head, mean};
use burn::tensor::Tensor;
use burn::tensor::activation::leaky_relu;

/// Everything that fixes the net's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TycheConfig {
    /// Channels at every level.
    pub width: usize,
}

impl TycheConfig {
    /// The net of the published weights: 1,774,785 parameters.
    #[must_use]
    pub fn published() -> Self {
        Self { width: 64 }
    }

    /// Products of a pass over a picture of `cells` cells with so many candidates and supports.
    #[must_use]
    pub fn products(&self, cells: usize, candidates: usize, supports: usize) -> f64 {
        let w = self.width as f64;
        let levels = (0..4).map(|level| {
            let [encoder, decoder] = [if level == 0 { 2.0 } else { w }, if level < 3 { 2.0 * w } else { 0.0 }];
            let deep = if level < 3 { 2.0 } else { 1.0 };
            let support = encoder + decoder + deep * w;
            let candidate = encoder + decoder + 2.0 * deep * w;
            (support * (supports as f64 + 1.0) + candidate * candidates as f64) * w * 9.0 / f64::from(1 << (2 * level))
        });
        levels.sum::<f64>() * cells as f64
    }

    /// The net, with tensors from a source.
    #[must_use]
    pub fn init(&self, source: &mut impl Source) -> Tyche {
        let width = self.width;
        let encoder = |at: usize, source: &mut _| {
            SetBlock::new(source, &format!("enc_blocks.{at}"), if at == 0 { 2 } else { width }, width)
        };
        Tyche {
            encoders: (0..4).map(|at| encoder(at, source)).collect(),
            decoders: (0..3).map(|at| SetBlock::new(source, &format!("dec_blocks.{at}"), 2 * width, width)).collect(),
            head: head(source, "out_conv.conv", width),
        }
    }
}

#[derive(Clone, Debug)]
struct SetBlock {
    cross: Cross,
    /// Over a candidate and the mean.
    mean: Conv,
    target: ConvOp,
    support: ConvOp,
}

impl SetBlock {
    fn new(source: &mut impl Source, name: &str, inputs: usize, width: usize) -> Self {
        Self {
            cross: Cross::new(source, &format!("{name}.cross.cross_conv"), [inputs; 2], width),
            mean: Conv::same(source, &format!("{name}.meanconv.vmapped.conv"), [inputs + width, width], 2),
            target: ConvOp::new(source, &format!("{name}.target.vmapped"), width, false),
            support: ConvOp::new(source, &format!("{name}.support.vmapped"), width, false),
        }
    }

    fn forward(&self, (candidates, supports): Features, work: &mut Work<'_>) -> Result<Features, Stopped> {
        let count = candidates.dims()[0];
        let seen = self.cross.forward(candidates.clone().mean_dim(0), supports, work)?;
        let seen: Vec<Tensor<5>> = seen.into_iter().map(|seen| leaky_relu(seen, SLOPE)).collect();
        let [_, c, d, h, w] = seen.first().map_or([1; 5], Tensor::dims);
        let together = mean(&seen).expand([count, c, d, h, w]);
        let candidates = leaky_relu(self.mean.apply(Tensor::cat(vec![candidates, together], 1), work)?, SLOPE);
        let candidates = self.target.forward(candidates, work)?;
        let supports = seen.into_iter().map(|seen| self.support.forward(seen, work)).collect::<Result<_, _>>()?;
        Ok((candidates, supports))
    }
}

/// The net.
#[derive(Clone, Debug)]
pub struct Tyche {
    encoders: Vec<SetBlock>,
    decoders: Vec<SetBlock>,
    head: Conv,
}

impl Tyche {
    /// The logits of each candidate, `[K, 1, 1, H, W]`. `candidates` is `[K, 2, 1, H, W]` (image and noise), each group of
    /// supports `[S, 2, 1, H, W]` (image and label); `H` and `W` are divisible by 8.
    ///
    /// # Errors
    /// [`Stopped`] where `work` was told to stop.
    pub fn forward(&self, candidates: Tensor<5>, supports: Vec<Tensor<5>>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let features =
            down_and_up(&self.encoders, &self.decoders, (candidates, supports), |block, seen| block.forward(seen, work))?;
        self.head.apply(features.0, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::source::Schema;

    #[test]
    fn the_published_net_has_the_published_number_of_parameters() {
        let mut schema = Schema::default();
        let _ = TycheConfig::published().init(&mut schema);
        assert_eq!((schema.0.len(), schema.parameters()), (58, 1_774_785));
    }
}
