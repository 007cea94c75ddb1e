"""Compares what this program read (records.json and *.f32 in FOLDER) with nibabel, SimpleITK and Pillow.

Needs: pip install nibabel SimpleITK pillow. Driven by tests/files/outside.rs.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
from PIL import Image

MM = {"meter": 1000.0, "micron": 0.001}


def nifti(path, volume):
    """Shape, affine in mm and values as 32-bit numbers, or the fault that this program should find."""
    try:
        image = nibabel.load(path)
        if isinstance(image, nibabel.Cifti2Image):
            image = nibabel.Nifti2Image.from_filename(path)
        shape = image.shape
    except Exception:  # whatever nibabel raises, it could not read the file
        return "unknown format"
    try:
        raw = np.asanyarray(image.dataobj)
    except FileNotFoundError:
        return "missing half"
    affine = image.affine[:3].copy()
    if hasattr(image.header, "get_xyzt_units"):
        affine *= MM.get(image.header.get_xyzt_units()[0], 1.0)
    shape = (list(shape) + [1, 1])[:3]
    if volume is not None:
        raw = raw.reshape(*shape, -1, order="F")[..., volume]
    if raw.dtype.fields:
        values = np.stack([raw[channel].ravel(order="F") for channel in "RGB"], axis=-1)
    else:
        values = image.get_fdata()
        if volume is not None:
            values = values.reshape(*shape, -1, order="F")[..., volume]
        values = values.ravel(order="F")
    return shape, affine, values.astype(np.float32).ravel()


def itk(path, volume):
    """As SimpleITK reads it, its place turned from left, back and up to right, front and up."""
    image = SimpleITK.ReadImage(path)
    values = SimpleITK.GetArrayFromImage(image).astype(np.float64)
    flat = image.GetDimension()
    size, spacing = list(image.GetSize()), np.array(image.GetSpacing())
    turned = np.eye(4)
    turned[:flat, :flat] = np.array(image.GetDirection()).reshape(flat, flat) * spacing
    turned[:flat, 3] = image.GetOrigin()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ turned
    channels = image.GetNumberOfComponentsPerPixel()
    if volume is not None:
        values = values.reshape(-1, channels)[:, volume]
    return (size + [1, 1])[:3], affine[:3], values.ravel().astype(np.float32)


def picture(path):
    image = Image.open(path)
    colour = image.mode not in ("L", "1", "I;16", "I")
    values = np.asarray(image.convert("RGB") if colour else image).astype(np.float32)
    if colour and (values == values[..., :1]).all():
        values = values[..., 0]
    return [image.width, image.height, 1], np.eye(4)[:3], values.ravel()


def check(record, folder):
    path = record["path"]
    is_nifti = path.lower().endswith((".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz"))
    is_itk = path.lower().endswith((".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz"))
    volume = record["volume"]
    expected = nifti(path, volume) if is_nifti else itk(path, volume) if is_itk else picture(path)
    if isinstance(expected, str):
        # What nibabel opens and then fails to name may be told more exactly here.
        assert record["fault"] and (record["fault"] == expected or expected == "unknown format"), (expected, record["fault"])
        return expected
    assert record["fault"] is None, record["fault"]
    shape, affine, values = expected
    assert record["shape"] == list(map(int, shape)), (record["shape"], shape)
    tolerance = 1e-5 * max(1.0, np.abs(affine).max())
    assert np.allclose(record["affine"], affine, rtol=0, atol=tolerance), (record["affine"], affine)
    ours = np.fromfile(folder / record["values"], dtype="<f4")
    assert np.array_equal(ours, values, equal_nan=True), f"{np.sum(ours != values)} voxels differ"
    if record["labels"] is not None:
        numbers, counts = np.unique(values[values != 0], return_counts=True)
        assert record["labels"] == [[int(n), int(c)] for n, c in zip(numbers, counts)], record["labels"][:5]
    return "equal"


def path_kind(path):
    """The ending that names the format, without that of its packing."""
    return Path(path.lower().removesuffix(".gz")).suffix


def main():
    folder = Path(sys.argv[1])
    results, failed = {}, 0
    for record in json.loads((folder / "records.json").read_text()):
        try:
            result = check(record, folder)
        except AssertionError as error:
            failed += 1
            result = "DIFFERENT"
            print(f"{record['path']}: {error}")
        kind = path_kind(record["path"])
        results.setdefault(kind, {}).setdefault(result, 0)
        results[kind][result] += 1
    print(results)
    sys.exit(failed > 0 or not results)


main()
