"""Turns label maps into images: means, textures, colour, bias, blur, noise, inversion, frame."""

import random

import torch

from .fields import blur, noise, stretch_range


def per_label(count, channels, look):
    """Mean and texture strength of each label in each image: [n, C, L] and [L]."""
    looks = max(look) + 1
    means = torch.rand(channels, looks)
    if random.random() < 0.25:
        means = 0.5 + (means - 0.5) * random.uniform(0.25, 0.6)  # low contrast
    jitter = random.choice((0.01, 0.03, 0.06))
    means = means[None] + torch.randn(count, 1, looks) * jitter
    strength = torch.rand(looks) * random.choice((0.02, 0.08, 0.15))
    return means[:, :, look], strength[look]


def texture(count, shape):
    """Unit noise, white or coarse."""
    if random.random() < 0.4:
        return torch.randn(count, 1, *shape)
    return noise(count, 1, shape, shape[-1] / random.choice((2, 3, 5, 8)))


def degrade(image, dims):
    """Bias field, clutter, blur, noise and speckle, each at times."""
    count, shape = image.shape[0], image.shape[2:]
    if random.random() < 0.5:
        image = image + random.uniform(0, 0.25) * noise(count, 1, shape, 3)
    if random.random() < 0.35:
        clutter = noise(count, 1, shape, random.choice((6, 10, 16)))
        image = image + random.uniform(0, 0.12) * clutter
    if random.random() < 0.2:
        grain = torch.randn_like(image[:, :1]).abs()
        image = image.clamp(min=0.02) * (1 + random.uniform(0.3, 0.9) * (grain - 0.8))
    if random.random() < 0.7:
        image = blur(image, random.uniform(0.4, 1.4), dims)
    if random.random() < 0.8:
        image = image + torch.randn_like(image[:, :1]) * random.uniform(0, 0.08)
    return image


def frame(count, dims, shape):
    """1 inside, 0 in the empty margins that "fit" leaves beside an oblong image."""
    keep = torch.ones(count, 1, *shape)
    axes = (1, 2) if dims == 2 else (0, 1, 2)
    full = random.choice(axes)
    for axis in axes:
        share = random.uniform(0.45, 1.0)
        if axis == full or random.random() < 0.3:
            continue
        for i in range(count):
            cut = int(shape[axis] * (1 - min(1, share * random.uniform(0.92, 1.08))) / 2)
            if cut:
                view = keep[i, 0].movedim(axis, 0)
                view[:cut], view[-cut:] = 0, 0
    return keep


def render(labels, look, dims):
    """labels [n, D, H, W] -> images [n, C, D, H, W] in [0, 1], and the frame [n, 1, D, H, W]."""
    count, shape = labels.shape[0], labels.shape[1:]
    look = look or list(range(int(labels.max()) + 1))
    channels = 3 if dims == 2 and random.random() < 0.45 else 1
    means, strength = per_label(count, channels, look)
    flat = labels.flatten(1)[:, None].expand(-1, channels, -1)
    image = means.gather(2, flat).view(count, channels, *shape)
    image = image + strength[labels][:, None] * texture(count, shape)
    image = degrade(image, dims)
    if random.random() < 0.3:
        image = 1 - image
    image = stretch_range(image)
    if random.random() < 0.5:
        power = torch.exp((torch.rand(count, 1, 1, 1, 1) - 0.5) * 0.8)
        image = image**power
    keep = frame(count, dims, shape) if random.random() < 0.35 else torch.ones(count, 1, *shape)
    if dims == 2:
        image = recolour(image.expand(-1, 3, -1, -1, -1))
    return image * keep, keep


def recolour(image):
    """Half of the time other colours, the same in all images [n, 3, ...] of a task.

    A net that saw mostly grey pictures learned to look at one channel: it was blind to blue
    nuclei in green cells.
    Channels are exchanged and dimmed; a quarter of the time each is also drawn through a curve of
    its own, so that in grey pictures, too, each tells what the others do not.
    """
    if random.random() < 0.5:
        return image
    if random.random() < 0.5:
        image = stain(image)
    gain = torch.rand(3) if random.random() < 0.5 else 0.5 + 0.5 * torch.rand(3)
    gain = gain / gain.max()
    return image[:, torch.randperm(3)] * gain.view(1, 3, 1, 1, 1)


def stain(image):
    """Each channel through a random curve of straight pieces, rising, falling or both."""
    knots = torch.rand(3, 5)
    at = image.clamp(0, 1) * 4
    left = at.floor().clamp(max=3)
    share, left = at - left, left.long()
    drawn = [torch.lerp(k[i], k[i + 1], t) for k, i, t in zip(knots, left.unbind(1), share.unbind(1))]
    return torch.stack(drawn, 1)


def vary(image, dims, gentle=False):
    """Real images of one task made unlike: gamma, gain, bias, noise, blur, inversion, tint."""
    count, shape = image.shape[0], image.shape[2:]
    keep = (image.amax(1, keepdim=True) > 0).float()
    if random.random() < 0.15 and not gentle:
        image = 1 - image
    if random.random() < 0.7:
        image = image.clamp(0, 1) ** torch.exp((torch.rand(count, 1, 1, 1, 1) - 0.5) * 0.6)
    if random.random() < 0.5:
        gain, shift = torch.rand(2, count, 1, 1, 1, 1) - 0.5
        image = image * (1 + 0.3 * gain) + 0.2 * shift
    if random.random() < 0.3:
        image = image + 0.15 * random.random() * noise(count, 1, shape, 3)
    if random.random() < 0.2:
        image = blur(image, random.uniform(0.4, 1.0), dims)
    if random.random() < 0.4:
        image = image + torch.randn_like(image[:, :1]) * random.uniform(0, 0.06)
    if dims == 2:
        image = recolour(image)
    return image.clamp(0, 1) * keep
