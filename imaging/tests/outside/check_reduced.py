"""Compares what this program kept of volumes (records.json and *.f32 in FOLDER) with what nibabel and SimpleITK cut
out of them, or make of them by taking the mean of blocks.

Needs: pip install nibabel SimpleITK. Driven by tests/files/reduced.rs.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK

MM = {"meter": 1000.0, "micron": 0.001}


def nifti(path, every, within):
    image = nibabel.load(path)
    values = np.squeeze(image.get_fdata(), axis=tuple(range(3, len(image.shape))))
    scale = 1.0
    if hasattr(image.header, "get_xyzt_units"):
        scale = MM.get(image.header.get_xyzt_units()[0], 1.0)
    image = nibabel.Nifti1Image(values, image.affine)
    if within:
        slices = tuple(slice(first, last + 1) for first, last in zip(*within))
        cut = image.slicer[slices]
        return cut.get_fdata(), cut.affine[:3] * scale
    steps = [min(every, n) for n in values.shape]
    whole = [n // step * step for n, step in zip(values.shape, steps)]
    blocks = values[: whole[0], : whole[1], : whole[2]]
    for axis, step in enumerate(steps):
        shape = blocks.shape[:axis] + (blocks.shape[axis] // step, step) + blocks.shape[axis + 1 :]
        blocks = blocks.reshape(shape).mean(axis=axis + 1)
    # nibabel's own statement of where a voxel's centre lies: the mean of the positions of the block's voxels.
    middle = np.mean(nibabel.affines.apply_affine(image.affine, list(np.ndindex(*steps))), axis=0)
    return blocks, np.column_stack([image.affine[:3, :3] * steps, middle]) * scale


def itk(path, every, within):
    image = SimpleITK.ReadImage(path, SimpleITK.sitkFloat64)
    if within:
        size = [last - first + 1 for first, last in zip(*within)]
        kept = SimpleITK.RegionOfInterest(image, size, within[0])
    else:
        kept = SimpleITK.BinShrink(image, [min(every, n) for n in image.GetSize()])
    affine = np.array(kept.GetDirection()).reshape(3, 3) * kept.GetSpacing()
    affine = np.diag([-1.0, -1.0, 1.0]) @ np.column_stack([affine, kept.GetOrigin()])
    return SimpleITK.GetArrayFromImage(kept).transpose(2, 1, 0), affine


def check(record, folder):
    path = record["path"]
    is_nifti = path.lower().endswith((".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz"))
    values, affine = (nifti if is_nifti else itk)(path, record["every"], record["within"])
    # Neither gives out the voxels of a block that is not whole.
    ours = np.fromfile(folder / record["values"], dtype="<f4").reshape(record["shape"], order="F")
    assert all(0 <= n - m <= 1 for n, m in zip(ours.shape, values.shape)), (ours.shape, values.shape)
    ours = ours[: values.shape[0], : values.shape[1], : values.shape[2]]
    tolerance = 1e-5 * max(1.0, np.abs(affine).max())
    assert np.allclose(record["affine"], affine, rtol=0, atol=tolerance), (record["affine"], affine)
    # A mean of whole numbers is rounded; half may go either way. Blocks that hold a NaN are left out.
    known = ~np.isnan(values)
    apart = np.abs(ours[known] - values[known])
    most = (0.5 + 1e-4 if record["rounded"] else 0) + 1e-5 * np.abs(values[known])
    assert (apart <= most).all(), f"{np.sum(apart > most)} voxels differ"
    return "nibabel" if is_nifti else "SimpleITK"


def main():
    folder = Path(sys.argv[1])
    results, failed = {}, 0
    for record in json.loads((folder / "records.json").read_text()):
        try:
            result = check(record, folder) + (", box" if record["within"] else ", blocks")
        except AssertionError as error:
            failed += 1
            result = "DIFFERENT"
            print(f"{record['path']}: {error}")
        results[result] = results.get(result, 0) + 1
    print(results)
    sys.exit(failed > 0 or not results)


main()
