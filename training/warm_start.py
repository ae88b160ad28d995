"""Start from the weights of an exported model: for when its checkpoint is gone.

Export folds every batch norm into the convolution before it. Here the norms get back the
statistics of what the convolutions answer to training pictures, and the scale and shift that
make the network the very function that the file holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

PREFIX = "network."  # of the names that keep their own in an exported file


class UnlikeModelError(ValueError):
    """The file holds another network than the recipe's."""


def _initialisers(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors by name, stored ones as float32 under their plain name; and the weights of the
    convolutions in order of execution."""
    graph = onnx.load(path).graph
    tensors = {
        i.name: torch.from_numpy(numpy_helper.to_array(i).astype(np.float32).copy())
        for i in graph.initializer
    }
    casts = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Cast"}
    for name, stored in casts.items():
        if stored in tensors:
            tensors[name] = tensors.pop(stored)
    convolutions = [n for n in graph.node if n.op_type == "Conv" and n.input[1] in tensors]
    for node in convolutions:
        if len(node.input) == 3:
            tensors[f"{node.input[1]}/bias"] = tensors[node.input[2]]
    return tensors, [node.input[1] for node in convolutions]


def pairs_of(network: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """Convolutions in order of execution, each with the batch norm that takes its answer."""
    calls: list[nn.Module] = []
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    hooks = [
        module.register_forward_pre_hook(lambda module, _: calls.append(module))
        for module in network.modules()
        if isinstance(module, kinds)
    ]
    with torch.no_grad():
        network(example)
    for hook in hooks:
        hook.remove()
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []
    for call, after in zip(calls, [*calls[1:], None], strict=True):
        if isinstance(call, nn.Conv2d):
            pairs.append((call, after if isinstance(after, nn.BatchNorm2d) else None))
    return pairs


@torch.no_grad()
def become(network: nn.Module, path: Path, example: Tensor) -> list[nn.BatchNorm2d]:
    """Make ``network`` the very function that the model at ``path`` is, its batch norms doing no
    more than adding their biases; gives those."""
    tensors, names = _initialisers(path)
    network.eval()
    own = dict(network.named_parameters())
    for name, value in tensors.items():
        if name.removeprefix(PREFIX) in own:
            _take(own[name.removeprefix(PREFIX)], value, path)
    pairs = pairs_of(network, example)
    if len(names) < len(pairs):  # what decodes the answer may be a convolution of its own
        raise UnlikeModelError(f"{path} holds another network than the recipe's")
    norms = []
    for (convolution, norm), name in zip(pairs, names):
        _take(convolution.weight, tensors[name], path)
        bias = tensors.get(f"{name}/bias")
        if norm is None:
            if bias is not None and convolution.bias is not None:
                _take(convolution.bias, bias, path)
            continue
        only_add(norm)
        _take(norm.bias, bias, path)
        norms.append(norm)
    return norms


@torch.no_grad()
def only_add(norm: nn.BatchNorm2d) -> None:
    """Leave nothing of a batch norm but its bias."""
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)


@torch.no_grad()
def warm_start(network: nn.Module, path: Path, lumas: Iterable[Tensor]) -> None:
    """Give ``network`` the weights of the model at ``path``; ``lumas`` are training inputs."""
    batches = list(lumas)
    statistics = [(norm, []) for norm in become(network, path, batches[0][:1])]
    hooks = [
        norm.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.append(
                torch.stack([inputs[0].mean((0, 2, 3)), inputs[0].square().mean((0, 2, 3))])
            )
        )
        for norm, seen in statistics
    ]
    for luma in batches:
        network(luma)
    for hook in hooks:
        hook.remove()
    for norm, seen in statistics:
        mean, square = torch.stack(seen).mean(0)
        variance = (square - mean.square()).clamp(min=1e-6)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


def _take(target: Tensor, value: Tensor | None, path: Path) -> None:
    if value is None or target.shape != value.shape:
        raise UnlikeModelError(f"{path} holds another network than the recipe's")
    target.copy_(value)
