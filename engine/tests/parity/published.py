"""What PyTorch makes of the published nets for which their authors give no example: the nets built from PyTorch's own
modules, as the papers and the names in the published files tell, with random weights; and the trained MeshNets that are
among the shared fixtures, on a small crop. Writes `published/*.safetensors`: python published.py FIXTURES.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

OUT = Path(__file__).parent / "published"
SLOPE = 0.01


class Vmap(nn.Module):
    """Applies a module to each member of the second axis."""

    def __init__(self, **modules):
        super().__init__()
        self.vmapped = nn.Module()
        for name, module in modules.items():
            setattr(self.vmapped, name, module)

    def forward(self, x):
        b, s = x.shape[:2]
        y = self.vmapped.conv(x.flatten(0, 1))
        y = F.leaky_relu(y, SLOPE)
        if hasattr(self.vmapped, "norml"):
            y = self.vmapped.norml(y)
        return y.unflatten(0, (b, s))


class Cross(nn.Module):
    """Convolution over target and each support, one after the other."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.cross_conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, target, support):
        b, s = support.shape[:2]
        both = torch.cat([target.expand(b, s, *target.shape[2:]), support], 2)
        new = F.leaky_relu(self.cross_conv(both.flatten(0, 1)), SLOPE).unflatten(0, (b, s))
        return new.mean(1, keepdim=True), new


def op(inputs, outputs, normed):
    modules = {"conv": nn.Conv2d(inputs, outputs, 3, padding=1)}
    if normed:
        modules["norml"] = nn.GroupNorm(1, outputs)
    return Vmap(**modules)


class MultiverSegBlock(nn.Module):
    def __init__(self, target, support, width):
        super().__init__()
        self.cross = Cross(target + support, width)
        self.target, self.support = op(width, width, True), op(width, width, True)

    def forward(self, target, support):
        target, support = self.cross(target, support)
        return self.target(target), self.support(support)


class TycheBlock(nn.Module):
    def __init__(self, target, support, width):
        super().__init__()
        self.cross = Cross(target + support, width)
        self.meanconv = op(target + width, width, False)
        self.target, self.support = op(width, width, False), op(width, width, False)

    def forward(self, target, support):
        mean, support = self.cross(target.mean(1, keepdim=True), support)
        target = self.meanconv(torch.cat([target, mean.expand(-1, target.shape[1], -1, -1, -1)], 2))
        return self.target(target), self.support(support)


def each(function, x):
    return function(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class CrossNet(nn.Module):
    def __init__(self, block, target, width):
        super().__init__()
        self.enc_blocks = nn.ModuleList([block(target, 2, width)] + [block(width, width, width) for _ in range(3)])
        self.dec_blocks = nn.ModuleList([block(2 * width, 2 * width, width) for _ in range(3)])
        self.out_conv = nn.Module()
        self.out_conv.conv = nn.Conv2d(width, 1, 1)

    def forward(self, target, support):
        skips = []
        for level, block in enumerate(self.enc_blocks):
            target, support = block(target, support)
            if level < 3:
                skips.append((target, support))
                target, support = (each(lambda x: F.max_pool2d(x, 2), x) for x in (target, support))
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        for block in self.dec_blocks:
            skip = skips.pop()
            target, support = (torch.cat([each(up, x), s], 2) for x, s in zip((target, support), skip))
            target, support = block(target, support)
        return each(self.out_conv.conv, target)


class ScribblePrompt(nn.Module):
    def __init__(self, width):
        super().__init__()

        def unit(inputs):
            module = nn.Module()
            module.conv = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.PReLU())
            return module

        self.downs = nn.ModuleList([unit(5)] + [unit(width) for _ in range(3)])
        self.bottleneck = unit(width)
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.ups = nn.ModuleList([module for _ in range(4) for module in (up, unit(2 * width))])
        self.final_conv = nn.Module()
        self.final_conv.conv = nn.Sequential(nn.Conv2d(width, 1, 1))

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down.conv(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck.conv(x)
        for at in range(0, 8, 2):
            x = self.ups[at + 1].conv(torch.cat([skips.pop(), self.ups[at](x)], 1))
        return self.final_conv.conv(x)


def mesh(folder, image):
    """A MeshNet of brainchop, layer by layer as its description says."""
    model = json.loads((folder / "model.json").read_text())
    (manifest,) = model["weightsManifest"]
    numbers = np.fromfile(folder / manifest["paths"][0], "<f4")
    tensors, at = {}, 0
    for weight in manifest["weights"]:
        count = int(np.prod(weight["shape"]))
        tensors[weight["name"]] = torch.from_numpy(numbers[at : at + count].reshape(weight["shape"]).copy())
        at += count
    x = image
    for layer in model["modelTopology"]["model_config"]["config"]["layers"]:
        config = layer["config"]
        if layer["class_name"] == "Conv3D":
            gap, side = config["dilation_rate"][0], config["kernel_size"][0]
            name = config["name"]
            weight = tensors[f"{name}/kernel"].permute(4, 3, 0, 1, 2)
            x = F.conv3d(x, weight, tensors.get(f"{name}/bias"), padding=gap * (side // 2), dilation=gap)
            if name.endswith("_gn"):
                x = F.instance_norm(x, eps=1e-5)
        elif layer["class_name"] == "Activation":
            x = {"relu": F.relu, "elu": F.elu, "gelu": F.gelu}[config["activation"]](x)
    return x


@torch.no_grad()
def main():
    torch.manual_seed(7)
    OUT.mkdir(exist_ok=True)
    save = lambda name, tensors: save_file({key: value.contiguous() for key, value in tensors.items()}, OUT / f"{name}.safetensors")
    side, width = 32, 8
    support = torch.cat([torch.rand(1, 3, 1, side, side), (torch.rand(1, 3, 1, side, side) > 0.6).float()], 2)
    for name, net, target in [
        ("multiverseg", CrossNet(MultiverSegBlock, 5, width), torch.rand(1, 1, 5, side, side)),
        ("tyche", CrossNet(TycheBlock, 2, width), torch.rand(1, 4, 2, side, side)),
    ]:
        save(name, net.state_dict())
        save(f"{name}_io", {"target": target, "support": support, "logits": net(target, support)})
    net = ScribblePrompt(width)
    for parameter in net.parameters():
        if parameter.shape == (1,):
            parameter.uniform_(0.05, 0.4)
    inputs = torch.randn(1, 5, side, side)
    save("scribbleprompt", net.state_dict())
    save("scribbleprompt_io", {"input": inputs, "logits": net(inputs)})

    fixtures = Path(sys.argv[1]) / "meshnet"
    scan = np.asarray(nibabel.load(fixtures / "t1_crop.nii.gz").dataobj, dtype=np.float32)
    crop = torch.from_numpy(scan[100:124, 110:130, 96:124] / 255.0)[None, None]
    for name in ["model5_gw_ae", "model20chan3cls", "mindgrab"]:
        save(f"meshnet_{name}_io", {"image": crop, "logits": mesh(fixtures / "models" / name, crop)})


if __name__ == "__main__":
    main()
