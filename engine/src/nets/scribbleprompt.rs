//! ScribblePrompt-UNet (Wong et al., ECCV 2024): a U-Net over a picture, its marks and the previous guess.

use super::layer::Conv;
use super::slabs::{Stopped, Work};
use super::source::Source;
use super::universeg::{doubled, head, pooled};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// Image, box, positive and negative marks, previous logits.
pub const INPUTS: usize = 5;
const LEVELS: usize = 4;

/// Everything that fixes the net's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScribblePromptConfig {
    /// Channels at every level.
    pub width: usize,
}

impl ScribblePromptConfig {
    /// The net of the published weights: 3,991,882 parameters.
    #[must_use]
    pub fn published() -> Self {
        Self { width: 192 }
    }

    /// Products of a pass over a picture of `cells` cells.
    #[must_use]
    pub fn products(&self, cells: usize) -> f64 {
        let w = self.width as f64;
        let level = |level: usize| (if level == 0 { INPUTS as f64 } else { w } + 2.0 * w) / f64::from(1 << (2 * level));
        let bottom = w / f64::from(1 << (2 * LEVELS));
        ((0..LEVELS).map(level).sum::<f64>() + bottom) * w * 9.0 * cells as f64
    }

    /// The net, with tensors from a source.
    #[must_use]
    pub fn init(&self, source: &mut impl Source) -> ScribblePrompt {
        let width = self.width;
        let down = |level: usize, source: &mut _| {
            ConvOp::new(source, &format!("downs.{level}.conv"), [if level == 0 { INPUTS } else { width }, width])
        };
        // Between two of them stands a step without weights, so only every second has a name.
        let up = |level: usize, source: &mut _| ConvOp::new(source, &format!("ups.{}.conv", 2 * level + 1), [2 * width, width]);
        ScribblePrompt {
            downs: (0..LEVELS).map(|level| down(level, source)).collect(),
            bottom: ConvOp::new(source, "bottleneck.conv", [width, width]),
            ups: (0..LEVELS).map(|level| up(level, source)).collect(),
            head: head(source, "final_conv.conv.0", width),
        }
    }
}

/// Convolution and PReLU with one slope for all channels.
#[derive(Clone, Debug)]
struct ConvOp {
    conv: Conv,
    slope: Tensor<1>,
}

impl ConvOp {
    fn new(source: &mut impl Source, name: &str, channels: [usize; 2]) -> Self {
        let conv = Conv::same(source, &format!("{name}.0"), channels, 2);
        Self { conv, slope: source.take(&format!("{name}.1.weight"), [1]) }
    }

    fn forward(&self, x: Tensor<5>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let x = self.conv.apply(x, work)?;
        Ok(relu(x.clone()) - relu(-x) * self.slope.clone().reshape([1, 1, 1, 1, 1]))
    }
}

/// The net.
#[derive(Clone, Debug)]
pub struct ScribblePrompt {
    downs: Vec<ConvOp>,
    bottom: ConvOp,
    ups: Vec<ConvOp>,
    head: Conv,
}

impl ScribblePrompt {
    /// The logits `[1, 1, 1, H, W]` of `[1, 5, 1, H, W]`; `H` and `W` are divisible by 16.
    ///
    /// # Errors
    /// [`Stopped`] where `work` was told to stop.
    pub fn forward(&self, mut x: Tensor<5>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let mut skips = Vec::new();
        for down in &self.downs {
            let skip = down.forward(x, work)?;
            x = pooled(skip.clone());
            skips.push(skip);
        }
        x = self.bottom.forward(x, work)?;
        for (up, skip) in self.ups.iter().zip(skips.into_iter().rev()) {
            x = up.forward(Tensor::cat(vec![skip, doubled(x)], 1), work)?;
        }
        self.head.apply(x, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::source::Schema;

    #[test]
    fn the_published_net_has_the_published_number_of_parameters() {
        let mut schema = Schema::default();
        let _ = ScribblePromptConfig::published().init(&mut schema);
        assert_eq!(schema.parameters(), 3_991_882);
    }
}
