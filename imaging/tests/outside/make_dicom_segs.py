"""Has highdicom write segmentations of a synthetic oblique series: fractional ones, and ones on grids that are not the
series' own. Beside each lies what highdicom (and, to resample, SimpleITK) reads of it."""

import json
import os
import sys

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk
from highdicom.seg import SegmentDescription, Segmentation
from pydicom.sr.codedict import codes

folder = sys.argv[1]
random = np.random.default_rng(7)
COLUMNS, ROWS, SLICES = 30, 24, 11
SPACING = [1.3, 1.7, 2.9]  # along a row, down a column, from slice to slice


def turned(a, b, c):
    """Directions of rows, columns and slices, as columns of a matrix (left, posterior, superior)."""
    def about(axis, angle):
        i, j = [k for k in range(3) if k != axis]
        matrix = np.eye(3)
        matrix[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        return matrix
    return about(0, a) @ about(1, b) @ about(2, c)


DIRECTIONS = turned(0.21, -0.13, 0.3)
ORIGIN = np.array([-31.7, 12.3, 101.1])


def text(numbers):
    return [format(number, ".10g")[:16] for number in numbers]


def series():
    study, uid, frame = hd.UID(), hd.UID(), hd.UID()
    images = []
    os.makedirs(os.path.join(folder, "series"))
    for k in range(SLICES):
        image = pydicom.Dataset()
        image.file_meta = pydicom.dataset.FileMetaDataset()
        image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = hd.UID()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, uid, frame
        image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 1, k + 1
        image.PatientID = image.PatientName = image.StudyID = image.AccessionNumber = ""
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        image.PixelSpacing, image.SliceThickness = text([SPACING[1], SPACING[0]]), text([SPACING[2]])[0]
        image.SpacingBetweenSlices = text([SPACING[2]])[0]
        image.ImageOrientationPatient = text(np.concatenate([DIRECTIONS[:, 0], DIRECTIONS[:, 1]]))
        image.ImagePositionPatient = text(ORIGIN + DIRECTIONS[:, 2] * SPACING[2] * k)
        image.PixelData = random.integers(-100, 100, (ROWS, COLUMNS)).astype(np.int16).tobytes()
        image.save_as(os.path.join(folder, "series", f"{k:02}.dcm"), enforce_file_format=True)
        images.append(image)
    return images


def descriptions(count):
    return [
        SegmentDescription(n + 1, f"segment {n + 1}", codes.SCT.Organ, codes.SCT.Liver, hd.seg.SegmentAlgorithmTypeValues.MANUAL)
        for n in range(count)
    ]


def write(name, pixels, kind, count, between=SPACING[2], **options):
    segmentation = Segmentation(
        IMAGES, pixels, kind, descriptions(count), hd.UID(), 9, hd.UID(), 1, "a test", "a test", "1", "1", **options
    )
    # highdicom repeats what the series says, whatever the grid is.
    measures = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SliceThickness = measures.SpacingBetweenSlices = text([between])[0]
    segmentation.save_as(os.path.join(folder, name))
    # As whoever opens the file reads it.
    return hd.seg.segread(os.path.join(folder, name))


def record(name, masks, **more):
    """Masks of slices, rows and columns."""
    for number, mask in enumerate(masks):
        mask.astype(np.uint8).tofile(os.path.join(folder, f"{name}_{number}.u8"))
    RECORDS.append({"file": name, "segments": len(masks), **more})


def blobs(shape, count):
    """Smooth numbers from 0 to 1, of which the outer slices are 0: slices, rows, columns, segments."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"), -1)
    parts = []
    for _ in range(count):
        far = np.linalg.norm((grid - random.uniform(-0.3, 0.3, 3)) / random.uniform(0.5, 0.9, 3), axis=-1)
        parts.append(np.clip(1.1 - far, 0, 1))
    return np.stack(parts, -1)


def fractional():
    for kind in ("PROBABILITY", "OCCUPANCY"):
        for most in (255, 100, 7, 1):
            for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"):
                shares = blobs((SLICES, ROWS, COLUMNS), 3)
                # Some exactly on the threshold, and one slice of all values.
                shares[5, 3:9] = 0.5
                shares[5, 10, :, 0] = np.linspace(0, 1, COLUMNS)
                shares[:, :, :, 2] = np.minimum(shares[:, :, :, 2], 1 - shares[:, :, :, :2].max(-1))
                name = f"{kind.lower()}_{most}_{syntax[-1]}.dcm"
                read = write(
                    name, shares, "FRACTIONAL", 3, fractional_type=kind, max_fractional_value=most, transfer_syntax_uid=syntax
                )
                # At 32 bits a half of an odd number is not to be missed.
                theirs = read.get_pixels_by_source_instance(
                    [image.SOPInstanceUID for image in IMAGES], rescale_fractional=True, dtype=np.float64
                )
                assert theirs.shape == (SLICES, ROWS, COLUMNS, 3) and 0.0 < theirs.mean() < 1.0
                record(name, list(np.moveaxis(theirs >= 0.5, -1, 0)), kind=kind)


def elsewhere():
    """Grids by their columns, rows and slices, spacing, directions, and the voxel of the series in their corner."""
    target = sitk.Image(COLUMNS, ROWS, SLICES, sitk.sitkUInt8)
    target.SetSpacing(SPACING)
    target.SetOrigin(ORIGIN)
    target.SetDirection(DIRECTIONS.flatten())
    grids = {
        "finer": ([53, 47, SLICES], [0.71, 0.83, 2.9], DIRECTIONS, [0.137, 0.219, 0]),
        "coarser": ([17, 13, SLICES], [2.41, 3.03, 2.9], DIRECTIONS, [0.137, 0.219, 0]),
        "thinner": ([COLUMNS, ROWS, 25], [1.3, 1.7, 1.23], DIRECTIONS, [0, 0, 0.31]),
        "thicker": ([COLUMNS, ROWS, 5], [1.3, 1.7, 5.07], DIRECTIONS, [0, 0, 0.43]),
        # Off by so little that it lies on the slices, and no voxel is as near to two of its own.
        "every_second": ([COLUMNS, ROWS, 6], [1.3, 1.7, 5.8], DIRECTIONS, [0, 0, 0.03]),
        "turned": ([41, 37, 19], [1.1, 1.2, 1.63], DIRECTIONS @ turned(0.3, 0.2, -0.4), [-3.1, -1.3, 0.7]),
        "coronal": ([COLUMNS, 22, ROWS], [1.3, 1.43, 1.71], DIRECTIONS[:, [0, 2, 1]] * [1, 1, -1], [0.137, 23.1, 0.2]),
        "beyond": ([60, 50, 31], [1.17, 1.23, 2.03], DIRECTIONS, [-7.31, -9.27, -6.13]),
        "wrongly_declared": ([COLUMNS, ROWS, 25], [1.3, 1.7, 1.31], DIRECTIONS, [0, 0, 0.37]),
        "shifted": ([COLUMNS, ROWS, SLICES], SPACING, DIRECTIONS, [0.93 + 3, 0.27 - 2, 0]),
    }
    for name, (size, spacing, directions, corner) in grids.items():
        origin = ORIGIN + DIRECTIONS @ (np.array(SPACING) * corner)
        masks = (blobs(size[::-1], 2) > 0.5).astype(np.uint8)
        normal = directions[:, 2]
        positions = [origin + normal * spacing[2] * k for k in range(size[2])]
        # One that repeats what the series says of its slices, as some programs do.
        declared = SPACING[2] if name == "wrongly_declared" else spacing[2]
        write(
            f"{name}.dcm",
            masks,
            "BINARY",
            2,
            between=declared,
            pixel_measures=hd.PixelMeasuresSequence(spacing[1::-1], declared, declared),
            plane_orientation=hd.PlaneOrientationSequence("PATIENT", np.concatenate([directions[:, 0], directions[:, 1]])),
            plane_positions=[hd.PlanePositionSequence("PATIENT", position) for position in positions],
        )
        resampled = []
        for segment in range(2):
            source = sitk.GetImageFromArray(np.ascontiguousarray(masks[..., segment]))
            source.SetSpacing(spacing)
            source.SetOrigin(origin)
            source.SetDirection(directions.flatten())
            onto = sitk.Resample(source, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
            resampled.append(sitk.GetArrayFromImage(onto))
            assert resampled[-1].sum() > 50, name
        # Empty slices are left out of the file, and its grid ends with the last that is not.
        drawn = np.flatnonzero(masks.any((1, 2, 3)))
        shape = [*size[:2], int(drawn[-1] - drawn[0] + 1)]
        record(f"{name}.dcm", resampled, spacing=spacing, shape=shape)


def inside(x, y):
    """Whether each pixel's centre has an odd number of edges on its right."""
    jj, ii = np.mgrid[0:ROWS, 0:COLUMNS].astype(float)
    odd = np.zeros((ROWS, COLUMNS), bool)
    for a in range(len(x)):
        b = (a + 1) % len(x)
        crosses = (y[a] <= jj) != (y[b] <= jj)
        odd ^= crosses & (ii < x[a] + (jj - y[a]) / ((y[b] - y[a]) or 1) * (x[b] - x[a]))
    return odd


def outline(mm):
    """An ellipse that grows and moves with the distance along the normal, in pixels."""
    turn = np.linspace(0, 2 * np.pi, 37)[:-1]
    return 13.3 + 0.21 * mm + (4.1 + 0.17 * mm) * np.cos(turn), 11.2 + (5.3 - 0.09 * mm) * np.sin(turn)


def contours():
    """Planes of contours that are not the image's slices, by their distances from the first of these in mm."""
    fine = [0.4 + 1.23 * m for m in range(20)]
    uneven = sorted([SPACING[2] * k for k in range(2, 9)] + [SPACING[2] * k + 0.7 for k in range(3, 6)])
    for name, planes in (("contours_fine.dcm", fine), ("contours_uneven.dcm", uneven)):
        file = pydicom.Dataset()
        file.file_meta = pydicom.dataset.FileMetaDataset()
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pydicom.uid.RTStructureSetStorage
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = hd.UID()
        file.Modality, roi, drawn = "RTSTRUCT", pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "ellipse", IMAGES[0].FrameOfReferenceUID
        drawn.ReferencedROINumber, drawn.ContourSequence = 1, []
        for mm in planes:
            x, y = outline(mm)
            points = ORIGIN + np.outer(x * SPACING[0], DIRECTIONS[:, 0]) + np.outer(y * SPACING[1], DIRECTIONS[:, 1])
            contour = pydicom.Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(x)
            contour.ContourData = text((points + DIRECTIONS[:, 2] * mm).flatten())
            drawn.ContourSequence.append(contour)
        file.StructureSetROISequence, file.ROIContourSequence = [roi], [drawn]
        file.save_as(os.path.join(folder, name), enforce_file_format=True)
        mask = np.zeros((SLICES, ROWS, COLUMNS), bool)
        for k in range(SLICES):
            nearest = min(planes, key=lambda mm: abs(mm - SPACING[2] * k))
            # Beyond the last plane no voxel is nearer to it than to where the next would be.
            if abs(nearest - SPACING[2] * k) < (1.23 / 2 if planes is fine else 0.1):
                mask[k] = inside(*outline(nearest))
        record(name, [mask], contours=name.removeprefix("contours_").removesuffix(".dcm"))


RECORDS = []
IMAGES = series()
fractional()
elsewhere()
contours()
json.dump(RECORDS, open(os.path.join(folder, "records.json"), "w"))
print(f"{len(RECORDS)} files written")
