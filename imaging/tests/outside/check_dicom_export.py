"""Reads DICOM segmentations that Exemplar wrote with highdicom and pydicom, and has dciodvfy judge them."""

import json
import os
import shutil
import subprocess
import sys

import highdicom as hd
import numpy as np
import pydicom

folder = sys.argv[1]
problems = []
LPS = np.array([-1.0, -1.0, 1.0])

for record in json.load(open(os.path.join(folder, "records.json"))):
    name = record["name"]

    def differs(what):
        problems.append(f"{name}: {what}")

    shape = record["shape"][::-1]
    masks = [np.fromfile(os.path.join(folder, f"{name}_{number}.u8"), np.uint8).reshape(shape) for number in range(3)]
    seg = hd.seg.segread(record["file"])
    if seg.number_of_segments != 3 or list(seg.segment_numbers) != [1, 2, 3]:
        differs(f"{seg.number_of_segments} segments")
    labels = [seg.get_segment_description(number).segment_label for number in seg.segment_numbers]
    if labels != ["Liver", "left \u00e9tage   2", "absent one"]:
        differs(f"labels {labels}")
    first = seg.get_segment_description(1)
    if first.segmented_property_type != hd.sr.CodedConcept("10200004", "SCT", "Liver") or str(first.algorithm_type) not in ("SEMIAUTOMATIC", "SegmentAlgorithmTypeValues.SEMIAUTOMATIC"):
        differs(f"{first.segmented_property_type} {first.algorithm_type}")
    # Each frame by pydicom alone: its segment, and the slice by its place or, of a picture, the only one.
    data = pydicom.dcmread(record["file"])
    pixels = data.pixel_array
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    affine = np.array(record["affine"])
    sources = {}
    paths = [record["source"]] if os.path.isfile(record["source"]) else [
        os.path.join(root, file) for root, _, files in os.walk(record["source"]) for file in files
    ]
    for path in paths:
        try:
            image = pydicom.dcmread(path, stop_before_pixels=True)
            sources[image.SOPInstanceUID] = image
        except Exception:
            continue
    rebuilt = [np.zeros(shape, np.uint8) for _ in masks]
    for frame, groups in enumerate(data.PerFrameFunctionalGroupsSequence):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        if source.ReferencedSOPInstanceUID not in sources:
            differs("a frame names an image that is not there")
            continue
        if record["picture"]:
            place = 0
        else:
            position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
            image = sources[source.ReferencedSOPInstanceUID]
            if "ImagePositionPatient" in image and name != "mosaic" and not np.allclose(position, np.array(image.ImagePositionPatient, float), atol=1e-6):
                differs(f"frame {frame} lies at {position}, its image at {image.ImagePositionPatient}")
            row, column = np.array(data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
            normal = np.cross(row, column)
            if name == "tilted":
                # Unevenly spaced: the slices' own positions count, not the affine.
                order = sorted(float(np.dot(np.array(i.ImagePositionPatient, float), normal)) for i in sources.values())
                place = int(np.argmin([abs(np.dot(position, normal) - d) for d in order]))
            else:
                step, origin = affine[:, 2] * LPS, affine[:, 3] * LPS
                place = np.dot(position - origin, normal) / np.dot(step, normal)
                if abs(place - round(place)) > 0.01:
                    differs(f"frame {frame} lies between slices, at {place}")
                place = int(round(place))
        rebuilt[number - 1][place] |= pixels[frame]
    for number, (ours, theirs) in enumerate(zip(masks, rebuilt)):
        if not np.array_equal(ours, theirs):
            differs(f"segment {number + 1}: {int(np.sum(ours != theirs))} voxels differ")
    if not record["picture"] and name not in ("tilted", "mosaic"):
        by_source = None
        if name in ("crop", "slices", "time"):
            ids = [uid for uid, image in sources.items()]
            instances = [seg_uid for _, _, seg_uid in seg.get_source_image_uids()]
            order = sorted(instances, key=lambda uid: float(np.dot(np.array(sources[uid].ImagePositionPatient, float), normal)))
            by_source = seg.get_pixels_by_source_instance(order, segment_numbers=[1, 2], ignore_spatial_locations=False, assert_missing_frames_are_empty=True)
            for number in (0, 1):
                if not np.array_equal(by_source[..., number], masks[number]):
                    differs(f"highdicom sees segment {number + 1} elsewhere")
    if not record["picture"] and name not in ("tilted",):
        volume = seg.get_volume(combine_segments=False, segment_numbers=[1]) if hasattr(seg, "get_volume") else None
        if volume is not None and int(volume.array.sum()) != int(masks[0].sum()):
            differs("highdicom's volume holds other voxels")
    if shutil.which("dciodvfy"):
        said = subprocess.run(["dciodvfy", record["file"]], capture_output=True, text=True)
        errors = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
        for error in errors:
            differs(f"dciodvfy: {error}")
    else:
        print("NOT TESTED: dciodvfy is not there (dicom3tools)")
    if shutil.which("dcmdump"):
        said = subprocess.run(["dcmdump", "-q", record["file"]], capture_output=True, text=True)
        if said.returncode or "E:" in said.stderr:
            differs(f"dcmdump: {said.stderr}")
    print(f"{name}: {len(pixels)} frames, {[int(mask.sum()) for mask in masks]} voxels")

for problem in problems:
    print("DIFFERS:", problem)
sys.exit(1 if problems else 0)
