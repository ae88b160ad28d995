"""The mean of two networks, of which one was trained on from the other.

    python -m training.average CHECKPOINT --with MODEL.onnx=0.6 -o averaged.pt

Such networks lie in one valley of the loss, and what lies between them is often better than
either: what each has learned adds up, what each has wrong cancels out. Batch norms are folded
into their convolutions first, as export does it, so that the mean is of what is computed. The
result is a checkpoint for training.evaluate and training.export, not one to train on.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from . import checkpoint
from .export import load_network
from .warm_start import become, only_add, pairs_of


@torch.no_grad()
def fold(network: nn.Module, example: torch.Tensor) -> None:
    """Leave nothing of the batch norms behind convolutions but their biases."""
    for convolution, norm in pairs_of(network, example):
        if norm is None:
            continue
        weight, bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var,
            norm.eps, norm.weight, norm.bias,
        )  # fmt: skip
        convolution.weight.copy_(weight)
        if convolution.bias is not None:
            convolution.bias.zero_()
        only_add(norm)
        norm.bias.copy_(bias)


def average(network: nn.Module, other: Path, share: float) -> dict[str, torch.Tensor]:
    """The state of a network of which ``share`` is the model at ``other`` and the rest ``network``,
    whose batch norms are folded."""
    side = 4 * int(getattr(network, "multiple_of", 16))
    example = torch.zeros(1, 1, side, side)
    second = copy.deepcopy(network)
    fold(network, example)
    become(second, other, example)
    ends = zip(network.state_dict().items(), second.state_dict().values(), strict=True)
    return {
        name: torch.lerp(ours, theirs, share) if ours.is_floating_point() else ours
        for (name, ours), theirs in ends
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.average", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("checkpoint", type=Path)
    add("--with", dest="other", required=True, metavar="MODEL.onnx=SHARE")
    add("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    file, _, share = options.other.rpartition("=")
    try:
        part = float(share)
        if not (file and 0 <= part <= 1):
            raise ValueError(f"--with must be FILE=SHARE, SHARE from 0 to 1, got {options.other}")
        network, state = load_network(options.checkpoint, {})
        mixed = average(network, Path(file), part)
        checkpoint.save(options.output, state | {"average": mixed, "network": mixed})
    except (OSError, ValueError) as error:
        print(f"average: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
