"""Compares where this program puts a marked corner (records.json in FOLDER) with nibabel.

Needs: pip install nibabel. Driven by tests/files/geometry.rs.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np


def check(record):
    source, mask = nibabel.load(record["file"]), nibabel.load(record["mask"])
    corner = np.argwhere(np.asanyarray(source.dataobj) == 9)
    assert corner.tolist() == [[3, 4, 5]]
    world = (source.affine @ [*corner[0], 1])[:3]
    assert np.allclose(record["world"], world, rtol=0, atol=1e-4), (record["world"], world)
    assert record["orientation"] == "".join(nibabel.aff2axcodes(source.affine))
    exported = np.argwhere(np.asanyarray(mask.dataobj) == 1)
    assert exported.tolist() == corner.tolist()
    assert np.array_equal(source.affine, mask.affine)


def main():
    records = json.loads((Path(sys.argv[1]) / "records.json").read_text())
    failed = 0
    for record in records:
        try:
            check(record)
        except AssertionError as error:
            failed += 1
            print(f"{record['file']}: {error}")
    print(f"{len(records) - failed} of {len(records)} corners lie where nibabel puts them")
    sys.exit(failed > 0)


main()
