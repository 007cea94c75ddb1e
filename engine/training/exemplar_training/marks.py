"""Draws marks on the working grid and simulates the user who makes them.

Owns the five prompt channels [5, D, H, W]: mask, box, positive, negative, previous guess.
In 2-D D is 1 and every mark lies on the one slice.
"""

import random

import numpy as np
from scipy import ndimage as ndi

MASK, BOX, POSITIVE, NEGATIVE, PREVIOUS = range(5)
CHANNELS = 5
CLICK_RADIUS = {2: 4.0, 3: 3.0}
DOODLE_REACH = 1.0
BOX_JITTER = {2: 1.0, 3: 0.7}
KINDS = ("mask", "box", "click", "doodle")


def empty(shape):
    """Prompt channels of an unmarked image."""
    return np.zeros((CHANNELS, *shape), np.float32)


def add_click(channels, centre, positive, dims):
    """A soft ball max(0, 1 - d / r) around a cell."""
    radius = CLICK_RADIUS[dims]
    reach = int(np.ceil(radius))
    box = tuple(slice(max(0, int(c) - reach), int(c) + reach + 1) for c in centre)
    channel = channels[POSITIVE if positive else NEGATIVE][box]
    axes = [np.arange(b.start, b.start + n) - c for b, n, c in zip(box, channel.shape, centre)]
    z, y, x = np.ix_(*axes)
    np.maximum(channel, 1 - np.sqrt(z * z + y * y + x * x) / radius, out=channel)


def add_line(channels, axis, index, points, positive):
    """A polyline on one slice: every cell within DOODLE_REACH of it is 1."""
    plane = channels[POSITIVE if positive else NEGATIVE].take(index, axis)
    for start, stop in zip(points[:-1], points[1:]):
        steps = 2 * int(np.abs(np.subtract(stop, start)).max()) + 2
        for t in np.linspace(0, 1, steps):
            y, x = np.add(start, t * np.subtract(stop, start))
            y0, x0 = int(np.floor(y)), int(np.floor(x))
            for i in range(max(0, y0 - 1), min(plane.shape[0], y0 + 3)):
                for j in range(max(0, x0 - 1), min(plane.shape[1], x0 + 3)):
                    if (i - y) ** 2 + (j - x) ** 2 <= DOODLE_REACH**2:
                        plane[i, j] = 1
    put_plane(channels[POSITIVE if positive else NEGATIVE], axis, index, plane)


def put_plane(volume, axis, index, plane):
    """Write one slice."""
    volume[(slice(None),) * axis + (index,)] = plane


def choose_slices(mask, count, axis, evenly):
    """Slices through the target: evenly over its extent, or drawn by area."""
    area = mask.sum(axis=tuple(a for a in range(3) if a != axis)).astype(float)
    hit = np.flatnonzero(area)
    count = min(count, len(hit))
    if evenly:
        at = (np.arange(count) + 0.5) / count * len(hit)
        return [int(hit[int(i)]) for i in at]
    return [int(i) for i in np.random.choice(len(area), count, False, area / area.sum())]


def pieces(plane, smallest, most):
    """Connected components of a slice, largest first."""
    labels, count = ndi.label(plane)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = [i for i in np.argsort(-sizes)[:most] if sizes[i] >= smallest or i == sizes.argmax()]
    return [labels == i + 1 for i in order]


def add_boxes(channels, mask, axis, index, jitter):
    """A filled box around each component of the target on one slice."""
    plane = channels[BOX].take(index, axis)
    labels, count = ndi.label(mask.take(index, axis))
    for where in ndi.find_objects(labels):
        sides = []
        for side, length in zip(where, plane.shape):
            low = int(np.clip(round(side.start + random.gauss(0, jitter)), 0, length - 1))
            high = int(np.clip(round(side.stop + random.gauss(0, jitter)), low + 1, length))
            sides.append(slice(low, high))
        plane[tuple(sides)] = 1
    put_plane(channels[BOX], axis, index, plane)


def random_point(plane):
    """A random cell of a boolean slice."""
    return np.unravel_index(np.random.choice(np.flatnonzero(plane)), plane.shape)


def central_point(region):
    """The cell farthest from the region's border."""
    padded = np.pad(region, [(1, 1)] * region.ndim)
    depth = ndi.distance_transform_edt(padded)
    return np.array(np.unravel_index(depth.argmax(), padded.shape)) - 1


def outside(plane):
    """Where a negative mark may fall: at times close to the target, at times anywhere."""
    far = ~ndi.binary_dilation(plane, iterations=2)
    near = ndi.binary_dilation(plane, iterations=random.randint(5, 12)) & far
    return near if near.any() and random.random() < 0.6 else far


def in_volume(axis, index, point):
    """A cell of a slice as a cell of the volume."""
    return [*point[:axis], index, *point[axis:]]


def add_clicks(channels, mask, axis, index, dims, positives, negatives):
    """Clicks spread over the largest components of a slice, and outside it."""
    plane = mask.take(index, axis)
    parts = pieces(plane, 4, 4)
    for i in range(positives):
        part = parts[i % len(parts)]
        point = central_point(part) if i < len(parts) and random.random() < 0.4 else None
        point = random_point(part) if point is None else point
        add_click(channels, in_volume(axis, index, tuple(point)), True, dims)
    free = outside(plane)
    for _ in range(negatives if free.any() else 0):
        add_click(channels, in_volume(axis, index, random_point(free)), False, dims)


def add_doodles(channels, mask, axis, index, negative):
    """A scribble in each of the largest components of a slice, perhaps one outside."""
    plane = mask.take(index, axis)
    for part in pieces(plane, 6, 3):
        inner = ndi.binary_erosion(part)
        inner = inner if inner.sum() > 4 else part
        points = [random_point(inner) for _ in range(random.randint(2, 4))]
        before = channels[POSITIVE].take(index, axis)
        add_line(channels, axis, index, points, True)
        drawn = channels[POSITIVE].take(index, axis)
        # A hand follows the structure: what crosses its border is not drawn.
        put_plane(channels[POSITIVE], axis, index, np.maximum(before, drawn * part))
    free = outside(plane)
    if negative and free.any():
        points = [random_point(free) for _ in range(random.randint(2, 3))]
        add_line(channels, axis, index, points, False)
        drawn = channels[NEGATIVE].take(index, axis)
        put_plane(channels[NEGATIVE], axis, index, drawn * ~plane)


def random_axis(dims):
    """The slicing axis of a mark: z most often, for that is how volumes are read."""
    if dims == 2 or random.random() < 0.5:
        return 0
    return random.randint(0, 2)


def simulate(soft, kind, dims, slices=None, axis=None, evenly=None, clicks=None):
    """Marks of one kind for a soft mask [D, H, W] -> [5, D, H, W].

    slices: how many slices carry marks in 3-D; clicks: (positive, negative) on each slice.
    """
    channels = empty(soft.shape)
    mask = soft >= 0.5
    if not mask.any():
        return channels
    if kind == "mask":
        channels[MASK] = soft
        return channels
    axis = random_axis(dims) if axis is None else axis
    count = 1 if dims == 2 else slices or random.randint(1, 5)
    evenly = random.random() < 0.5 if evenly is None else evenly
    for index in choose_slices(mask, count, axis, evenly):
        if kind == "box":
            add_boxes(channels, mask, axis, index, BOX_JITTER[dims])
        elif kind == "click":
            pair = clicks or (random.randint(1, 5 if dims == 2 else 2), random.randint(0, 2))
            add_clicks(channels, mask, axis, index, dims, *pair)
        else:
            add_doodles(channels, mask, axis, index, random.random() < 0.5)
    return channels


def correct(channels, probability, mask, dims, exact=True):
    """Add the next click, in the largest error; False if there is no error.

    exact: in the middle of that error, else anywhere in it.
    """
    wrong = (probability >= 0.5) != mask
    labels, count = ndi.label(wrong)
    if not count:
        return False
    region = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    if exact:
        where = next(iter(ndi.find_objects(region.astype(np.uint8))))
        point = central_point(region[where]) + [s.start for s in where]
    else:
        point = random_point(region)
    add_click(channels, point, bool(mask[tuple(point)]), dims)
    return True
