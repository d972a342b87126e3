"""The same work in torch-pruning: half of the channels of a torchvision model by L1 norm.

Reads lines `MODEL` from standard input; for each it prunes a fresh model and writes one line of JSON: seconds, and the
parameters before and after. The clock runs over building the graph and one step of the pruner; making the model and the
example input is not counted. One thread.

    pip install torch torchvision torch-pruning
    echo resnet50 | python bench/peers/torchPruning.py
"""
import json
import sys
import time

import torch
import torch_pruning as tp
import torchvision

torch.set_num_threads(1)
BUILDERS = {
    "resnet18": torchvision.models.resnet18,
    "resnet50": torchvision.models.resnet50,
    "mobilenetV2": torchvision.models.mobilenet_v2,
    "densenet121": torchvision.models.densenet121,
    "vgg16": torchvision.models.vgg16_bn,
}
# The graph is found by a forward pass; a small image makes it cheap, and all five pool to a fixed size.
EXAMPLE = torch.randn(1, 3, 32, 32)


def head_of(model: torch.nn.Module) -> torch.nn.Module:
    return [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def prune(name: str) -> dict:
    model = BUILDERS[name](weights=None).eval()
    before = count(model)
    start = time.perf_counter()
    pruner = tp.pruner.MagnitudePruner(
        model,
        EXAMPLE,
        importance=tp.importance.MagnitudeImportance(p=1),
        pruning_ratio=0.5,
        ignored_layers=[head_of(model)],
    )
    built = time.perf_counter()
    pruner.step()
    end = time.perf_counter()
    return {
        "model": name,
        "build": built - start,
        "step": end - built,
        "seconds": end - start,
        "before": before,
        "after": count(model),
    }


def main() -> None:
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "torch_pruning": tp.__version__}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        print(json.dumps(prune(line.strip())), flush=True)


main()
