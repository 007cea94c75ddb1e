"""From a source image to the working grid and back: orientation, intensity, "fit" resampling.

The Rust side (`engine/src/encode.rs`) does the same; see "Input contract" in the README.
Arrays are in tensor order: volumes [D=z, H=y, W=x] in RAS+, pictures [D=1, H=rows, W=columns].
"""

import nibabel as nib
import numpy as np
from PIL import Image

WORKING = {2: 128, 3: 64}


def read_volume(path):
    """A NIfTI file in closest-canonical RAS: array [z, y, x] and spacing (z, y, x) in mm."""
    image = nib.as_closest_canonical(nib.load(path))
    array = np.asarray(image.dataobj)
    spacing = tuple(float(s) for s in image.header.get_zooms()[:3])
    return np.ascontiguousarray(array.transpose(2, 1, 0)), spacing[::-1]


def read_picture(path, colour=True):
    """A picture [C, 1, H, W] (three channels) or, for labels, [1, H, W]; spacing 1."""
    image = Image.open(path)
    if not colour:
        array = np.asarray(image)
        return (array if array.ndim == 2 else array[..., 0])[None], (1.0, 1.0, 1.0)
    array = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return array[:, None], (1.0, 1.0, 1.0)


def scale_intensity(image):
    """Finite voxels clipped to their 0.5 and 99.5 percentiles and scaled to [0, 1]."""
    image = image.astype(np.float32)
    finite = np.isfinite(image)
    if not finite.any():
        return np.zeros_like(image)
    low, high = np.percentile(image[finite], (0.5, 99.5))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return np.where(finite, scaled, 0).astype(np.float32)


def axis_weights(cells, voxels, scale):
    """[cells, voxels]: triangle filter of half-width max(1, scale); rows sum to 1 or are 0."""
    centre = (np.arange(cells) + 0.5 - cells / 2) * scale + voxels / 2 - 0.5
    distance = np.abs(np.arange(voxels)[None] - centre[:, None])
    weights = np.maximum(0, 1 - distance / max(1.0, scale))
    total = weights.sum(1, keepdims=True)
    inside = (centre >= -0.5) & (centre <= voxels - 0.5)
    return (weights / np.maximum(total, 1e-9) * inside[:, None]).astype(np.float32)


def apply_axes(array, matrices):
    """Multiply the last three axes by one matrix each."""
    for axis, matrix in enumerate(matrices, start=array.ndim - 3):
        array = np.moveaxis(np.tensordot(matrix, array, axes=(1, axis)), 0, axis)
    return array


def cell_size(shape, spacing, dims, size):
    """Side of a working cell in mm: the longest side fills the grid."""
    axes = range(3) if dims == 3 else (1, 2)
    return max(shape[a] * spacing[a] for a in axes) / size


def fit(array, spacing, dims, size):
    """[..., D, H, W] on the source grid -> the same leading axes on the working grid."""
    shape = array.shape[-3:]
    cell = cell_size(shape, spacing, dims, size)
    matrices = [axis_weights(size, n, cell / s) for n, s in zip(shape, spacing)]
    if dims == 2:
        matrices[0] = np.ones((1, 1), np.float32)
    return apply_axes(array.astype(np.float32), matrices)


def unfit(array, shape, spacing, dims):
    """[..., D, H, W] on the working grid -> the source grid of `shape`, linearly."""
    size = array.shape[-1]
    cell = cell_size(shape, spacing, dims, size)
    matrices = [back_weights(n, size, s / cell) for n, s in zip(shape, spacing)]
    if dims == 2:
        matrices[0] = np.ones((1, 1), np.float32)
    return apply_axes(array.astype(np.float32), matrices)


def back_weights(voxels, cells, scale):
    """[voxels, cells]: linear interpolation at voxel centres, clamped at the border."""
    centre = (np.arange(voxels) + 0.5 - voxels / 2) * scale + cells / 2 - 0.5
    centre = np.clip(centre, 0, cells - 1)
    return np.maximum(0, 1 - np.abs(np.arange(cells)[None] - centre[:, None])).astype(np.float32)
