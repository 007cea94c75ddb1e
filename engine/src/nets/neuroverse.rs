//! Neuroverse3D (Hu et al., 2025) and WS-ICL (2025), which is the same net with other weights: a U-Net for the target, a
//! U-Net for each context image and its label or prompt map, and 1x1 convolutions by which they see each other.
//!
//! Contexts are taken a few at a time and only the mean of their features is kept, so memory does not grow with their
//! number; neither their order nor how many are taken at once changes the result. Names of tensors are the authors'.
//! What the channels mean, and what becomes of the result, is `published`'s.

use super::layer::{Conv, Pointwise, gelu_exact, gelu_of_sum};
use super::resize::{doubled, doubled_from, kept, linear};
use super::slabs::{Slabs, Stopped, Work};
use super::source::Source;
use burn::tensor::Tensor;

/// Everything that fixes the net's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeuroverseConfig {
    /// 2 or 3.
    pub dims: usize,
    /// Channels at each level, finest first.
    pub widths: Vec<usize>,
}

impl NeuroverseConfig {
    /// The net of the published weights: 70,854,913 parameters.
    #[must_use]
    pub fn published() -> Self {
        Self { dims: 3, widths: vec![32, 64, 128, 256, 512] }
    }

    /// The net, with tensors from a source.
    #[must_use]
    pub fn init(&self, source: &mut impl Source) -> Neuroverse {
        Neuroverse::new(self, source)
    }

    /// By what a side of the input must be divisible.
    #[must_use]
    pub fn granularity(&self) -> usize {
        1 << self.widths.len().saturating_sub(1)
    }

    /// Products of a forward pass over `cells` cells: for the target, and for each context.
    #[must_use]
    pub fn products(&self, cells: usize) -> [f64; 2] {
        let kernel = |size: i32| f64::from(size).powi(self.dims as i32);
        let shrink = kernel(2);
        let (mut target, mut context) = (0.0, 0.0);
        for (level, &width) in self.widths.iter().enumerate() {
            let voxels = cells as f64 / shrink.powi(level as i32);
            let c = width as f64;
            let (unit, mix) = (2.0 * kernel(3) * c * c * voxels, 2.0 * c * c * voxels);
            target += unit + mix;
            context += unit;
            if let Some(&next) = self.widths.get(level + 1) {
                let down = kernel(4) * c * next as f64 * voxels / shrink;
                let up = c * c * voxels + c * next as f64 * voxels / shrink;
                target += unit + down + up;
                context += unit + mix + down + up;
            }
            if level == 0 {
                target += unit + c * voxels;
            }
        }
        [target, context]
    }
}

/// `x + conv(gelu(conv(x)))`, then GELU.
#[derive(Clone, Debug)]
struct ResidualUnit {
    convs: [Conv; 2],
}

impl ResidualUnit {
    fn new(source: &mut impl Source, name: &str, width: usize, dims: usize) -> Self {
        Self { convs: [0, 2].map(|at| Conv::same(source, &format!("{name}.layers.{at}"), [width, width], dims)) }
    }

    fn forward(&self, x: &Slabs, work: &mut Work<'_>) -> Result<Slabs, Stopped> {
        let hidden = self.convs[0].forward(x, work, |y, _| gelu_exact(y))?;
        self.convs[1].forward(&hidden, work, |y, planes| gelu_of_sum(y, x.planes(planes)))
    }
}

/// `gelu(x + conv1([a ; b]))`, where `x` is one of the two.
fn mixed(mix: &Pointwise, a: &Slabs, b: &Slabs, x: &Slabs, work: &mut Work<'_>) -> Result<Slabs, Stopped> {
    let [batch, width, depth, h, w] = x.dims();
    let products = (batch * (mix.products(0) + mix.products(1)) * h * w) as f64;
    let planes = work.planes(batch * width * h * w, products, 0);
    Slabs::build(depth, planes, |range| {
        let product = mix.share_and_bias(0, a.planes(range.clone())) + mix.share(1, b.planes(range.clone()));
        let count = range.len() as f64;
        let out = gelu_of_sum(x.planes(range), product);
        work.did(products * count, &out)?;
        Ok(out)
    })
}

/// Twice the size by linear interpolation, next to the skip, through a 1x1 convolution.
///
/// Interpolation and 1x1 convolution change places: each is linear, and an eighth of the voxels is an eighth of the work.
fn raised(join: &Pointwise, coarse: Slabs, skip: &Slabs, work: &mut Work<'_>) -> Result<Slabs, Stopped> {
    let [_, _, coarse_depth, coarse_h, coarse_w] = coarse.dims();
    let [batch, _, depth, h, w] = skip.dims();
    let coarse = coarse.map(|piece| join.share(0, piece));
    let products = (batch * join.products(1) * h * w) as f64;
    let planes = work.planes(batch * join.outputs().max(skip.dims()[1]) * h * w, products, 0);
    let across = [doubled(coarse_h, 0..h, 0), doubled(coarse_w, 0..w, 0)];
    Slabs::build(depth, planes, |range| {
        let (given, through) = if depth == coarse_depth {
            (range.clone(), kept(range.len()))
        } else {
            let given = doubled_from(coarse_depth, &range);
            (given.clone(), doubled(coarse_depth, range.clone(), given.start))
        };
        let up = linear(coarse.planes(given), &[through, across[0].clone(), across[1].clone()]);
        let count = range.len() as f64;
        let out = up + join.share_and_bias(1, skip.planes(range));
        work.did(products * count, &out)?;
        Ok(out)
    })
}

/// A level on the way down: features of the target, and of a context that looks at them.
#[derive(Clone, Debug)]
struct Encoder {
    target: ResidualUnit,
    target_down: Conv,
    context: ResidualUnit,
    /// Over context and target.
    combine: Pointwise,
    context_down: Conv,
}

/// A level on the way up: `join` over the coarser level and the skip.
#[derive(Clone, Debug)]
struct Decoder {
    context_join: Pointwise,
    context: ResidualUnit,
    target_join: Pointwise,
    target: ResidualUnit,
    /// Over the contexts' mean and the target.
    combine: Pointwise,
}

/// The net.
#[derive(Clone, Debug)]
pub struct Neuroverse {
    config: NeuroverseConfig,
    target_embedding: Pointwise,
    context_embedding: Pointwise,
    encoders: Vec<Encoder>,
    context_bottom: ResidualUnit,
    target_bottom: ResidualUnit,
    combine_bottom: Pointwise,
    /// Coarsest first.
    decoders: Vec<Decoder>,
    last: ResidualUnit,
    head: Pointwise,
}

impl Neuroverse {
    fn new(config: &NeuroverseConfig, source: &mut impl Source) -> Self {
        let (dims, widths) = (config.dims, &config.widths);
        let (first, bottom) = (widths[0], widths[widths.len() - 1]);
        let levels = widths.len() - 1;
        let unit = |source: &mut _, name: String, width| ResidualUnit::new(source, &name, width, dims);
        let mix = |source: &mut _, name: String, inputs: &[usize], outputs| Pointwise::new(source, &name, inputs, outputs, dims);
        let encoder = |level: usize, source: &mut _| {
            let (c, next) = (widths[level], widths[level + 1]);
            Encoder {
                target: unit(source, format!("target_encoder.enc_blocks.{level}.target_conv"), c),
                target_down: Conv::halving(
                    source,
                    &format!("target_encoder.downsample_blocks.{level}.target_linear_layer"),
                    [c, next],
                    dims,
                ),
                context: unit(source, format!("context_unet.enc_blocks.{level}.context_conv.module"), c),
                combine: mix(source, format!("context_unet.enc_blocks.{level}.combine_conv_context.module"), &[c, c], c),
                context_down: Conv::halving(
                    source,
                    &format!("context_unet.downsample_blocks.{level}.context_linear_layer.module"),
                    [c, next],
                    dims,
                ),
            }
        };
        let decoder = |place: usize, source: &mut _| {
            let level = levels - 1 - place;
            let (c, coarser) = (widths[level], widths[level + 1]);
            Decoder {
                context_join: mix(
                    source,
                    format!("context_unet.upsample_blocks.{place}.context_conv_layer.module"),
                    &[coarser, c],
                    c,
                ),
                context: unit(source, format!("context_unet.dec_blocks.{place}.context_conv.module"), c),
                target_join: mix(source, format!("target_decoder.upsample_blocks.{place}.target_conv_layer"), &[coarser, c], c),
                target: unit(source, format!("target_decoder.dec_blocks.{place}.target_conv"), c),
                combine: mix(source, format!("target_decoder.dec_blocks.{place}.combine_conv_target.module"), &[c, c], c),
            }
        };
        Self {
            config: config.clone(),
            target_embedding: mix(source, "target_encoder.target_embedding".to_owned(), &[1], first),
            context_embedding: mix(source, "context_unet.context_embedding.module".to_owned(), &[2], first),
            encoders: (0..levels).map(|level| encoder(level, source)).collect(),
            context_bottom: unit(source, format!("context_unet.enc_blocks.{levels}.context_conv.module"), bottom),
            target_bottom: unit(source, "target_decoder.enc_blocks.0.target_conv".to_owned(), bottom),
            combine_bottom: mix(
                source,
                "target_decoder.enc_blocks.0.combine_conv_target.module".to_owned(),
                &[bottom, bottom],
                bottom,
            ),
            decoders: (0..levels).map(|place| decoder(place, source)).collect(),
            last: unit(source, "target_decoder.output_block.block.0".to_owned(), first),
            head: mix(source, "target_decoder.output_block.block.1".to_owned(), &[first], 1),
        }
    }

    /// What fixes the net's shape.
    #[must_use]
    pub fn config(&self) -> &NeuroverseConfig {
        &self.config
    }

    /// The net's own output `[1, 1, D, H, W]`, which comes near 1 inside of the structure and 0 outside.
    ///
    /// `target` is `[1, 1, D, H, W]`; `contexts` gives, `mini` at a time, `[l, 2, D, H, W]`: image and label. In 2-D `D`
    /// is 1. The sides must be divisible by the config's granularity.
    ///
    /// # Errors
    /// [`Stopped`] where `work` was told to stop.
    pub fn forward(
        &self,
        target: Tensor<5>,
        contexts: impl IntoIterator<Item = Tensor<5>>,
        work: &mut Work<'_>,
    ) -> Result<Tensor<5>, Stopped> {
        let embedded = Slabs::whole(target);
        let mut t = embed(&self.target_embedding, &embedded, work)?;
        drop(embedded);
        let mut skips = Vec::new();
        for encoder in &self.encoders {
            let skip = encoder.target.forward(&t, work)?;
            t = encoder.target_down.forward(&skip, work, |y, _| y)?;
            skips.push(skip);
        }
        let mut means = self.context_means(&skips, contexts, work)?.into_iter();
        t = self.target_bottom.forward(&t, work)?;
        if let Some(mean) = means.next() {
            t = mixed(&self.combine_bottom, &mean, &t, &t, work)?;
        }
        for decoder in &self.decoders {
            let (Some(skip), Some(mean)) = (skips.pop(), means.next()) else { break };
            t = raised(&decoder.target_join, t, &skip, work)?;
            t = decoder.target.forward(&t, work)?;
            t = mixed(&decoder.combine, &mean, &t, &t, work)?;
        }
        t = self.last.forward(&t, work)?;
        Ok(t.map(|piece| self.head.share_and_bias(0, piece)).join())
    }

    /// The mean over all contexts of the features at each level, coarsest first.
    fn context_means(
        &self,
        skips: &[Slabs],
        contexts: impl IntoIterator<Item = Tensor<5>>,
        work: &mut Work<'_>,
    ) -> Result<Vec<Slabs>, Stopped> {
        let mut sums: Vec<Slabs> = Vec::new();
        let mut count = 0;
        for context in contexts {
            count += context.dims()[0];
            self.context_features(context, skips, work, |level, features| {
                let share = features.map(|piece| if piece.dims()[0] == 1 { piece } else { piece.sum_dim(0) });
                match sums.get_mut(level) {
                    Some(sum) => sum.add(&share),
                    None => sums.push(share),
                }
            })?;
        }
        let scale = 1.0 / count.max(1) as f32;
        Ok(sums.into_iter().map(|sum| sum.map(|piece| piece * scale)).collect())
    }

    /// Hands the features at each level, coarsest first, to `take`, as soon as they are there.
    fn context_features(
        &self,
        context: Tensor<5>,
        skips: &[Slabs],
        work: &mut Work<'_>,
        mut take: impl FnMut(usize, Slabs),
    ) -> Result<(), Stopped> {
        let mut c = embed(&self.context_embedding, &Slabs::whole(context), work)?;
        let mut kept = Vec::new();
        for (encoder, target) in self.encoders.iter().zip(skips) {
            c = encoder.context.forward(&c, work)?;
            let skip = mixed(&encoder.combine, &c, target, &c, work)?;
            c = encoder.context_down.forward(&skip, work, |y, _| y)?;
            kept.push(skip);
        }
        c = self.context_bottom.forward(&c, work)?;
        take(0, c.clone());
        for (level, decoder) in self.decoders.iter().enumerate() {
            let Some(skip) = kept.pop() else { break };
            c = raised(&decoder.context_join, c, &skip, work)?;
            c = decoder.context.forward(&c, work)?;
            take(level + 1, c.clone());
        }
        Ok(())
    }
}

fn embed(embedding: &Pointwise, x: &Slabs, work: &mut Work<'_>) -> Result<Slabs, Stopped> {
    let [batch, _, depth, h, w] = x.dims();
    let planes = work.planes(batch * embedding.outputs() * h * w, 0.0, 0);
    Slabs::build(depth, planes, |range| {
        let out = embedding.share_and_bias(0, x.planes(range));
        work.did(0.0, &out)?;
        Ok(out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::source::Schema;

    #[test]
    fn the_published_net_has_the_published_number_of_parameters() {
        let mut schema = Schema::default();
        let _ = NeuroverseConfig::published().init(&mut schema);
        assert_eq!(schema.0.len(), 132);
        assert_eq!(schema.parameters(), 70_854_913);
    }

    #[test]
    fn the_cost_is_the_one_counted_by_hand() {
        let [target, context] = NeuroverseConfig::published().products(128 * 128 * 128);
        // 643 and 527 thousand million where the 1x1 convolutions follow the interpolation; here they come before it.
        assert!((620e9..643e9).contains(&target), "{target}");
        assert!((505e9..527e9).contains(&context), "{context}");
    }
}
