"""Opens a synthetic DICOM series of 300 slices of 512 x 512 int16 by SimpleITK and by this program, five times each.

Needs: pip install SimpleITK numpy pydicom. OPENING is the program built from imaging/examples/opening.rs:
cargo build --release -p imaging --example opening; python opening_speed_dicom.py OPENING
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SLICES, SIDE = 300, 512


def write(folder):
    """A series whose files' names say nothing of their order."""
    rng = np.random.default_rng(0)
    plane = rng.integers(-1000, 2000, (SIDE, SIDE)).astype(np.int16)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for k in range(SLICES):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.Modality, data.SeriesNumber, data.InstanceNumber = "CT", 3, SLICES - k
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.ImagePositionPatient, data.ImageOrientationPatient = [-180, -180, k * 1.25], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [0.7, 0.7], 1.25
        data.Rows = data.Columns = SIDE
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        data.PixelData = np.roll(plane, k, 1).tobytes()
        data.save_as(folder / f"{k * 7919 % SLICES:03d}.dcm", enforce_file_format=True)


def by_simpleitk(folder):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            by_simpleitk(folder)
            times.append(time.perf_counter() - started)
        theirs = statistics.median(times)
        ours = json.loads(subprocess.run([sys.argv[1], folder], check=True, capture_output=True, text=True).stdout)
        size = ours["voxels"] * 2
        print(f"SimpleITK {theirs:.2f} s, this program {ours['median_secs']:.2f} s")
        print(f"ratio {ours['median_secs'] / theirs:.2f}, first layer {ours['layer_secs'] / theirs:.2f}")
        print(f"peak memory {ours['peak_kb'] * 1024 / size:.2f} x the voxels")


main()
