"""Episodes as the net sees them: a target, marked contexts, and the truth. Owns their mixture.

Modes: "context" (other images are examples), "interactive" (the image is its own and only
example), "amend" (examples, and marks of the target's own as well).
"""

import random

import numpy as np
import torch
from scipy import ndimage as ndi

from . import looks, marks, real, synthetic
from .fields import grid_shape

KINDS = {
    "context": {"mask": 0.34, "box": 0.22, "click": 0.22, "doodle": 0.22},
    "own": {"box": 0.35, "click": 0.4, "doodle": 0.25},
}
CONTEXTS = {2: ((1, 2, 3, 4, 6, 8), (24, 26, 14, 24, 6, 6)), 3: ((1, 2, 3, 4), (35, 30, 15, 20))}
MODES = {
    2: {"context": 0.45, "interactive": 0.43, "amend": 0.12},
    3: {"context": 0.5, "interactive": 0.4, "amend": 0.1},
}
TARGETS_EACH = 2
# How often a user who marks an image itself is after one of several pieces that look alike.
ONE_PIECE = 0.35


def pick(weights):
    """A key drawn by weight."""
    return random.choices(list(weights), list(weights.values()))[0]


def synthetic_episodes(count, dims, size):
    """One anatomy's images with up to two targets: a list of (images, soft target)."""
    labels, look = synthetic.draw(count, dims, grid_shape(dims, size))
    images, keep = looks.render(labels, look, dims)
    shown = torch.where(keep[:, 0] > 0, labels, -1)
    least, most = real.least_cells(dims, size), 0.6 * labels[0].numel()
    values = []
    for value in range(int(labels.max()) + 1):
        cells = (shown == value).flatten(1).sum(1)
        if (cells >= least).all() and cells.float().mean() < most:
            values.append(value)
    episodes = []
    for value in random.sample(values, min(TARGETS_EACH, len(values))):
        target = shown == value
        if random.random() < 0.15:
            target = target | (shown == random.choice(values))
        episodes.append((images, target.float()))
    return episodes


def real_episodes(groups, count, dims, size, close):
    """One real episode, or none."""
    found = real.episode(groups, count, dims, size, close)
    return [found] if found else []


def own_marks(soft, dims):
    """What a user draws on the very image: in 3-D a single slice more often than not."""
    kind = pick(KINDS["own"])
    if dims == 3 and random.random() < 0.7:
        return marks.simulate(soft, kind, 3, slices=1, axis=marks.random_axis(3), evenly=True)
    # Most users begin with a single click.
    clicks = (1, 0) if kind == "click" and random.random() < 0.5 else None
    return marks.simulate(soft, kind, dims, clicks=clicks)


def one_piece(soft, least):
    """At times one connected piece of a soft mask [D, H, W] in place of all."""
    labels, count = ndi.label(soft >= 0.5)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    large = np.flatnonzero(sizes >= least) + 1
    if len(large) < 2 or random.random() > ONE_PIECE:
        return soft
    return soft * ndi.binary_dilation(labels == random.choice(large))


def stack_input(image, channels):
    """Image and prompt channels as one input [C + 5, D, H, W]."""
    return np.concatenate([image, channels])


def assemble(images, soft, mode, dims):
    """(target, contexts, truth) of one episode; the first image is the target."""
    kind = pick(KINDS["context"])
    mixed = random.random() < 0.15
    images, soft = images.numpy(), soft.numpy()
    if mode == "interactive":
        soft[0] = one_piece(soft[0], real.least_cells(dims, soft.shape[-1]))
    contexts = []
    for i in range(1, len(images)):
        channels = marks.simulate(soft[i], pick(KINDS["context"]) if mixed else kind, dims)
        contexts.append(stack_input(images[i], channels))
    own = marks.empty(soft[0].shape) if mode == "context" else own_marks(soft[0], dims)
    target = stack_input(images[0], own)
    if mode != "context":
        contexts.append(target)
    return target, np.stack(contexts), (soft[0] >= 0.5).astype(np.float32)[None]


class Episodes(torch.utils.data.IterableDataset):
    """Endless batches: all members of a batch share their mode and number of contexts."""

    def __init__(self, dims, size, groups, real_share, volumes, seed, own=False):
        super().__init__()
        self.modes = {"interactive": 1.0} if own else MODES[dims]
        self.close = real.CLOSE_OWN if own else real.CLOSE[dims]
        self.dims, self.size, self.groups = dims, size, groups
        self.real_share = real_share if groups else 0.0
        self.volumes, self.seed = volumes, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        seed = self.seed + (worker.id if worker else 0)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        while True:
            yield self.batch()

    def batch(self):
        """A dict of tensors plus the mode."""
        mode = pick(self.modes)
        examples = random.choices(*CONTEXTS[self.dims])[0]
        others = 0 if mode == "interactive" else examples
        size = max(2, round(self.volumes / (1 + others + (mode != "context"))))
        members = []
        while len(members) < size:
            if random.random() < self.real_share:
                episodes = real_episodes(self.groups, others + 1, self.dims, self.size, self.close)
            else:
                episodes = synthetic_episodes(others + 1, self.dims, self.size)
            members += [assemble(i, s, mode, self.dims) for i, s in episodes]
        target, contexts, truth = (np.stack(m) for m in zip(*members[:size]))
        return {
            "mode": mode,
            "target": torch.from_numpy(target),
            "contexts": torch.from_numpy(contexts),
            "truth": torch.from_numpy(truth),
        }
