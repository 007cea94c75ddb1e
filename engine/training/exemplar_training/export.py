"""Writes the shipped weights, their cards and the parity fixtures.

Owns the card's fields; what the weights were trained on comes from the checkpoint.
"""

import argparse
import hashlib
import json
from datetime import date
from pathlib import Path

import torch

from . import SCHEMA, parity
from .net import Config, InContextUnet

ASSETS = Path(__file__).resolve().parents[3] / "assets" / "weights"
SOURCES = {
    "synthetic": {"name": "Synthetic episodes made by this program", "licence": "CC0-1.0"},
    "hippocampus_mr": {
        "name": "Medical Segmentation Decathlon, Task04 Hippocampus",
        "licence": "CC BY-SA 4.0",
    },
    "heart_cine_mr": {"name": "Sunnybrook Cardiac Data", "licence": "CC0-1.0"},
    "nuclei_microscopy": {"name": "Data Science Bowl 2018, stage 1", "licence": "CC0-1.0"},
    "spinalcord_mr": {"name": "Spinal Cord Toolbox example data", "licence": "MIT"},
    "mr_hvsmr_heart": {"name": "HVSMR heart slices", "licence": "CC BY 4.0"},
    "totalsegmentator_examples": {
        "name": "TotalSegmentator test images with that program's own masks",
        "licence": "Apache-2.0",
    },
    "octa_faz": {"name": "OCTA foveal avascular zone", "licence": "CC BY 4.0"},
}


def licence_of(sources):
    """Share-alike if any source is, else attribution."""
    shared = any("SA" in SOURCES[s]["licence"] for s in sources)
    return "CC BY-SA 4.0" if shared else "CC BY 4.0"


def kind_of(checkpoint):
    """Whether it saw only images marked themselves, or examples too."""
    return "interactive" if checkpoint.get("own", False) else "in-context"


def name_of(checkpoint):
    """What the weights are called."""
    return f"{kind_of(checkpoint)}-{checkpoint['config']['dims']}d"


def card(config, checkpoint, digest, figures):
    """The card that stands beside the weights."""
    dims, cases, kind = config.dims, checkpoint["cases"], kind_of(checkpoint)
    own = kind == "interactive"
    before = checkpoint.get("before", {"step": 0, "seconds": 0.0})
    return {
        "name": name_of(checkpoint),
        "title": f"Exemplar {kind} net, {dims}-D",
        "what": "Segments an image as boxes and corrections on it tell. The in-context net, trained further on that alone."
        if own
        else "Segments an image as marks (mask, box, click, doodle) on other images, "
        "or on itself, tell. Dual-branch U-Net with attention to the examples.",
        "own": own,
        "schema": SCHEMA,
        "sha256": digest,
        "licence": licence_of(cases),
        "trained_on": [{**SOURCES[s], "cases": n} for s, n in cases.items()],
        "config": config.to_dict(),
        "trained": {
            "hours": round((checkpoint["seconds"] + before["seconds"]) / 3600, 2),
            "steps": checkpoint["step"] + before["step"],
            "machine": checkpoint["machine"],
            "date": date.today().isoformat(),
        },
        "figures": figures,
        "training_code": "engine/training",
    }


def export(checkpoint_path, figures_path=None, folder=ASSETS):
    """Write weights, card and fixture of one checkpoint's averaged weights."""
    checkpoint = torch.load(checkpoint_path, weights_only=True)
    config = Config.from_dict(checkpoint["config"])
    net = InContextUnet(config)
    net.load_state_dict(checkpoint["ema"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name_of(checkpoint)}.safetensors"
    parity.write_tensors(net.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    figures = json.loads(Path(figures_path).read_text()) if figures_path else {}
    text = json.dumps(card(config, checkpoint, digest, figures), indent=2, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n")
    if folder == ASSETS:  # fixtures belong to the shipped weights alone
        parity.write_io(net, name_of(checkpoint).replace("-", "_"))
        parity.write_tiny()
    return path


def main():
    """`python -m exemplar_training.export CHECKPOINT [--figures JSON]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--figures", type=Path, help="JSON written by evaluate")
    parser.add_argument("--folder", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    print(export(arguments.checkpoint, arguments.figures, arguments.folder))


if __name__ == "__main__":
    main()
