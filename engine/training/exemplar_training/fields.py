"""Random smooth fields and warps, in 2-D (D = 1) and 3-D alike. Owns no notion of a task."""

import math
import random

import torch
import torch.nn.functional as F


def grid_shape(dims, size):
    """[D, H, W] of the working grid."""
    return (1, size, size) if dims == 2 else (size, size, size)


def noise(count, channels, shape, cells):
    """Smooth Gaussian noise [count, channels, *shape] with `cells` knots along an axis."""
    knots = [1 if n == 1 else max(2, int(cells)) for n in shape]
    return F.interpolate(
        torch.randn(count, channels, *knots), size=shape, mode="trilinear", align_corners=False
    )


def mesh(shape):
    """Coordinates [D, H, W, 3] in [-1, 1], order z, y, x; z is 0 in 2-D."""
    axes = [(2 * torch.arange(n) + 1) / n - 1 for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def rotation(dims, most):
    """A random rotation [3, 3] (x, y, z order) by up to `most` in each plane."""
    matrix = torch.eye(3)
    for p, q in ((0, 1),) if dims == 2 else ((0, 1), (0, 2), (1, 2)):
        angle = random.uniform(-most, most)
        turn = torch.eye(3)
        turn[p, p] = turn[q, q] = math.cos(angle)
        turn[p, q], turn[q, p] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


def warp_grid(count, dims, shape, bend, turn, stretch, shift, zoom=(1.0, 1.0), centres=None):
    """Sampling grids [count, D, H, W, 3] for `grid_sample`: affine plus elastic, one an image.

    centres: where each image's grid lies (x, y, z), if not in the middle.
    """
    rows = []
    for i in range(count):
        scale = random.uniform(*zoom)
        sides = [scale * (1 + random.uniform(-stretch, stretch)) for _ in range(3)]
        moves = [random.uniform(-shift, shift) for _ in range(3)]
        if centres is not None:
            moves = [m + c for m, c in zip(moves, centres[i].tolist())]
        if dims == 2:
            sides[2], moves[2] = 1.0, 0.0
        matrix = rotation(dims, turn) @ torch.diag(torch.tensor(sides))
        rows.append(torch.cat([matrix, torch.tensor(moves)[:, None]], 1))
    grid = F.affine_grid(torch.stack(rows), (count, 1, *shape), align_corners=False)
    bends = sum(noise(count, 3, shape, k) * bend / (i + 1) for i, k in enumerate((3, 6, 12)))
    if dims == 2:
        bends[:, 2] = 0
    return grid + bends.permute(0, 2, 3, 4, 1)


def warp(x, grid, mode="bilinear", padding="zeros"):
    """`grid_sample` with this project's conventions."""
    return F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=False)


def blur(x, sigma, dims):
    """Gaussian blur of [n, C, D, H, W], separable."""
    reach = max(1, int(2.5 * sigma))
    taps = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    taps = taps / taps.sum()
    flat = x.flatten(0, 1)[:, None]
    for axis in range(3) if dims == 3 else (1, 2):
        view, pad = [1, 1, 1, 1, 1], [0] * 6
        view[2 + axis] = 2 * reach + 1
        pad[4 - 2 * axis] = pad[5 - 2 * axis] = reach
        flat = F.conv3d(F.pad(flat, pad, mode="replicate"), taps.view(view))
    return flat[:, 0].unflatten(0, x.shape[:2])


def stretch_range(x):
    """Each image [n, C, ...] scaled so that its 0.5 and 99.5 percentiles are 0 and 1."""
    flat = x.flatten(1)
    some = flat[:, :: max(1, flat.shape[1] // 20000)]
    low, high = some.quantile(0.005, 1), some.quantile(0.995, 1)
    view = (-1, *([1] * (x.ndim - 1)))
    return ((x - low.view(view)) / (high - low + 1e-5).view(view)).clamp(0, 1)
