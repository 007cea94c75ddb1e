//! The in-context U-Net, in 2-D and 3-D: a target branch and a context branch that see each other at every level.
//!
//! After WS-ICL and Neuroverse3D (see `engine/training/exemplar_training/net.py`, which this follows name by
//! name; change both together). Tensors are `[B, C, D, H, W]`; in 2-D `D` is 1 and kernels are (1, 3, 3).
//! Owns shapes and the order of operations; what the channels mean is `encode`'s, where weights come from `weights`'.

use super::{cpu, gradient};
use burn::module::{Module, Param};
use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig3d};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

const FREQUENCIES: [f32; 4] = [0.5, 1.0, 2.0, 4.0];
const POSITION_FEATURES: usize = 3 * 2 * FREQUENCIES.len();
const EPS: f64 = 1e-5;

/// Everything that fixes the net's shape; stands in the card of its weights.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InContextConfig {
    /// 2 or 3.
    pub dims: usize,
    /// Channels of the image: 1, or 3 for colour.
    pub image_channels: usize,
    /// Channels of the marks: mask, box, positive, negative, previous guess.
    pub prompt_channels: usize,
    /// Channels at each level, finest first.
    pub widths: Vec<usize>,
    /// Heads of each attention.
    pub heads: usize,
    /// How many of the coarsest levels have attention.
    pub attention_levels: usize,
    /// Channels a group of the norms.
    pub group: usize,
    /// Whether the branches see each other at the finest level too.
    pub full_resolution_cross: bool,
}

impl InContextConfig {
    /// Channels of each branch's input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.image_channels + self.prompt_channels
    }

    /// How often the grid is halved.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.widths.len().saturating_sub(1)
    }

    /// Why no net can be made of this, if so.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let attended = &self.widths[self.widths.len().saturating_sub(self.attention_levels)..];
        if !matches!(self.dims, 2 | 3) {
            Some("dims is neither 2 nor 3")
        } else if self.widths.len() < 2 || self.widths.contains(&0) || self.inputs() == 0 {
            Some("widths or channels are missing")
        } else if self.attention_levels > self.levels() {
            Some("more levels of attention than there are levels")
        } else if self.heads == 0 || attended.iter().any(|width| width % self.heads != 0) {
            Some("the heads do not share the width")
        } else if self.group == 0 || self.widths.iter().any(|width| width % (width / self.group).max(1) != 0) {
            Some("the groups do not share the width")
        } else {
            None
        }
    }

    /// The net with random weights.
    #[must_use]
    pub fn init(&self, device: &Device) -> InContextNet {
        InContextNet::new(self, device)
    }

    fn last(&self) -> usize {
        usize::from(!self.full_resolution_cross)
    }

    fn across_depth<T>(&self, in_3d: T, in_2d: T) -> T {
        if self.dims == 3 { in_3d } else { in_2d }
    }

    fn conv(&self, inputs: usize, outputs: usize, device: &Device) -> Conv3d {
        let depth = self.across_depth(3, 1);
        let padding = PaddingConfig3d::Explicit(depth / 2, 1, 1);
        Conv3dConfig::new([inputs, outputs], [depth, 3, 3]).with_padding(padding).init(device)
    }

    fn down(&self, width: usize, device: &Device) -> Conv3d {
        let size = [self.across_depth(2, 1), 2, 2];
        Conv3dConfig::new([width, width], size).with_stride(size).init(device)
    }

    fn norm(&self, width: usize, device: &Device) -> GroupNorm {
        GroupNormConfig::new((width / self.group).max(1), width).with_epsilon(EPS).init(device)
    }

    /// `coarse` at twice the size by nearest neighbour (`D` stays in 2-D), plus `fine` of that size.
    fn upsample_add(&self, coarse: Tensor<5>, fine: Tensor<5>) -> Tensor<5> {
        let twice = self.across_depth(2, 1);
        if cpu::applies(&coarse.device()) {
            return cpu::upsample_add(coarse, fine, twice);
        }
        let [b, c, d, h, w] = coarse.dims();
        let spread = coarse.reshape([b * c * d, 1, h, 1, w, 1]).expand([b * c * d, twice, h, 2, w, 2]);
        spread.reshape([b, c, twice * d, 2 * h, 2 * w]) + fine
    }
}

/// A convolution that keeps the grid.
fn conv_same(conv: &Conv3d, x: Tensor<5>) -> Tensor<5> {
    if cpu::applies(&x.device()) {
        return cpu::conv_same(x, conv.weight.val(), conv.bias.as_ref().map(Param::val));
    }
    match &conv.bias {
        Some(bias) if gradient::applies(&x.device()) => gradient::conv_same(x, conv.weight.val(), bias.val()),
        _ => conv.forward(x),
    }
}

/// A convolution that mixes channels, voxel by voxel.
fn mix(conv: &Conv3d, x: Tensor<5>) -> Tensor<5> {
    match &conv.bias {
        Some(bias) if gradient::applies(&x.device()) => gradient::pointwise(x, conv.weight.val(), bias.val()),
        _ => conv.forward(x),
    }
}

/// A convolution that halves the grid: stride = kernel.
fn halve(conv: &Conv3d, x: Tensor<5>) -> Tensor<5> {
    if !cpu::applies(&x.device()) {
        return match &conv.bias {
            Some(bias) if gradient::applies(&x.device()) => gradient::halve(x, conv.weight.val(), bias.val()),
            _ => conv.forward(x),
        };
    }
    let weight = conv.weight.val();
    let [outputs, inputs, fd, _, _] = weight.dims();
    let bias = conv.bias.as_ref().map(Param::val);
    let product = ConvOptions::new([1; 3], [0; 3], [1; 3], 1);
    conv3d(cpu::cells_as_channels(x, fd), weight.reshape([outputs, inputs * fd * 4, 1, 1, 1]), bias, product)
}

fn pointwise(inputs: usize, outputs: usize, device: &Device) -> Conv3d {
    Conv3dConfig::new([inputs, outputs], [1, 1, 1]).init(device)
}

/// One branch's half of a [`CrossBlock`]: two convolutions, the first of which also takes the other branch's share.
#[derive(Module, Debug)]
struct Half {
    conv: Conv3d,
    norm_1: GroupNorm,
    conv_2: Conv3d,
    norm_2: GroupNorm,
    skip: Option<Conv3d>,
}

impl Half {
    fn new(config: &InContextConfig, inputs: usize, outputs: usize, device: &Device) -> Self {
        Self {
            conv: config.conv(inputs, outputs, device),
            norm_1: config.norm(outputs, device),
            conv_2: config.conv(outputs, outputs, device),
            norm_2: config.norm(outputs, device),
            skip: (inputs != outputs).then(|| pointwise(inputs, outputs, device)),
        }
    }

    /// `x` `[B, in, ..]` and the other branch's share `[B, out, ..]` -> `[B, out, ..]`.
    fn forward(&self, x: Tensor<5>, share: Tensor<5>) -> Tensor<5> {
        let first = relu(self.norm_1.forward(conv_same(&self.conv, x.clone()) + share));
        let skip = match &self.skip {
            Some(conv) => mix(conv, x),
            None => x,
        };
        relu(self.norm_2.forward(conv_same(&self.conv_2, first)) + skip)
    }
}

/// Two convolutions in each branch; the first also sees the other branch.
///
/// A convolution over the concatenation of both branches is written as the sum of two, so that each context is
/// convolved once and the target's share is computed once.
#[derive(Module, Debug)]
struct CrossBlock {
    target: Half,
    from_context: Conv3d,
    context: Option<Half>,
    from_target: Option<Conv3d>,
}

impl CrossBlock {
    fn new(config: &InContextConfig, inputs: usize, outputs: usize, with_context: bool, device: &Device) -> Self {
        Self {
            target: Half::new(config, inputs, outputs, device),
            from_context: pointwise(inputs, outputs, device),
            context: with_context.then(|| Half::new(config, inputs, outputs, device)),
            from_target: with_context.then(|| pointwise(inputs, outputs, device)),
        }
    }

    /// `target` `[B, in, ..]`, `context` `[B*K, in, ..]` -> the same with `out` channels.
    fn forward(&self, target: Tensor<5>, context: Tensor<5>) -> (Tensor<5>, Tensor<5>) {
        let [batch, ..] = target.dims();
        // 1x1 and mean commute: the mean over contexts is taken first, on fewer numbers.
        let mean = mean_over_contexts(context.clone(), batch);
        let new_target = self.target.forward(target.clone(), mix(&self.from_context, mean));
        let (Some(half), Some(from_target)) = (&self.context, &self.from_target) else { return (new_target, context) };
        let shared = for_each_context(mix(from_target, target), context.dims()[0] / batch);
        (new_target, half.forward(context, shared))
    }
}

/// `[B*K, C, D, H, W]` -> `[B, C, D, H, W]`.
fn mean_over_contexts(context: Tensor<5>, batch: usize) -> Tensor<5> {
    let [all, c, d, h, w] = context.dims();
    if all == batch {
        return context;
    }
    context.reshape([batch, all / batch, c * d * h * w]).mean_dim(1).reshape([batch, c, d, h, w])
}

/// `[B, C, D, H, W]` -> `[B*K, C, D, H, W]`, each `K` times in a row.
fn for_each_context(shared: Tensor<5>, contexts: usize) -> Tensor<5> {
    let [b, c, d, h, w] = shared.dims();
    if contexts == 1 {
        return shared;
    }
    shared.reshape([b, 1, c * d * h * w]).repeat_dim(1, contexts).reshape([b * contexts, c, d, h, w])
}

/// Multi-head attention of queries to keys, then a two-layer perceptron; both residual.
#[derive(Module, Debug)]
struct Attend {
    norm_query: LayerNorm,
    norm_key: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm_mlp: LayerNorm,
    mlp_in: Linear,
    mlp_out: Linear,
    heads: usize,
}

impl Attend {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(width).with_epsilon(EPS).init(device);
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        Self {
            norm_query: norm(),
            norm_key: norm(),
            query: linear(width, width),
            key: linear(width, width),
            value: linear(width, width),
            output: linear(width, width),
            norm_mlp: norm(),
            mlp_in: linear(width, 2 * width),
            mlp_out: linear(2 * width, width),
            heads,
        }
    }

    /// `[B, n, w]` -> `[B, heads, n, w / heads]`.
    fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [b, n, w] = x.dims();
        x.reshape([b, n, self.heads, w / self.heads]).swap_dims(1, 2)
    }

    /// `tokens` `[B, n, w]`, `keys` `[B, m, w]`, their positions `[1, n, w]` and `[1, m, w]` -> `[B, n, w]`.
    fn forward(&self, tokens: Tensor<3>, positions: Tensor<3>, keys: Tensor<3>, key_positions: Tensor<3>) -> Tensor<3> {
        let [b, n, w] = tokens.dims();
        let normed = self.norm_key.forward(keys);
        let q = self.split(self.query.forward(self.norm_query.forward(tokens.clone()) + positions));
        let k = self.split(self.key.forward(normed.clone() + key_positions));
        let v = self.split(self.value.forward(normed));
        let scale = ((w / self.heads) as f32).sqrt().recip();
        let weights = softmax((q * scale).matmul(k.swap_dims(2, 3)), 3);
        let mixed = weights.matmul(v).swap_dims(1, 2).reshape([b, n, w]);
        let tokens = tokens + self.output.forward(mixed);
        let inner = relu(self.mlp_in.forward(self.norm_mlp.forward(tokens.clone())));
        tokens + self.mlp_out.forward(inner)
    }
}

/// Fourier features of cell centres, `[D*H*W, 24]`, cells in `D`, `H`, `W` order (`W` fastest).
///
/// The centre of cell i of n is c = (2i + 1) / n - 1. Order of features, slowest first: axis z, y, x; frequency
/// 0.5, 1, 2, 4; then sin(pi f c), cos(pi f c). In 2-D z is 0 everywhere.
fn position_features([d, h, w]: [usize; 3], device: &Device) -> Tensor<2> {
    let centre = |i: usize, n: usize| (2 * i + 1) as f32 / n as f32 - 1.0;
    let mut values = Vec::with_capacity(d * h * w * POSITION_FEATURES);
    for cell in 0..d * h * w {
        for c in [centre(cell / (h * w), d), centre(cell / w % h, h), centre(cell % w, w)] {
            for frequency in FREQUENCIES {
                let angle = std::f32::consts::PI * frequency * c;
                values.extend([angle.sin(), angle.cos()]);
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [d * h * w, POSITION_FEATURES]), device)
}

/// `[B, w, D, H, W]` -> `[B, D*H*W, w]`.
fn tokens_from_grid(grid: Tensor<5>) -> Tensor<3> {
    let [b, w, depth, height, width] = grid.dims();
    grid.reshape([b, w, depth * height * width]).swap_dims(1, 2)
}

/// At one level the target attends to itself and all contexts, then to the contexts.
#[derive(Module, Debug)]
struct LevelAttention {
    position: Linear,
    self_attend: Attend,
    cross_attend: Attend,
}

impl LevelAttention {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        Self {
            position: LinearConfig::new(POSITION_FEATURES, width).init(device),
            self_attend: Attend::new(width, heads, device),
            cross_attend: Attend::new(width, heads, device),
        }
    }

    /// `target` `[B, w, D, H, W]`, `context` `[B*K, w, D, H, W]` -> target of the same shape.
    fn forward(&self, target: Tensor<5>, context: Tensor<5>) -> Tensor<5> {
        let [b, w, depth, height, width] = target.dims();
        let cells = depth * height * width;
        let contexts = context.dims()[0] / b;
        let here = self.position.forward(position_features([depth, height, width], &target.device())).unsqueeze::<3>();
        let there = here.clone().repeat_dim(1, contexts);
        let tokens = tokens_from_grid(target);
        let keys = tokens_from_grid(context).reshape([b, contexts * cells, w]);
        let everything = Tensor::cat(vec![tokens.clone(), keys.clone()], 1);
        let everywhere = Tensor::cat(vec![here.clone(), there.clone()], 1);
        let tokens = self.self_attend.forward(tokens, here.clone(), everything, everywhere);
        let tokens = self.cross_attend.forward(tokens, here, keys, there);
        tokens.swap_dims(1, 2).reshape([b, w, depth, height, width])
    }
}

/// Segments a target image as marked contexts tell.
#[derive(Module, Debug)]
pub struct InContextNet {
    target_stem: Conv3d,
    context_stem: Conv3d,
    stem_block: Option<CrossBlock>,
    target_down: Vec<Conv3d>,
    context_down: Vec<Conv3d>,
    encoder: Vec<CrossBlock>,
    attention: Vec<LevelAttention>,
    target_up: Vec<Conv3d>,
    context_up: Vec<Conv3d>,
    decoder: Vec<CrossBlock>,
    final_up: Option<Conv3d>,
    head_conv: Conv3d,
    head_out: Conv3d,
    #[module(skip)]
    config: InContextConfig,
}

impl InContextNet {
    fn new(config: &InContextConfig, device: &Device) -> Self {
        let (w, levels, last) = (&config.widths, config.levels(), config.last());
        let cross = config.full_resolution_cross;
        let up = || (last..levels).rev();
        let downs = || (0..levels).map(|i| config.down(w[i], device)).collect();
        let ups = || up().map(|i| pointwise(w[i + 1], w[i], device)).collect();
        Self {
            target_stem: config.conv(config.inputs(), w[0], device),
            context_stem: config.conv(config.inputs(), w[0], device),
            stem_block: cross.then(|| CrossBlock::new(config, w[0], w[0], true, device)),
            target_down: downs(),
            context_down: downs(),
            encoder: (0..levels).map(|i| CrossBlock::new(config, w[i], w[i + 1], true, device)).collect(),
            attention: (levels - config.attention_levels..levels)
                .map(|i| LevelAttention::new(w[i + 1], config.heads, device))
                .collect(),
            target_up: ups(),
            context_up: ups(),
            decoder: up().map(|i| CrossBlock::new(config, w[i], w[i], i != last, device)).collect(),
            final_up: (!cross).then(|| pointwise(w[1], w[0], device)),
            head_conv: config.conv(w[0], w[0], device),
            head_out: pointwise(w[0], 1, device),
            config: config.clone(),
        }
    }

    /// What fixes its shape.
    #[must_use]
    pub fn config(&self) -> &InContextConfig {
        &self.config
    }

    /// `target` `[B, I, D, H, W]`, `contexts` `[B, K, I, D, H, W]` with `K >= 1` -> logits `[B, 1, D, H, W]`.
    #[must_use]
    pub fn forward(&self, target: Tensor<5>, contexts: Tensor<6>) -> Tensor<5> {
        let [b, k, i, d, h, w] = contexts.dims();
        let target = relu(conv_same(&self.target_stem, target));
        let context = relu(conv_same(&self.context_stem, contexts.reshape([b * k, i, d, h, w])));
        let (targets, contexts) = self.encode(target, context);
        let features = self.decode(targets, contexts);
        mix(&self.head_out, relu(conv_same(&self.head_conv, features)))
    }

    /// Both branches' features at every level, finest first.
    fn encode(&self, target: Tensor<5>, context: Tensor<5>) -> (Vec<Tensor<5>>, Vec<Tensor<5>>) {
        let (mut target, mut context) = match &self.stem_block {
            Some(block) => block.forward(target, context),
            None => (target, context),
        };
        let (mut targets, mut contexts) = (vec![target.clone()], vec![context.clone()]);
        for (i, block) in self.encoder.iter().enumerate() {
            (target, context) = block.forward(halve(&self.target_down[i], target), halve(&self.context_down[i], context));
            let attention = (i + self.attention.len()).checked_sub(self.encoder.len()).map(|j| &self.attention[j]);
            if let Some(attention) = attention {
                target = attention.forward(target, context.clone());
            }
            targets.push(target.clone());
            contexts.push(context.clone());
        }
        (targets, contexts)
    }

    /// From the coarsest features to the target's features at the finest level.
    fn decode(&self, mut targets: Vec<Tensor<5>>, mut contexts: Vec<Tensor<5>>) -> Tensor<5> {
        // Popping frees each level's features as soon as they are used.
        let (Some(mut target), Some(mut context)) = (targets.pop(), contexts.pop()) else { unreachable!("a net has levels") };
        for (i, block) in self.decoder.iter().enumerate() {
            let (Some(target_skip), Some(context_skip)) = (targets.pop(), contexts.pop()) else { break };
            target = self.config.upsample_add(mix(&self.target_up[i], target), target_skip);
            context = self.config.upsample_add(mix(&self.context_up[i], context), context_skip);
            (target, context) = block.forward(target, context);
        }
        match (&self.final_up, targets.pop()) {
            (Some(up), Some(skip)) => relu(self.config.upsample_add(mix(up, target), skip)),
            _ => target,
        }
    }
}
