//! UniverSeg (Butoi et al., ICCV 2023) and its heir MultiverSeg (Wong et al., ICCV 2025): a U-Net of cross blocks, in
//! which a target picture and each of its support pictures exchange features by one convolution over both.
//!
//! The convolution over a concatenation is the sum of two, so the target's half is computed once for all supports. In the
//! heir the target has five channels, of its marks too, and activation and norm follow each convolution.

use super::layer::Conv;
use super::resize::{aligned, kept, linear};
use super::slabs::{Stopped, Work};
use super::source::Source;
use burn::tensor::Tensor;
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

/// Slope of the activations below zero.
pub(super) const SLOPE: f64 = 0.01;

/// Everything that fixes the net's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniverSegConfig {
    /// Channels of the target: 1 (the image), or 5 (and box, positive, negative, previous logits).
    pub target_channels: usize,
    /// Channels at every level.
    pub width: usize,
    /// MultiverSeg: an activation after each cross convolution, a norm after each other one.
    pub normed: bool,
}

impl UniverSegConfig {
    /// UniverSeg as published: 1,182,785 parameters.
    #[must_use]
    pub fn published() -> Self {
        Self { target_channels: 1, width: 64, normed: false }
    }

    /// MultiverSeg as published: 18,903,297 parameters.
    #[must_use]
    pub fn multiverseg() -> Self {
        Self { target_channels: 5, width: 256, normed: true }
    }

    /// The net, with tensors from a source.
    #[must_use]
    pub fn init(&self, source: &mut impl Source) -> UniverSeg {
        let (target, width) = (self.target_channels, self.width);
        let encoder = |at: usize, source: &mut _| {
            let inputs = if at == 0 { [target, 2] } else { [width; 2] };
            CrossBlock::new(source, &format!("enc_blocks.{at}"), inputs, self)
        };
        let decoder = |at: usize, source: &mut _| CrossBlock::new(source, &format!("dec_blocks.{at}"), [2 * width; 2], self);
        UniverSeg {
            encoders: (0..4).map(|at| encoder(at, source)).collect(),
            decoders: (0..3).map(|at| decoder(at, source)).collect(),
            head: head(source, "out_conv.conv", width),
        }
    }

    /// Products of a pass over a picture of `cells` cells with `supports` supports.
    #[must_use]
    pub fn products(&self, cells: usize, supports: usize) -> f64 {
        let w = self.width as f64;
        let images = 1.0 + supports as f64;
        let levels: f64 = (0..4)
            .map(|level| {
                let inputs = if level == 0 { 1.5 } else { w };
                let decoder = if level < 3 { 2.0 * w + w } else { 0.0 };
                (inputs + w + decoder) * w * 9.0 * images / f64::from(1 << (2 * level))
            })
            .sum();
        levels * cells as f64
    }

    /// Supports that one group may have, so that neither a tensor nor the wait between two looks at the flags is too long.
    #[must_use]
    pub fn group(width: usize, cells: usize) -> usize {
        Work::together(2 * width * cells, (9 * 2 * width * width * cells) as f64)
    }
}

/// A 1x1 convolution to one channel.
pub(super) fn head(source: &mut impl Source, name: &str, width: usize) -> Conv {
    let weight: Tensor<4> = source.take(&format!("{name}.weight"), [1, width, 1, 1]);
    let bias = source.take(&format!("{name}.bias"), [1]);
    Conv::new(weight.reshape([1, width, 1, 1, 1]), Some(bias), false, 1, source.device().as_ref())
}

/// Features of the target, and of each group of supports.
pub(super) type Features = (Tensor<5>, Vec<Tensor<5>>);

/// The cross convolution, halved: what it makes of the target, and of a support.
#[derive(Clone, Debug)]
pub(super) struct Cross {
    target: Conv,
    support: Conv,
}

impl Cross {
    /// Over `[target ; support]` with these channels.
    pub fn new(source: &mut impl Source, name: &str, [target, support]: [usize; 2], outputs: usize) -> Self {
        let weight: Tensor<4> = source.take(&format!("{name}.weight"), [outputs, target + support, 3, 3]);
        let weight: Tensor<5> = weight.reshape([outputs, target + support, 1, 3, 3]);
        let bias = source.take(&format!("{name}.bias"), [outputs]);
        let half = |from, count, bias| Conv::new(weight.clone().narrow(1, from, count), bias, false, 1, source.device().as_ref());
        Self { target: half(0, target, Some(bias)), support: half(target, support, None) }
    }

    /// For each group of supports, its features seen together with the target's.
    pub fn forward(&self, target: Tensor<5>, supports: Vec<Tensor<5>>, work: &mut Work<'_>) -> Result<Vec<Tensor<5>>, Stopped> {
        let share = self.target.apply(target, work)?;
        supports.into_iter().map(|support| Ok(self.support.apply(support, work)? + share.clone())).collect()
    }
}

/// Convolution, activation and, in the heir, a norm over all channels.
#[derive(Clone, Debug)]
pub(super) struct ConvOp {
    conv: Conv,
    norm: Option<[Tensor<1>; 2]>,
}

impl ConvOp {
    pub fn new(source: &mut impl Source, name: &str, width: usize, normed: bool) -> Self {
        let conv = Conv::same(source, &format!("{name}.conv"), [width, width], 2);
        let norm = normed.then(|| ["weight", "bias"].map(|part| source.take(&format!("{name}.norml.{part}"), [width])));
        Self { conv, norm }
    }

    pub fn forward(&self, x: Tensor<5>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let x = leaky_relu(self.conv.apply(x, work)?, SLOPE);
        let Some([weight, bias]) = &self.norm else { return Ok(x) };
        let [b, c, d, h, w] = x.dims();
        let rows = x.reshape([b, c * d * h * w]);
        let centred = rows.clone() - rows.mean_dim(1);
        let spread = (centred.clone().powi_scalar(2).mean_dim(1) + 1e-5).sqrt();
        let normed = (centred / spread).reshape([b, c, d, h, w]);
        Ok(normed * weight.clone().reshape([1, c, 1, 1, 1]) + bias.clone().reshape([1, c, 1, 1, 1]))
    }
}

/// Target and supports exchange features, then each goes its own way.
#[derive(Clone, Debug)]
struct CrossBlock {
    cross: Cross,
    target: ConvOp,
    support: ConvOp,
    activated: bool,
}

impl CrossBlock {
    fn new(source: &mut impl Source, name: &str, inputs: [usize; 2], config: &UniverSegConfig) -> Self {
        Self {
            cross: Cross::new(source, &format!("{name}.cross.cross_conv"), inputs, config.width),
            target: ConvOp::new(source, &format!("{name}.target.vmapped"), config.width, config.normed),
            support: ConvOp::new(source, &format!("{name}.support.vmapped"), config.width, config.normed),
            activated: config.normed,
        }
    }

    fn forward(&self, (target, supports): Features, work: &mut Work<'_>) -> Result<Features, Stopped> {
        let mut seen = self.cross.forward(target, supports, work)?;
        if self.activated {
            seen = seen.into_iter().map(|seen| leaky_relu(seen, SLOPE)).collect();
        }
        let target = self.target.forward(mean(&seen), work)?;
        let supports = seen.into_iter().map(|seen| self.support.forward(seen, work)).collect::<Result<_, _>>()?;
        Ok((target, supports))
    }
}

/// The mean over all members of all groups.
pub(super) fn mean(groups: &[Tensor<5>]) -> Tensor<5> {
    let count: usize = groups.iter().map(|group| group.dims()[0]).sum();
    let sums = groups.iter().map(|group| group.clone().sum_dim(0));
    sums.reduce(|a, b| a + b).map_or_else(|| Tensor::zeros([1; 5], &burn::tensor::Device::flex()), |sum| sum / count as f32)
}

/// Half the size, by the maximum of each 2 x 2.
pub(super) fn pooled(x: Tensor<5>) -> Tensor<5> {
    let [b, c, d, h, w] = x.dims();
    let flat: Tensor<4> = x.reshape([b, c * d, h, w]);
    max_pool2d(flat, MaxPoolOptions::new([2, 2])).reshape([b, c, d, h / 2, w / 2])
}

/// Twice the size, corners on corners.
pub(super) fn doubled(x: Tensor<5>) -> Tensor<5> {
    let [_, _, d, h, w] = x.dims();
    linear(x, &[kept(d), aligned(h, 2 * h), aligned(w, 2 * w)])
}

/// The way of both kinds of net: down through the encoders, halving between two of them, and up through the decoders,
/// each of which also sees what the encoder of its size saw last.
pub(super) fn down_and_up<Block>(
    encoders: &[Block],
    decoders: &[Block],
    mut features: Features,
    mut forward: impl FnMut(&Block, Features) -> Result<Features, Stopped>,
) -> Result<Features, Stopped> {
    let mut skips = Vec::new();
    for (level, block) in encoders.iter().enumerate() {
        features = forward(block, features)?;
        if level + 1 < encoders.len() {
            skips.push(features.clone());
            features = (pooled(features.0), features.1.into_iter().map(pooled).collect());
        }
    }
    for block in decoders {
        let Some((first, others)) = skips.pop() else { break };
        let join = |coarse, skip| Tensor::cat(vec![doubled(coarse), skip], 1);
        let others = features.1.into_iter().zip(others).map(|(coarse, skip)| join(coarse, skip)).collect();
        features = forward(block, (join(features.0, first), others))?;
    }
    Ok(features)
}

/// The net.
#[derive(Clone, Debug)]
pub struct UniverSeg {
    encoders: Vec<CrossBlock>,
    decoders: Vec<CrossBlock>,
    head: Conv,
}

impl UniverSeg {
    /// The logits `[1, 1, 1, H, W]`. `target` is `[1, C, 1, H, W]`, each group of supports `[S, 2, 1, H, W]` (image and
    /// label); `H` and `W` are divisible by 8.
    ///
    /// # Errors
    /// [`Stopped`] where `work` was told to stop.
    pub fn forward(&self, target: Tensor<5>, supports: Vec<Tensor<5>>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let features = down_and_up(&self.encoders, &self.decoders, (target, supports), |block, seen| block.forward(seen, work))?;
        self.head.apply(features.0, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::source::Schema;

    #[test]
    fn published_nets_have_the_published_numbers_of_parameters() {
        for (config, tensors, parameters) in
            [(UniverSegConfig::published(), 44, 1_182_785), (UniverSegConfig::multiverseg(), 72, 18_903_297)]
        {
            let mut schema = Schema::default();
            let _ = config.init(&mut schema);
            assert_eq!((schema.0.len(), schema.parameters()), (tensors, parameters));
        }
    }
}
