"""The same training step in PyTorch: a ResNet-20 (CIFAR size) with 1 x 1 projections, batch 32, SGD with momentum.

`python bench/peers/training.py THREADS`. Writes one line of JSON when it is ready; for each line that it reads it trains one step
and writes the milliseconds.

    pip install torch
"""
import json
import sys
import time

import torch
from torch import nn

BATCH = 32


class Block(nn.Module):
    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        resized = stride > 1 or inputs != planes
        projection = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.shortcut = projection if resized else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


def resnet20() -> nn.Module:
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for stage, planes in enumerate([16, 32, 64]):
        for block in range(3):
            layers.append(Block(inputs, planes, 2 if stage > 0 and block == 0 else 1))
            inputs = planes
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def main() -> None:
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = resnet20().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,))
    plural = "" if threads == 1 else "s"
    print(json.dumps({"description": f"PyTorch {torch.__version__} ({threads} thread{plural})"}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        print(json.dumps({"ms": 1000 * (time.perf_counter() - start)}), flush=True)


main()
