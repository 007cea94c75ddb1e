"""Trains one net: `python -m exemplar_training.train --dims 3 --minutes 100 --out FOLDER`.

Owns the loop, the schedule, checkpoints and the log. A run is resumed by the same command.
"""

import argparse
import functools
import json
import math
import platform
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from . import marks, net, real
from .episodes import Episodes

PEAK_RATE = {"fresh": 1.2e-3, "started": 8e-4}
WARM_UP = {"fresh": 150, "started": 50}
EMA = 0.995
# Share of the steps in which the net learns from a corrected guess, and of these with a second round of corrections.
CORRECTED = {
    2: {"interactive": 0.65, "amend": 0.5, "context": 0.12},
    3: {"interactive": 0.45, "amend": 0.4, "context": 0.12},
}
TWICE = {2: 0.4, 3: 0.0}
# Rounds of corrections for a net that only ever sees images marked themselves.
ROUNDS_OWN = (0, 1, 1, 2, 2, 3, 4)
CORRECTIONS = {2: (1, 1, 1, 2, 3, 4, 6), 3: (1, 1, 1, 2, 3)}
# (share of the time gone by, grid size, images in a batch): coarse grids teach most of it
# many times faster; the working grid comes last.
STAGES = {
    2: ((0.0, 64, 24), (0.5, 128, 14)),
    3: ((0.0, 48, 6), (0.35, 64, 5)),
}
SMOKE_STAGE = {2: (32, 6), 3: (16, 6)}


def loss_and_dice(logits, truth):
    """Soft Dice plus cross-entropy, and the soft Dice of each member."""
    probability = logits.sigmoid()
    axes = (1, 2, 3, 4)
    shared = (probability * truth).sum(axes)
    dice = (2 * shared + 1) / (probability.sum(axes) + truth.sum(axes) + 1)
    loss = (1 - dice).mean() + F.binary_cross_entropy_with_logits(logits, truth)
    return loss, dice.detach()


@functools.cache
def has_bfloat16():
    """Whether this processor computes quicker in bfloat16: some do at twice the speed, others at a sixtieth."""
    layer, image = torch.nn.Conv2d(32, 32, 3, padding=1), torch.randn(4, 32, 32, 32)
    seconds = {}
    for low in (False, True, False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=low):
            start = time.perf_counter()
            layer(image)
            seconds[low] = time.perf_counter() - start
    return seconds[True] < seconds[False]


def forward(model, batch):
    """Logits in float32; the arithmetic within is bfloat16 where that is quicker."""
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        logits = model(batch["target"], batch["contexts"])
    return logits.float()


def correct_batch(model, batch, dims, image_channels):
    """A first guess without gradient, then some clicks in its largest errors."""
    with torch.no_grad():
        guess = forward(model, batch).sigmoid()[:, 0].numpy()
    target = batch["target"].numpy()
    truth = batch["truth"][:, 0].numpy() > 0.5
    exact = random.random() < 0.7
    for i in range(len(target)):
        wrong = guess[i].copy()
        channels = target[i, image_channels:]
        for _ in range(random.choice(CORRECTIONS[dims])):
            if not marks.correct(channels, wrong, truth[i], dims, exact):
                break
            settle(wrong, channels)
        channels[marks.PREVIOUS] = guess[i]
    batch["target"] = torch.from_numpy(target)
    own = batch["target"][:, None]
    contexts = batch["contexts"]
    # A marked target is one of the contexts; it may have become one only now.
    kept = contexts if batch["mode"] == "context" else contexts[:, :-1]
    batch["contexts"] = torch.cat([kept, own], 1)
    if batch["mode"] == "context":
        batch["mode"] = "amend"


def settle(guess, channels):
    """Count what lies under the clicks as put right, so that the next falls elsewhere."""
    guess[channels[marks.POSITIVE] > 0] = 1
    guess[channels[marks.NEGATIVE] > 0] = 0


class Run:
    """A net in training with all that a checkpoint holds."""

    def __init__(self, config, folder, minutes, seed, own=False):
        torch.manual_seed(seed)
        self.config, self.folder, self.minutes, self.own = config, folder, minutes, own
        self.model = net.InContextUnet(config).to(memory_format=torch.channels_last_3d)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            PEAK_RATE["fresh"],
            weight_decay=1e-4,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.step, self.seconds, self.cases = 0, 0.0, {}
        self.before = {"step": 0, "seconds": 0.0}
        self.peak, self.warm_up = PEAK_RATE["fresh"], WARM_UP["fresh"]

    @property
    def progress(self):
        """Share of the planned time that has gone by."""
        return min(1.0, self.seconds / (60 * self.minutes))

    def set_rate(self):
        """A warm-up, then cosine over the planned time down to one percent."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        rate = self.peak * min(1, (self.step + 1) / self.warm_up) * (0.99 * cosine + 0.01)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def learn(self, batch):
        """One step; returns the Dice of each member."""
        self.set_rate()
        dims, mode = self.config.dims, batch["mode"]
        rounds = self.rounds(mode) if self.step > self.warm_up else 0
        for _ in range(rounds):
            correct_batch(self.model, batch, dims, self.config.image_channels)
        loss, dice = loss_and_dice(forward(self.model, batch), batch["truth"])
        self.optimiser.zero_grad()
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(size):
            self.optimiser.step()
        self.step += 1
        keep = min(EMA, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            now = self.model.state_dict()
            old, new = list(self.average.values()), [now[key] for key in self.average]
            torch._foreach_mul_(old, keep)
            torch._foreach_add_(old, new, alpha=1 - keep)
        return mode + ("+clicks" if rounds else ""), dice.mean().item()

    def rounds(self, mode):
        """How often the next batch is guessed and corrected before the net learns from it."""
        if self.own:
            return random.choice(ROUNDS_OWN)
        dims = self.config.dims
        return (1 + (random.random() < TWICE[dims])) if random.random() < CORRECTED[dims][mode] else 0

    def save(self):
        """Write the checkpoint whole or not at all."""
        state = {
            "config": self.config.to_dict(),
            "model": self.model.state_dict(),
            "ema": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "before": self.before,
            "peak": self.peak,
            "warm_up": self.warm_up,
            "cases": self.cases,
            "own": self.own,
            "machine": f"{torch.get_num_threads()} CPU thread(s), {platform.machine()}, no GPU",
        }
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        part.rename(self.folder / "checkpoint.pt")

    def resume(self, path):
        """Take up an interrupted run."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = {k: v.clone() for k, v in state["ema"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        for key in ("step", "seconds", "before", "peak", "warm_up", "own"):
            setattr(self, key, state[key])

    def start_from(self, path, peak):
        """Begin a fresh schedule, up to this rate, from a checkpoint's averaged weights or from shipped ones."""
        weights, self.before = trained(path)
        self.model.load_state_dict(weights)
        self.average = {k: v.clone() for k, v in weights.items()}
        self.peak, self.warm_up = peak, WARM_UP["started"]


def trained(path):
    """Weights, and the steps and seconds that they took."""
    if path.suffix == ".safetensors":
        card = json.loads(path.with_suffix(".json").read_text())["trained"]
        return load_file(path), {"step": card["steps"], "seconds": 3600 * card["hours"]}
    state = torch.load(path, weights_only=True)
    return state["ema"], {k: state[k] + state["before"][k] for k in ("step", "seconds")}


class Log:
    """JSON lines: mean Dice of each mode over the last stretch."""

    def __init__(self, path, every):
        self.path, self.every, self.seen = path, every, {}

    def add(self, run, mode, dice):
        """Remember one step; write a line every so often."""
        self.seen.setdefault(mode, []).append(dice)
        if run.step % self.every:
            return
        line = {"step": run.step, "minutes": round(run.seconds / 60, 2), "rate": run.set_rate()}
        line |= {mode: round(float(np.mean(values)), 4) for mode, values in self.seen.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)
        self.seen = {}


def batches(options, run, size, images):
    """A loader of batches at one grid size."""
    groups = real.load(options.data, options.dims, size, options.cache)
    groups = [group for group in groups if group.source not in options.without]
    run.cases = {"synthetic": 0, **real.cases(groups)}
    seed = options.seed + 1000003 * run.step
    data = Episodes(options.dims, size, groups, options.real, images, seed, run.own)
    return iter(
        torch.utils.data.DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=3)
    )


def stage(options, progress):
    """Grid size and images in a batch at this point of the run."""
    if options.smoke:
        return SMOKE_STAGE[options.dims]
    if options.size:
        return next(s[1:] for s in STAGES[options.dims] if s[1] == options.size)
    return next(s[1:] for s in reversed(STAGES[options.dims]) if s[0] <= progress)


def train(options):
    """Run until the time is up."""
    torch.set_num_threads(options.threads)
    random.seed(options.seed)
    np.random.seed(options.seed)
    published = net.config_2d() if options.dims == 2 else net.config_3d()
    config = net.config_tiny(options.dims) if options.smoke else published
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run(config, options.out, options.minutes, options.seed, options.own)
    if (options.out / "checkpoint.pt").exists():
        run.resume(options.out / "checkpoint.pt")
    elif options.start:
        run.start_from(options.start, options.peak)
    log, now_at, loader = Log(options.out / "log.jsonl", options.log_every), None, None
    last = saved = time.monotonic()
    while run.progress < 1:
        if stage(options, run.progress) != now_at:
            now_at = stage(options, run.progress)
            loader = batches(options, run, *now_at)
        mode, dice = run.learn(next(loader))
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        log.add(run, mode, dice)
        if now - saved > options.save_every:
            run.save()
            saved = now
    run.save()


def main():
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, choices=(2, 3), required=True)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint and log go here")
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--data", type=Path, help="folder of real sets; without it, synthetic only")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/train"))
    parser.add_argument("--real", type=float, default=0.45, help="share of real episodes")
    parser.add_argument("--without", nargs="*", default=[], help="real sets left out, by their folders")
    parser.add_argument("--size", type=int, help="one grid size throughout, e.g. to go on")
    parser.add_argument("--start", type=Path, help="weights to start from, with a fresh schedule")
    parser.add_argument("--peak", type=float, default=PEAK_RATE["started"], help="highest rate after --start")
    parser.add_argument("--own", action="store_true", help="only images that are marked themselves")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=180, help="seconds")
    parser.add_argument("--log-every", type=int, default=50, help="steps")
    parser.add_argument("--smoke", action="store_true", help="a tiny net on tiny grids")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
