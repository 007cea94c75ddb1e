"""Compares Dice, 95% Hausdorff distance and surface Dice in FOLDER/metrics.json with what SimpleITK finds.

Needs: pip install SimpleITK. Driven by tests/files/metrics.rs, whose masks lie beside it, a byte a voxel.
"""

import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK

TOLERANCE = 1e-3  # mm and shares: SimpleITK's distance maps are single precision.


def read(path, shape, spacing):
    voxels = np.fromfile(path, np.uint8).reshape(shape[::-1])
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    return image


def surface(mask):
    # Padded, so that voxels at the image's edge are on the surface.
    contour = SimpleITK.LabelContour(mask, fullyConnected=False)
    return SimpleITK.GetArrayFromImage(contour).astype(bool)


def distances(a, b):
    """From the surface of a to that of b."""
    there = SimpleITK.GetImageFromArray(surface(b).astype(np.uint8))
    there.CopyInformation(b)
    far = SimpleITK.SignedMaurerDistanceMap(there, squaredDistance=False, useImageSpacing=True)
    # Inside the thin surface it is negative or 0: both are "on it".
    return np.maximum(SimpleITK.GetArrayFromImage(far), 0)[surface(a)]


def main(folder):
    for record in json.loads((folder / "metrics.json").read_text()):
        name, shape, spacing = record["name"], record["shape"], record["spacing"]
        a, b = (
            SimpleITK.ConstantPad(read(folder / f"{name}_{which}.u8", shape, spacing), [1] * 3, [1] * 3)
            for which in "ab"
        )
        overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
        overlap.Execute(a, b)
        there, back = distances(a, b), distances(b, a)
        hausdorff = max(np.percentile(there, 95), np.percentile(back, 95))
        both = np.concatenate([there, back])
        found = {
            "dice": overlap.GetDiceCoefficient(),
            "hausdorff95_mm": hausdorff,
            "surface_dice": (both <= record["tolerance_mm"] + TOLERANCE).mean(),
        }
        for key, value in found.items():
            assert abs(value - record[key]) < TOLERANCE, f"{name}: {key} is {record[key]}, SimpleITK says {value}"
        print(name, {key: round(float(value), 3) for key, value in found.items()})


main(Path(sys.argv[1]))
