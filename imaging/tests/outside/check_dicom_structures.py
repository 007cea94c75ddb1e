"""Compares masks that Exemplar read of DICOM segmentations and contours with pydicom's pixels, placed by each
frame's position, and with an even-odd test of each pixel's centre."""

import json
import os
import sys

import numpy as np
import pydicom

folder = sys.argv[1]
problems, compared = [], 0


def slices_of(path):
    images = [pydicom.dcmread(os.path.join(path, name)) for name in os.listdir(path)]
    normal = np.cross(*np.array(images[0].ImageOrientationPatient, float).reshape(2, 3))
    images.sort(key=lambda image: np.dot(np.array(image.ImagePositionPatient, float), normal))
    return images, normal


def group(data, frame, sequence):
    for item in (data.PerFrameFunctionalGroupsSequence[frame], data.SharedFunctionalGroupsSequence[0]):
        if sequence in item:
            return item.get(sequence)[0]
    return None


def segmentation(data, images, normal, shape):
    # Deflated frames, and run lengths of single bits, which pydicom's decoders refuse: the same as those without.
    data = pydicom.dcmread(data.filename.replace("_deflate", "").replace("_rle", ""))
    pixels = data.pixel_array
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    numbers = [int(segment.SegmentNumber) for segment in data.SegmentSequence if int(segment.SegmentNumber) > 0]
    masks = {number: np.zeros(shape, np.uint8) for number in numbers}
    for frame in range(len(pixels)):
        position = np.array(group(data, frame, "PlanePositionSequence").ImagePositionPatient, float)
        gaps = [abs(np.dot(np.array(image.ImagePositionPatient, float) - position, normal)) for image in images]
        place = int(np.argmin(gaps))
        # The frames may be smaller than the image; none here is shifted against it.
        assert np.allclose(np.array(images[place].ImagePositionPatient, float), position, atol=1e-2), position
        rows, columns = pixels[frame].shape
        if data.SegmentationType == "LABELMAP":
            for number in numbers:
                masks[number][place, :rows, :columns] |= pixels[frame] == number
        else:
            number = int(group(data, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            share = pixels[frame] * 2 >= data.MaximumFractionalValue if data.SegmentationType == "FRACTIONAL" else pixels[frame] > 0
            masks[number][place, :rows, :columns] |= share.astype(np.uint8)
    names = {int(segment.SegmentNumber): segment.SegmentLabel for segment in data.SegmentSequence}
    return [(names[number].strip(), masks[number]) for number in numbers]


def contours(data, images, normal, shape):
    named = {roi.ROINumber: roi.ROIName for roi in data.StructureSetROISequence}
    found = []
    for roi in data.StructureSetROISequence:
        drawn = [item for item in data.ROIContourSequence if item.ReferencedROINumber == roi.ROINumber]
        if not drawn:
            continue
        mask = np.zeros(shape, np.uint8)
        for contour in drawn[0].get("ContourSequence") or []:
            if not contour.ContourGeometricType.startswith("CLOSED"):
                continue
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            gaps = [abs(np.dot(np.array(image.ImagePositionPatient, float) - points[0], normal)) for image in images]
            place, apart = int(np.argmin(gaps)), float(images[0].SliceThickness)
            if gaps[place] > apart / 2 + 1e-3 or len(points) < 3:
                continue
            image = images[place]
            row, column = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
            offset = points - np.array(image.ImagePositionPatient, float)
            x, y = offset @ row / float(image.PixelSpacing[1]), offset @ column / float(image.PixelSpacing[0])
            mask[place] ^= inside(x, y, shape[1:])
        found.append((str(named[roi.ROINumber]).strip(), mask))
    return found


def inside(x, y, shape):
    """Whether each pixel's centre has an odd number of edges on its right."""
    jj, ii = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
    odd = np.zeros(shape, bool)
    for a in range(len(x)):
        b = (a + 1) % len(x)
        if y[a] == y[b]:
            continue
        low, high = int(max(0, np.floor(min(y[a], y[b])))), int(min(shape[0] - 1, np.ceil(max(y[a], y[b]))))
        band = slice(low, high + 1)
        crosses = (y[a] <= jj[band]) != (y[b] <= jj[band])
        at = x[a] + (jj[band] - y[a]) / (y[b] - y[a]) * (x[b] - x[a])
        odd[band] ^= crosses & (ii[band] < at)
    return odd.astype(np.uint8)


for record in json.load(open(os.path.join(folder, "records.json"))):
    data = pydicom.dcmread(record["file"])
    images, normal = slices_of(record["images"])
    shape = tuple(record["shape"][::-1])
    expected = (segmentation if data.Modality == "SEG" else contours)(data, images, normal, shape)
    name = os.path.basename(record["file"])
    if [n for n, _ in expected] != [m["name"] for m in record["masks"]]:
        problems.append(f"{name}: named {[m['name'] for m in record['masks']]}, not {[n for n, _ in expected]}")
        continue
    for mask, (label, theirs) in zip(record["masks"], expected):
        ours = np.fromfile(os.path.join(folder, mask["values"]), np.uint8).reshape(shape)
        compared += 1
        different = int(np.sum(ours != theirs))
        # A centre that lies on an edge within rounding falls to either side.
        if different > (0 if data.Modality == "SEG" else theirs.sum() * 1e-3):
            problems.append(f"{name} {label}: {different} voxels differ of {int(theirs.sum())}")
    print(f"{name}: {len(expected)} structures, {sum(int(t.sum()) for _, t in expected)} voxels, {record['warnings']}")

print(f"{compared} masks compared")
for problem in problems:
    print("DIFFERS:", problem)
sys.exit(1 if problems or not compared else 0)
