"""Has Pillow write TIFFs of several pages, and read them back page by page."""

import json
import os
import sys

import numpy as np
from PIL import Image, TiffImagePlugin

folder = sys.argv[1]
random = np.random.default_rng(11)
COLUMNS, ROWS, PAGES = 13, 9, 7
MICRON = "ImageJ=1.53t\nimages=7\nslices=7\nunit=\\u00B5m\nspacing=2.5\nloop=false\n"
MM = "ImageJ=1.53t\nimages=7\nslices=7\nunit=mm\nspacing=-3.25\n"
TIME = "ImageJ=1.53t\nimages=7\nframes=7\nunit=mm\nspacing=1.5\n"
WHOLE = (np.uint8, 0, 256), (np.uint16, 0, 65536), (np.int32, -70000, 70000)

cases = [
    # name, type, compression, horizontal and vertical resolution, its unit, description, spacing in mm, warnings
    ("plain", np.uint8, None, None, None, None, [1, 1, 1], 2),
    ("inch", np.uint16, "tiff_lzw", [254.0, 127.0], 2, None, [0.1, 0.2, 1], 1),
    ("cm", np.int32, "tiff_adobe_deflate", [20.0, 40.0], 3, None, [0.5, 0.25, 1], 1),
    ("no_unit", np.uint8, "packbits", [20.0, 40.0], 1, None, [1, 1, 1], 2),
    ("micron", np.uint16, None, [4.0, 5.0], 1, MICRON, [0.25e-3, 0.2e-3, 2.5e-3], 0),
    ("mm", np.float32, "tiff_adobe_deflate", [2.0, 4.0], 1, MM, [0.5, 0.25, 3.25], 0),
    ("time", np.uint8, "tiff_lzw", [2.0, 2.0], 1, TIME, [0.5, 0.5, 1.5], 1),
]

records = []
for name, kind, compression, resolution, unit, description, spacing, warnings in cases:
    if kind is np.float32:
        values = random.normal(0, 100, (PAGES, ROWS, COLUMNS)).astype(kind)
    else:
        low, high = next((low, high) for whole, low, high in WHOLE if whole is kind)
        values = random.integers(low, high, (PAGES, ROWS, COLUMNS)).astype(kind)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if description:
        tags[270] = description
    if resolution:
        tags[282], tags[283], tags[296] = resolution[0], resolution[1], unit
    first, *others = [Image.fromarray(page) for page in values]
    path = os.path.join(folder, f"{name}.tif")
    first.save(path, save_all=True, append_images=others, tiffinfo=tags, compression=compression)
    with Image.open(path) as read:
        pages = []
        for page in range(read.n_frames):
            read.seek(page)
            pages.append(np.array(read, np.float64))
    pages = np.stack(pages)
    assert np.array_equal(pages, values)
    pages.tofile(os.path.join(folder, f"{name}.f64"))
    records.append({"name": name, "spacing": spacing, "warnings": warnings})
json.dump({"shape": [COLUMNS, ROWS, PAGES], "stacks": records}, open(os.path.join(folder, "records.json"), "w"))
