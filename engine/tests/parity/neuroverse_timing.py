"""Time and peak memory of one forward pass of Neuroverse3D at its published size in PyTorch, in f32, with random weights
and one context: python neuroverse_timing.py [SIDE]. Built from PyTorch's own modules, layer for layer as the paper tells.
"""

import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = [32, 64, 128, 256, 512]


class Unit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = (nn.Conv3d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return F.gelu(x + self.b(F.gelu(self.a(x))))


def up(x, skip, join):
    x = F.interpolate(x, scale_factor=2, mode="trilinear", align_corners=False)
    return join(torch.cat([x, skip], 1))


class Neuroverse(nn.Module):
    def __init__(self):
        super().__init__()
        w, pairs = WIDTHS, list(zip(WIDTHS, WIDTHS[1:]))
        units = lambda widths: nn.ModuleList([Unit(width) for width in widths])
        mixes = lambda widths: nn.ModuleList([nn.Conv3d(2 * width, width, 1) for width in widths])
        downs = lambda: nn.ModuleList([nn.Conv3d(a, b, 4, 2, 1) for a, b in pairs])
        joins = lambda: nn.ModuleList([nn.Conv3d(a + b, a, 1) for a, b in reversed(pairs)])
        self.embed_t, self.embed_c = nn.Conv3d(1, w[0], 1), nn.Conv3d(2, w[0], 1)
        self.enc_t, self.down_t, self.enc_c, self.down_c = units(w[:-1]), downs(), units(w), downs()
        self.mix_c, self.join_c, self.dec_c = mixes(w[:-1]), joins(), units(w[-2::-1])
        self.bottom, self.mix_t = Unit(w[-1]), mixes(w[::-1])
        self.join_t, self.dec_t, self.last, self.head = joins(), units(w[-2::-1]), Unit(w[0]), nn.Conv3d(w[0], 1, 1)

    def forward(self, target, context):
        t, skips = self.embed_t(target), []
        for unit, down in zip(self.enc_t, self.down_t):
            t = unit(t)
            skips.append(t)
            t = down(t)
        c, kept = self.embed_c(context), []
        for unit, mix, down, skip in zip(self.enc_c, self.mix_c, self.down_c, skips):
            c = unit(c)
            c = F.gelu(c + mix(torch.cat([c, skip], 1)))
            kept.append(c)
            c = down(c)
        c = self.enc_c[-1](c)
        features = [c]
        for join, unit in zip(self.join_c, self.dec_c):
            c = unit(up(c, kept.pop(), join))
            features.append(c)
        t = self.bottom(t)
        t = F.gelu(t + self.mix_t[0](torch.cat([features.pop(0), t], 1)))
        for join, unit, mix in zip(self.join_t, self.dec_t, self.mix_t[1:]):
            t = unit(up(t, skips.pop(), join))
            t = F.gelu(t + mix(torch.cat([features.pop(0), t], 1)))
        return self.head(self.last(t))


@torch.no_grad()
def main():
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    net = Neuroverse()
    parameters = sum(parameter.numel() for parameter in net.parameters())
    assert parameters == 70_854_913, parameters
    target, context = torch.ones(1, 1, side, side, side), torch.ones(1, 2, side, side, side)
    start = time.time()
    net(target, context)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{time.time() - start:.1f} s on {torch.get_num_threads()} threads; peak {peak} kB")


if __name__ == "__main__":
    main()
