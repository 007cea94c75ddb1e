"""The measured tasks: held-back cases and never-trained sets, as lists of cases with one target.

Owns which cases are examples and which are targets; neither was ever trained on.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import splits
from .grid import WORKING, fit, scale_intensity, unfit
from .real import is_fluorescence, pictures_of, volumes_of

TILE = 400


@dataclass
class Case:
    """One image with one structure, on the source grid and on the working grid."""

    name: str
    dims: int
    spacing: tuple
    truth: np.ndarray
    image: np.ndarray
    soft: np.ndarray

    def dice(self, probability):
        """Dice on the source grid of a probability on the working grid."""
        guess = unfit(probability, self.truth.shape, self.spacing, self.dims) >= 0.5
        total = guess.sum() + self.truth.sum()
        return 2.0 * (guess & self.truth).sum() / total if total else 1.0


def case_of(entry, values, dims):
    """Fit one (name, image, labels, spacing) to the working grid."""
    name, image, labels, spacing = entry
    image = image if image.ndim == 4 else image[None]
    truth = np.isin(labels, values)
    size = WORKING[dims]
    fitted = fit(scale_intensity(image), spacing, dims, size)
    return Case(name, dims, spacing, truth, fitted, fit(truth, spacing, dims, size))


def hippocampus(data, values=(1, 2)):
    """The held-back hippocampi, labels joined or one of them."""
    held = set(splits.load()["hippocampus_mr"]["held_back"])
    return [case_of(e, values, 3) for e in volumes_of(data / "hippocampus_mr", held)]


def nuclei(data):
    """The held-back fluorescence pictures."""
    held = set(splits.load()["nuclei_microscopy"]["held_back"])
    entries = pictures_of(data / "nuclei_microscopy", held)
    return [case_of(e, (1,), 2) for e in entries if is_fluorescence(e[1])]


def tiles(entry):
    """Square tiles of a large picture."""
    name, image, labels, spacing = entry
    for y in range(0, labels.shape[1] - TILE + 1, TILE):
        for x in range(0, labels.shape[2] - TILE + 1, TILE):
            window = (slice(None), slice(y, y + TILE), slice(x, x + TILE))
            yield f"{name}_{y}_{x}", image[(slice(None), *window)], labels[window], spacing


def structures(entries):
    """{value: cases} of each structure that enough pictures of a set show."""
    found = {}
    for value in range(1, 16):
        shown = [e for e in entries if (e[2] == value).sum() > 0.0008 * e[2].size]
        if len(shown) >= 10:
            found[value] = shown
    return found


def never_trained(data, wanted):
    """(task name, cases) of every structure in the held-back 2-D sets."""
    for name in splits.load()["held_back_tasks"]:
        if not chosen(name, [w.split("/")[0] for w in wanted or ()]):
            continue
        if name == "axon_sem":
            entries = [t for e in pictures_of(data / name) for t in tiles(e)]
        else:
            entries = list(pictures_of(data / "mini2d" / name))
        for value, shown in structures(entries).items():
            if chosen(f"{name}/{value}", wanted):
                yield f"{name}/{value}", [case_of(e, (value,), 2) for e in shown]


def divide(cases, examples, most=20):
    """The first cases are examples, the next ones targets."""
    return cases[:examples], cases[examples : examples + most]


def chosen(name, wanted):
    """Whether a task is asked for; all are, if none is named."""
    return not wanted or any(name.startswith(w) for w in wanted)


def all_tasks(data, dims, wanted=()):
    """(name, cases) of every task of this dimension whose name begins with one of `wanted`."""
    data = Path(data)
    if dims == 2:
        if chosen("nuclei", wanted):
            yield "nuclei", nuclei(data)
        yield from never_trained(data, wanted)
        return
    for name, values in (("whole", (1, 2)), ("anterior", (1,)), ("posterior", (2,))):
        if chosen(f"hippocampus/{name}", wanted):
            yield f"hippocampus/{name}", hippocampus(data, values)
