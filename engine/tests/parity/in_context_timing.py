"""The program's own nets against PyTorch in f32, one pass with four examples, in 2-D and in 3-D, in turn:

    PYTHONPATH=engine/training python in_context_timing.py NET_TIMING [ROUNDS]

NET_TIMING is the built example `net_timing`. Prints medians in seconds over all passes and their ratio.
"""

import re
import statistics
import subprocess
import sys
import time

import torch
from exemplar_training.net import InContextUnet, config_2d, config_3d

PASSES = 3
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


def of_pytorch(net, config, side):
    """Seconds of each pass."""
    depth = side if config.dims == 3 else 1
    seconds = []
    for _ in range(PASSES):
        target = torch.rand(1, config.inputs, depth, side, side)
        contexts = torch.rand(1, 4, config.inputs, depth, side, side)
        start = time.perf_counter()
        with torch.no_grad():
            net(target, contexts).mean().item()
        seconds.append(time.perf_counter() - start)
    return seconds


def of_program(binary, dims, side):
    """Seconds of each pass."""
    told = subprocess.run([binary, str(dims), str(side), "4"], check=True, capture_output=True, text=True).stdout
    return [float(number) * UNITS[unit] for number, unit in re.findall(r"^([\d.]+)(s|ms|µs) ", told, re.M)]


def main():
    binary, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    for config, side in ((config_2d(), 128), (config_3d(), 64)):
        net = InContextUnet(config).eval()
        of_pytorch(net, config, side)
        ours, theirs = [], []
        for _ in range(rounds):
            ours += of_program(binary, config.dims, side)
            theirs += of_pytorch(net, config, side)
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{config.dims}-D, {side}: program {a:.3f} s, PyTorch {b:.3f} s, ratio {a / b:.2f}", flush=True)


if __name__ == "__main__":
    main()
