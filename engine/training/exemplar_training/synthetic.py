"""Random anatomies: label maps of several images that share labels. Looks are in `looks.py`.

Each family returns (labels [n, D, H, W] long, look): `look[l]` names the look of label l, so
that two labels may look alike; None if every label has its own.
"""

import math
import random

import torch

from .fields import mesh, noise, rotation, warp, warp_grid


class Canvas:
    """A label map [D, H, W] on which shapes are stamped."""

    def __init__(self, dims, shape):
        self.dims, self.shape = dims, shape
        self.labels = torch.zeros(shape, dtype=torch.long)
        self.mesh = mesh(shape)

    def window(self, centre, reach):
        """Slices of the cells within `reach` of the centre, and their coordinates."""
        box = []
        for c, n in zip(centre, self.shape):
            low = max(0, int((c - reach + 1) / 2 * n))
            box.append(slice(0, 1) if n == 1 else slice(low, max(low, int((c + reach + 1) / 2 * n) + 2)))
        return tuple(box), self.mesh[tuple(box)]

    def stamp(self, centre, radii, layers, wobble=0.0, power=2, turn=None):
        """A wobbly ellipsoid; layers: (label, from, to) in units of its radius."""
        box, where = self.window(centre, max(radii) * 1.6)
        if not where.numel():
            return
        turn = rotation(self.dims, math.pi) if turn is None else turn
        local = (where - torch.tensor(centre)) @ turn.flip(0, 1) / torch.tensor(radii)
        far = local.abs().pow(power).sum(-1).pow(1 / power)
        if wobble:
            angle = torch.atan2(local[..., 1], local[..., 2])
            p = torch.rand(3) * 6.28
            wave = 0.6 * torch.sin(2 * angle + p[0]) + 0.4 * torch.sin(3 * angle + p[1])
            far = far / (1 + wobble * (wave + 0.3 * torch.sin(5 * angle + p[2])))
        part = self.labels[box]
        for label, low, high in layers:
            part[(far >= low) & (far < high)] = label


def centre_in(dims, most=0.8):
    """A random place in z, y, x order."""
    place = [random.uniform(-most, most) for _ in range(3)]
    if dims == 2:
        place[0] = 0.0
    return place


def radii_of(dims, radius, uneven):
    """Three radii; the one across a picture is irrelevant and large."""
    sides = [radius * random.uniform(1 - uneven, 1) for _ in range(3)]
    if dims == 2:
        sides[0] = 10.0 * radius
    return sides


def smooth_parts(dims, shape):
    """Argmax of smooth noise fields: every cell belongs to some organ."""
    count = random.randint(3, 16)
    cells = random.choice((3, 4, 5, 6, 8, 10))
    field = noise(1, count, shape, cells)
    if random.random() < 0.5:
        field = field + 0.4 * noise(1, count, shape, 2 * cells)
    return field.argmax(1)


def stamped_parts(dims, shape):
    """Ellipsoids, boxes and shells on a background."""
    canvas = Canvas(dims, shape)
    for label in range(1, random.randint(3, 14)):
        radii = radii_of(dims, random.uniform(0.08, 0.5), 0.5)
        inner = random.uniform(0.5, 0.85) if random.random() < 0.3 else 0.0
        power = random.choice((2, 2, 2, 4))
        canvas.stamp(centre_in(dims), radii, [(label, inner, 1)], random.uniform(0, 0.2), power)
    return canvas.labels[None]


def with_body(labels, shape):
    """Everything outside a body becomes a label of its own."""
    sides = torch.tensor([random.uniform(0.6, 1.0) for _ in range(3)])
    where = mesh(shape) + 0.08 * noise(1, 3, shape, 4)[0].permute(1, 2, 3, 0)
    if shape[0] == 1:
        where[..., 0] = 0
    body = (where / sides).pow(2).sum(-1) < 1
    return torch.where(body, labels + 1, torch.zeros_like(labels))


def spread(labels, count, dims, shape, wide):
    """One anatomy [1, D, H, W] warped anew for each image."""
    bend = random.uniform(0.01, 0.08)
    how = (0.6, 0.3, 0.4) if wide else (0.15, 0.12, 0.1)
    grid = warp_grid(count, dims, shape, bend, *how)
    many = labels[:, None].float().expand(count, 1, *shape)
    return warp(many, grid, "nearest", "border")[:, 0].long()


def anatomy(count, dims, shape):
    """One shared anatomy."""
    make = smooth_parts if random.random() < 0.5 else stamped_parts
    labels = make(dims, shape)
    if random.random() < 0.5:
        labels = with_body(labels, shape)
    wide = random.random() < 0.35
    # Where places stay, some labels look alike: only the place tells which is which.
    alike = not wide and random.random() < 0.5
    number = int(labels.max()) + 1
    look = [random.randrange(1 + number // 2) for _ in range(number)] if alike else None
    return spread(labels, count, dims, shape, wide), look


def object_kind(dims, label):
    """The plan of one kind of scattered object; some have a core or a rim."""
    radius = random.uniform(0.06, 0.45) if dims == 2 else random.uniform(0.12, 0.45)
    layers = [(label, 0.0, 1.0)]
    if random.random() < 0.5:
        layers.append((label + 1, 0.0, random.uniform(0.45, 0.85)))
    many = (1, 2, 4, 8, 14) if dims == 2 else (1, 2, 4)
    return {
        "radius": radius,
        "layers": layers,
        "uneven": random.uniform(0, 0.5),
        "wobble": random.uniform(0, 0.3),
        "count": random.choice(many) if radius < 0.22 else random.choice((1, 1, 2)),
    }


def scattered(count, dims, shape):
    """Objects of a few kinds at other places in each image; rings around discs among them."""
    kinds, label = [], 1
    for _ in range(random.randint(1, 4)):
        kinds.append(object_kind(dims, label))
        label += len(kinds[-1]["layers"])
    images = []
    for _ in range(count):
        canvas = Canvas(dims, shape)
        for kind in kinds:
            for _ in range(max(1, round(kind["count"] * random.uniform(0.7, 1.3)))):
                radii = radii_of(dims, kind["radius"] * random.uniform(0.75, 1.25), kind["uneven"])
                canvas.stamp(centre_in(dims, 0.9), radii, kind["layers"], kind["wobble"])
        images.append(canvas.labels)
    labels = torch.stack(images)
    if random.random() < 0.5:
        back, _ = anatomy(count, dims, shape)
        labels = torch.where(labels > 0, labels, back + label)
    return labels, None


def packed_rings(count, dims, shape):
    """Many discs in rims of their own, of all sizes, nearly touching: fibres, glands, cells.

    At times what is in them looks like what is around them: only the rims tell.
    """
    rim = random.uniform(0.55, 0.85)
    low, high = (0.05, 0.22) if dims == 2 else (0.12, 0.3)
    low, high = sorted((random.uniform(low, high), random.uniform(low, high)))
    # As many as would cover the picture, or far fewer.
    most = min(180, int(random.uniform(0.2, 1.1) / ((low + high) / 2) ** 2)) if dims == 2 else 10
    images = []
    for _ in range(count):
        canvas = Canvas(dims, shape)
        for _ in range(random.randint(8, max(8, most)) if dims == 2 else random.randint(4, most)):
            radii = radii_of(dims, random.uniform(low, high), 0.35)
            inner = rim + random.uniform(-0.06, 0.06)
            canvas.stamp(centre_in(dims, 1.0), radii, [(2, 0, 1), (1, 0, inner)], 0.12)
        images.append(canvas.labels)
    return torch.stack(images), [0, 0, 1] if random.random() < 0.25 else None


def row(count, dims, shape):
    """A row of look-alikes (vertebrae, teeth, ribs): only place and order tell which is which."""
    number = random.randint(3, 8)
    along = random.choice((1, 2)) if dims == 2 else random.randint(0, 2)
    across = [a for a in range(3) if a != along and (dims == 3 or a)]
    bow, sway = random.uniform(-0.25, 0.25), random.uniform(-0.3, 0.3)
    step = random.uniform(1.3, 1.8) / number
    taper = random.uniform(-0.25, 0.25)
    power = random.choice((2, 4, 6))
    fill = random.uniform(0.7, 0.95)
    canvas = Canvas(dims, shape)
    for i in range(number):
        t = (i + 0.5) / number * 2 - 1
        place, radii = [0.0] * 3, [10.0] * 3
        place[along] = t * step * number / 2
        place[across[0]] = sway * t + bow * t * t
        radii[along] = step / 2 * fill
        for a in across:
            radii[a] = step * random.uniform(0.7, 0.9) * (1 + taper * t)
        canvas.stamp(place, radii, [(i + 1, 0, 1)], 0.06, power, rotation(dims, 0.1))
    look = [0] + [1] * number
    labels = canvas.labels[None]
    if random.random() < 0.7:
        back = smooth_parts(dims, shape)
        labels = torch.where(labels > 0, labels, back + number + 1)
        look += [2 + i for i in range(int(labels.max()) - number)]
    return spread(labels, count, dims, shape, random.random() < 0.2), look


def vessels(count, dims, shape):
    """Curves, trees and sheets of one width; at times objects beside them."""
    cells = random.choice((4, 6, 8, 10, 14))
    width = random.choice((0.06, 0.1, 0.16, 0.25)) * (1 if dims == 2 else 2)
    field = noise(count, 2, shape, cells)
    sheet = field[:, 0].abs()
    if dims == 3 and random.random() < 0.7:
        sheet = (field[:, 0] ** 2 + field[:, 1] ** 2).sqrt()
    labels = (sheet < width).long()
    if dims == 2 and random.random() < 0.5:
        thin = noise(count, 1, shape, 2 * cells)[:, 0].abs() < width * 0.8
        labels = torch.where((labels == 0) & thin & (field[:, 1] > -0.3), 2, labels)
    if random.random() < 0.4:
        extra, _ = scattered(count, dims, shape)
        labels = torch.where(labels > 0, labels, (extra > 0).long() * 3)
    return labels, None


def cells_and_walls(count, dims, shape):
    """Voronoi cells: membranes between them, some cells of another kind."""
    number = random.randint(8, 60) if dims == 2 else random.randint(5, 14)
    width = random.uniform(0.03, 0.09) * (1 if dims == 2 else 2)
    share = random.uniform(0.1, 0.5)
    where = mesh(shape).flatten(0, 2)
    images = []
    for _ in range(count):
        seeds = torch.tensor([centre_in(dims, 1.1) for _ in range(number)])
        bent = where + 0.05 * noise(1, 3, shape, 6)[0].flatten(1).T
        near = torch.cdist(bent, seeds).topk(2, largest=False)
        kinds = 1 + (torch.rand(number) < share).long()
        labels = kinds[near.indices[:, 0]]
        labels[near.values[:, 1] - near.values[:, 0] < width] = 3
        images.append(labels.view(shape) - 1)
    return torch.stack(images), None


def tube_in_layers(count, dims, shape):
    """A lumen with a wall among layered tissue that holds other dark patches."""
    where = mesh(shape)
    axis = random.choice((1, 2))
    layers = random.randint(3, 7)
    radius, wall = random.uniform(0.12, 0.4), random.uniform(0.6, 0.85)
    images = []
    for _ in range(count):
        canvas = Canvas(dims, shape)
        level = where[..., axis] + 0.15 * noise(1, 1, shape, 4)[0, 0]
        canvas.labels = ((level + 1) / 2 * layers).floor().clamp(0, layers - 1).long() + 3
        for _ in range(random.randint(0, 3)):
            canvas.stamp(centre_in(dims), radii_of(dims, 0.5 * radius, 0.6), [(0, 0, 1)], 0.2)
        size = radius * random.uniform(0.8, 1.25)
        canvas.stamp(centre_in(dims, 0.5), radii_of(dims, size, 0.35), [(2, 0, 1), (1, 0, wall)], 0.06)
        images.append(canvas.labels)
    look = [1, 1, 2] + [3 + random.randint(0, 3) for _ in range(layers)]
    return torch.stack(images), look


FAMILIES = (
    (anatomy, 0.32),
    (scattered, 0.16),
    (packed_rings, 0.14),
    (row, 0.17),
    (vessels, 0.07),
    (cells_and_walls, 0.05),
    (tube_in_layers, 0.09),
)


def draw(count, dims, shape):
    """Label maps of `count` images of a random family, and which labels look alike."""
    makers, weights = zip(*FAMILIES)
    labels, look = random.choices(makers, weights)[0](count, dims, shape)
    return labels, look
