"""Fixtures by which the Rust port is held to this program: inputs and logits of a net.

Owns the files `*_io.safetensors` and `tiny_3d.safetensors` in `engine/tests/parity/`.
Inputs are random with a fixed seed; arithmetic is float32 on one CPU.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

from .net import InContextUnet, config_tiny

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "parity"
SEED = 20261123
CONTEXTS = 2


def write_tensors(tensors, path):
    """Write a safetensors file whole or not at all, readable by all."""
    part = path.with_suffix(".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, part)
    part.chmod(0o644)
    part.rename(path)


def small_shape(dims):
    """The fixture's grid: small enough to keep in the repository."""
    return (1, 32, 32) if dims == 2 else (16, 16, 16)


def inputs_for(config):
    """A target and two contexts: images and marks all in [0, 1]."""
    generator = torch.Generator().manual_seed(SEED)
    shape = (config.inputs, *small_shape(config.dims))
    target = torch.rand(1, *shape, generator=generator)
    contexts = torch.rand(1, CONTEXTS, *shape, generator=generator)
    return target, contexts


def write_io(net, name, folder=FOLDER):
    """Run the net on the fixed inputs; write `<name>_io.safetensors`."""
    folder.mkdir(parents=True, exist_ok=True)
    target, contexts = inputs_for(net.config)
    net = net.to(memory_format=torch.contiguous_format).eval()
    with torch.no_grad():
        logits = net(target, contexts)
    tensors = {"target": target, "contexts": contexts, "logits": logits}
    path = folder / f"{name}_io.safetensors"
    write_tensors(tensors, path)
    return path


def write_tiny(folder=FOLDER):
    """A net of a few thousand random weights with its fixture, for tests that need no assets."""
    torch.manual_seed(SEED)
    net = InContextUnet(config_tiny(3))
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(net.state_dict(), folder / "tiny_3d.safetensors")
    write_io(net, "tiny_3d", folder)
