"""The in-context U-Net, in 2-D and 3-D. Owns shapes, names and order of operations.

The Rust port (`engine/src/nets/`) follows this file name by name; change both together.

Tensors are [B, C, D, H, W] in both cases; in 2-D D is 1 and kernels are (1, 3, 3).
Inputs have image_channels + 5 channels: the image, then the marks
(mask, box, positive, negative, previous guess). Output: logits [B, 1, D, H, W].

Parameters (w = widths, I = image_channels + prompt_channels, k = 3x3x3 or 1x3x3,
d = 2x2x2 or 1x2x2; every convolution and linear layer has a bias):

| name                                  | weight shape                | where                            |
|---------------------------------------|-----------------------------|----------------------------------|
| target_stem, context_stem             | [w0, I, k]                  |                                  |
| stem_block.<cross block>              | in = out = w0               | only with full_resolution_cross  |
| target_down.i, context_down.i         | [w_i, w_i, d], stride d     | i = 0..L-1                       |
| encoder.i.<cross block>               | in = w_i, out = w_{i+1}     | i = 0..L-1                       |
| attention.j.position                  | [w, 24]                     | w = w_{L-1} for j = 0, w_L for 1 |
| attention.j.self_attend.<attend>      | width w                     |                                  |
| attention.j.cross_attend.<attend>     | width w                     |                                  |
| target_up.i, context_up.i             | [w_l, w_{l+1}, 1,1,1]       | l = L-1-i, down to l = last      |
| decoder.i.<cross block>               | in = out = w_l              | the last one: target half only   |
| final_up                              | [w0, w1, 1,1,1]             | only without full_resolution_cross |
| head_conv                             | [w0, w0, k]                 |                                  |
| head_out                              | [1, w0, 1,1,1]              |                                  |

L = len(widths) - 1 levels of downsampling; last = 0 with full_resolution_cross, else 1.

Cross block: target_conv [out,in,k], from_context [out,in,1,1,1], target_norm_1 [out],
target_conv_2 [out,out,k], target_norm_2 [out], target_skip [out,in,1,1,1] (only if in != out);
context_conv, from_target, context_norm_1, context_conv_2, context_norm_2, context_skip alike
(from_context stays, the other context parameters are absent, in the last decoder block).

Attend: norm_query, norm_key, norm_mlp [w] (LayerNorm); query, key, value, output [w,w];
mlp_in [2w,w]; mlp_out [w,2w] (Linear, weight [out,in]).
"""

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

FREQUENCIES = (0.5, 1.0, 2.0, 4.0)
POSITION_FEATURES = 3 * 2 * len(FREQUENCIES)
EPS = 1e-5


@dataclass(frozen=True)
class Config:
    """Everything that fixes the net's shape; written into the card."""

    dims: int = 3
    image_channels: int = 1
    prompt_channels: int = 5
    widths: tuple = (8, 16, 48, 96, 128)
    heads: int = 4
    attention_levels: int = 2
    group: int = 8
    full_resolution_cross: bool = False

    @staticmethod
    def from_dict(values):
        """The inverse of `to_dict`."""
        return Config(**{**values, "widths": tuple(values["widths"])})

    def to_dict(self):
        """Plain values for JSON."""
        return {**asdict(self), "widths": list(self.widths)}

    @property
    def inputs(self):
        """Channels of each branch's input."""
        return self.image_channels + self.prompt_channels


def config_2d():
    """The published 2-D net, for 128x128 colour pictures."""
    return Config(
        dims=2, image_channels=3, widths=(16, 32, 64, 96, 128), full_resolution_cross=True
    )


def config_3d():
    """The published 3-D net, for 64^3 grids."""
    return Config()


def config_tiny(dims=3):
    """A few thousand weights, for tests."""
    return Config(
        dims=dims,
        image_channels=3 if dims == 2 else 1,
        widths=(4, 8, 8, 16, 16),
        full_resolution_cross=dims == 2,
    )


def conv(config, inputs, outputs):
    """3x3(x3) convolution that keeps the grid."""
    kernel = (3, 3, 3) if config.dims == 3 else (1, 3, 3)
    padding = tuple(k // 2 for k in kernel)
    return nn.Conv3d(inputs, outputs, kernel, padding=padding)


def pointwise(inputs, outputs):
    """1x1x1 convolution."""
    return nn.Conv3d(inputs, outputs, 1)


def down(config, width):
    """Halves the grid: kernel = stride = 2 (1 along depth in 2-D)."""
    size = (2, 2, 2) if config.dims == 3 else (1, 2, 2)
    return nn.Conv3d(width, width, size, stride=size)


def norm(config, width):
    """GroupNorm of `group` channels a group; one group if there are fewer channels."""
    return nn.GroupNorm(max(1, width // config.group), width, eps=EPS)


def upsample(config, x):
    """Doubles the grid by nearest neighbour."""
    return F.interpolate(x, scale_factor=(2 if config.dims == 3 else 1, 2, 2), mode="nearest")


class CrossBlock(nn.Module):
    """Two convolutions in each branch; the first also sees the other branch.

    A convolution over the concatenation of both branches is written as the sum of two,
    so that each context is convolved once and the target's share is computed once.
    """

    def __init__(self, config, inputs, outputs, with_context=True):
        super().__init__()
        self.with_context = with_context
        self.residual = inputs == outputs
        self.target_conv = conv(config, inputs, outputs)
        self.from_context = pointwise(inputs, outputs)
        self.target_norm_1 = norm(config, outputs)
        self.target_conv_2 = conv(config, outputs, outputs)
        self.target_norm_2 = norm(config, outputs)
        if not self.residual:
            self.target_skip = pointwise(inputs, outputs)
        if not with_context:
            return
        self.context_conv = conv(config, inputs, outputs)
        self.from_target = pointwise(inputs, outputs)
        self.context_norm_1 = norm(config, outputs)
        self.context_conv_2 = conv(config, outputs, outputs)
        self.context_norm_2 = norm(config, outputs)
        if not self.residual:
            self.context_skip = pointwise(inputs, outputs)

    def forward(self, target, context):
        """target [B,C,...], context [B*K,C,...] -> the same with `outputs` channels."""
        batch = target.shape[0]
        # 1x1 and mean commute: the mean over contexts is taken first, on fewer numbers.
        mean = context.unflatten(0, (batch, -1)).mean(1)
        first = F.relu(self.target_norm_1(self.target_conv(target) + self.from_context(mean)))
        skip = target if self.residual else self.target_skip(target)
        new_target = F.relu(self.target_norm_2(self.target_conv_2(first)) + skip)
        if not self.with_context:
            return new_target, context
        shared = self.from_target(target).repeat_interleave(context.shape[0] // batch, 0)
        first = F.relu(self.context_norm_1(self.context_conv(context) + shared))
        skip = context if self.residual else self.context_skip(context)
        return new_target, F.relu(self.context_norm_2(self.context_conv_2(first)) + skip)


class Attend(nn.Module):
    """Multi-head attention of queries to keys, then a two-layer perceptron; both residual."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_query = nn.LayerNorm(width, eps=EPS)
        self.norm_key = nn.LayerNorm(width, eps=EPS)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width, eps=EPS)
        self.mlp_in = nn.Linear(width, 2 * width)
        self.mlp_out = nn.Linear(2 * width, width)

    def split(self, x):
        """[B, n, w] -> [B, heads, n, w / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, tokens, positions, keys, key_positions):
        """tokens [B,n,w], keys [B,m,w], positions [1,n,w] and [1,m,w] -> [B,n,w]."""
        normed = self.norm_key(keys)
        q = self.split(self.query(self.norm_query(tokens) + positions))
        k = self.split(self.key(normed + key_positions))
        v = self.split(self.value(normed))
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(-1)
        tokens = tokens + self.output((weights @ v).transpose(1, 2).flatten(2))
        return tokens + self.mlp_out(F.relu(self.mlp_in(self.norm_mlp(tokens))))


def position_features(shape, device):
    """Fourier features of cell centres: [D*H*W, 24], cells in D, H, W order (W fastest).

    Centre of cell i of n is c = (2i + 1) / n - 1. Feature order, slowest first: axis z, y, x;
    then frequency 0.5, 1, 2, 4; then sin(pi f c), cos(pi f c). In 2-D z is 0 everywhere.
    """
    centres = [(2 * torch.arange(n, device=device) + 1) / n - 1 for n in shape]
    grid = torch.stack(torch.meshgrid(*centres, indexing="ij"), -1).reshape(-1, 3, 1)
    angles = math.pi * grid * torch.tensor(FREQUENCIES, device=device)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


class LevelAttention(nn.Module):
    """At one level the target attends to itself and all contexts, then to the contexts."""

    def __init__(self, width, heads):
        super().__init__()
        self.position = nn.Linear(POSITION_FEATURES, width)
        self.self_attend = Attend(width, heads)
        self.cross_attend = Attend(width, heads)

    def forward(self, target, context):
        """target [B,w,D,H,W], context [B*K,w,D,H,W] -> target of the same shape."""
        batch, width = target.shape[:2]
        here = self.position(position_features(target.shape[2:], target.device))[None]
        tokens = target.flatten(2).transpose(1, 2)
        keys = context.flatten(2).transpose(1, 2).reshape(batch, -1, width)
        there = here.repeat(1, keys.shape[1] // tokens.shape[1], 1)
        everything, everywhere = torch.cat([tokens, keys], 1), torch.cat([here, there], 1)
        tokens = self.self_attend(tokens, here, everything, everywhere)
        tokens = self.cross_attend(tokens, here, keys, there)
        return tokens.transpose(1, 2).reshape(target.shape)


class InContextUnet(nn.Module):
    """Segments a target image as marked contexts tell (dual-branch U-Net, see module doc)."""

    def __init__(self, config):
        super().__init__()
        w, levels = config.widths, len(config.widths) - 1
        self.config = config
        self.first_attention = levels - config.attention_levels
        self.target_stem = conv(config, config.inputs, w[0])
        self.context_stem = conv(config, config.inputs, w[0])
        if config.full_resolution_cross:
            self.stem_block = CrossBlock(config, w[0], w[0])
        self.target_down = nn.ModuleList(down(config, w[i]) for i in range(levels))
        self.context_down = nn.ModuleList(down(config, w[i]) for i in range(levels))
        self.encoder = nn.ModuleList(CrossBlock(config, w[i], w[i + 1]) for i in range(levels))
        attended = w[len(w) - config.attention_levels :]
        self.attention = nn.ModuleList(LevelAttention(width, config.heads) for width in attended)
        last = 0 if config.full_resolution_cross else 1
        order = list(range(levels - 1, last - 1, -1))
        self.target_up = nn.ModuleList(pointwise(w[i + 1], w[i]) for i in order)
        self.context_up = nn.ModuleList(pointwise(w[i + 1], w[i]) for i in order)
        self.decoder = nn.ModuleList(CrossBlock(config, w[i], w[i], i != last) for i in order)
        if not config.full_resolution_cross:
            self.final_up = pointwise(w[1], w[0])
        self.head_conv = conv(config, w[0], w[0])
        self.head_out = pointwise(w[0], 1)

    def encode(self, target, context):
        """Both branches' features at every level, finest first."""
        if self.config.full_resolution_cross:
            target, context = self.stem_block(target, context)
        targets, contexts = [target], [context]
        for i, block in enumerate(self.encoder):
            target, context = self.target_down[i](target), self.context_down[i](context)
            target, context = block(target, context)
            if i >= self.first_attention:
                target = self.attention[i - self.first_attention](target, context)
            targets.append(target)
            contexts.append(context)
        return targets, contexts

    def decode(self, targets, contexts):
        """From the coarsest features to the target's features at the finest level."""
        target, context = targets[-1], contexts[-1]
        for i, block in enumerate(self.decoder):
            target = upsample(self.config, self.target_up[i](target)) + targets[-2 - i]
            context = upsample(self.config, self.context_up[i](context)) + contexts[-2 - i]
            target, context = block(target, context)
        if not self.config.full_resolution_cross:
            target = F.relu(upsample(self.config, self.final_up(target)) + targets[0])
        return target

    def forward(self, target, contexts):
        """target [B,I,D,H,W], contexts [B,K,I,D,H,W] with K >= 1 -> logits [B,1,D,H,W]."""
        target_features = F.relu(self.target_stem(target))
        context_features = F.relu(self.context_stem(contexts.flatten(0, 1)))
        features = self.decode(*self.encode(target_features, context_features))
        return self.head_out(F.relu(self.head_conv(features)))
