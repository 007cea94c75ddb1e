"""Opens a synthetic 512 x 512 x 300 int16 .nii.gz (or what a second argument names: x.nii, x.nrrd, x.mha) by SimpleITK and by this program, one after the other, five times each.

Needs: pip install SimpleITK numpy. OPENING is the program built from imaging/examples/opening.rs:
cargo build --release -p imaging --example opening; python opening_speed.py OPENING
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


def phantom():
    """A body of soft tissue with the noise of a CT, in air."""
    rng = np.random.default_rng(0)
    k, j, i = np.ogrid[-1:1:300j, -1:1:512j, -1:1:512j]
    body = (i**2 / 0.7 + j**2 / 0.4 < 1) & (abs(k) < 2)
    voxels = np.where(body, 40 + rng.normal(0, 12, (300, 512, 512)), -1000)
    return voxels.round().astype(np.int16)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (sys.argv[2] if len(sys.argv) > 2 else "phantom.nii.gz")
        image = SimpleITK.GetImageFromArray(phantom())
        SimpleITK.WriteImage(image, str(path))
        ours = json.loads(subprocess.run([sys.argv[1], path], check=True, capture_output=True, text=True).stdout)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            SimpleITK.ReadImage(str(path))
            times.append(time.perf_counter() - started)
        theirs = statistics.median(times)
        size = ours["voxels"] * 2
        print(f"file {path.stat().st_size / 1e6:.0f} MB, SimpleITK {theirs:.2f} s, this program {ours['median_secs']:.2f} s")
        print(f"ratio {ours['median_secs'] / theirs:.2f}, first layer {ours['layer_secs'] / theirs:.2f}")
        print(f"peak memory {ours['peak_kb'] * 1024 / size:.2f} x the voxels")


main()
