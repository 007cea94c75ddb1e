"""Real images for training: read once, fitted to the working grid, kept in a cache file.

Owns which sets are trained on. Held-back cases and tasks never enter (`splits.py`).
"""

import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import splits
from .fields import grid_shape, warp, warp_grid
from .grid import fit, read_picture, read_volume, scale_intensity
from .looks import vary

ORGANS = "totalsegmentator_examples"
# How often the target is shown close up; most often where the user marks the image itself, for there it is looked at twice.
CLOSE = {2: 0.35, 3: 0.5}
CLOSE_OWN = 0.65
# Labels of that program which are a class of a held-back set: vertebrae, sacrum, discs, carotids, femora.
HELD_BACK_ORGANS = {"ct": [*range(25, 51), 57, 58, 75, 76], "mr": [18, 19, 20, 36, 37]}


def least_cells(dims, size):
    """Smaller targets than this are not asked for."""
    return max(9, 25 * size**2 // 128**2) if dims == 2 else max(12, 40 * size**3 // 48**3)


class Group:
    """Images of one kind with the same labels: uint8 [n, C, D, H, W] and [n, D, H, W].

    Where the source is finer than the working grid they are kept on twice as fine a grid, for close-ups.
    """

    def __init__(self, name, source, images, labels):
        self.name, self.source = name, source
        self.images = torch.from_numpy(np.stack(images))
        self.labels = torch.from_numpy(np.stack(labels))
        # How many cells of each image bear each label.
        self.cells = np.stack([np.bincount(one.ravel(), minlength=256) for one in labels])


def fit_labels(labels, spacing, dims, size):
    """Label map on the working grid: each label's soft mask thresholded at a half."""
    out = np.zeros(grid_shape(dims, size), np.uint8)
    for value in np.unique(labels[labels > 0]):
        out[fit(labels == value, spacing, dims, size) >= 0.5] = value
    return out


def fit_pair(image, labels, spacing, dims, size):
    """Image [C, D, H, W] and labels on the working grid, as bytes."""
    fitted = fit(scale_intensity(image), spacing, dims, size)
    return (fitted * 255).round().astype(np.uint8), fit_labels(labels, spacing, dims, size)


def volumes_of(folder, chosen=None):
    """(name, image, labels, spacing) of each NIfTI case."""
    for path in sorted((Path(folder) / "images").iterdir()):
        if chosen is None or path.name.split(".")[0] in chosen:
            image, spacing = read_volume(path)
            labels, _ = read_volume(Path(folder) / "labels" / path.name)
            yield path.name, image, labels.round().astype(np.int16), spacing


def pictures_of(folder, chosen=None):
    """(name, image, labels, spacing) of each picture case."""
    for path in sorted((Path(folder) / "images").iterdir()):
        if chosen is None or path.stem in chosen:
            image, spacing = read_picture(path)
            labels, _ = read_picture(next((Path(folder) / "labels").glob(path.stem + ".*")), False)
            yield path.name, image, labels, spacing


def group_of(name, source, cases, dims, size):
    """Fit all cases of one group."""
    cases = list(cases)
    size *= 2 if all(max(labels.shape) > 1.2 * size for _, _, labels, _ in cases) else 1
    pairs = [fit_pair(i if i.ndim == 4 else i[None], l, s, dims, size) for _, i, l, s in cases]
    return Group(name, source, *zip(*pairs))


def slices_of(case, axis, most=24):
    """Slices of a volume that hold a label, as pictures."""
    name, image, labels, spacing = case
    hit = np.flatnonzero((labels > 0).any(axis=tuple(a for a in range(3) if a != axis)))
    flat = tuple(s for a, s in enumerate(spacing) if a != axis)
    for index in hit[:: max(1, len(hit) // most)]:
        plane = np.repeat(image.take(index, axis)[None, None], 3, 0)
        yield name, plane, labels.take(index, axis)[None], (1.0, *flat)


def build_3d(data, size):
    """Hippocampus (train part), hearts, spinal cords, organs in CT and MR."""
    chosen = set(splits.load()["hippocampus_mr"]["train"])
    hippocampus = volumes_of(data / "hippocampus_mr", chosen)
    groups = [group_of("hippocampus", "hippocampus_mr", hippocampus, 3, size)]
    hearts = list(volumes_of(data / "heart_cine_mr"))
    groups.append(group_of("heart", "heart_cine_mr", hearts, 3, size))
    cords = [c for c in volumes_of(data / "spinalcord_mr") if "gm" not in c[0]]
    groups.append(group_of("cord", "spinalcord_mr", cords, 3, size))
    organs = list(volumes_of(data / "totalsegmentator_examples"))
    groups.append(group_of("ct", ORGANS, [c for c in organs if c[0].startswith("ct")], 3, size))
    for case in organs:
        for name, *part in slabs_of(case, 40):
            groups.append(group_of(name, ORGANS, [(name, *part)], 3, size))
    return groups


def build_2d(data, size):
    """Nuclei by kind of picture, hearts, retinas; slices of cine hearts, spinal cords and organs."""
    chosen = set(splits.load()["nuclei_microscopy"]["train"])
    nuclei = list(pictures_of(data / "nuclei_microscopy", chosen))
    dark = [c for c in nuclei if is_fluorescence(c[1])]
    light = [c for c in nuclei if not is_fluorescence(c[1])]
    groups = [group_of("nuclei", "nuclei_microscopy", dark, 2, size)]
    groups.append(group_of("nuclei_stained", "nuclei_microscopy", light, 2, size))
    for name in ("mr_hvsmr_heart", "octa_faz"):
        groups.append(group_of(name, name, pictures_of(data / "mini2d" / name), 2, size))
    hearts = [s for c in volumes_of(data / "heart_cine_mr") for s in slices_of(c, thin_axis(c))]
    groups.append(group_of("cine", "heart_cine_mr", hearts, 2, size))
    for case in volumes_of(data / "spinalcord_mr"):
        for axis in (0,) if "gm" in case[0] else (0, 2):
            slices = list(slices_of(case, axis))
            if len(slices) >= 4:
                groups.append(group_of(f"{case[0]}_{axis}", "spinalcord_mr", slices, 2, size))
    for name, image, labels, spacing in volumes_of(data / ORGANS):
        labels[np.isin(labels, HELD_BACK_ORGANS[name[:2]])] = 0
        for axis in range(3):
            # Upright planes are shown with the head up, as a reader sees them.
            turned = (image, labels) if axis == 0 else (image[::-1], labels[::-1])
            for name_of_slab, *part in slabs_of((name, *turned, spacing), 20, axis):
                slices = list(slices_of((name_of_slab, *part), axis, 10))
                if len(slices) >= 4:
                    groups.append(group_of(f"{name_of_slab}_{axis}", ORGANS, slices, 2, size))
    return groups


def slabs_of(case, height, axis=0):
    """A tall volume as slabs of so many slices, half overlapping; a low one as it is."""
    name, image, labels, spacing = case
    tall = labels.shape[axis]
    starts = range(0, max(1, tall - height + 1), height // 2)
    for low in starts:
        part = (slice(None),) * axis + (slice(low, tall if low == starts[-1] else low + height),)
        yield f"{name}_{low}", image[part], labels[part], spacing


def thin_axis(case):
    """The axis across the slices as they were taken."""
    return int(np.argmax(case[3]))


def is_fluorescence(image):
    """Grey and dark on the whole: fluorescence; else stained tissue."""
    image = image.astype(np.float32)
    return image.mean() < 90 and np.abs(image[0] - image[2]).mean() < 12


def load(data, dims, size, cache):
    """All groups, from the cache if it is there; empty without a data folder."""
    if data is None or not Path(data).is_dir():
        return []
    path = Path(cache) / f"real_{dims}d_{size}.pt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        groups = (build_2d if dims == 2 else build_3d)(Path(data), size)
        part = path.with_suffix(f".part{random.random()}")
        torch.save([(g.name, g.source, g.images, g.labels) for g in groups], part)
        part.rename(path)
    groups = []
    for name, source, images, labels in torch.load(path, weights_only=True):
        groups.append(Group(name, source, images.numpy(), labels.numpy()))
    return groups


def cases(groups):
    """How many images of each source are trained on, for the card."""
    count = {}
    for group in groups:
        count[group.source] = count.get(group.source, 0) + len(group.images)
    return count


def choose_target(group, some, dims, least):
    """One label that all these images show with so many cells, or the union of all; bool [n, D, H, W] or None."""
    cells = group.cells[some]
    shown = [v for v in range(1, cells.shape[1]) if (cells[:, v] >= least).all()]
    several = (cells[:, 1:].sum(0) > 0).sum() > 1 and (cells[:, 1:].sum(1) >= least).all()
    options = shown + [None] * (several * (3 if dims == 3 else 1))
    if not options:
        return None
    value = random.choice(options)
    labels = group.labels[some]
    return labels > 0 if value is None else labels == value


def close_up(target):
    """A zoom that shows the target with some of what is around it, and its centre in each image.

    target [n, D, H, W] -> share of the image's side, centres [n, 3] (x, y, z in -1..1).
    """
    centres, sides = [], []
    for one in target:
        at = one.nonzero().float()
        low, high = at.amin(0), at.amax(0) + 1
        shape = torch.tensor(one.shape)
        centres.append(((low + high) / shape - 1).flip(0))
        sides.append(((high - low) / shape)[shape > 1].max().item())
    zoom = min(1.0, max(sides) * random.uniform(1.3, 3.5))
    return zoom, torch.stack(centres) + zoom * 0.2 * (2 * torch.rand(len(centres), 3) - 1)


def on_grid(images, target, zoom, size):
    """The working grid's own resolution, unless what is looked at closely needs more."""
    factor = images.shape[-1] // size
    if factor == 1 or zoom < 0.7:
        return images, target
    factors = (1 if images.shape[2] == 1 else factor, factor, factor)
    return F.avg_pool3d(images, factors), F.avg_pool3d(target, factors)


def augment(images, target, dims, size, close):
    """Warp each image apart, flip and turn all alike, then vary the looks.

    More than half of the volumes are treated gently: their axes are known, and a net that only
    ever saw them mirrored and tilted learned the place of a structure long before its edges.
    """
    count, shape = images.shape[0], grid_shape(dims, size)
    gentle = dims == 3 and random.random() < 0.6
    bend, how = random.uniform(0, 0.015), (0.12, 0.08, 0.05)
    zoom, centres = 1.0, None
    if not gentle:
        bend, how = random.uniform(0, 0.03), (0.25, 0.12, 0.1)
        zoom = random.uniform(0.55, 1.1) if random.random() < 0.3 else random.uniform(0.9, 1.1)
    if random.random() < close:
        zoom, centres = close_up(target)
        bend, how = bend * zoom, (how[0], how[1], 0.0)
    images, target = on_grid(images, target[:, None].float(), zoom, size)
    spread = random.choice((0.0, 0.1))
    grid = warp_grid(count, dims, shape, bend, *how, (zoom * (1 - spread), zoom * (1 + spread)), centres)
    images, target = warp(images, grid), warp(target, grid)
    if not gentle:
        turns = random.randint(0, 3) if random.random() < (0.4 if dims == 2 else 0.15) else 0
        plane = (-2, -1) if dims == 2 else random.choice(((-3, -2), (-3, -1), (-2, -1)))
        flips = [a for a in range(-dims, 0) if random.random() < 0.35]
        images = images.rot90(turns, plane).flip(flips)
        target = target.rot90(turns, plane).flip(flips)
    return vary(images, dims, gentle), target[:, 0].contiguous()


def episode(groups, count, dims, size, close):
    """Images [n, C, D, H, W] and a soft target [n, D, H, W] of a random group, or None; `close`: how often a close-up."""
    for _ in range(10):
        group = random.choices(groups, [len(g.images) ** 0.5 for g in groups])[0]
        total = len(group.images)
        some = random.sample(range(total), count) if total >= count else None
        some = some or [random.randrange(total) for _ in range(count)]
        # A target that is small as a whole may fill a close-up.
        least = least_cells(dims, size) * (group.labels.shape[-1] // size) ** dims / 4
        target = choose_target(group, some, dims, least)
        if target is None:
            continue
        images, soft = augment(group.images[some].float() / 255, target, dims, size, close)
        if ((soft >= 0.5).flatten(1).sum(1) >= least_cells(dims, size)).all():
            return images, soft
    return None
