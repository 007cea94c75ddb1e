"""Compares what Exemplar read of DICOM files with pydicom (values), SimpleITK and nibabel (places).

Each record names a path (a folder, or a file alone in its folder) and a part of it. What is meant to differ is in
EXPECTED, with the reason; everything else must be equal.
"""

import json
import os
import sys
from collections import defaultdict

import nibabel.nicom.dicomwrappers as wrappers
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.pixels import apply_modality_lut, apply_presentation_lut, convert_color_space, pixel_array
from pydicom.pixels.processing import apply_color_lut

# Files that are refused, and the words of the refusal; each is named in docs/formats.md.
REFUSED = {
    "HTJ2KLossless_08_RGB.dcm": "High-Throughput JPEG 2000",
    "HTJ2K_08_RGB.dcm": "High-Throughput JPEG 2000",
}
# Files that pydicom reads wrong or not, and what they are a copy of in another transfer syntax.
TWINS = {
    "emri_small_jpeg_2k_lossless_too_short": "emri_small_jpeg_2k_lossless",  # it stops where the last delimiter is missing
    "OBXXXX1A_expb": "OBXXXX1A",  # it takes the words of a big-endian colour table for little-endian ones
}
# Places that differ from SimpleITK's on purpose.
OTHER_PLACE = {
    "ct_GE_dcm_qa": "SimpleITK leaves out the gantry's tilt",
}
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
folder = sys.argv[1]
problems, counts = [], defaultdict(int)


def datasets(path):
    """The images below a path, by series."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(path) for name in names] if os.path.isdir(path) else [path]
    found = []
    for file in sorted(paths):
        try:
            found.append((file, pydicom.dcmread(twin(file) or file, force=True)))
        except Exception:
            continue
    return [(file, data) for file, data in found if "Rows" in data]


def twin(file):
    """The file that a file is a copy of, in the folder beside it."""
    for name, other in TWINS.items():
        if os.path.basename(file).startswith(name):
            rest = os.path.basename(file)[len(name) : -4]
            return os.path.join(os.path.dirname(os.path.dirname(file)), f"{other}{rest}.alone", f"{other}{rest}.dcm")
    return None


def values_of(data):
    """All frames of a file as pydicom has them, colours as RGB of 8 bits, MONOCHROME1 turned round."""
    data.ensure_file_meta()
    if "TransferSyntaxUID" not in data.file_meta:
        data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian if data.original_encoding[0] else pydicom.uid.ExplicitVRLittleEndian
    array = data.pixel_array
    frames = int(data.get("NumberOfFrames", 1) or 1)
    array = array if frames > 1 else array[None]
    kind = data.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        array = apply_color_lut(array, data)
        array = (array >> 8 if array.dtype == np.uint16 else array).astype(np.uint8)
    elif data.get("SamplesPerPixel", 1) == 3:
        # pydicom's pixel_array already turns YBR into RGB.
        array = (array >> (data.BitsStored - 8)).astype(np.uint8) if data.BitsStored > 8 else array
    else:
        stored = data.get("BitsStored")
        if kind == "MONOCHROME1":
            array = (-1 - array.astype(np.int64)) if data.PixelRepresentation else ((1 << stored) - 1 - array.astype(np.int64))
        elif stored and stored < data.BitsAllocated and not data.PixelRepresentation and array.dtype.kind == "u":
            # Overlays may stand in the bits that hold no pixel.
            array = array & ((1 << stored) - 1)
        array = apply_modality_lut(array, data)
        array = per_frame_scaled(array, data)
    return array


def per_frame_scaled(array, data):
    groups = data.get("PerFrameFunctionalGroupsSequence")
    shared = (data.get("SharedFunctionalGroupsSequence") or [None])[0]
    if groups is None and shared is None:
        return array
    out = array.astype(np.float64)
    for index in range(len(array)):
        for group in [g for g in (groups[index] if groups else None, shared) if g is not None]:
            if "PixelValueTransformationSequence" in group:
                item = group.PixelValueTransformationSequence[0]
                out[index] = out[index] * float(item.RescaleSlope) + float(item.RescaleIntercept)
                break
    return out


def place_of(data, frame):
    """Position, orientation and spacing of a frame."""
    groups = [data]
    if "SharedFunctionalGroupsSequence" in data:
        groups.insert(0, data.SharedFunctionalGroupsSequence[0])
    if "PerFrameFunctionalGroupsSequence" in data:
        groups.insert(0, data.PerFrameFunctionalGroupsSequence[frame])

    def find(sequence, name):
        for group in groups:
            inner = group.get(sequence)
            source = inner[0] if inner else (group if group is data else None)
            if source is not None and name in source and source.get(name) is not None:
                return np.array([float(v) for v in source.get(name)])
        return None

    return find("PlanePositionSequence", "ImagePositionPatient"), find("PlaneOrientationSequence", "ImageOrientationPatient"), find(
        "PixelMeasuresSequence", "PixelSpacing"
    )


def check_values(name, ours, theirs):
    if ours.shape != theirs.shape:
        if ours.ndim == 3 and theirs.ndim == 4 and np.all(theirs == theirs[..., :1]):
            theirs = theirs[..., 0]
        else:
            problems.append(f"{name}: shape {ours.shape} here, {theirs.shape} in pydicom")
            return
    # Lossy colours may differ by one step in each of two roundings.
    worst = np.max(np.abs(ours.astype(np.float64) - theirs)) if ours.size else 0
    lossy = any(part in name for part in LOSSY)
    most = LOSSY[next(part for part in LOSSY if part in name)] if lossy else 1e-3 * max(1.0, 1e-4 * float(np.max(np.abs(theirs))))
    counts["values"] += 1
    if not worst <= most:
        problems.append(f"{name}: a value differs by {worst}")


# Lossy codecs round in their own ways: the most that a value may differ.
LOSSY = {
    "MR2_J2KI": 3.78,  # one step of its slope
    "J2KI": 1,
    "J2KR_": 0,
    "dcmtk_ebcy": 3,
    "ybr_full": 1,
}


def check_place(name, ours, theirs, what):
    counts[f"places ({what})"] += 1
    worst = np.max(np.abs(ours - theirs))
    if not worst < 1e-3:
        problems.append(f"{name}: affine differs from {what}'s by {worst}\n{ours}\n{theirs}")


def sitk_affine(image):
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = direction @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return LPS @ affine


def check_series(record, ours, affine):
    name = os.path.basename(record["path"]) + " " + record["part"][-12:]
    images = datasets(record["path"])
    uid, _, number = record["part"].partition("#")
    images = [(file, data) for file, data in images if data.get("SeriesInstanceUID") == uid or len(images) == 1]
    if any("MOSAIC" in (data.get("ImageType") or []) for _, data in images):
        return check_mosaic(record, images, ours, affine)
    if record["picture"]:
        # The picture of that number, in the order of instances and frames.
        images.sort(key=lambda pair: int(pair[1].get("InstanceNumber") or 0))
        frames = np.concatenate([values_of(data) for _, data in images])
        return check_values(name, ours, frames[int(number or 0)][None])
    slices = []
    for file, data in images:
        array = values_of(data)
        for frame in range(len(array)):
            position, orientation, spacing = place_of(data, frame)
            normal = np.cross(orientation[:3], orientation[3:])
            order = (int(data.get("TemporalPositionIdentifier") or 0), int(data.get("InstanceNumber") or 0))
            slices.append((float(position @ normal), order, array[frame], position, orientation, spacing, file))
    slices.sort(key=lambda s: (round(s[0], 2), s[1]))
    # Volume k of a series is made of the k-th slice at each place.
    depth = ours.shape[0]
    volumes = len(slices) // depth
    chosen = slices[int(number or 0)::volumes] if volumes > 1 else slices
    check_values(name, ours, np.stack([s[2] for s in chosen]))
    orientation, spacing, first, last = chosen[0][4], chosen[0][5], chosen[0][3], chosen[-1][3]
    expected = np.eye(4)
    expected[:3, 0] = orientation[:3] * spacing[1]
    expected[:3, 1] = orientation[3:] * spacing[0]
    if depth > 1:
        expected[:3, 2] = (last - first) / (depth - 1)
    else:
        expected[:3, 2] = (LPS @ affine)[:3, 2]
    expected[:3, 3] = first
    check_place(name, affine, LPS @ expected, "PS3.3 C.7.6.2")
    files = [s[6] for s in chosen]
    if any(part in record["path"] for part in OTHER_PLACE):
        print(f"not compared with SimpleITK's place: {name}: {next(why for part, why in OTHER_PLACE.items() if part in record['path'])}")
    elif len(set(files)) == depth and depth > 1:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
        check_place(name, affine, sitk_affine(reader.Execute()), "SimpleITK")
    elif len(set(files)) == 1 and depth > 1:
        try:
            image = sitk.ReadImage(files[0])
        except RuntimeError as error:
            print(f"SimpleITK cannot read {name}: {str(error).splitlines()[-1]}")
            return
        theirs = sitk_affine(image)
        if np.max(np.abs(theirs - affine)) < 1e-3:
            counts["places (SimpleITK)"] += 1
        else:
            print(f"SimpleITK has another place for the frames of {name}")


def check_mosaic(record, images, ours, affine):
    name = os.path.basename(record["path"]) + " " + record["part"][-14:]
    uid, _, number = record["part"].partition("#")
    images.sort(key=lambda pair: int(pair[1].InstanceNumber))
    wrapper = wrappers.wrapper_from_file(images[int(number or 0)][0])
    theirs = LPS @ wrapper.affine
    data = np.asarray(wrapper.get_data())
    # nibabel's first voxel axis runs down the rows; ours runs along them.
    theirs = theirs @ np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    data = data.transpose(2, 0, 1)
    if np.dot(theirs[:3, 2], affine[:3, 2]) < 0:
        flip = np.eye(4)
        flip[2, 2], flip[2, 3] = -1, data.shape[0] - 1
        theirs, data = theirs @ flip, data[::-1]
    check_values(name, ours, data)
    check_place(name, affine, theirs, "nibabel")


for record in json.load(open(os.path.join(folder, "records.json"))):
    name = os.path.basename(record["path"])
    if record["fault"]:
        if name in REFUSED and REFUSED[name] in record["fault"]:
            counts["refused as expected"] += 1
        else:
            print(f"REFUSED {name}: {record['fault']}")
            counts["refused"] += 1
            problems_of_refusal = [p for p in datasets(record["path"]) if p[1].get("Modality") not in ("SEG", "SR", "RTSTRUCT", "RTPLAN", "ANN")]
            if problems_of_refusal:
                problems.append(f"{name}: refused though it is an image: {record['fault']}")
        continue
    shape = record["shape"][::-1] + ([3] if record["colour"] else [])
    ours = np.fromfile(os.path.join(folder, record["values"]), np.float32).reshape(shape)
    affine = np.vstack([np.array(record["affine"]), [0, 0, 0, 1]])
    print(f"{name} {record['title']} {record['shape']} {record['window']} {record['warnings']}")
    try:
        check_series(record, ours, affine)
    except Exception as error:
        problems.append(f"{name}: could not be compared: {type(error).__name__} {error}")

print(dict(counts))
for problem in problems:
    print("DIFFERS:", problem)
sys.exit(1 if problems else 0)
