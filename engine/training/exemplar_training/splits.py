"""Which cases are never trained on. Owns `splits.json`, which is committed and read-only."""

import json
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "splits.json"
HELD_BACK_TASKS = ("mr_lumbar_spine", "mr_knee_bones", "us_carotid", "axon_sem")


def names(folder):
    """Case names of a data folder, sorted, without extensions."""
    return sorted(p.name.split(".")[0] for p in (Path(folder) / "images").iterdir())


def make(data):
    """Draw up the split from the data folder, by sorted names."""
    hippocampus = names(Path(data) / "hippocampus_mr")
    nuclei = names(Path(data) / "nuclei_microscopy")
    keep = len(nuclei) - int(round(0.4 * len(nuclei)))
    return {
        "held_back_tasks": list(HELD_BACK_TASKS),
        "hippocampus_mr": {"train": hippocampus[:-60], "held_back": hippocampus[-60:]},
        "nuclei_microscopy": {"train": nuclei[:keep], "held_back": nuclei[keep:]},
    }


def load():
    """The committed split."""
    return json.loads(FILE.read_text())


def main():
    """`python -m exemplar_training.splits DATA` writes the file anew."""
    import sys

    FILE.write_text(json.dumps(make(sys.argv[1]), indent=1) + "\n")


if __name__ == "__main__":
    main()
