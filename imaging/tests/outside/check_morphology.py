"""Compares what imaging::morphology made of a mask with what SimpleITK makes of it.

Reads a folder: cases.json, a list of {"name", "shape", "spacing"}, and beside it NAME.OPERATION.u8 with one byte a
voxel, the first axis fastest. Prints each comparison; ends with 1 where one differs.
"""

import json
import sys
from pathlib import Path

import numpy
import SimpleITK as sitk

folder = Path(sys.argv[1])
differs = False


def read(case, operation):
    voxels = numpy.fromfile(folder / f"{case['name']}.{operation}.u8", dtype=numpy.uint8)
    return voxels.reshape(case["shape"][::-1])


def image(case, voxels):
    made = sitk.GetImageFromArray(voxels.astype(numpy.uint8))
    made.SetSpacing([float(mm) for mm in case["spacing"]])
    return made


def compare(case, operation, theirs, most=0):
    global differs
    ours = read(case, operation)
    off = int((ours.astype(bool) != theirs.astype(bool)).sum())
    wrong = off > most
    differs |= wrong
    print(f"{case['name']} {operation}: {int(ours.sum())} voxels, {off} differ{' WRONG' if wrong else ''}")


def distance(case, voxels):
    """In mm to the nearest voxel of a mask, 0 inside it."""
    signed = sitk.SignedMaurerDistanceMap(
        image(case, voxels), insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    return numpy.maximum(sitk.GetArrayFromImage(signed), 0)


for case in json.loads((folder / "cases.json").read_text()):
    mask = read(case, "mask")
    mm = case["mm"]
    compare(case, "grow", distance(case, mask) <= mm * (1 + 1e-5))
    compare(case, "shrink", distance(case, 1 - mask) > mm * (1 + 1e-5))
    holes = sitk.BinaryFillhole(image(case, mask), fullyConnected=False)
    compare(case, "holes", sitk.GetArrayFromImage(holes))
    islands = sitk.RelabelComponent(sitk.ConnectedComponent(image(case, mask), True), sortByObjectSize=True)
    compare(case, "largest", sitk.GetArrayFromImage(islands) == 1)
    # Theirs cuts the Gaussian off elsewhere: a voxel that is half in may go either way.
    smooth = sitk.DiscreteGaussian(sitk.Cast(image(case, mask), sitk.sitkFloat32), variance=[mm * mm] * 3,
                                   maximumKernelWidth=128, maximumError=[0.005] * 3, useImageSpacing=True)
    compare(case, "gaussian", sitk.GetArrayFromImage(smooth) > 0.5, most=int(0.02 * mask.sum()))

sys.exit(1 if differs else 0)
