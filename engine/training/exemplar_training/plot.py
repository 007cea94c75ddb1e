"""Draws learning curves: `python -m exemplar_training.plot OUT.png LOG.jsonl [LOG.jsonl ...]`.

Several logs are runs that each started from the one before; they are drawn end to end.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend must be chosen first)
import numpy as np  # noqa: E402

SMOOTH = 7


def series(lines, mode):
    """Minutes and smoothed training Dice of one mode."""
    points = [(line["minutes"], line[mode]) for line in lines if mode in line]
    minutes, dice = np.array(points).T
    width = min(SMOOTH, len(dice))
    kernel = np.ones(width) / width
    return minutes[width - 1 :], np.convolve(dice, kernel, "valid")


def chain(logs):
    """Lines of all logs, with minutes counted from the first run's start."""
    lines, offset = [], 0.0
    for log in logs:
        part = [json.loads(line) for line in Path(log).read_text().splitlines()]
        lines += [line | {"minutes": line["minutes"] + offset} for line in part]
        offset = lines[-1]["minutes"] if lines else 0.0
    return lines


def draw(out, logs):
    """One curve for each mode of training."""
    lines = chain(logs)
    modes = sorted({k for line in lines for k in line} - {"step", "minutes", "rate"})
    figure, axes = plt.subplots(figsize=(7, 4))
    for mode in modes:
        axes.plot(*series(lines, mode), label=mode)
    axes.set(xlabel="minutes", ylabel="soft Dice of training episodes", ylim=(0, 1))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    draw(sys.argv[1], sys.argv[2:])
