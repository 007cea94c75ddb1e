"""Compares exported masks (*_mask.*) with their sources (*_source.*) in FOLDER by nibabel and by SimpleITK.

Needs: pip install nibabel SimpleITK. Driven by tests/files/outside.rs. A mask is where its source is 7.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK


def by_nibabel(source_path, mask_path, receipt):
    source, mask = nibabel.load(source_path), nibabel.load(mask_path)
    assert source.shape == mask.shape
    assert np.array_equal(source.affine, mask.affine)
    assert np.allclose(receipt["affine"], mask.affine[:3], rtol=0, atol=1e-5)
    assert nibabel.aff2axcodes(source.affine) == nibabel.aff2axcodes(mask.affine)
    for field in ("sform_code", "qform_code", "pixdim", "xyzt_units", "dim"):
        assert np.array_equal(source.header[field], mask.header[field]), field
    assert np.array_equal(source.header.get_sform(), mask.header.get_sform())
    assert np.array_equal(source.header.get_qform(), mask.header.get_qform())
    assert mask.get_data_dtype() == np.uint8
    voxels = np.asanyarray(mask.dataobj)
    assert np.array_equal(voxels, np.asanyarray(source.dataobj) == 7)
    assert voxels.sum() == receipt["voxels"]
    return mask


def by_simpleitk(source_path, mask_path, mask_by_nibabel):
    source, mask = SimpleITK.ReadImage(str(source_path)), SimpleITK.ReadImage(str(mask_path))
    for what in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(source, what)() == getattr(mask, what)(), what
    assert mask.GetPixelID() == SimpleITK.sitkUInt8
    voxels = SimpleITK.GetArrayFromImage(mask)
    assert np.array_equal(voxels, SimpleITK.GetArrayFromImage(source) == 7)
    assert np.array_equal(voxels.transpose(2, 1, 0), np.asanyarray(mask_by_nibabel.dataobj))
    if mask_by_nibabel.header["sform_code"] == 0 and mask_by_nibabel.header["qform_code"] == 0:
        return  # without either, the two readers place a volume differently; both place the mask as the source
    # A corner's place: SimpleITK counts to the left and backwards where NIfTI counts to the right and forwards.
    corner = [4, 5, 6]
    left, back, up = mask.TransformIndexToPhysicalPoint(corner)
    assert np.allclose([-left, -back, up], (mask_by_nibabel.affine @ [*corner, 1])[:3], rtol=0, atol=1e-4)


def main():
    folder = Path(sys.argv[1])
    checked = {"nibabel": 0, "SimpleITK": 0}
    for source in sorted(folder.glob("*_source.*")):
        mask = folder / source.name.replace("_source", "_mask")
        receipt = json.loads((folder / f"{source.name.split('_source')[0]}_receipt.json").read_text())
        mask_by_nibabel = by_nibabel(source, mask, receipt)
        checked["nibabel"] += 1
        if isinstance(mask_by_nibabel, nibabel.Nifti2Image):
            continue  # ITK reads NIfTI-1 only
        by_simpleitk(source, mask, mask_by_nibabel)
        checked["SimpleITK"] += 1
    print(f"masks equal to their sources in affine, shape, codes and voxels: {checked}")
    assert checked["nibabel"] == 58 and checked["SimpleITK"] == 57, checked


main()
