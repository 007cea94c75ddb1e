"""Measures a net on held-back cases: `python -m exemplar_training.evaluate WEIGHTS --data DATA`.

Owns the protocols. Marks are simulated on the working grid, Dice is on the source grid.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from . import marks
from .net import Config, InContextUnet
from .tasks import all_tasks, divide

CLICKS = {2: (3, 2), 3: (1, 1)}
SEED = 7


def load_net(path):
    """A net from a checkpoint (its averaged weights) or from a shipped file and its card."""
    path = Path(path)
    if path.suffix == ".safetensors":
        config = json.loads(path.with_suffix(".json").read_text())["config"]
        weights = load_file(path)
    else:
        state = torch.load(path, weights_only=True)
        config, weights = state["config"], state["ema"]
    net = InContextUnet(Config.from_dict(config))
    net.load_state_dict(weights)
    return net.eval()


def predict(net, target, contexts, mirrors=False):
    """Probability [D, H, W]; with mirrors, the mean over the run and its mirror image."""
    target = torch.from_numpy(target)[None]
    contexts = torch.from_numpy(np.stack(contexts))[None]
    with torch.no_grad():
        guess = net(target, contexts).sigmoid()
        if mirrors:
            turned = net(target.flip(-1), contexts.flip(-1)).sigmoid().flip(-1)
            guess = (guess + turned) / 2
    return guess[0, 0].float().numpy()


def seed(name):
    """The same marks for the same task in every run."""
    number = SEED + sum(ord(c) * 31**i for i, c in enumerate(name)) % 100003
    random.seed(number)
    np.random.seed(number)


def marked(case, kind):
    """A case with simulated marks as an example: 5 slices in 3-D; 3 + 2 clicks in 2-D."""
    how = {"slices": 5, "axis": 0, "evenly": True} if case.dims == 3 else {}
    channels = marks.simulate(case.soft, kind, case.dims, clicks=CLICKS[case.dims], **how)
    return np.concatenate([case.image, channels])


def unmarked(case):
    """A case as a target without marks."""
    return np.concatenate([case.image, marks.empty(case.soft.shape)])


def in_context(net, cases, kind, examples, most=20, mirrors=False):
    """Dice of each target from so many marked examples."""
    given, targets = divide(cases, examples, most)
    contexts = [marked(c, kind) for c in given]
    return [c.dice(predict(net, unmarked(c), contexts, mirrors)) for c in targets]


def first_marks(case, kind):
    """The user's first mark on a case: a box (3-D: on the middle slice), else nothing yet."""
    channels = marks.empty(case.soft.shape)
    if kind == "box":
        mask = case.soft >= 0.5
        heights = np.flatnonzero(mask.any(axis=(1, 2)))
        marks.add_boxes(channels, mask, 0, int((heights[0] + heights[-1]) // 2), 0)
    return channels


def interactive(net, case, kind, clicks):
    """Dice after the first box (if any) and after each corrective click."""
    channels, mask = first_marks(case, kind), case.soft >= 0.5
    guess, scores = np.zeros_like(case.soft), []
    for step in range(clicks + 1):
        if step:
            marks.correct(channels, guess, mask, case.dims)
            channels[marks.PREVIOUS] = guess if step > 1 or kind == "box" else 0
        elif kind != "box":
            continue
        own = np.concatenate([case.image, channels])
        guess = predict(net, own, [own])
        scores.append(case.dice(guess))
    return scores


def measure(net, name, cases, options):
    """All figures of one task."""
    figures = {}
    for count in options.examples:
        for kind in options.kinds:
            seed(f"{name}{kind}{count}")
            scores = in_context(net, cases, kind, count, options.targets, options.mirrors)
            figures[f"{count} examples, {kind}"] = round(float(np.mean(scores)), 3)
    if options.interactive:
        targets = divide(cases, 4, options.most)[1]
        for kind, clicks in (("box", 3), ("click", 10 if targets[0].dims == 2 else 5)):
            seed(name + kind)
            scores = np.mean([interactive(net, c, kind, clicks) for c in targets], axis=0)
            for i, score in enumerate(scores):
                label = f"own box + {i} clicks" if kind == "box" else f"own {i + 1} clicks"
                figures[label] = round(float(score), 3)
    print(name, len(cases), json.dumps(figures), flush=True)
    return figures


def mean_of(figures):
    """Mean over the never-trained tasks (their names hold the set and the label)."""
    rows = [f for name, f in figures.items() if "/" in name and "hippocampus" not in name]
    if not rows:
        return {}
    return {k: round(float(np.mean([r[k] for r in rows])), 3) for k in rows[0]}


def main():
    """Parse the command line, measure, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="checkpoint.pt or a shipped .safetensors")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--examples", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--kinds", nargs="+", default=list(marks.KINDS), choices=marks.KINDS)
    parser.add_argument("--tasks", nargs="*", help="only tasks whose names begin so")
    parser.add_argument("--interactive", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--mirrors", action="store_true")
    parser.add_argument("--targets", type=int, default=20, help="at most, in context")
    parser.add_argument("--most", type=int, default=20, help="at most, interactive")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = load_net(options.weights)
    figures = {}
    for name, cases in all_tasks(options.data, net.config.dims, options.tasks):
        figures[name] = measure(net, name, cases, options)
    if mean := mean_of(figures):
        figures["mean of never-trained structures"] = mean
        print("mean", json.dumps(mean))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
