"""Small files as PyTorch writes them, for the tests of the reader: python torch_files.py."""

from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "torch"


def state():
    shared = torch.arange(6.0).reshape(2, 3)
    return OrderedDict(
        plain=shared,
        turned=shared.t(),
        part=shared.flatten()[4:],
        half=torch.tensor([1.5, -2.25], dtype=torch.float16),
        brain=torch.tensor([1.5, -2.25], dtype=torch.bfloat16),
        double=torch.tensor([0.1], dtype=torch.float64),
        count=torch.tensor(7, dtype=torch.int64),
        parameter=torch.nn.Parameter(torch.tensor([9.0])),
    )


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 1)
        with torch.no_grad():
            self.conv.weight.fill_(0.25)
            self.conv.bias.copy_(torch.tensor([0.5, -0.5]))


def checkpoint():
    net = Small()
    optimiser = torch.optim.Adam(net.parameters())
    net.conv(torch.ones(1, 1, 2, 2)).sum().backward()
    optimiser.step()
    return {"epoch": 3, "state_dict": state(), "optimizer_states": [optimiser.state_dict()], "hyper_parameters": {"lr": 1e-3}}


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.save(checkpoint(), FOLDER / "zip.pt")
    torch.save(checkpoint(), FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)
    small = Small()
    torch.save(small.state_dict(), FOLDER / "held_none.pt")
    for holder, prefix in [
        ("state_dict", "net."),
        ("model", "module."),
        ("model_state_dict", "_orig_mod."),
        ("network_weights", "module._orig_mod."),
    ]:
        held = {prefix + name: tensor for name, tensor in small.state_dict().items()}
        torch.save({"step": 1, holder: held}, FOLDER / f"held_{holder}.pt")
    torch.save(small, FOLDER / "held_module.pt")


if __name__ == "__main__":
    main()
