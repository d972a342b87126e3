"""The pipelines' peer: the same dense weights, cut by torch-pruning to the same MACs and trained for the same epochs.

    python torchPruning.py FOLDER    FOLDER holds job.json, the dense net as tf.js saves it, and the data as raw numbers

Writes one line of JSON per result, {"name": ..., "accuracy": ...}. One thread, like the backend it is compared with.
"""
import copy
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch_pruning as tp

torch.set_num_threads(1)


def read_weights(folder: Path) -> dict:
    groups = json.loads((folder / "model.json").read_text())["weightsManifest"]
    weights = {}
    for group in groups:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for spec in group["weights"]:
            count = math.prod(spec["shape"])
            weights[spec["name"]] = np.frombuffer(data, np.float32, count, at).reshape(spec["shape"])
            at += 4 * count
    return weights


class Unit(nn.Module):
    """Convolution as tf.js pads it ('same'), BatchNormalization, and ReLU."""

    def __init__(self, weights: dict, name: str, stride: int = 1, relu: bool = True):
        super().__init__()
        kernel = torch.tensor(weights[f"{name}/kernel"]).permute(3, 2, 0, 1).contiguous()
        out, inner, size, _ = kernel.shape
        uneven = stride == 2 and size == 3  # one row and column, at the end
        self.pad = nn.ZeroPad2d((0, 1, 0, 1)) if uneven else nn.Identity()
        self.conv = nn.Conv2d(inner, out, size, stride, 0 if uneven else size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3, momentum=0.1)
        self.relu = nn.ReLU() if relu else nn.Identity()
        self.conv.weight.data = kernel
        for own, theirs in {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}.items():
            getattr(self.bn, own).data = torch.tensor(weights[f"{name}_bn/{theirs}"])

    def forward(self, x):
        return self.relu(self.bn(self.conv(self.pad(x))))


class Head(nn.Linear):
    def __init__(self, weights: dict):
        kernel = torch.tensor(weights["head/kernel"])
        super().__init__(*kernel.shape)
        self.weight.data, self.bias.data = kernel.T.contiguous(), torch.tensor(weights["head/bias"])


class Vgg(nn.Module):
    def __init__(self, weights: dict):
        super().__init__()
        stages = sum(name.endswith("a/kernel") for name in weights)
        self.stages = nn.ModuleList(
            nn.Sequential(Unit(weights, f"conv{stage}a", 2 if stage == 1 else 1), Unit(weights, f"conv{stage}b"))
            for stage in range(1, stages + 1)
        )
        self.head = Head(weights)

    def forward(self, x):
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index < len(self.stages) - 1:
                x = F.max_pool2d(x, 2)
        return self.head(x.mean((2, 3)))


class Block(nn.Module):
    def __init__(self, weights: dict, name: str, stride: int):
        super().__init__()
        self.conv1 = Unit(weights, f"{name}_conv1", stride)
        self.conv2 = Unit(weights, f"{name}_conv2", relu=False)
        resized = f"{name}_shortcut/kernel" in weights
        self.shortcut = Unit(weights, f"{name}_shortcut", stride, relu=False) if resized else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class Residual(nn.Module):
    def __init__(self, weights: dict):
        super().__init__()
        names = sorted({name.split("_conv1")[0] for name in weights if "_conv1/" in name})
        self.stem = Unit(weights, "stem", 2)
        self.blocks = nn.Sequential(*(Block(weights, name, 1 if name == "stage1_block1" or "block1" not in name else 2) for name in names))
        self.head = Head(weights)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def read_images(folder: Path, name: str, shape: list):
    pixels = np.fromfile(folder / f"{name}.inputs", np.float32).reshape(shape)
    labels = np.fromfile(folder / f"{name}.targets", np.int32)
    return torch.tensor(pixels).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels, dtype=torch.int64)


@torch.no_grad()
def accuracy(model: nn.Module, data) -> float:
    model.eval()
    inputs, labels = data
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(inputs.split(500), labels.split(500)))
    return right / len(labels)


def tune(model: nn.Module, data, epochs: int, rate: float, batch: int, seed: int) -> None:
    """SGD with momentum 0.9, the rate along half a cosine to zero."""
    torch.manual_seed(seed)
    inputs, labels = data
    steps = epochs * math.ceil(len(labels) / batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    model.train()
    for _ in range(epochs):
        for indices in torch.randperm(len(labels)).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[indices]), labels[indices]).backward()
            optimizer.step()
            schedule.step()


def importances(data) -> dict:
    """By name, with whether gradients are wanted."""
    return {
        "l1": (tp.importance.MagnitudeImportance(p=1), False),
        "group norm": (tp.importance.GroupMagnitudeImportance(p=2), False),
        "taylor": (tp.importance.GroupTaylorImportance(), True),
    }


def cut(dense: nn.Module, name: str, macs: float, data, example):
    """At the smallest ratio that brings the MACs down to the target."""
    whole, _ = tp.utils.count_ops_and_params(dense, example)
    low, high, best = 0.0, 1.0, None
    for _ in range(12):
        middle = (low + high) / 2
        model = copy.deepcopy(dense)
        importance, gradients = importances(data)[name]
        if gradients:
            model.zero_grad()
            model.eval()
            F.cross_entropy(model(data[0][:1024]), data[1][:1024]).backward()
        pruner = tp.pruner.BasePruner(
            model, example, importance=importance, pruning_ratio=middle, ignored_layers=[model.head]
        )
        pruner.step()
        left, _ = tp.utils.count_ops_and_params(model, example)
        if left <= macs * whole:
            high, best = middle, (model, whole / left)
        else:
            low = middle
    return best


def main() -> None:
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    weights = read_weights(Path(job["dense"]))
    dense = (Residual if "stem/kernel" in weights else Vgg)(weights)
    train, test = (read_images(folder, name, job["shapes"][name]) for name in ("train", "test"))
    example = train[0][:1]

    def tell(name: str, value: float) -> None:
        print(json.dumps({"name": name, "accuracy": value}), flush=True)

    tell("dense", accuracy(dense, test))
    for factor in job["factors"]:
        for name in importances(train):
            model, reached = cut(dense, name, 1 / factor, train, example)
            print(f"{factor}x, torch-pruning, {name}: {reached:.2f}x fewer MACs", file=sys.stderr)
            tell(f"{factor}x, torch-pruning, {name}, cut", accuracy(model, test))
            tune(model, train, job["epochs"], job["learningRate"], job["batchSize"], job["seed"])
            tell(f"{factor}x, torch-pruning, {name}, one cut", accuracy(model, test))


main()
