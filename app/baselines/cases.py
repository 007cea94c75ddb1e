"""Reads the tasks that `exemplar evaluate` wrote: images, and the mask of a structure in them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from PIL import Image


@dataclass
class Task:
    """A structure, its cases by name, and who was marked and guessed, repeat by repeat."""

    name: str
    dims: int
    values: list
    palette: list
    cases: dict
    repeats: list


@dataclass
class Case:
    """An image and the mask of the structure, as SimpleITK has them or as arrays."""

    image: object
    mask: object


def tasks(results, wanted):
    """The tasks of a file of results whose names begin with one of `wanted`."""
    for task in results["tasks"]:
        if not wanted or any(task["name"].lower().startswith(w.lower()) for w in wanted):
            keys = ("name", "dims", "values", "cases", "repeats")
            yield Task(palette=task.get("palette", []), **{k: task[k] for k in keys})


def volume(data, task, name):
    """A 3-D case: the image in single precision, the mask as bytes on the same grid."""
    files = task.cases[name]
    image = SimpleITK.ReadImage(str(data / files["image"]), SimpleITK.sitkFloat32)
    labels = SimpleITK.ReadImage(str(data / files["labels"]))
    mask = np.isin(SimpleITK.GetArrayFromImage(labels), task.values).astype(np.uint8)
    mask = SimpleITK.GetImageFromArray(mask)
    # Many programs drop the place when they save a mask: voxel by voxel it is the image's.
    mask.CopyInformation(image)
    return Case(image, mask)


def picture(data, task, name):
    """A 2-D case: the image [rows, columns, 3] from 0 to 1, the mask [rows, columns]."""
    files = task.cases[name]
    image = read_pixels(data / files["image"])
    grey = image.ndim == 2
    image = (np.stack([image] * 3, -1) if grey else image[..., :3]).astype(np.float32)
    image /= max(1.0, float(image.max()))
    labels = read_labels(data / files["labels"])
    return Case(window(image, files), window(mask_of(labels, task), files))


def read_pixels(path):
    """A picture's pixels; a flat volume's as well."""
    if Path(path).suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"):
        picture = Image.open(path)
        return np.asarray(picture if picture.mode != "P" else picture.convert("RGB"))
    return np.squeeze(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))


def read_labels(path):
    """A label map's pixels: numbers, or colours where it is colour-coded; palette indices are numbers."""
    if Path(path).suffix.lower() == ".png":
        return np.asarray(Image.open(path))
    return read_pixels(path)


def mask_of(labels, task):
    """Where the structure is, by number or by colour; a file of greys that the palette holds is colours too."""
    labels = labels.astype(np.uint8) if labels.dtype == bool else labels
    colours = [task.palette[v] for v in task.values if v < len(task.palette)]
    if labels.ndim == 3:
        grey = (labels[..., :1] == labels[..., :3]).all()
        if not grey:
            return np.any([(labels[..., :3] == c).all(-1) for c in colours], axis=0)
        labels = labels[..., 0]
    greys = {c[0] for c in task.palette if len(set(c)) == 1}
    if task.palette and set(np.unique(labels).tolist()) - {0} <= greys:
        return np.isin(labels, [c[0] for c in colours if len(set(c)) == 1])
    return np.isin(labels, task.values)


def window(pixels, files):
    """The part of a picture that a case is."""
    tile = files.get("tile")
    if not tile:
        return pixels
    rows = slice(tile["y"], tile["y"] + tile["side"])
    return pixels[rows, tile["x"] : tile["x"] + tile["side"]]
